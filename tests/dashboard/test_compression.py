"""Static files compressed: the same bytes after decompression, only where the client takes it, only what is static text."""

import gzip
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from crossprof.dashboard import create_app

STYLE = "/assets/style.css"
PLOTLY = "/_dash-component-suites/plotly/package_data/plotly.min.js"
GZIP = {"Accept_Encoding": "gzip, deflate, br"}


def get(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    """The answer, read to its end and closed."""
    return client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()}, buffered=True)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    app = create_app(tmp_path_factory.mktemp("store") / "empty")
    app.server.test_client().get("/")  # Dash registers what it serves when the page is made
    return app.server.test_client()


@pytest.mark.parametrize("path", [STYLE, PLOTLY])
def test_a_text_file_is_the_same_file_compressed(client: FlaskClient, path: str) -> None:
    plain, compressed = get(client, path), get(client, path, **GZIP)
    assert (plain.status_code, compressed.status_code) == (200, 200)
    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.data) == plain.data
    assert int(compressed.headers["Content-Length"]) == len(compressed.data) < len(plain.data) / 2
    assert plain.headers["Vary"] == compressed.headers["Vary"] == "Accept-Encoding"
    assert compressed.mimetype == plain.mimetype


@pytest.mark.parametrize("encoding", ["identity", "gzip;q=0", "br"])
def test_a_client_that_takes_no_gzip_gets_none(client: FlaskClient, encoding: str) -> None:
    assert "Content-Encoding" not in get(client, STYLE, Accept_Encoding=encoding).headers


def test_what_is_compressed_already_and_what_is_no_file_stays_as_it_is(client: FlaskClient) -> None:
    for path in ("/assets/inter.woff2", "/healthz", "/assets/absent.css"):
        assert "Content-Encoding" not in get(client, path, **GZIP).headers


def test_a_file_that_the_browser_holds_is_not_sent_again(client: FlaskClient) -> None:
    etag = get(client, STYLE, **GZIP).headers["ETag"]
    assert etag.startswith("W/")
    again = get(client, STYLE, **GZIP, If_None_Match=etag)
    assert (again.status_code, again.data) == (304, b"")


def test_a_token_is_asked_for_all_the_same(tmp_path: Path) -> None:
    locked = create_app(tmp_path, token="secret").server.test_client()
    assert get(locked, STYLE, **GZIP, Accept="text/css").status_code == 401
