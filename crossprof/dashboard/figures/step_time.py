"""How long steps are: their distribution for each run, and their course over a run."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.rows import BAR_WIDTH, name_rows
from crossprof.dashboard.quantity import Scale, scale_for
from crossprof.dashboard.theme import Lane, Theme, figure_layout

__all__ = ["distribution", "over_time"]

_MOST_POINTS = 2000


def distribution(steps: pl.DataFrame, lanes: Sequence[Lane], look: Theme) -> go.Figure:
    """A box for the bare steps of each run, and a hollow one for its profiled steps. Warm-up steps are left out.

    `steps` has run_id, dur_ns, is_profiled, is_warmup. Whiskers span the 5th to the 95th percentile.
    """
    counted = steps.filter(~pl.col("is_warmup"))
    if counted.is_empty():
        raise Absent("no step of these runs is left after warm-up. crossprof.steps() or run.step() marks steps.")
    scale = scale_for("ns", [counted["dur_ns"].quantile(0.95)])
    figure = go.Figure()
    for lane in lanes:
        mine = counted.filter(pl.col("run_id") == lane.run_id)
        for is_profiled in (False, True):
            part = mine.filter(pl.col("is_profiled") == is_profiled)["dur_ns"]
            if len(part):
                figure.add_trace(_box(part, lane, scale, is_profiled=is_profiled))
    figure.update_layout(figure_layout(look))
    name_rows(figure, [box.name for box in figure.data], look, pixels=36)
    figure.update_xaxes(rangemode="tozero", title_text=scale.unit)
    return figure


def _box(values: pl.Series, lane: Lane, scale: Scale, *, is_profiled: bool) -> go.Box:
    low, first, median, third, high = (
        (values.quantile(share, "linear") or 0.0) / scale.divisor for share in (0.05, 0.25, 0.5, 0.75, 0.95)
    )
    label = f"{lane.label} · {'profiled' if is_profiled else 'bare'}, {len(values)} step{'' if len(values) == 1 else 's'}"
    return go.Box(
        y=[label],
        lowerfence=[low],
        q1=[first],
        median=[median],
        q3=[third],
        upperfence=[high],
        orientation="h",
        name=label,
        width=BAR_WIDTH,
        line={"color": lane.color, "width": 1.5},
        fillcolor="rgba(0,0,0,0)" if is_profiled else _faded(lane.color),
        hoverinfo="x",
    )


def _faded(color: str) -> str:
    """A lighter fill, so that the median line shows."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.35)"


def over_time(steps: pl.DataFrame, lane: Lane, look: Theme) -> go.Figure:
    """The duration of each step of one run; profiled and warm-up steps marked apart.

    `steps` has step, rank, dur_ns, is_profiled, is_warmup. A long run is thinned to every n-th bare step.
    """
    if steps.is_empty():
        raise Absent("the run has no step markers. crossprof.steps() or run.step() sets them.")
    scale = scale_for("ns", [steps["dur_ns"].quantile(0.95)])
    figure = go.Figure()
    for name, chosen, symbol, color in (
        ("bare", ~pl.col("is_profiled") & ~pl.col("is_warmup"), "circle", lane.color),
        ("profiled", pl.col("is_profiled") & ~pl.col("is_warmup"), "circle-open", lane.color),
        ("warm-up, not counted", pl.col("is_warmup"), "x-thin-open", look.dimmed),
    ):
        part = steps.filter(chosen).sort("step", "rank")
        part = part.gather_every(max(1, len(part) // _MOST_POINTS))
        if len(part):
            figure.add_trace(_points(part, name, scale, symbol=symbol, color=color))
    figure.update_layout(
        figure_layout(look), showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    )
    counted = steps.filter(~pl.col("is_warmup"))["dur_ns"].quantile(1.0) or 0.0
    top = max(counted, (steps["dur_ns"].quantile(0.95) or 0.0) * 1.2)
    figure.update_yaxes(range=[0, float(top) * 1.08 / scale.divisor], title_text=scale.unit)
    few = steps["step"].n_unique() <= 12
    figure.update_xaxes(title_text="step", dtick=1 if few else None)
    return figure


def _points(part: pl.DataFrame, name: str, scale: Scale, *, symbol: str, color: str) -> go.Scatter:
    return go.Scatter(
        x=part["step"].to_numpy(),
        y=(part["dur_ns"] / scale.divisor).cast(pl.Float32).to_numpy(),
        mode="markers",
        name=name,
        marker={"symbol": symbol, "color": color, "size": 6},
        hovertemplate=f"step %{{x}}: %{{y:.4g}} {scale.unit}<extra>{name}</extra>",
    )
