"""The survey's report as one HTML file: the page Survey without a server."""

from __future__ import annotations

import shlex
from importlib.resources import files

from crossprof.dashboard.quantity import instant
from crossprof.dashboard.report import figures, tables
from crossprof.dashboard.report.markup import Markup, element, table
from crossprof.dashboard.report.sections import card, document
from crossprof.dashboard.survey.choosing import decisions, hardware, software, words
from crossprof.dashboard.survey.claims import claims_table
from crossprof.dashboard.survey.detail import facts, has_detail, parts_of, summary
from crossprof.dashboard.survey.words import BENCH, TITLE, is_any_measured
from crossprof.survey.report import Report, Table
from crossprof.survey.row import Row

__all__ = ["as_survey_html"]


def as_survey_html(report: Report) -> str:
    """The whole document. It loads nothing."""
    sections = (
        _decisions(report) if is_any_measured(report) else _unmeasured(),
        *(_table(one) for one in report.tables),
        _circumstances(report),
    )
    sheet = files("crossprof.dashboard").joinpath("assets/survey.css").read_text("utf-8")
    made = f"The survey's claims and what crossprof measured, {instant(report.made_ns)} UTC"
    return document(TITLE, made, report.version, sections, sheet=sheet)


def _decisions(report: Report) -> Markup | None:
    reading = "From measured rows alone; each sentence names its row."
    return card("What to choose", reading, decisions(element, report) if report.decisions else None)


def _unmeasured() -> Markup | None:
    return card("Nothing measured yet", "", element("p", "This measures every table: ", element("code", BENCH)))


def _table(held: Table) -> Markup | None:
    return card(held.title, f"{held.question} {held.method}".strip(), claims_table(element, held, _below))


def _below(_anchor: str, row: Row) -> Markup | None:
    if not has_detail(row):
        return None
    held = [facts(element, row), *_parts(row), element("pre", element("code", row.sql), tabindex=0) if row.sql else None]
    return element("details", element("summary", summary(row)), *held)


def _parts(row: Row) -> list[Markup]:
    parts = parts_of(row)
    if not parts or row.base is None or row.other is None:
        return []
    heads, rows = tables.part_rows_of(row.base.run, row.other.run, parts)
    label = f"{row.label}: the change of each part of a step; the table below has the figures."
    command = shlex.join(["crossprof", "compare", *(f"{side.run}@all" for side in (row.base, row.other))])
    return [
        element("div", figures.differences(parts, label), class_="parts"),
        table("Parts of a step, and the step", heads, rows, numbers=range(1, 5)),
        element("p", "More: ", element("code", command)),
    ]


def _circumstances(report: Report) -> Markup | None:
    made = element("p", f"By crossprof {report.version}. The same from the store: ", element("code", "crossprof bench report"))
    return card("Measured on", "", hardware(element, report), software(element, report), words(element), made)
