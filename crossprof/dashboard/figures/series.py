"""Values over time: memory and telemetry, one line a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.quantity import Scale, scale_for
from crossprof.dashboard.theme import Lane, Theme

__all__ = ["memory", "memory_by_step", "telemetry", "telemetry_by_step"]

_MOST_POINTS = 1500
_COUNTERS = {"driver": "Device, by the driver", "process": "Process, resident", "allocator": "Allocated"}


def memory(events: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, counter: str, height: int | None = None) -> go.Figure:
    """Bytes in use over time, one line a run, from the first event of each.

    `events` has run_id, at_ns, bytes, by the count of `counter`. Long series keep the largest value of each slice of time.
    """
    if events.is_empty():
        raise Absent("no allocation and no memory reading was recorded.")
    scale = scale_for("By", [events["bytes"].max()])  # type: ignore[list-item]
    clock = _clock(events)
    plot = Plot(look, height=height or 260, hovermode="x unified")
    for lane in lanes:
        mine = events.filter(pl.col("run_id") == lane.run_id)
        if len(mine):
            plot.add(_line(mine, "bytes", lane, scale, clock=clock, shape="hv"))
    plot.x(title_text=f"{clock.unit} from the first reading")
    plot.y(rangemode="tozero", title_text=f"{_COUNTERS[counter]}, {scale.unit}")
    return plot.figure()


def memory_by_step(
    peaks: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, counter: str, height: int | None = None
) -> go.Figure:
    """The most bytes in use during each step, one line a run. `peaks` has run_id, step, bytes, by the count of `counter`."""
    if peaks.is_empty():
        raise Absent("no reading of memory falls into a step: the captures mark none, or telemetry took none in them.")
    scale = scale_for("By", [peaks["bytes"].max()])  # type: ignore[list-item]
    plot = Plot(look, height=height or 260, hovermode="x unified")
    for lane in lanes:
        mine = peaks.filter(pl.col("run_id") == lane.run_id).group_by("step").agg(pl.col("bytes").max()).sort("step")
        course = _thinned(mine.select(pl.col("step").cast(pl.Float64).alias("x"), (pl.col("bytes") / scale.divisor).alias("y")))
        if len(mine):
            plot.add(
                go.Scatter(
                    x=course["x"].to_list(),
                    y=course["y"].cast(pl.Float32).to_numpy(),
                    mode="lines" if len(mine) > 1 else "markers",
                    name=lane.label,
                    line={"color": lane.color, "dash": lane.dash, "width": 1.5},
                    hovertemplate=f"%{{y:.3g}} {scale.unit}",
                )
            )
    plot.x(title_text="step")
    plot.y(rangemode="tozero", title_text=f"{_COUNTERS[counter]}, peak, {scale.unit}")
    return plot.figure()


def telemetry(
    samples: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, titles: Mapping[str, str], height: int | None = None
) -> go.Figure:
    """Telemetry over time, one panel a title, one line a run. `samples` has run_id, metric, at_ns, value and unit."""
    if samples.is_empty():
        raise Absent("no telemetry was recorded. An imported trace has none; a recording samples every 0.2\u00a0s.")
    clock = _clock(samples)
    since = pl.col("at_ns") - pl.col("at_ns").min().over("run_id", "metric")
    placed = samples.with_columns(x=since / clock.divisor)
    return _telemetry(placed, lanes, look, titles=titles, height=height, told=f"{clock.unit} from the first reading")


def telemetry_by_step(
    samples: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, titles: Mapping[str, str], height: int | None = None
) -> go.Figure:
    """As `telemetry`, over the steps in which readings were taken: `samples` has step and step_ratio in place of at_ns."""
    if samples.is_empty():
        raise Absent("no reading was taken during a step: the captures mark none, or telemetry read none in them.")
    placed = samples.with_columns(x=pl.col("step") + pl.col("step_ratio"))
    return _telemetry(placed, lanes, look, titles=titles, height=height, told="step")


def _telemetry(
    placed: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, titles: Mapping[str, str], height: int | None, told: str
) -> go.Figure:
    named = placed.with_columns(panel=pl.col("metric").replace_strict(titles, default=None, return_dtype=pl.String))
    panels = [panel for panel in dict.fromkeys(titles.values()) if panel in set(named["panel"])]
    if not panels:
        raise Absent("none of this is among the telemetry of these runs.")
    height = height or 100 + 140 * len(panels)
    plot = Plot(look, height=height, heights=[1.0] * len(panels), gap=0.24 / len(panels), hovermode="x unified")
    for row, panel in enumerate(panels, start=1):
        shown = named.filter(pl.col("panel") == panel)
        scale = scale_for(shown["unit"][0], shown["value"])
        for lane in lanes:
            mine = shown.filter(pl.col("run_id") == lane.run_id)
            if len(mine):
                plot.add(_course(mine.select("x", y=pl.col("value") / scale.divisor), lane, scale.unit), row=row)
        plot.y(rangemode="tozero", title_text=f"{panel}, {scale.unit}", row=row)
    plot.x(title_text=told, row=len(panels))
    return plot.figure()


def _clock(values: pl.DataFrame) -> Scale:
    """The unit of time that suits the longest of the runs."""
    spans = values.group_by("run_id").agg((pl.col("at_ns").max() - pl.col("at_ns").min()).alias("span"))["span"]
    return scale_for("ns", spans)


def _line(values: pl.DataFrame, column: str, lane: Lane, scale: Scale, *, clock: Scale, shape: str = "linear") -> go.Scatter:
    since = (pl.col("at_ns") - values["at_ns"].min()) / clock.divisor
    return _course(values.select(since.alias("x"), (pl.col(column) / scale.divisor).alias("y")), lane, scale.unit, shape=shape)


def _course(points: pl.DataFrame, lane: Lane, unit: str, *, shape: str = "linear") -> go.Scatter:
    course = _thinned(points.sort("x"))
    return go.Scatter(
        x=course["x"].cast(pl.Float32).to_numpy(),
        y=course["y"].cast(pl.Float32).to_numpy(),
        mode="lines" if len(course) > 1 else "markers",
        name=lane.label,
        line={"color": lane.color, "dash": lane.dash, "width": 1.5, "shape": shape},
        hovertemplate=f"%{{y:.3g}} {unit}",
    )


def _thinned(course: pl.DataFrame) -> pl.DataFrame:
    """At most some 1,500 points: of each slice of time the largest value, since peaks are what one looks for."""
    if len(course) <= _MOST_POINTS:
        return course
    width = float(course["x"].max() or 1.0) / _MOST_POINTS  # type: ignore[arg-type]
    slices = (pl.col("x") / width).floor()
    return course.group_by(slices.alias("slice")).agg(pl.col("x").first(), pl.col("y").max()).sort("x").drop("slice")
