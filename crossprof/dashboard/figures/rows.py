"""Rows of a horizontal figure, each with its name above it: beside it, a long name would take the figure's room."""

from __future__ import annotations

from collections.abc import Sequence

from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.theme import Theme

__all__ = ["BAR_WIDTH", "height_of", "name_rows"]

BAR_WIDTH = 0.46
_AXIS_PIXELS = 62


def height_of(rows: int, pixels: int) -> int:
    """The height of a figure of that many rows, each of so many pixels, with its axis."""
    return _AXIS_PIXELS + pixels * rows


def name_rows(plot: Plot, names: Sequence[str], look: Theme, *, height: int, labels: Sequence[str] = ()) -> None:
    """Set the rows in order, the first on top, each under its name, or its label; they share the figure's height."""
    pixels = (height - _AXIS_PIXELS) / max(len(names), 1)
    plot.set(height=height)
    plot.y(
        type="category",
        categoryorder="array",
        categoryarray=list(names),
        range=[len(names) - 0.6, -0.8],
        showgrid=False,
        showticklabels=False,
    )
    for name, label in zip(names, labels or names, strict=True):
        plot.note(
            text=label,
            xref="paper",
            x=0,
            xanchor="left",
            y=name,
            yanchor="bottom",
            yshift=pixels * BAR_WIDTH / 2,
            font={"size": 12, "color": look.dimmed},
        )
