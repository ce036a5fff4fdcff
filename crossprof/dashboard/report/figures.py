"""Figures in SVG that scale with the page: lengths across are shares of the width, so that text keeps its size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crossprof.dashboard.quantity import percent, scale_for
from crossprof.dashboard.report.markup import Markup, element
from crossprof.dashboard.theme import category_color, category_order
from crossprof.dashboard.wording import part
from crossprof.store.composition import CategoryDifference

__all__ = ["Box", "Stack", "boxes", "differences", "stacks"]

_ROW, _BAR = 42, 16  # pixels: a row, and its bar
_TOP, _AXIS = 19, 24  # above the bar for its name; below all for the axis
_MOST_TICKS = 5


@dataclass(frozen=True)
class Box:
    """A row of step times: its name, the CSS variable of its colour, whether it is hollow, five percentiles in ns."""

    name: str
    shade: str
    is_hollow: bool
    quantiles: Sequence[float]


@dataclass(frozen=True)
class Stack:
    """A row of times by category, in ns."""

    name: str
    parts: Sequence[tuple[str, float]]


def boxes(rows: Sequence[Box], label: str) -> Markup:
    """Boxes over one axis: quartiles, the median, and whiskers from the 5th to the 95th percentile."""
    scale = scale_for("ns", [row.quantiles[-1] for row in rows])
    end = max(row.quantiles[-1] for row in rows) or 1.0
    drawn: list[Markup] = []
    for place, row in enumerate(rows):
        top = place * _ROW + _TOP
        low, first, median, third, high = (value / end for value in row.quantiles)
        paint = f"stroke:var({row.shade});fill:{'none' if row.is_hollow else f'var({row.shade})'}"
        drawn += [
            element("text", row.name, x=0, y=top - 5),
            _line(low, high, top + _BAR / 2, top + _BAR / 2, style=paint),
            _bar(first, third - first, top, class_="box", style=paint),
            _line(median, median, top, top + _BAR, class_="median", style=paint),
        ]
    return _figure(drawn, len(rows), _axis(end, scale.divisor, scale.unit, len(rows)), label)


def stacks(rows: Sequence[Stack], label: str) -> Markup:
    """Stacked bars over one axis, the categories in the order and colours of the dashboard, with a legend."""
    totals = [sum(ns for _, ns in row.parts) for row in rows]
    scale, end = scale_for("ns", totals), max(totals) or 1.0
    names = category_order(name for row in rows for name, _ in row.parts)
    drawn: list[Markup] = []
    for place, (row, total) in enumerate(zip(rows, totals, strict=True)):
        top, at, held = place * _ROW + _TOP, 0.0, dict(row.parts)
        drawn.append(element("text", row.name, x=0, y=top - 5))
        for name in names:
            if length := held.get(name, 0.0):
                tip = f"{part(name)}: {scale.full(length)}, {percent(length / total)}"
                drawn.append(_bar(at / end, length / end, top, element("title", tip), style=f"fill:{category_color(name)}"))
                at += length
    chips = (element("span", part(name), class_="chip", style=f"--chip:{category_color(name)}") for name in names)
    figure = _figure(drawn, len(rows), _axis(end, scale.divisor, scale.unit, len(rows)), label)
    return Markup(figure + element("div", *chips, class_="legend"))


def differences(rows: Sequence[CategoryDifference], label: str) -> Markup:
    """A bar for each change, to the right for more and to the left for less; pale where the interval covers no change."""
    changes = [row.delta_ns for row in rows]
    least, most = min(0.0, *changes), max(0.0, *changes)
    scale, span = scale_for("ns", [least, most]), (most - least) or 1.0
    zero = -least / span
    drawn: list[Markup] = [_line(zero, zero, 0, len(rows) * _ROW, class_="grid")]
    for place, row in enumerate(rows):
        top, change = place * _ROW + _TOP, row.delta_ns
        length, word = abs(change) / span, "worse" if change > 0 else "better"
        pale = "" if row.is_sure else " pale"
        drawn += [
            element("text", f"{part(row.category)}  {scale.signed(change)}\u2009{scale.unit}", x=0, y=top - 5),
            _bar(zero if change > 0 else zero - length, length, top, class_=f"{word}{pale}"),
        ]
    return _figure(drawn, len(rows), [], label)


def _figure(drawn: Iterable[Markup], rows: int, axis: Sequence[Markup], label: str) -> Markup:
    height = rows * _ROW + (_AXIS if axis else 0)
    return element("svg", *axis, *drawn, width="100%", height=height, role="img", aria_label=label)


def _axis(end: float, divisor: float, unit: str, rows: int) -> list[Markup]:
    """Faint lines at round values from zero on, each with its value; the unit at the end."""
    step, bottom = _step(end / divisor), rows * _ROW
    drawn = []
    for number in range(math.floor(end / divisor / step) + 1):
        at = number * step * divisor / end
        text = f"{number * step:g}"
        drawn.append(_line(at, at, 0, bottom, class_="grid"))
        if at < 0.86:  # the unit stands at the end
            anchor = "middle" if number else "start"
            drawn.append(element("text", text, x=_across(at), y=bottom + 16, class_="tick", text_anchor=anchor))
    return [*drawn, element("text", unit, x="100%", y=bottom + 16, class_="tick", text_anchor="end")]


def _step(end: float) -> float:
    """A round distance, 1, 2 or 5 of its power of ten, that leaves few ticks."""
    power = 10.0 ** math.floor(math.log10(end / _MOST_TICKS))
    return next(size * power for size in (1, 2, 5, 10) if end / (size * power) <= _MOST_TICKS)


def _bar(at: float, length: float, top: float, *children: Markup, **attributes: str) -> Markup:
    return element("rect", *children, x=_across(at), y=top, width=_across(max(length, 0.0)), height=_BAR, **attributes)


def _line(at: float, to: float, top: float, bottom: float, **attributes: str) -> Markup:
    return element("line", x1=_across(at), x2=_across(to), y1=top, y2=bottom, **attributes)


def _across(share: float) -> str:
    """A place or a length of the width. The last percent is room for the line that ends there."""
    return f"{99 * share:.3f}%"
