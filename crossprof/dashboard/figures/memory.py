"""Memory: its course over time or steps, its peaks by phase, the sizes of allocations, and the lines of code that hold it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.figures.rows import BAR_WIDTH, height_of, name_rows
from crossprof.dashboard.quantity import Scale, percent, scale_for
from crossprof.dashboard.theme import Lane, Theme, shortened

__all__ = ["COUNTERS", "course", "holders", "phases", "sizes"]

COUNTERS = {
    "allocator": "Allocated, by the allocator",
    "driver": "Device, by the driver",
    "process": "Process, resident",
}
_PHASES = ("forward", "backward", "optimizer", "other")
_MOST_HOLDERS = 10


def course(
    readings: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, counter: str, align: str, held: Mapping[str, Sequence[str]]
) -> go.Figure:
    """Bytes in use, one line a run, its peak marked; what is reserved as a thin line; below it what is reserved and not in use.

    `readings` has run_id, since_ns, step, step_ratio, bytes, reserved_bytes, free_bytes, is_peak. `align` is time or step.
    `held` are the largest blocks at the peak of each run, as texts.
    """
    if readings.is_empty():
        raise Absent("no allocation and no memory reading of this device was recorded.")
    if align == "step":
        readings = readings.filter(pl.col("step").is_not_null())
        if readings.is_empty():
            raise Absent("no reading lies in a step: align by time.")
    clock = scale_for("ns", [readings["since_ns"].max()])  # type: ignore[list-item]
    x = pl.col("step") + pl.col("step_ratio").fill_null(0) if align == "step" else pl.col("since_ns") / clock.divisor
    placed = readings.with_columns(x.alias("x")).sort("x", maintain_order=True)
    scale = scale_for("bytes", [readings["bytes"].max(), readings["reserved_bytes"].max()])  # type: ignore[list-item]
    plot = _panels(look, has_free=readings["free_bytes"].null_count() < len(readings))
    for lane in lanes:
        mine = placed.filter(pl.col("run_id") == lane.run_id)
        if len(mine):
            _add_course(plot, mine, lane, look, scale=scale, held=held.get(lane.run_id, ()))
    title = "step" if align == "step" else f"{clock.unit} from the first reading of the run"
    plot.x(title_text=title, row=plot.rows)
    plot.y(title_text=f"{COUNTERS[counter]}, {scale.unit}", row=1)
    if plot.rows > 1:
        plot.y(title_text=f"Free, {scale.unit}", row=2)
    return plot.figure()


def _panels(look: Theme, *, has_free: bool) -> Plot:
    """An empty panel of what is in use and, where any is known, one below it of what is reserved and free."""
    height, heights = (440, [0.72, 0.28]) if has_free else (320, [1.0])
    plot = Plot(look, height=height, heights=heights, gap=0.06, hovermode="x unified")
    plot.y(rangemode="tozero")
    return plot


def _add_course(plot: Plot, mine: pl.DataFrame, lane: Lane, look: Theme, *, scale: Scale, held: Sequence[str]) -> None:
    plot.add(_line(mine, "bytes", lane, scale), row=1)
    if mine["reserved_bytes"].null_count() < len(mine):
        plot.add(_line(mine, "reserved_bytes", lane, scale, name="reserved", opacity=0.55), row=1)
    if mine["free_bytes"].null_count() < len(mine):
        plot.add(_line(mine, "free_bytes", lane, scale, name="free"), row=2)
    peak = mine.filter(pl.col("is_peak"))
    if len(peak):
        plot.add(_peak(peak.row(0, named=True), lane, look, scale=scale, held=held), row=1)


def _line(mine: pl.DataFrame, column: str, lane: Lane, scale: Scale, *, name: str = "", opacity: float = 1.0) -> go.Scatter:
    known = mine.filter(pl.col(column).is_not_null())
    return go.Scatter(
        x=known["x"].cast(pl.Float64).to_numpy(),
        y=(known[column] / scale.divisor).cast(pl.Float32).to_numpy(),
        mode="lines" if len(known) > 1 else "markers",
        name=f"{lane.label} · {name}" if name else lane.label,
        opacity=opacity,
        line={"color": lane.color, "dash": lane.dash, "width": 1.5 * opacity, "shape": "hv"},
        hovertemplate=f"%{{y:.3g}} {scale.unit}",
    )


def _peak(peak: Mapping[str, Any], lane: Lane, look: Theme, *, scale: Scale, held: Sequence[str]) -> go.Scatter:
    blocks = "<br>largest blocks then:<br>" + "<br>".join(held) if held else ""
    return go.Scatter(
        x=[peak["x"]],
        y=[peak["bytes"] / scale.divisor],
        mode="markers",
        name=f"{lane.label} · peak",
        marker={"symbol": "triangle-down", "size": 11, "color": lane.color, "line": {"color": look.surface, "width": 1}},
        hovertemplate=f"{scale.full(peak['bytes'])}{blocks}",
    )


def phases(peaks: pl.DataFrame, lanes: Sequence[Lane], look: Theme) -> go.Figure:
    """The highest allocated in each phase of the steps, one bar a run. `peaks` has run_id, phase, peak_allocated_bytes."""
    known = peaks.filter(pl.col("peak_allocated_bytes").is_not_null())
    if known.is_empty():
        raise Absent("no allocation on this device was recorded.")
    if set(known["phase"]) <= {"other"}:
        raise Absent("no allocation lies in a marked step, so none has a phase.")
    scale = scale_for("bytes", known["peak_allocated_bytes"])
    plot = Plot(look)
    for lane in lanes:
        mine = {row["phase"]: row["peak_allocated_bytes"] for row in known.filter(pl.col("run_id") == lane.run_id).to_dicts()}
        shown = [phase for phase in _PHASES if phase in mine]
        plot.add(
            go.Bar(
                x=shown,
                y=[mine[phase] / scale.divisor for phase in shown],
                name=lane.label,
                marker={"color": lane.color},
                hovertemplate=f"{lane.label}, %{{x}}: %{{y:.3g}} {scale.unit}<extra></extra>",
            )
        )
    plot.set(barmode="group", bargap=0.35 if len(set(known["phase"])) > 1 else 0.7)
    plot.x(categoryorder="array", categoryarray=[phase for phase in _PHASES if phase in set(known["phase"])])
    plot.y(rangemode="tozero", title_text=f"Peak allocated, {scale.unit}")
    return plot.figure()


def sizes(counted: pl.DataFrame, lanes: Sequence[Lane], look: Theme) -> go.Figure:
    """How many allocations are of each size, and how many bytes they are together.

    `counted` has run_id, from_bytes (a power of two), allocations, total_bytes.
    """
    if counted.is_empty():
        raise Absent("no allocation on this device was recorded. A PyTorch profile has them with profile_memory=True.")
    plot = Plot(look, height=300, heights=[0.5, 0.5], gap=0.08, barmode="group")
    plot.y(rangemode="tozero")
    scale = scale_for("bytes", counted["total_bytes"])
    for lane in lanes:
        mine = counted.filter(pl.col("run_id") == lane.run_id).sort("from_bytes")
        place = [math.log2(size) for size in mine["from_bytes"]]
        names = [_size(size) for size in mine["from_bytes"]]
        for row, (column, divisor, text) in enumerate(
            (("allocations", 1.0, "%{y:,} allocations"), ("total_bytes", scale.divisor, f"%{{y:.3g}} {scale.unit}")), start=1
        ):
            bar = go.Bar(
                x=place,
                y=(mine[column] / divisor).to_numpy(),
                customdata=names,
                name=lane.label,
                marker={"color": lane.color},
                hovertemplate=f"{lane.label}, from %{{customdata}}: {text}<extra></extra>",
            )
            plot.add(bar, row=row)
    ticks = range(int(math.log2(counted["from_bytes"].min())), int(math.log2(counted["from_bytes"].max())) + 1)  # type: ignore[arg-type]
    every = ticks[:: max(1, math.ceil(len(ticks) / 7))]
    plot.x(tickvals=list(every), ticktext=[_size(2**power) for power in every])
    plot.x(title_text="size of one allocation, from", row=2)
    plot.y(title_text="Count", row=1)
    plot.y(title_text=f"Total, {scale.unit}", row=2)
    return plot.figure()


def _size(size: int) -> str:
    scale = scale_for("bytes", [size])
    return f"{size / scale.divisor:g}\u2009{scale.unit}"


def holders(lines: pl.DataFrame, lanes: Sequence[Lane], look: Theme) -> go.Figure:
    """The lines of code that held most at the peak, one bar a line.

    `lines` has run_id, source_line (null: not told), held_bytes, share_ratio.
    """
    if lines.is_empty():
        raise Absent(
            "only memory snapshots of PyTorch tell lines of code: torch.cuda.memory._record_memory_history() before the steps, "
            "_dump_snapshot() after them, and crossprof ingest for the file."
        )
    scale = scale_for("bytes", lines["held_bytes"])
    plot = Plot(look)
    names: list[str] = []
    for lane in lanes:
        mine = lines.filter(pl.col("run_id") == lane.run_id).sort("held_bytes", descending=True).head(_MOST_HOLDERS)
        run = f" · {shortened(lane.label, most=16)}" if lines["run_id"].n_unique() > 1 else ""
        named = [f"{_place(row['source_line'])} · {percent(row['share_ratio'])}{run}" for row in mine.to_dicts()]
        plot.add(
            go.Bar(
                x=(mine["held_bytes"] / scale.divisor).to_numpy(),
                y=named,
                customdata=[line or "" for line in mine["source_line"]],
                orientation="h",
                width=BAR_WIDTH,
                name=lane.label,
                marker={"color": lane.color},
                hovertemplate=f"%{{x:.3g}} {scale.unit}<br>%{{customdata}}<extra></extra>",
            )
        )
        names += named
    name_rows(plot, names, look, height=height_of(len(names), 36))
    plot.x(rangemode="tozero", title_text=f"held at the peak, {scale.unit}")
    return plot.figure()


def _place(line: str | None) -> str:
    """The last two parts of a path with its line."""
    return "not told: before the history, or no stack" if line is None else "/".join(line.replace("\\", "/").split("/")[-2:])
