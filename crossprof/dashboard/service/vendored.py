"""Scripts of others that come with crossprof: plotly.js with the traces of the dashboard alone, a third of the whole."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from flask import Flask, request
from werkzeug import Response

__all__ = ["PLOTLY", "serve_vendored"]

PLOTLY = files("crossprof.dashboard") / "vendor" / "plotly-cartesian.min.js"
_WHOLE = "/plotly/package_data/plotly.min.js"


def serve_vendored(server: Flask) -> None:
    """Answer with the smaller plotly.js wherever Dash asks for the whole of it."""

    def smaller() -> Response | None:
        if not request.path.endswith(_WHOLE):
            return None
        answer = Response(_content(), mimetype="text/javascript")
        answer.add_etag()
        return answer.make_conditional(request)

    server.before_request(smaller)


@cache
def _content() -> bytes:
    return PLOTLY.read_bytes()
