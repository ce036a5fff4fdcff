"""Rows of a horizontal figure, each with its name above it: beside it, a long name would take the figure's room."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from crossprof.dashboard.theme import Theme

__all__ = ["BAR_WIDTH", "height_of", "name_rows"]

BAR_WIDTH = 0.46
_AXIS_PIXELS = 62


def height_of(rows: int, pixels: int) -> int:
    """The height of a figure of that many rows, each of so many pixels, with its axis."""
    return _AXIS_PIXELS + pixels * rows


def name_rows(figure: go.Figure, names: Sequence[str], look: Theme, *, height: int) -> None:
    """Set the rows in order, the first on top, each under its name; they share the figure's height."""
    pixels = (height - _AXIS_PIXELS) / max(len(names), 1)
    figure.update_layout(height=height)
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=list(names),
        range=[len(names) - 0.6, -0.8],
        showgrid=False,
        showticklabels=False,
    )
    for name in names:
        figure.add_annotation(
            text=name,
            xref="paper",
            x=0,
            xanchor="left",
            y=name,
            yanchor="bottom",
            yshift=pixels * BAR_WIDTH / 2,
            showarrow=False,
            font={"size": 12, "color": look.dimmed},
        )
