"""Who may talk to the dashboard."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from crossprof.dashboard import create_app
from crossprof.dashboard.service.security import is_loopback

TOKEN = "a long secret"
ROUTES = ("/", "/compare", "/_dash-layout", "/_dash-dependencies", "/_dash-update-component", "/assets/style.css", "/healthz")


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return create_app(tmp_path).server.test_client()


@pytest.fixture
def locked(tmp_path: Path) -> FlaskClient:
    return create_app(tmp_path, token=TOKEN, allowed_hosts=["crossprof.example"]).server.test_client()


@pytest.mark.parametrize("route", ROUTES)
def test_a_foreign_host_is_refused_on_every_route(client: FlaskClient, route: str) -> None:
    for host in ("evil.example", "evil.example:8050", "127.0.0.1.evil.example", "", "[", "localhost.evil.example"):
        assert client.open(route, method="POST" if "update" in route else "GET", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:9999", "http://127.0.0.1:1", "http://[", ""]
)
def test_a_foreign_origin_is_refused_on_every_route(client: FlaskClient, route: str, origin: str) -> None:
    headers = {"Host": "localhost:8050", "Origin": origin}
    assert client.open(route, method="POST" if "update" in route else "GET", headers=headers).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_links_to_pages_and_reaches_nothing_else(client: FlaskClient, site: str) -> None:
    """Such requests carry no Origin: a link, an image, a script. A page must not have this machine export a run."""
    followed = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    embedded = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert client.get("/compare?runs=a,b", headers=followed).status_code == 200
    assert client.get("/compare?runs=a,b", headers=embedded).status_code == 403
    for route in ("/export/a.html", "/report.html?runs=a,b", "/sql/result.csv?q=select+1", "/timeline/slices", "/_dash-layout"):
        assert client.get(route, headers=followed).status_code == 403, route
        assert client.get(route, headers=embedded).status_code == 403, route


@pytest.mark.parametrize("host", ["localhost:8050", "127.0.0.1:8050", "[::1]:8050", "LOCALHOST"])
def test_this_machine_is_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host, "Origin": f"http://{host}"}).status_code == 200


def test_a_further_host_name_may_be_allowed_behind_a_proxy(locked: FlaskClient) -> None:
    headers = {"Host": "crossprof.example", "Origin": "https://crossprof.example", "Authorization": f"Bearer {TOKEN}"}
    assert locked.get("/", headers=headers).status_code == 200


def test_without_the_token_nothing_is_served_but_health_and_login(locked: FlaskClient) -> None:
    assert locked.get("/healthz").status_code == 200
    assert locked.get("/login").status_code == 200
    for route in ("/_dash-layout", "/_dash-dependencies", "/assets/style.css"):
        assert locked.get(route, headers={"Accept": "*/*;q=0.8, application/json"}).status_code == 401
    assert locked.post("/_dash-update-component", json={}).status_code == 401
    page = locked.get("/compare?runs=a,b", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["Location"]) == (302, "/login")


@pytest.mark.parametrize("offered", ["", "wrong", TOKEN + "x", "é" * 20])
def test_a_wrong_token_is_refused(locked: FlaskClient, offered: str) -> None:
    header = f"Bearer {offered}".encode().decode("latin-1")
    assert locked.get("/_dash-layout", headers={"Authorization": header, "Accept": "application/json"}).status_code == 401
    assert locked.post("/login", data={"token": offered}).status_code == 401


def test_the_bearer_header_is_enough(locked: FlaskClient) -> None:
    assert locked.get("/_dash-layout", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_a_login_is_kept_in_a_signed_cookie_and_returns_to_the_page(locked: FlaskClient, tmp_path: Path) -> None:
    locked.get("/compare?runs=a,b", headers={"Accept": "text/html"})
    answer = locked.post("/login", data={"token": TOKEN})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/compare?runs=a,b")
    cookie = next(held for held in answer.headers.getlist("Set-Cookie") if held.startswith("crossprof_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert TOKEN not in cookie
    assert locked.get("/_dash-layout").status_code == 200
    other = create_app(tmp_path, token="another secret").server.test_client()
    value = cookie.split(";")[0].partition("=")[2]
    other.set_cookie("crossprof_session", value)
    assert other.get("/_dash-layout", headers={"Accept": "application/json"}).status_code == 401


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_a_login_never_leads_elsewhere(locked: FlaskClient, wanted: str) -> None:
    locked.set_cookie("crossprof_next", wanted)
    assert locked.post("/login", data={"token": TOKEN}).headers["Location"] == "/"


def test_every_answer_carries_the_security_headers(client: FlaskClient) -> None:
    for route in ("/", "/healthz", "/no-such-thing"):
        headers = client.get(route).headers
        policy = headers["Content-Security-Policy"]
        script = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert "'unsafe-inline'" not in script
        assert "'unsafe-eval'" not in script
        assert "http" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


def test_callbacks_are_not_offered_as_tools(client: FlaskClient) -> None:
    assert client.post("/mcp", json={}).status_code in (404, 405)
    assert client.post("/_mcp", json={}).status_code in (404, 405)


def test_loopback_addresses_are_told_from_others() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.5", "example.com", "")))
