"""How near the limits of the device work comes: speed over operations per byte, under ceilings that vendors state."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Any

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.quantity import percent, scale_for, significant
from crossprof.dashboard.theme import Lane, Theme, shortened

__all__ = ["NONE", "roofline"]

_BF16 = ("bf16_flops_per_second", "memory_bytes_per_second")
_LABEL_PIXELS, _AXIS_PIXELS = 17, 70
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "pentagon")
NONE = (
    "neither operations nor traffic of these runs are known. Recorded shapes tell them (torch.profiler's record_shapes, on by "
    "default in a recording), or XLA's own cost."
)


def roofline(
    work: pl.DataFrame, peaks: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, height: int | None = None
) -> go.Figure:
    """A marker for each operator, its area after its device time; a line for the limits of each device in each precision.

    `work` has the columns of the view op_flops, `peaks` run_id, model, bf16_flops_per_second, memory_bytes_per_second,
    derivation and citation of device_peak.
    """
    known = work.filter(pl.col("flops_per_second").is_not_null() & (pl.col("operational_intensity") > 0))
    if known.is_empty():
        raise Absent(NONE)
    height = height or 300
    speeds = [float(speed) for speed in known["flops_per_second"]]
    scale = scale_for("FLOP/s", [sorted(speeds)[len(speeds) // 2]])
    ceilings = _ceilings(known, peaks)
    left, right = _extent(known)
    low, high = log10(min(speeds) / scale.divisor) - 0.3, log10(max(speeds) / scale.divisor) + 0.3
    tops = [log10(row["peak_flops_per_second"] / scale.divisor) for row in ceilings]
    at, high = _apart(tops, low, high, least=_LABEL_PIXELS / (height - _AXIS_PIXELS))
    plot = Plot(look, height=height, meta={"notes": _notes(known, peaks, lanes)})
    for place, (row, decade) in enumerate(zip(ceilings, at, strict=True)):
        plot.add(_ceiling(row, left, right, scale.divisor, look))
        is_under = place == 0 and len(ceilings) > 1  # above it the next line may pass
        plot.note(**_name(row, log10(right), decade, look), yanchor="top" if is_under else "bottom")
    for place, lane in enumerate(lanes):
        mine = known.filter(pl.col("run_id") == lane.run_id)
        if len(mine):
            symbol = _SYMBOLS[place % len(_SYMBOLS)]
            plot.add(_markers(mine.to_dicts(), lane, symbol, scale.divisor, scale.unit))
    plot.x(**_decades(log10(left), log10(right)), title_text="operations per byte")
    plot.y(**_decades(low, high), title_text=scale.unit)
    return plot.figure()


def _decades(low: float, high: float) -> dict[str, Any]:
    """An axis over these powers of ten, each with its value; over few of them with twice and five times each."""
    ticks = [10.0**power for power in range(ceil(low), floor(high) + 1)]
    if len(ticks) < 3:
        between = [step * 10.0**power for power in range(floor(low), ceil(high)) for step in (1, 2, 5)]
        ticks = [tick for tick in between if low <= log10(tick) <= high]
    return {"type": "log", "range": (low, high), "tickvals": ticks, "ticktext": [f"{tick:,.10g}" for tick in ticks]}


def _extent(known: pl.DataFrame) -> tuple[float, float]:
    """A decade beyond the markers, and beyond the ridge of the roof where it is known."""
    ridges = (known["peak_flops_per_second"] / known["peak_bytes_per_second"]).drop_nulls().to_list()
    at = [*known["operational_intensity"].to_list(), *ridges]
    return min(at) / 3, max(at) * 3


def _ceilings(known: pl.DataFrame, peaks: pl.DataFrame) -> list[dict[str, Any]]:
    """The limits that the markers are under, each model and precision once; that of bf16 where a run tells no precision."""
    models = peaks.unique("run_id", keep="first")
    limits = known.filter(pl.col("peak_flops_per_second").is_not_null() & pl.col("peak_bytes_per_second").is_not_null())
    columns = ("model", "peak_precision", "peak_flops_per_second", "peak_bytes_per_second")
    untold = models.join(known, on="run_id", how="semi").join(limits, on="run_id", how="anti").drop_nulls(_BF16)
    by_default = untold.select(
        "model", pl.lit("bf16").alias(columns[1]), *(pl.col(a).alias(b) for a, b in zip(_BF16, columns[2:], strict=True))
    )
    found = pl.concat([limits.join(models, on="run_id").select(columns), by_default])
    return found.unique().sort("peak_flops_per_second", "model").to_dicts()


def _ceiling(row: dict[str, Any], left: float, right: float, divisor: float, look: Theme) -> go.Scatter:
    """The roof of a device: its memory up to the ridge, its arithmetic from there."""
    top, slope = row["peak_flops_per_second"], row["peak_bytes_per_second"]
    xs = [left, max(top / slope, left), right]
    name = f"{row['model']}, {row['peak_precision']}"
    told = f"{name}: at most {scale_for('FLOP/s', [top]).full(top)}, {significant(slope / 1e12)} TB/s"
    return go.Scatter(
        x=xs,
        y=[min(top, slope * x) / divisor for x in xs],
        mode="lines",
        name=name,
        line={"color": look.dimmed, "width": 1.2},
        hovertemplate=f"{told}<extra></extra>",
    )


def _apart(tops: Sequence[float], low: float, high: float, *, least: float) -> tuple[list[float], float]:
    """Where to write the names of lines at these heights, in ascending order, and where the axis from `low` ends then.

    The first stands under its line, each other is above the one before by `least`, a share of the axis, which they make longer.
    """
    end = max([high, *tops])
    found: list[float] = []
    for _ in range(3):
        found = []
        for top in tops:
            found.append(max(top, found[-1] + least * (end - low)) if len(found) > 1 else top)
        end = max([high, *(top + least * (end - low) for top in found)])
    return found, end


def _name(row: dict[str, Any], right: float, decade: float, look: Theme) -> dict[str, Any]:
    """The name of a ceiling, at its right end."""
    return {
        "text": f"{row['model']}, {row['peak_precision']}",
        "x": right,
        "y": decade,
        "xanchor": "right",
        "font": {"size": 11, "color": look.dimmed},
    }


def _markers(rows: list[dict[str, Any]], lane: Lane, symbol: str, divisor: float, unit: str) -> go.Scatter:
    longest = max(row["device_ns"] for row in rows)
    told = [
        [
            shortened(row["name"], most=60),
            scale_for("ns", [row["device_ns"]]).full(row["device_ns"]),
            percent(row["roofline_ratio"]) if row["roofline_ratio"] is not None else "unknown",
            row["bound_by"] or "unknown",
        ]
        for row in rows
    ]
    return go.Scatter(
        x=[row["operational_intensity"] for row in rows],
        y=[row["flops_per_second"] / divisor for row in rows],
        customdata=told,
        mode="markers",
        name=lane.label,
        marker={
            "symbol": symbol,
            "color": lane.color,
            "size": [7 + 11 * (row["device_ns"] / longest) ** 0.5 for row in rows],
            "line": {"width": 1, "color": "rgba(0,0,0,0.35)"},
        },
        hovertemplate=f"%{{customdata[0]}}: %{{y:.3g}} {unit} at %{{x:.3g}} operations per byte<br>%{{customdata[1]}} on the "
        f"device, %{{customdata[2]}} of what the roof allows, bound by: %{{customdata[3]}}<extra>{lane.label}</extra>",
    )


def _notes(known: pl.DataFrame, peaks: pl.DataFrame, lanes: Sequence[Lane]) -> list[str]:
    """Which run has no markers, which no ceilings, and whose figures the ceilings are."""
    placed, limited = (set(frame["run_id"]) for frame in (known, known.filter(pl.col("peak_flops_per_second").is_not_null())))
    untold = set(peaks.drop_nulls(_BF16)["run_id"]) & placed - limited
    notes = [f"None of {lane.label}: {NONE}" for lane in lanes if lane.run_id not in placed]
    notes += [
        f"No ceiling for {lane.label}: the peak of its device in that precision is not known."
        for lane in lanes
        if lane.run_id in placed - limited - untold
    ]
    notes += [
        f"The precision of {lane.label} is not told: its ceiling is that of bf16." for lane in lanes if lane.run_id in untold
    ]
    known_peaks = peaks.filter(pl.col("run_id").is_in(sorted(limited | untold)))
    cited = known_peaks.unique("model", keep="first", maintain_order=True).to_dicts()
    for row in cited:
        derived = f" ({row['derivation']})" if row["derivation"] else ""
        notes.append(f"Ceilings of {row['model']}{derived}: {row['citation']}.")
    return notes
