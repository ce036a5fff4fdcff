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

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "pentagon")
NONE = (
    "neither operations nor traffic of these runs are known. Recorded shapes tell them (torch.profiler's record_shapes, on by "
    "default in a recording), or XLA's own cost."
)


def roofline(
    work: pl.DataFrame, peaks: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, height: int | None = None
) -> go.Figure:
    """A marker for each operator, its area after its device time; a line for the limits of each device in each precision.

    `work` has the columns of the view op_flops, `peaks` run_id, model, derivation and citation of device_peak.
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
    at = _apart(tops, 15 / (height - 70) * (max([high, *tops]) - low))
    plot = Plot(look, height=height, meta={"notes": _notes(known, peaks, lanes)})
    for row, decade in zip(ceilings, at, strict=True):
        plot.add(_ceiling(row, left, right, scale.divisor, look))
        plot.note(**_name(row, log10(right), decade, look))
    for place, lane in enumerate(lanes):
        mine = known.filter(pl.col("run_id") == lane.run_id)
        if len(mine):
            symbol = _SYMBOLS[place % len(_SYMBOLS)]
            plot.add(_markers(mine.to_dicts(), lane, symbol, scale.divisor, scale.unit))
    plot.x(**_decades(log10(left), log10(right)), title_text="operations per byte")
    plot.y(**_decades(low, max([high, *(decade + 0.3 for decade in at)])), title_text=scale.unit)
    return plot.figure()


def _decades(low: float, high: float) -> dict[str, Any]:
    """An axis over these powers of ten, each with its value."""
    powers = range(ceil(low), floor(high) + 1)
    texts = [f"{10.0**power:,.10g}" for power in powers]
    return {"type": "log", "range": (low, high), "tickvals": [10.0**power for power in powers], "ticktext": texts}


def _extent(known: pl.DataFrame) -> tuple[float, float]:
    """A decade beyond the markers, and beyond the ridge of the roof where it is known."""
    ridges = (known["peak_flops_per_second"] / known["peak_bytes_per_second"]).drop_nulls().to_list()
    at = [*known["operational_intensity"].to_list(), *ridges]
    return min(at) / 3, max(at) * 3


def _ceilings(known: pl.DataFrame, peaks: pl.DataFrame) -> list[dict[str, Any]]:
    """The limits that the markers are under, each model and precision once."""
    models = peaks.select("run_id", "model").unique("run_id", keep="first")
    limits = known.filter(pl.col("peak_flops_per_second").is_not_null() & pl.col("peak_bytes_per_second").is_not_null())
    columns = ("model", "peak_precision", "peak_flops_per_second", "peak_bytes_per_second")
    return limits.join(models, on="run_id").select(columns).unique().sort("peak_flops_per_second", "model").to_dicts()


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


def _apart(tops: Sequence[float], least: float) -> list[float]:
    """Where to write the names of lines at these heights, in ascending order, each at least so far above the one before."""
    found: list[float] = []
    for top in tops:
        found.append(max(top, found[-1] + least) if found else top)
    return found


def _name(row: dict[str, Any], right: float, decade: float, look: Theme) -> dict[str, Any]:
    """The name of a ceiling, at its right end."""
    return {
        "text": f"{row['model']}, {row['peak_precision']}",
        "x": right,
        "y": decade,
        "xanchor": "right",
        "yanchor": "bottom",
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
    notes = [f"None of {lane.label}: {NONE}" for lane in lanes if lane.run_id not in placed]
    notes += [
        f"No ceiling for {lane.label}: the peak of its device in that precision is not known."
        for lane in lanes
        if lane.run_id in placed - limited
    ]
    cited = peaks.filter(pl.col("run_id").is_in(sorted(limited))).unique("model", keep="first", maintain_order=True).to_dicts()
    for row in cited:
        derived = f" ({row['derivation']})" if row["derivation"] else ""
        notes.append(f"Ceilings of {row['model']}{derived}: {row['citation']}.")
    return notes
