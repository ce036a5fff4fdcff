"""A figure under way: what it shows gathers here, and plotly checks it once, at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from crossprof.dashboard.theme import Theme, figure_layout

__all__ = ["Plot"]


class Plot:
    """Traces, axes and notes of a figure of one panel, or of several under each other over one horizontal axis.

    plotly checks the whole figure anew at each update of it, which would take longer than all else that draws one.
    """

    def __init__(
        self, look: Theme, *, height: int = 260, heights: Sequence[float] = (1.0,), gap: float = 0.0, **layout: Any
    ) -> None:
        """`heights` are shares of the panels, the first on top; `gap` is that between two of them, of the whole."""
        shared = figure_layout(look, height=height)
        x, y = shared.pop("xaxis"), shared.pop("yaxis")
        self._layout = {**shared, **layout}
        self._traces: list[Any] = []
        self._x = [dict(x) for _ in heights]
        self._y = [dict(y) for _ in heights]
        self._notes: list[dict[str, Any]] = []
        self._shapes: list[dict[str, Any]] = []
        if len(heights) > 1:
            self._stack(heights, gap)

    def _stack(self, heights: Sequence[float], gap: float) -> None:
        room, top = (1.0 - gap * (len(heights) - 1)) / sum(heights), 1.0
        for row, share in enumerate(heights, start=1):
            self.y(row=row, domain=[max(top - share * room, 0.0), top], anchor=f"x{_number(row)}")
            self.x(row=row, domain=[0.0, 1.0], anchor=f"y{_number(row)}", matches=None if row == 1 else "x")
            self.x(row=row, showticklabels=row == len(heights))
            top -= share * room + gap

    @property
    def height(self) -> int:
        """The height in pixels."""
        return int(self._layout["height"])

    @property
    def rows(self) -> int:
        """The number of panels."""
        return len(self._y)

    def add(self, *traces: Any, row: int = 1) -> None:
        """Draw traces in a panel."""
        for trace in traces:
            if self.rows > 1:
                trace.update(xaxis=f"x{_number(row)}", yaxis=f"y{_number(row)}", overwrite=True)
            self._traces.append(trace)

    def set(self, **layout: Any) -> None:
        """Settings of the figure as a whole."""
        self._layout |= layout

    def x(self, row: int | None = None, **settings: Any) -> None:
        """Settings of the horizontal axis of a panel, or of all."""
        _set(self._x, row, settings)

    def y(self, row: int | None = None, **settings: Any) -> None:
        """Settings of the vertical axis of a panel, or of all."""
        _set(self._y, row, settings)

    def note(self, **annotation: Any) -> None:
        """A text in the figure."""
        self._notes.append({"showarrow": False, **annotation})

    def across(self, low: float, high: float | None = None, **shape: Any) -> None:
        """A line over the whole width at a height, or a band between two."""
        kind = "line" if high is None else "rect"
        ends = {"x0": 0, "x1": 1, "y0": low, "y1": low if high is None else high}
        self._shapes.append({"type": kind, "xref": "x domain", "yref": "y", **ends, **shape})

    def figure(self) -> go.Figure:
        """The figure. Raises ValueError: a setting that plotly doesn't know."""
        axes = {f"xaxis{_number(row)}": axis for row, axis in enumerate(self._x, start=1)}
        axes |= {f"yaxis{_number(row)}": axis for row, axis in enumerate(self._y, start=1)}
        layout = {**self._layout, **axes, "annotations": self._notes, "shapes": self._shapes}
        return go.Figure(data=self._traces, layout=layout)


def _number(row: int) -> str:
    return "" if row == 1 else str(row)


def _set(axes: list[dict[str, Any]], row: int | None, settings: dict[str, Any]) -> None:
    text = settings.pop("title_text", None)
    for axis in axes if row is None else [axes[row - 1]]:
        axis.update(settings)
        if text is not None:
            axis["title"] = {**axis["title"], "text": text}
