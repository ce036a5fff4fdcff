"""What a comparison gives away as one file: the report."""

from __future__ import annotations

from flask import Flask, Response, request

from crossprof.dashboard.report import as_html, gather
from crossprof.dashboard.selection import names_in
from crossprof.dashboard.snapshot import Snapshot
from crossprof.errors import CrossprofError

__all__ = ["connect_report"]


def connect_report(server: Flask, snapshot: Snapshot) -> None:
    """Answer /report.html?runs=a,b&base=a with the report on those runs, as `crossprof report` writes it."""
    server.add_url_rule("/report.html", "report", lambda: _report(snapshot))


def _report(snapshot: Snapshot) -> Response:
    names = names_in(request.args)
    base = request.args.get("base") or (names[0] if names else "")
    others = [name for name in names if name != base]
    if not others:
        return _refused("A report needs two runs: /report.html?runs=BASE,OTHER.")
    try:
        text = as_html(gather(snapshot.store(), base, others))
    except CrossprofError as error:
        return _refused(str(error))
    heads = {"Content-Disposition": 'attachment; filename="report.html"'}
    return Response(text, mimetype="text/html", headers=heads)


def _refused(reason: str) -> Response:
    return Response(reason + "\n", status=400, mimetype="text/plain")
