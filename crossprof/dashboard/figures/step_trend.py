"""How one kernel or operator fares from step to step: its time and its calls."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.quantity import scale_for
from crossprof.dashboard.theme import Lane, Theme

__all__ = ["course"]

_MOST_POINTS = 1500


def course(steps: pl.DataFrame, lanes: Sequence[Lane], look: Theme) -> go.Figure:
    """Time and calls of each step, one line a run; hollow where the step is not measured.

    `steps` has run_id, step, is_measured, calls, self_ns. Of a long run every n-th step is shown.
    """
    if steps.is_empty():
        raise Absent("none of it belongs to a step: the capture marks no steps. crossprof.steps() or run.step() marks them.")
    scale = scale_for("ns", [steps["self_ns"].quantile(0.95)])
    plot = Plot(look, height=310, heights=[0.5, 0.5], gap=0.1)
    plot.y(rangemode="tozero", nticks=5)
    for lane in lanes:
        mine = steps.filter(pl.col("run_id") == lane.run_id).sort("step")
        mine = mine.gather_every(max(1, len(mine) // _MOST_POINTS))
        if len(mine):
            time = (mine["self_ns"] / scale.divisor).to_list()
            plot.add(_line(mine, time, lane, f"%{{y:.4g}} {scale.unit}"), row=1)
            plot.add(_line(mine, mine["calls"].to_list(), lane, "%{y:,} calls"), row=2)
    few = steps["step"].n_unique() <= 12
    plot.y(title_text=scale.unit, row=1)
    plot.y(title_text="calls", row=2)
    plot.x(title_text="step", dtick=1 if few else None, row=2)
    return plot.figure()


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
