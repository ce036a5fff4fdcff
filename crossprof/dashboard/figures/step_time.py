"""How long steps are: their distribution for each run, as boxes and as a cumulative course, and their course over a run."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.figures.rows import BAR_WIDTH, height_of, name_rows
from crossprof.dashboard.quantity import Scale, scale_for
from crossprof.dashboard.theme import Lane, Theme

__all__ = ["cumulative", "distribution", "over_time"]

_MOST_POINTS = 2000


def distribution(
    steps: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, unit: str = "step", height: int | None = None
) -> go.Figure:
    """A box for the bare steps of each run, and a hollow one for its profiled steps. Warm-up steps are left out.

    `steps` has run_id, dur_ns, is_profiled, is_warmup. Whiskers span the 5th to the 95th percentile.
    """
    counted = _counted(steps)
    scale = scale_for("ns", [counted["dur_ns"].quantile(0.95)])
    boxes = []
    for lane in lanes:
        mine = counted.filter(pl.col("run_id") == lane.run_id)
        for is_profiled in (False, True):
            part = mine.filter(pl.col("is_profiled") == is_profiled)["dur_ns"]
            if len(part):
                boxes.append(_box(part, lane, scale, is_profiled=is_profiled))
    plot = Plot(look)
    plot.add(*boxes)
    names = [box.name for box in boxes]
    name_rows(plot, names, look, height=height or height_of(len(names), 36))
    plot.x(rangemode="tozero", title_text=scale.unit if unit == "step" else f"{scale.unit} per {unit}")
    return plot.figure()


def _counted(steps: pl.DataFrame) -> pl.DataFrame:
    counted = steps.filter(~pl.col("is_warmup"))
    if counted.is_empty():
        raise Absent("no step of these runs is left after warm-up. crossprof.steps() or run.step() marks steps.")
    return counted


def cumulative(
    steps: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, unit: str = "step", height: int | None = None
) -> go.Figure:
    """The share of steps that took at most so long, a line for the bare steps of each run and a faint one for profiled ones.

    `steps` as for `distribution`. The axis ends where 99 of 100 steps do.
    """
    counted = _counted(steps)
    end = counted["dur_ns"].quantile(0.99, "higher") or 0.0
    scale = scale_for("ns", [end])
    plot = Plot(look)
    for lane in lanes:
        mine = counted.filter(pl.col("run_id") == lane.run_id)
        for is_profiled in (False, True):
            part = mine.filter(pl.col("is_profiled") == is_profiled)["dur_ns"]
            if len(part):
                plot.add(_course(part, lane, scale, is_profiled=is_profiled))
    plot.set(height=height or 260, hovermode="closest")
    plot.x(range=[0, end / scale.divisor * 1.04], title_text=f"{scale.unit} per {unit}")
    plot.y(range=[0, 103], title_text="% of steps at or below")
    return plot.figure()


def _course(values: pl.Series, lane: Lane, scale: Scale, *, is_profiled: bool) -> go.Scatter:
    ordered = values.sort().gather_every(max(1, len(values) // _MOST_POINTS))
    share = [100 * (place + 1) / len(ordered) for place in range(len(ordered))]
    name = f"{lane.label} · {'profiled' if is_profiled else 'bare'}"
    return go.Scatter(
        x=[0.0, *(ordered / scale.divisor)],
        y=[0.0, *share],
        mode="lines",
        name=name,
        opacity=0.5 if is_profiled else 1.0,
        line={"color": lane.color, "dash": "dot" if is_profiled else lane.dash, "width": 1.5, "shape": "hv"},
        hovertemplate=f"%{{y:.3g}} % of steps take at most %{{x:.4g}} {scale.unit}<extra>{name}</extra>",
    )


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
    if steps["step"].n_unique() == 1:
        raise Absent(f"the run marks one step, of {scale.full(steps['dur_ns'].max())}.")  # type: ignore[arg-type]
    plot = Plot(look)
    for name, chosen, symbol, color in (
        ("bare", ~pl.col("is_profiled") & ~pl.col("is_warmup"), "circle", lane.color),
        ("profiled", pl.col("is_profiled") & ~pl.col("is_warmup"), "circle-open", lane.color),
        ("warm-up, not counted", pl.col("is_warmup"), "x-thin-open", look.dimmed),
    ):
        part = steps.filter(chosen).sort("step", "rank")
        part = part.gather_every(max(1, len(part) // _MOST_POINTS))
        if len(part):
            plot.add(_points(part, name, scale, symbol=symbol, color=color))
    plot.set(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    counted = steps.filter(~pl.col("is_warmup"))["dur_ns"].quantile(1.0) or 0.0
    top = max(counted, (steps["dur_ns"].quantile(0.95) or 0.0) * 1.2)
    plot.y(range=[0, float(top) * 1.08 / scale.divisor], title_text=scale.unit)
    few = steps["step"].n_unique() <= 12
    plot.x(title_text="step", dtick=1 if few else None)
    return plot.figure()


def _points(part: pl.DataFrame, name: str, scale: Scale, *, symbol: str, color: str) -> go.Scatter:
    return go.Scatter(
        x=part["step"].to_numpy(),
        y=(part["dur_ns"] / scale.divisor).cast(pl.Float32).to_numpy(),
        mode="markers",
        name=name,
        marker={"symbol": symbol, "color": color, "size": 6},
        hovertemplate=f"step %{{x}}: %{{y:.4g}} {scale.unit}<extra>{name}</extra>",
    )
