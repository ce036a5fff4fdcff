"""What the mean step, or a capture, is made of: one bar, its parts named where they fit."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.quantity import percent, scale_for
from crossprof.dashboard.theme import Theme, category_color, ink_on
from crossprof.dashboard.wording import part as named

__all__ = ["bar"]

_ORDER = (
    *("compute", "communication", "copy", "operators"),
    *("idle_host", "idle_launch", "idle_input", "idle_sync", "idle_kernel", "idle_unknown", "outside_ops"),
)
_COLORS = {"compute": "gemm", "operators": "gemm", "communication": "communication", "copy": "copy"}
_ROOM_A_LETTER = 0.008  # of the width of a card


def bar(parts: pl.DataFrame, look: Theme) -> go.Figure:
    """The parts of the view time_part of one run, side by side, with their shares. The axis is the time."""
    if parts.is_empty():
        raise Absent("the capture holds neither device work nor steps with operators.")
    rows = {row["part"]: row for row in parts.to_dicts()}
    window = next(iter(rows.values()))["window_ns"]
    scale = scale_for("ns", [window])
    plot = Plot(look, height=110, barmode="stack", bargap=0.1)
    for name in (name for name in _ORDER if name in rows):
        row, color = rows[name], category_color(_COLORS.get(name, name))
        text = f"{named(name)} {percent(row['share_ratio'])}"
        fits = row["share_ratio"] > _ROOM_A_LETTER * len(text)
        plot.add(
            go.Bar(
                x=[row["mean_ns"] / scale.divisor],
                y=[""],
                orientation="h",
                name=text,
                showlegend=True,
                text=[text if fits else ""],
                textposition="inside",
                insidetextanchor="start",
                textfont={"color": ink_on(color), "size": 12},
                marker={"color": color, "line": {"width": 1, "color": look.surface}},
                hovertemplate=f"{text}: %{{x:.4g}} {scale.unit}<extra></extra>",
            )
        )
    plot.y(showticklabels=False, showgrid=False)
    plot.x(title_text=scale.unit, range=[0, window / scale.divisor])
    return plot.figure()
