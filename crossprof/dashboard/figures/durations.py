"""How long the calls of one kernel or operator take: how many take how long in each run, and the runs laid over each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.quantity import Scale, scale_for
from crossprof.dashboard.theme import Lane, Theme

__all__ = ["spread"]

_SHORTEST_NS = 0.5  # a duration of nothing has no place on an axis of ratios


def spread(bins: pl.DataFrame, quantiles: pl.DataFrame, lanes: Sequence[Lane], look: Theme) -> go.Figure:
    """A histogram for each run, and below, for all of them, the share of calls that take no longer.

    `bins` has run_id, is_log, low_ns, high_ns, calls; `quantiles` run_id, quantile_ratio, dur_ns. The axis of durations is one
    of ratios where some run's bins are.
    """
    shown = [lane for lane in lanes if lane.run_id in set(bins["run_id"])]
    if not shown:
        raise Absent("no call of it was recorded.")
    scale = scale_for("ns", [quantiles["dur_ns"].median()])  # type: ignore[list-item]
    panels = len(shown) + 1
    plot = Plot(look, height=70 + 96 * len(shown) + 120, heights=[1.0] * panels, gap=0.28 / panels)
    plot.y(rangemode="tozero", nticks=4)
    for row, lane in enumerate(shown, start=1):
        mine = bins.filter(pl.col("run_id") == lane.run_id)
        plot.add(_outline(mine, lane, scale), row=row)
        plot.add(_course(quantiles.filter(pl.col("run_id") == lane.run_id), lane, scale), row=panels)
        is_few = (mine["calls"] <= 4).all()
        plot.y(title_text="calls", dtick=1 if is_few else None, row=row)
    plot.y(title_text="% of calls", range=[0, 104], row=panels)
    plot.x(title_text=f"{scale.unit} at most", row=panels)
    if bins["is_log"].any():
        ticks = _ticks(quantiles, scale)
        plot.x(type="log", tickvals=ticks, ticktext=[f"{tick:,.10g}" for tick in ticks])
    return plot.figure()


def _ticks(quantiles: pl.DataFrame, scale: Scale) -> list[float]:
    """Round durations on an axis of ratios, each written in full: plotly writes a 2 for 200. The fewer, the longer the axis."""
    held = quantiles["dur_ns"].clip(lower_bound=1)
    low, high = (math.log10(end / scale.divisor) for end in (held.min(), held.max()))  # type: ignore[operator, arg-type]
    steps = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if high - low < 1 else (1.0, 2.0, 5.0) if high - low < 3 else (1.0,)
    return [step * 10.0**power for power in range(math.floor(low) - 1, math.ceil(high) + 1) for step in steps]


def _outline(bins: pl.DataFrame, lane: Lane, scale: Scale) -> go.Scatter:
    """The outline of the bars: bars of plotly have no width of their own on an axis of ratios."""
    low, high, calls = (bins.sort("low_ns")[column].to_list() for column in ("low_ns", "high_ns", "calls"))
    edges, heights = [], []
    for place, count in enumerate(calls):
        is_apart = place == 0 or low[place] > high[place - 1] * 1.0001
        if is_apart and place:
            edges.append(high[place - 1])
            heights.append(0)
        if is_apart:
            edges.append(low[place])
            heights.append(0)
        edges += [low[place], high[place]]
        heights += [count, count]
    edges.append(high[-1])
    heights.append(0)
    return go.Scatter(
        x=[max(edge, _SHORTEST_NS) / scale.divisor for edge in edges],
        y=heights,
        mode="lines",
        name=lane.label,
        line={"color": lane.color, "width": 1.2, "simplify": False},
        fill="tozeroy",
        hovertemplate=f"%{{y:,}} calls around %{{x:.4g}} {scale.unit}<extra>{lane.label}</extra>",
    )


def _course(quantiles: pl.DataFrame, lane: Lane, scale: Scale) -> go.Scatter:
    held = quantiles.sort("quantile_ratio")
    return go.Scatter(
        x=(held["dur_ns"].clip(lower_bound=_SHORTEST_NS) / scale.divisor).to_list(),
        y=(held["quantile_ratio"] * 100).to_list(),
        mode="lines",
        name=lane.label,
        line={"color": lane.color, "dash": lane.dash, "width": 1.6},
        hovertemplate=f"%{{y:.0f}} % take at most %{{x:.4g}} {scale.unit}<extra>{lane.label}</extra>",
    )
