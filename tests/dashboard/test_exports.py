"""Exports by HTTP: what comes under which name, and who is refused."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from crossprof.dashboard import create_app
from crossprof.dashboard.addresses import export_address, flame_address
from crossprof.dashboard.service import exports


@pytest.fixture
def client(synthetic_store: Path) -> Iterator[FlaskClient]:
    server = create_app(synthetic_store).server
    yield server.test_client()
    server.extensions["crossprof"].close()


def test_a_file_has_the_name_of_its_run_and_leaves_nothing_behind(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    answer = client.get(export_address("syn-torch-gpu-1", "speedscope", step="8", rank="0"))
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Content-Disposition"] == "attachment; filename=syn-torch-gpu-1.speedscope.json"
    assert json.loads(answer.data)["name"] == "bert-base"
    assert answer.content_length == len(answer.data)
    answer.close()
    assert list(tmp_path.glob("crossprof-export*")) == []


def test_every_format_comes(client: FlaskClient) -> None:
    files = {}
    for form in ("perfetto", "parquet", "html"):
        with client.get(export_address("syn-torch-0001", form)) as answer:
            files[form] = answer.data
    assert gzip.decompress(files["perfetto"])
    assert "syn-torch-0001/op.parquet" in zipfile.ZipFile(io.BytesIO(files["parquet"])).namelist()
    assert files["html"].startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("address", "status", "complaint"),
    [
        ("/export/nobody.html", 404, "No run answers to 'nobody'"),
        ("/export/syn-torch-0001.exe", 404, "is no export"),
        ("/export/syn-torch-0001.speedscope.json?step=99", 422, "has no step 99 there"),
        ("/export/syn-torch-0001.speedscope.json?step=--help", 422, "is no step"),
        ("/speedscope/%2e%2e", 404, ""),
        ("/speedscope/nothing.js", 404, ""),
    ],
)
def test_what_is_not_there_is_said(client: FlaskClient, address: str, status: int, complaint: str) -> None:
    answer = client.get(address)
    assert answer.status_code == status
    assert complaint in answer.text


def test_other_sites_get_nothing(client: FlaskClient) -> None:
    address = export_address("syn-torch-0001", "html")
    assert client.get(address, headers={"Host": "evil.example"}).status_code == 403
    assert client.get(address, headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.get(address, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403  # an image of another page
    assert client.get("/speedscope/index.html", headers={"Host": "evil.example"}).status_code == 403


def test_more_than_a_few_at_once_wait_and_are_told_so(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, synthetic_store: Path
) -> None:
    monkeypatch.setattr(exports, "_AT_ONCE", 0)
    monkeypatch.setattr(exports, "_PATIENCE_S", 0.01)
    server = create_app(synthetic_store).server
    assert server.test_client().get(export_address("syn-torch-0001", "html")).status_code == 503
    server.extensions["crossprof"].close()


def test_asking_for_the_head_makes_nothing(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_made", lambda *_: pytest.fail("it was made"))
    assert client.head(export_address("syn-torch-0001", "html")).status_code == 200


def test_the_viewer_is_kept_by_browsers_and_has_the_least_policy_that_it_works_under(client: FlaskClient) -> None:
    page = client.get("/speedscope/index.html")
    script = client.get("/speedscope/" + page.text.split('script src="')[1].split('"')[0], headers={"Accept-Encoding": "gzip"})
    assert script.cache_control.immutable
    assert script.content_encoding == "gzip"
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self' 'wasm-unsafe-eval';" in policy
    assert policy.startswith("default-src 'none'")
    assert "wasm" not in client.get("/").headers["Content-Security-Policy"]


def test_addresses_hold_any_name() -> None:
    assert export_address("a.b", "parquet") == "/export/a.b.parquet.zip"
    assert flame_address("a", "x=1 & y", step="3") == (
        "/speedscope/index.html#profileURL=%2Fexport%2Fa.speedscope.json%3Fstep%3D3&title=x%3D1%20%26%20y"
    )
