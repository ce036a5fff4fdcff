"""A metric over the runs of one name, in the order in which they ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.quantity import instant, scale_for
from crossprof.dashboard.theme import Theme, framework_title, lanes

__all__ = ["over_runs"]

_MOST_TICKS = 6


def over_runs(points: pl.DataFrame, base: Mapping[str, Any] | None, look: Theme, *, unit: str) -> go.Figure:
    """A point a run with its 95 % interval, in time order and in the framework's colour; the baseline is a dashed line.

    `points` has run_id, run, framework, framework_version, started_ns, value, ci_low, ci_high; `base` is such a row, or None.
    """
    known = points.filter(pl.col("value").is_not_null()).sort("started_ns", "run_id", nulls_last=False)
    if known.is_empty():
        raise Absent("no run of this name has the metric.")
    scale = scale_for(unit, [*known["value"], base["value"] if base else None])
    rows = [row | {"place": place} for place, row in enumerate(known.to_dicts(), start=1)]
    plot = Plot(look)
    for framework in dict.fromkeys(row["framework"] for row in rows):
        mine = [row for row in rows if row["framework"] == framework]
        color = lanes([mine[0]], look.scheme)[0].color
        plot.add(_points(mine, framework_title(framework), color, scale.divisor, scale.unit))
    if base and base["value"] is not None:
        _baseline(plot, base, scale.divisor, look)
    _dates(plot, rows)
    plot.y(rangemode="tozero", title_text=scale.unit or None)
    return plot.figure()


def _points(rows: Sequence[Mapping[str, Any]], name: str, color: str, divisor: float, unit: str) -> go.Scatter:
    above = [0 if row["ci_high"] is None else (row["ci_high"] - row["value"]) / divisor for row in rows]
    below = [0 if row["ci_low"] is None else (row["value"] - row["ci_low"]) / divisor for row in rows]
    return go.Scatter(
        x=[row["place"] for row in rows],
        y=[row["value"] / divisor for row in rows],
        error_y={"type": "data", "array": above, "arrayminus": below, "thickness": 1.2, "width": 3, "color": color},
        mode="markers",
        name=name,
        showlegend=True,
        marker={"color": color, "size": 8},
        customdata=[[row["run_id"], instant(row["started_ns"])[:16], row["framework_version"] or ""] for row in rows],
        hovertemplate=f"%{{y:.4g}} {unit}<br>%{{customdata[1]}} UTC, {name} %{{customdata[2]}}<br>%{{customdata[0]}}"
        "<extra></extra>",
    )


def _baseline(plot: Plot, base: Mapping[str, Any], divisor: float, look: Theme) -> None:
    line = {"color": look.text, "width": 1.2, "dash": "dash"}
    plot.across(base["value"] / divisor, line=line, layer="below")
    plot.note(
        text=f"baseline {base['run']}", xref="paper", x=1, xanchor="right", y=base["value"] / divisor, yanchor="bottom",
        font={"size": 12, "color": look.dimmed}, bgcolor=look.surface,
    )  # fmt: skip


def _dates(plot: Plot, rows: Sequence[Mapping[str, Any]]) -> None:
    """A tick at some of the runs, with the day that it ran."""
    every = max(1, -(-len(rows) // _MOST_TICKS))
    marked = rows[::every]
    texts = [instant(row["started_ns"])[:10] for row in marked]
    if len(set(texts)) == 1:  # all on one day
        texts = [instant(row["started_ns"])[5:16] for row in marked]
    plot.x(
        tickmode="array", tickvals=[row["place"] for row in marked], ticktext=texts, tickangle=0, range=[0.5, len(rows) + 0.5],
        title_text="runs in the order in which they started",
    )  # fmt: skip
