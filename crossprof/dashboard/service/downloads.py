"""What pages give away as one file: the report on a comparison, and that on the survey."""

from __future__ import annotations

from flask import Flask, Response, request

from crossprof.dashboard.report import as_html, gather
from crossprof.dashboard.selection import names_in
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.survey.document import as_survey_html
from crossprof.dashboard.survey.reported import reported
from crossprof.errors import CrossprofError

__all__ = ["connect_report", "connect_survey"]


def connect_report(server: Flask, snapshot: Snapshot) -> None:
    """Answer /report.html?runs=a,b&base=a with the report on those runs, as `crossprof report` writes it."""
    server.add_url_rule("/report.html", "report", lambda: _report(snapshot))


def connect_survey(server: Flask, snapshot: Snapshot) -> None:
    """Answer /survey.html?bench=ID with the report on the survey, as `crossprof bench report --html` writes it."""
    server.add_url_rule("/survey.html", "survey", lambda: _survey(snapshot))


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
    return _file(text, "report.html")


def _survey(snapshot: Snapshot) -> Response:
    try:
        report = reported(snapshot, request.args.get("bench", ""))
    except CrossprofError as error:
        return _refused(str(error))
    return _file(as_survey_html(report), "survey.html")


def _file(text: str, name: str) -> Response:
    heads = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, mimetype="text/html", headers=heads)


def _refused(reason: str) -> Response:
    return Response(reason + "\n", status=400, mimetype="text/plain")
