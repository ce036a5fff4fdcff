"""Heatmaps of ranks: what differs from the median of the ranks, in two colours about the middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.theme import Theme

__all__ = ["Cells", "diverging"]

_SHARE = 99.5  # of all cells, in percent: those beyond it would take the colours from all others
_ROW_PIXELS = (9, 26)
_AXIS_PIXELS = 70


@dataclass(frozen=True)
class Cells:
    """A rectangle of values, NaN where there is none, with the texts that hovering shows for each in place of its number."""

    x: Sequence[int | str]
    ranks: Sequence[int]
    values: NDArray[np.float32]
    unit: str
    x_title: str
    told: str
    """A template of plotly for what a cell says."""
    more: NDArray[np.float32] | None = None
    """Another value of each cell, as %{customdata} in `told`."""


def diverging(cells: Cells, look: Theme) -> Plot:
    """Rows of ranks, the lowest on top: blue below the median, red above it. One trace, however many cells."""
    known = np.abs(cells.values[np.isfinite(cells.values)])
    reach = float(np.percentile(known, _SHARE)) if known.size else 0.0
    reach = reach or (float(known.max()) if known.size else 0.0) or 1.0
    pixels = min(max(360 // max(len(cells.ranks), 1), _ROW_PIXELS[0]), _ROW_PIXELS[1])
    plot = Plot(look, height=_AXIS_PIXELS + max(pixels * len(cells.ranks), 90))
    plot.add(
        go.Heatmap(
            x=list(cells.x),
            y=list(range(len(cells.ranks))),
            z=cells.values,
            customdata=cells.more,
            text=None,
            zmin=-reach,
            zmax=reach,
            colorscale=_colors(look),
            hoverongaps=False,
            hovertemplate=f"{cells.told}<extra></extra>",
            colorbar={
                "title": {"text": cells.unit, "side": "right", "font": {"size": 12, "color": look.dimmed}},
                "tickfont": {"size": 11, "color": look.dimmed},
                "thickness": 10,
                "outlinewidth": 0,
                "xpad": 4,
                "len": 1,
            },
        )
    )
    every = max(1, -(-len(cells.ranks) // 16))
    places = list(range(0, len(cells.ranks), every))
    plot.y(autorange="reversed", title_text="rank", tickvals=places, ticktext=[str(cells.ranks[place]) for place in places])
    plot.y(showgrid=False, zeroline=False)
    plot.x(showgrid=False, zeroline=False, title_text=cells.x_title)
    return plot


def _colors(look: Theme) -> list[tuple[float, str]]:
    """Blue and red of equal weight, which colour-blind readers can tell apart, over the ground of a card."""
    if look.scheme == "dark":
        return [(0.0, "#6BAED6"), (0.25, "#2F5F86"), (0.5, "#24272B"), (0.75, "#96472F"), (1.0, "#FF9270")]
    return [(0.0, "#08519C"), (0.25, "#7FB2DB"), (0.5, "#F4F5F6"), (0.75, "#F0946F"), (1.0, "#A8240F")]
