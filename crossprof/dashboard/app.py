"""The dashboard as a Dash application: shell, router, colour scheme. It draws; the store decides."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from crossprof.dashboard import cards, components, theme
from crossprof.dashboard.pages import PAGES, Page
from crossprof.dashboard.selection import connect_picker
from crossprof.dashboard.service.compression import compress_static_files
from crossprof.dashboard.service.downloads import connect_report, connect_survey
from crossprof.dashboard.service.exports import serve_exports
from crossprof.dashboard.service.security import guard
from crossprof.dashboard.service.vendored import serve_vendored
from crossprof.dashboard.snapshot import Snapshot
from crossprof.errors import CrossprofError
from crossprof.settings import store_path as resolved_path

__all__ = ["create_app"]

logger = logging.getLogger(__name__)

_KEYS = {
    "/": "find: the filter, the search, the choice of runs",
    "b": "make the selected run (Runs) or the next one (Compare) the baseline",
    "Ctrl+Enter": "run the query (SQL)",
    "W A S D": "zoom and move (Timeline)",
    "?": "this list",
}

_INDEX = """<!DOCTYPE html>
<html lang="en">
    <head>
        {%metas%}
        <title>{%title%}</title>
        <link rel="icon" type="image/svg+xml" href="/assets/icon-brand.svg">
        {%css%}
        <style>$colors</style>
    </head>
    <body>
        {%app_entry%}
        <footer>{%config%}{%scripts%}{%renderer%}</footer>
    </body>
</html>"""


def create_app(
    store_path: str | os.PathLike[str] | None, *, token: str | None = None, allowed_hosts: Collection[str] = ()
) -> Dash:
    """The dashboard over a store, as a Dash application whose `server` is the Flask application.

    With a token every page but /healthz asks for it. Host names other than this machine's own need `allowed_hosts`.
    """
    snapshot = Snapshot(resolved_path(store_path))
    app = Dash(
        "crossprof.dashboard",
        title="crossprof",
        update_title="",
        suppress_callback_exceptions=True,
        serve_locally=True,
        enable_mcp=False,
        assets_path_ignore=["vendor"],  # what one page needs is loaded there
        index_string=_INDEX.replace("$colors", theme.stylesheet()),
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.server.extensions["crossprof"] = snapshot
    app.layout = _shell
    _route(app, snapshot)
    for page in PAGES:
        page.connect(app, snapshot)
    connect_picker(app)
    connect_report(app.server, snapshot)
    connect_survey(app.server, snapshot)
    app.server.add_url_rule("/healthz", "healthz", lambda: "ok\n")
    serve_exports(app.server, snapshot)
    compress_static_files(app.server)
    hashes: list[str] = []
    guard(
        app.server,
        token=token,
        allowed_hosts=allowed_hosts,
        pages={page.path for page in PAGES} | {"/login"},
        script_hashes=lambda: hashes or _hashes(app, hashes),
    )
    serve_vendored(app.server)  # after the guard, which is asked first
    return app


def _hashes(app: Dash, hashes: list[str]) -> list[str]:
    """The hashes of Dash's inline scripts, taken at the first request, when all callbacks are known."""
    hashes.extend(app.csp_hashes())
    return hashes


def _shell() -> Any:
    return dmc.MantineProvider(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="scheme", storage_type="local"),
            dcc.Store(id="look"),
            dcc.Store(id="shown"),
            dcc.Store(id="menu", data=_menu()),
            _header(),
            html.Main(id="page"),
            _shortcuts(),
        ],
        id="mantine",
        theme={"fontFamily": "Inter, system-ui, sans-serif", "primaryShade": 8},
    )


def _header() -> html.Header:
    brand = dcc.Link([html.I(className="icon icon-brand"), html.Span("crossprof")], href="/", className="brand")
    links = [_nav_link(page) for page in PAGES if page.is_in_menu]
    return html.Header(
        [
            _icon_button("menu", "burger", "Pages"),
            brand,
            html.Nav(links, **components.labelled("Pages")),
            html.Div(className="spacer"),
            _icon_button("help", "shortcuts", "Keys"),
            _icon_button("scheme", "scheme", "Switch between light and dark", id="scheme-toggle"),
        ],
        className="header",
    )


def _nav_link(page: Page) -> html.A:
    """A link of the menu; assets/navigation.js has it carry the runs of the page that is shown."""
    data = {"data-path": page.path, "data-key": page.key, "data-carries": "runs" if page.shows_runs else ""}
    return html.A(page.title, href=page.path, id={"nav": page.path}, **data)


def _icon_button(icon: str, action: str, title: str, **more: Any) -> html.Button:
    return html.Button(
        html.I(className=f"icon icon-{icon}"),
        className=f"icon-button {action}",
        title=title,
        type="button",
        **{"data-act": action},
        **components.labelled(title),
        **more,
    )


def _shortcuts() -> html.Dialog:
    keys = {f"g {page.key}": page.title for page in PAGES if page.is_in_menu} | _KEYS
    rows = [part for key, what in keys.items() for part in (html.Dt(_keys(key)), html.Dd(what))]
    close = html.Button("Close", className="button", type="button", **{"data-act": "close"})
    return html.Dialog([html.H2("Keys"), html.Dl(rows), close], id="shortcuts", **components.labelled("Keys"))


def _keys(text: str) -> list[Any]:
    return [part for key in text.split() for part in (html.Kbd(key), " ")]


def _menu() -> list[str]:
    return [page.path for page in PAGES if page.is_in_menu]


def _route(app: Dash, snapshot: Snapshot) -> None:
    pages = {page.path: page for page in PAGES}

    def show(pathname: str | None, search: str | None) -> tuple[Any, dict[str, str]]:
        query = dict(parse_qsl((search or "").lstrip("?")))
        page = pages.get((pathname or "/").rstrip("/") or "/")
        if page is None:
            return _no_such_page(pathname or ""), {"title": "Not found", "path": ""}
        return _body(page, snapshot, query), {"title": page.title, "path": page.path}

    app.callback(Output("page", "children"), Output("shown", "data"), Input("url", "pathname"), Input("url", "search"))(show)
    browser = "crossprof"
    app.clientside_callback(
        ClientsideFunction(browser, "toggleScheme"),
        Output("scheme", "data"),
        Input("scheme-toggle", "n_clicks"),
        State("look", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(browser, "applyScheme"),
        Output("look", "data"),
        Output("mantine", "forceColorScheme"),
        Input("scheme", "data"),
    )
    app.clientside_callback(
        ClientsideFunction(browser, "showTitle"),
        [Output({"nav": path}, "className") for path in _menu()],
        Input("shown", "data"),
        State("menu", "data"),
    )


def _body(page: Page, snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """A page's content; a user's error in one line in its place; an unforeseen one named, and logged in full."""
    try:
        return page.layout(snapshot, query)
    except CrossprofError as error:
        return [html.H1(page.title), cards.failed(str(error)), dcc.Link("All runs", href="/")]
    except Exception as error:
        logger.exception("The page %s failed.", page.path)
        return [html.H1(page.title), cards.failed(f"{type(error).__name__}: {error}")]


def _no_such_page(pathname: str) -> list[Any]:
    return [html.H1("No such page"), html.P(f"Nothing is at {pathname}."), dcc.Link("All runs", href="/")]
