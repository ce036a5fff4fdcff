"""A table of the survey: a row for each claim or measurement, the survey's figure beside the one that was measured here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from crossprof.dashboard.quantity import NONE, Scale, significant
from crossprof.dashboard.survey.axis import RatioAxis, ratio_axis
from crossprof.dashboard.survey.draw import Draw, sentence
from crossprof.dashboard.survey.forest import forest, scale_marks, ticks, tone
from crossprof.dashboard.survey.words import (
    anchors,
    chip_color,
    claimed,
    claimed_sides,
    interval,
    is_measured,
    ratio_interval,
    scales_of,
)
from crossprof.survey.names import title_of
from crossprof.survey.report import Table
from crossprof.survey.row import Claim, Row, Side

__all__ = ["badge", "claims_table"]

T = TypeVar("T")
_BADGES = {"supports": " is-good", "contradicts": " is-broken"}
_ARROWS = {True: "▲ ", False: "▼ "}
_COLUMNS = 7


def claims_table(draw: Draw[T], table: Table, below: Callable[[str, Row], T | None]) -> T:
    """The rows of a table over one axis; `below` draws what stands under a row, by its anchor, across all columns."""
    axis, scales = ratio_axis(table.rows), scales_of(table.rows)
    body: list[T] = []
    for anchor, row in zip(anchors(table), table.rows, strict=True):
        under = below(anchor, row)
        body.append(_row(draw, row, axis, scales[row.metric], {"id": anchor, "class_": _class(row, under)}))
        if under is not None:
            body.append(draw("tr", draw("td", under, colspan=_COLUMNS), class_=f"below{_unmeasured(row)}"))
    return draw(
        "table",
        draw("caption", f"{table.title}: the survey and this machine"),
        _head(draw, axis),
        draw("tbody", *body),
        class_="claims",
        style=scale_marks(axis),
    )


def badge(draw: Draw[T], word: str) -> T:
    """The word of a row."""
    return draw("span", word, class_=f"badge word{_BADGES.get(word, '')}")


def _head(draw: Draw[T], axis: RatioAxis) -> T:
    keys = draw(
        "div",
        draw("span", "measured, 95\u00a0%", class_="key is-measured"),
        draw("span", "survey", class_="key is-claimed"),
        class_="keys",
    )
    heads = [
        draw("th", "What", scope="col"),
        draw("th", "PyTorch", scope="col", class_="number"),
        draw("th", "Beside it", scope="col", class_="number"),
        draw("th", keys, ticks(draw, axis), scope="col", class_="plot", aria_label="Ratio, drawn"),
        draw("th", "Ratio here", scope="col", class_="number"),
        draw("th", "Survey", scope="col", class_="number"),
        draw("th", "Does it hold?", scope="col"),
    ]
    return draw("thead", draw("tr", *heads))


def _row(draw: Draw[T], row: Row, axis: RatioAxis, scale: Scale, named: Mapping[str, str]) -> T:
    cells = [
        draw("th", row.label, draw("div", draw("code", row.metric), class_="dimmed"), scope="row"),
        _side(draw, row.base, scale, "PyTorch"),
        _side(draw, row.other, scale, "Beside it"),
        draw("td", forest(draw, row, axis), class_="plot"),
        _ratio(draw, row),
        _claim(draw, row.claim),
        draw("td", badge(draw, row.word), draw("div", *sentence(draw, row.because), class_="because"), class_="held"),
    ]
    return draw("tr", *cells, **named)


def _class(row: Row, below: object) -> str:
    return f"claim{' is-whole' if below is None else ''}{_unmeasured(row)}"


def _unmeasured(row: Row) -> str:
    return "" if is_measured(row) else " is-unmeasured"


def _cell(draw: Draw[T], title: str, value: str, *more: T | str | None, tip: str | None = None) -> T:
    """A cell of figures: its value, and lines that say more. `title` names it where the columns stand apart."""
    held = [draw("div", value, class_="value"), *(draw("div", line, class_="interval") for line in more if line)]
    return draw("td", *held, class_=f"number{' dimmed' if value == NONE else ''}", title=tip, data_title=title)


def _side(draw: Draw[T], side: Side | None, scale: Scale, title: str) -> T:
    if side is None:
        return _cell(draw, title, NONE, tip="Not measured")
    chip = draw("span", title_of(side), class_="chip", style=f"--chip:{chip_color(side)}")
    if side.figure is None:
        return _cell(draw, title, NONE, chip, tip=f"{side.run}: its runs don't have this figure")
    samples = f"{side.run}: {side.figure.n:,} samples"
    return _cell(draw, title, scale.full(side.figure.value), interval(side.figure, scale), chip, tip=samples)


def _ratio(draw: Draw[T], row: Row) -> T:
    is_told = row.verdict and is_measured(row)
    verdict = draw("span", f"{_arrow(row)}{row.verdict.replace('_', ' ')}", class_=tone(row)) if is_told else None
    if row.ratio is None:
        return _cell(draw, "Ratio here", NONE, verdict)
    return _cell(draw, "Ratio here", significant(row.ratio.value), ratio_interval(row.ratio), verdict)


def _arrow(row: Row) -> str:
    if row.ratio is None or row.verdict not in ("better", "worse", "different"):
        return ""
    return _ARROWS[row.ratio.value > 1]


def _claim(draw: Draw[T], claim: Claim | None) -> T:
    if claim is None:
        return _cell(draw, "Survey", NONE, tip="The survey says nothing of this")
    tip = f"{claim.text} ({claim.hardware})"
    if claim.ratio is None:
        who, _, stands = claimed(claim).partition(" ")  # on two lines: together they are wider than the column
        return _cell(draw, "Survey", who, stands, tip=tip)
    return _cell(draw, "Survey", claimed(claim), claimed_sides(claim), tip=tip)
