"""What the measured rows say to somebody who has to choose, and what they were measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from crossprof.dashboard.survey.claims import badge
from crossprof.dashboard.survey.draw import Draw, sentence
from crossprof.dashboard.survey.words import WORDS, anchors
from crossprof.dashboard.theme import shortened
from crossprof.survey.names import title_of
from crossprof.survey.report import Decision, Report, Statement, Table

__all__ = ["decisions", "hardware", "software", "words"]

T = TypeVar("T")


def decisions(draw: Draw[T], report: Report) -> T:
    """A part for each purpose: sentences, each with a link to the row that it rests on, or what to measure."""
    tables = {table.name: (table, anchors(table)) for table in report.tables}
    return draw("div", *(_decision(draw, one, tables) for one in report.decisions), class_="decisions")


def _decision(draw: Draw[T], decision: Decision, tables: Mapping[str, tuple[Table, Sequence[str]]]) -> T:
    sentences = [draw("li", *sentence(draw, one.text), *_link(draw, one, tables)) for one in decision.statements]
    lacking = draw("p", *sentence(draw, decision.lacking), class_="absent") if decision.lacking else None
    return draw("div", draw("h3", decision.title), draw("ul", *sentences) if sentences else None, lacking, class_="decision")


def _link(draw: Draw[T], statement: Statement, tables: Mapping[str, tuple[Table, Sequence[str]]]) -> list[T | str]:
    """The way to the row of a sentence, where the report has its table."""
    if statement.table not in tables:
        return []
    table, names = tables[statement.table]
    row = table.rows[statement.row]
    beside = f", {title_of(row.other)}" if row.other else ""
    return [" ", draw("a", f"{table.title}: {shortened(row.label)}{beside}", href=f"#{names[statement.row]}")]


def hardware(draw: Draw[T], report: Report) -> T:
    """The machines, one a line."""
    return draw("ul", *(draw("li", one) for one in report.hardware), class_="machines")


def software(draw: Draw[T], report: Report) -> T:
    """Packages and their versions."""
    pairs = (draw("li", name, " ", draw("strong", version)) for name, version in report.software)
    return draw("ul", *pairs, class_="versions")


def words(draw: Draw[T]) -> T:
    """What the words of rows mean."""
    rows = (part for word, told in WORDS.items() for part in (draw("dt", badge(draw, word)), draw("dd", told)))
    return draw("dl", *rows, class_="words")
