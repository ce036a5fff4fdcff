"""A chart of the rows of any query: two of its columns, and a third for colour."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.figures.rows import BAR_WIDTH, height_of, name_rows
from crossprof.dashboard.theme import Theme, category_color, shortened

__all__ = ["KINDS", "SHADES", "chart", "left_out"]

KINDS = ("bar", "line", "scatter")
_MOST_NAMES = 40
_MOST_CATEGORIES = 30  # which have their own colours
_LONGEST_NAME = 48  # what a telephone shows
_MOST_POINTS = 5_000
SHADES = ("#4269D0", "#EFB118", "#FF725C", "#6CC5B0", "#3CA951", "#FF8AB7", "#A463F2", "#97BBF5", "#9C6B4E", "#9498A0")

Cells = Sequence[str | None]


def chart(
    kind: str, x: tuple[str, Cells, bool], y: tuple[str, Cells], colour: tuple[str, Cells] | None, look: Theme
) -> go.Figure:
    """Bars, a line or points of `y` over `x`, a trace for each value of `colour`.

    Each column is its name and its cells as texts; that of `x` also says whether they are numbers. Bars over texts lie under
    each other, so that long names fit. Raises Absent where `y` has no numbers.
    """
    heights = _numbers(y[1])
    if not any(value is not None for value in heights):
        raise Absent(f"the column {y[0]} has no numbers.")
    places: list[float | str | None] = list(_numbers(x[1])) if x[2] else list(x[1])
    groups = _groups(colour, min(len(heights), _MOST_POINTS))
    is_by_name = kind == "bar" and not x[2]
    plot = Plot(look, height=360, barmode="stack")
    for place, (name, rows) in enumerate(groups.items()):
        shown = [row for row in rows if places[row] is not None and heights[row] is not None]
        shade = _shade(colour[0] if colour else "", name, place)
        plot.add(_trace(kind, [places[row] for row in shown], [heights[row] for row in shown], name, shade, by_name=is_by_name))
    if is_by_name:
        names = _names(x[1])[:_MOST_NAMES]
        labels = [shortened(name, most=_LONGEST_NAME) for name in names]
        name_rows(plot, names, look, height=height_of(len(names), 36), labels=labels)
        plot.x(title_text=y[0], rangemode="tozero")
    else:
        plot.x(title_text=x[0])
        plot.y(title_text=y[0], rangemode="tozero" if kind == "bar" else "normal")
    return plot.figure()


def left_out(kind: str, x: tuple[str, Cells, bool]) -> str:
    """What a chart over `x` does not show, in words; empty where it shows all."""
    names = len(_names(x[1])) if kind == "bar" and not x[2] else 0
    if names > _MOST_NAMES:
        return f"The first {_MOST_NAMES} of {names:,} values of {x[0]}."
    return f"The first {_MOST_POINTS:,} of {len(x[1]):,} rows." if len(x[1]) > _MOST_POINTS else ""


def _names(cells: Cells) -> list[str]:
    return list(dict.fromkeys(text for text in cells[:_MOST_POINTS] if text is not None))


def _trace(
    kind: str, x: Sequence[float | str | None], y: Sequence[float | None], name: str, shade: str, *, by_name: bool
) -> go.Bar | go.Scatter:
    shared = {"name": name, "showlegend": bool(name)}
    if by_name:
        return go.Bar(y=x, x=y, orientation="h", width=BAR_WIDTH, marker={"color": shade, "line": {"width": 0}}, **shared)
    if kind == "bar":
        return go.Bar(x=x, y=y, marker={"color": shade, "line": {"width": 0}}, **shared)
    mode = "lines" if kind == "line" else "markers"
    return go.Scatter(x=x, y=y, mode=mode, line={"width": 1.5}, marker={"color": shade, "size": 6}, **shared)


def _groups(colour: tuple[str, Cells] | None, count: int) -> dict[str, list[int]]:
    """The numbers of the rows of each colour. Raises Absent: more values than can be told apart."""
    if colour is None:
        return {"": list(range(count))}
    groups: dict[str, list[int]] = {}
    for row, value in enumerate(colour[1][:count]):
        groups.setdefault("NULL" if value is None else value, []).append(row)
    most = _MOST_CATEGORIES if colour[0] == "category" else len(SHADES)
    if len(groups) > most:
        raise Absent(f"the column {colour[0]} has {len(groups)} values: at most {most} can be told apart by colour.")
    return groups


def _shade(column: str, name: str, place: int) -> str:
    return category_color(name) if column == "category" else SHADES[place % len(SHADES)]


def _numbers(cells: Cells) -> list[float | None]:
    return [_number(cell) for cell in cells]


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
