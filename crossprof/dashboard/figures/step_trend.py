"""How one kernel or operator fares from step to step: its time and its calls."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.quantity import scale_for
from crossprof.dashboard.theme import Lane, Theme, figure_layout

__all__ = ["course"]

_MOST_POINTS = 1500


def course(steps: pl.DataFrame, lanes: Sequence[Lane], look: Theme) -> go.Figure:
    """Time and calls of each step, one line a run; hollow where the step is not measured.

    `steps` has run_id, step, is_measured, calls, self_ns. Of a long run every n-th step is shown.
    """
    if steps.is_empty():
        raise Absent("none of it belongs to a step: the capture marks no steps. crossprof.steps() or run.step() marks them.")
    scale = scale_for("ns", [steps["self_ns"].quantile(0.95)])
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.1)
    layout = figure_layout(look, height=310)
    figure.update_layout({key: value for key, value in layout.items() if key not in ("xaxis", "yaxis")})
    figure.update_xaxes(layout["xaxis"])
    figure.update_yaxes(layout["yaxis"] | {"rangemode": "tozero", "nticks": 5})
    for lane in lanes:
        mine = steps.filter(pl.col("run_id") == lane.run_id).sort("step")
        mine = mine.gather_every(max(1, len(mine) // _MOST_POINTS))
        if len(mine):
            time = (mine["self_ns"] / scale.divisor).to_list()
            figure.add_trace(_line(mine, time, lane, f"%{{y:.4g}} {scale.unit}"), row=1, col=1)
            figure.add_trace(_line(mine, mine["calls"].to_list(), lane, "%{y:,} calls"), row=2, col=1)
    few = steps["step"].n_unique() <= 12
    figure.update_yaxes(title_text=scale.unit, row=1, col=1)
    figure.update_yaxes(title_text="calls", row=2, col=1)
    figure.update_xaxes(title_text="step", dtick=1 if few else None, row=2, col=1)
    return figure


def _line(steps: pl.DataFrame, values: list[float], lane: Lane, text: str) -> go.Scatter:
    symbols = ["circle" if is_measured else "circle-open" for is_measured in steps["is_measured"]]
    return go.Scatter(
        x=steps["step"].to_list(),
        y=values,
        mode="lines+markers" if len(values) <= 200 else "lines",
        name=lane.label,
        line={"color": lane.color, "dash": lane.dash, "width": 1.4},
        marker={"symbol": symbols, "size": 6, "color": lane.color},
        hovertemplate=f"step %{{x}}: {text}<extra>{lane.label}</extra>",
    )
