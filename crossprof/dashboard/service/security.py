"""Who may talk to the dashboard: this machine's browsers, and beyond it those that hold the token.

A page of a foreign site can make a browser on this machine send requests to 127.0.0.1, under its own name (DNS
rebinding) or with its own Origin. Both are refused on every route, before Dash sees the request.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Collection
from string import Template
from urllib.parse import urlsplit

from flask import Flask, Response, redirect, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from markupsafe import escape

__all__ = ["guard", "is_loopback"]

_COOKIE = "crossprof_session"
_SESSION_SECONDS = 7 * 24 * 3600
_OPEN_PATHS = ("/healthz", "/login")
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Whether an address is reachable from this machine alone. Names other than localhost count as not."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def guard(
    server: Flask,
    *,
    token: str | None,
    allowed_hosts: Collection[str],
    pages: Collection[str],
    script_hashes: Callable[[], list[str]],
) -> None:
    """Put every route of a Flask server behind the host check and, with a token, behind a login; add security headers.

    Links of other sites lead to `pages` alone: not to files that take work to make, nor to data.
    """
    names = {name.lower() for name in (*_LOCAL_NAMES, *allowed_hosts) if name}
    server.before_request(lambda: _refuse_foreign(names, pages))
    if token:
        session = _Session(token)
        server.before_request(lambda: _demand_token(session))
        server.add_url_rule("/login", "login", lambda: _login(session), methods=["GET", "POST"])
    server.after_request(_header_writer(script_hashes))


class _Session:
    """The token, and the signed cookie that stands for it. Another token makes every earlier cookie void."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._signer = URLSafeTimedSerializer(hashlib.sha256(b"crossprof session " + self._token).digest())

    def accepts(self, offered: str) -> bool:
        return hmac.compare_digest(offered.encode("utf-8", "replace"), self._token)

    def cookie(self) -> str:
        return str(self._signer.dumps("browser"))

    def knows(self, cookie: str) -> bool:
        try:
            return bool(self._signer.loads(cookie, max_age=_SESSION_SECONDS) == "browser")
        except BadSignature:
            return False


def _refuse_foreign(names: Collection[str], pages: Collection[str]) -> Response | None:
    host = _hostname("//" + request.headers.get("Host", ""))
    if host not in names:
        return _text(f"This server does not answer to the host name '{host}'. CROSSPROF_ALLOWED_HOSTS adds one.", 403)
    origin = request.headers.get("Origin")
    if origin is not None and not _is_own(origin, names):
        return _text(f"Requests from the origin '{origin}' are refused.", 403)
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site") and not _is_visit(pages):
        return _text("Requests from other sites are refused, but for links to pages.", 403)
    return None


def _is_visit(pages: Collection[str]) -> bool:
    """Whether a browser goes to a page: a link or an image elsewhere carries no Origin that would tell it apart."""
    return request.headers.get("Sec-Fetch-Mode") == "navigate" and request.path in pages


def _is_own(origin: str, names: Collection[str]) -> bool:
    """Another port of this machine is another origin; a configured host may sit behind a proxy that changes the port."""
    host = _hostname(origin)
    scheme, _, address = origin.lower().partition("://")
    same = scheme in ("http", "https") and address == request.headers.get("Host", "").lower()
    return same or (host in names and host not in _LOCAL_NAMES)


def _hostname(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:  # an unbalanced bracket
        return ""


def _demand_token(session: _Session) -> Response | None:
    if request.path in _OPEN_PATHS:
        return None
    scheme, _, offered = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and session.accepts(offered.strip()):
        return None
    if session.knows(request.cookies.get(_COOKIE, "")):
        return None
    if request.method == "GET" and request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return _sent_to_login()
    return _text("A token is required: send the header 'Authorization: Bearer TOKEN', or log in at /login.", 401)


def _sent_to_login() -> Response:
    """A redirect that remembers the page asked for, within this server alone."""
    answer = redirect("/login")
    answer.set_cookie("crossprof_next", request.full_path.rstrip("?"), max_age=600, httponly=True, samesite="Lax")
    return answer  # type: ignore[return-value]


def _login(session: _Session) -> Response:
    if request.method == "GET":
        return _form("")
    if not session.accepts(request.form.get("token", "").strip()):
        return _form("That is not the token of this server.", status=401)
    wanted = request.cookies.get("crossprof_next", "/")
    is_inside = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    answer = redirect(wanted if is_inside else "/", code=303)
    answer.set_cookie(
        _COOKIE, session.cookie(), max_age=_SESSION_SECONDS, httponly=True, samesite="Lax", secure=request.is_secure
    )
    answer.delete_cookie("crossprof_next")
    return answer  # type: ignore[return-value]


_FORM = Template("""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in · crossprof</title><link rel="icon" href="data:,"><style>
:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif; }
body { display: grid; min-height: 90vh; place-items: center; margin: 0; }
form { display: grid; gap: 8px; width: min(320px, 90vw); }
h1 { font-size: 20px; } p { min-height: 1.5em; margin: 0; } input, button { font: inherit; padding: 8px; }
</style></head><body><form method="post" action="/login"><h1>crossprof</h1>
<label for="token">Token of this server</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<p role="alert">$message</p><button type="submit">Log in</button></form></body></html>""")


def _form(message: str, *, status: int = 200) -> Response:
    return Response(_FORM.substitute(message=escape(message)), status=status, mimetype="text/html")


def _text(message: str, status: int) -> Response:
    return Response(message + "\n", status=status, mimetype="text/plain")


def _header_writer(script_hashes: Callable[[], list[str]]) -> Callable[[Response], Response]:
    def write(response: Response) -> Response:
        # Mantine, AG Grid and plotly write style elements, so styles can't be limited further; scripts can.
        policy = "; ".join(
            (
                "default-src 'self'",
                " ".join(("script-src 'self'", *script_hashes())),
                "style-src 'self' 'unsafe-inline'",
                "img-src 'self' data: blob:",
                "font-src 'self' data:",
                "object-src 'none'",
                "base-uri 'none'",
                "form-action 'self'",
                "frame-ancestors 'none'",
            )
        )
        response.headers.setdefault("Content-Security-Policy", policy)  # a route may have its own
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return write
