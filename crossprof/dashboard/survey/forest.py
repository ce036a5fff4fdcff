"""A row of a forest plot: the measured ratio with its interval, the survey's, and the line of no difference."""

from __future__ import annotations

import math
from typing import TypeVar

from crossprof.dashboard.quantity import significant
from crossprof.dashboard.survey.axis import RatioAxis
from crossprof.dashboard.survey.draw import Draw
from crossprof.dashboard.survey.words import claimed, ratio_interval
from crossprof.survey.row import Figure, Row

__all__ = ["forest", "scale_marks", "ticks", "tone"]

T = TypeVar("T")


def tone(row: Row) -> str:
    """Better or worse where the comparison says so; everything else is dimmed."""
    return row.verdict if row.verdict in ("better", "worse") else "dimmed"


def forest(draw: Draw[T], row: Row, axis: RatioAxis) -> T:
    """The marks of a row: above what was measured, below the survey's."""
    marks = [*_measured(draw, row, axis), *_claimed(draw, row, axis)]
    if not marks:
        return draw("div", class_="forest")
    return draw("div", *marks, class_="forest", role="img", aria_label=_told(row))


def ticks(draw: Draw[T], axis: RatioAxis) -> T:
    """The ratios that the axis is marked with, over all rows of a table."""
    marks = [draw("span", f"{one:g}", class_="tick", style=f"left:{_across(axis.at(one))}") for one in axis.ticks]
    return draw("div", *marks, class_="ticks")


def scale_marks(axis: RatioAxis) -> str:
    """The faint lines of the axis and the line of no difference as CSS variables of a table."""
    lines = [f"linear-gradient(var(--line), var(--line)) {_across(axis.at(one))} 0 / 1px 100% no-repeat" for one in axis.ticks]
    return f"--ticks:{', '.join(lines) or 'none'};--even:{_across(axis.at(1.0))}"


def _measured(draw: Draw[T], row: Row, axis: RatioAxis) -> list[T]:
    if row.ratio is None or math.isnan(row.ratio.value):
        return []
    word = f"is-{tone(row)}"
    beyond = "" if axis.holds(row.ratio.value) else " is-above" if row.ratio.value > 1 else " is-below"
    point = draw("span", class_=f"point {word}{beyond}", style=_place(axis, row.ratio.value))
    return [*_interval(draw, row.ratio, axis, word), point]


def _interval(draw: Draw[T], ratio: Figure, axis: RatioAxis, word: str) -> list[T]:
    """The line of an interval; an arrow where it goes on beyond the axis."""
    low, high = ratio.ci_low, ratio.ci_high
    if low is None or high is None:
        return []
    start, end = axis.at(low), axis.at(high)
    cut = f"{'' if axis.holds(low) else ' is-cut-low'}{'' if axis.holds(high) else ' is-cut-high'}"
    return [draw("span", class_=f"interval {word}{cut}", style=f"left:{_across(start)};width:{_across(end - start)}")]


def _claimed(draw: Draw[T], row: Row, axis: RatioAxis) -> list[T]:
    if row.claim is None or row.claim.ratio is None:
        return []
    return [draw("span", class_="claimed", style=_place(axis, row.claim.ratio))]


def _told(row: Row) -> str:
    parts = []
    if row.ratio is not None:
        parts.append(f"measured {significant(row.ratio.value)} {ratio_interval(row.ratio)}".rstrip())
    if row.claim is not None and row.claim.ratio is not None:
        parts.append(f"the survey {claimed(row.claim)}")
    return f"Ratio: {', '.join(parts)}; 1 is no difference."


def _place(axis: RatioAxis, ratio: float) -> str:
    return f"left:{_across(axis.at(ratio))}"


def _across(share: float) -> str:
    return f"{100 * share:.2f}%"
