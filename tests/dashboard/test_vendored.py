"""The plotly.js that comes with crossprof stands in for that of the package plotly."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from crossprof.dashboard import create_app
from crossprof.dashboard.service.vendored import PLOTLY

_SCRIPT = "/_dash-component-suites/plotly/package_data/plotly.min.js"


def version(script: str) -> str:
    found = re.search(r"plotly\.js (?:\(cartesian - minified\) )?v(\S+)", script[:200])
    assert found is not None
    return found[1]


def test_it_is_of_the_version_that_the_package_plotly_draws_for() -> None:
    whole = (files("plotly") / "package_data" / "plotly.min.js").read_text("utf-8")
    assert version(PLOTLY.read_text("utf-8")) == version(whole)


def test_the_browser_gets_it_compressed_and_under_the_same_guard(tmp_path: Path) -> None:
    client = create_app(tmp_path).server.test_client()
    answer = client.get(_SCRIPT, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.content_encoding == "gzip"
    assert len(answer.data) < 600_000
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get(_SCRIPT, headers={"Host": "evil.example"}).status_code == 403
