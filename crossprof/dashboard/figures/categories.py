"""Where the time of a step goes, by category of work."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard import wording
from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.figures.rows import BAR_WIDTH, height_of, name_rows
from crossprof.dashboard.quantity import Scale, scale_for, significant
from crossprof.dashboard.theme import Lane, Theme, category_color, category_order

__all__ = ["per_step", "shares"]

_ROW_PIXELS = 50


def per_step(
    times: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, unit: str = "step", height: int | None = None
) -> go.Figure:
    """One bar a run, its parts the time of each category per step, or per another unit.

    `times` has run_id, category, ns_per_step, and coverage_ratio, the same on all rows of a run, null where a device worked.
    """
    totals = _totals(times)
    scale = scale_for("ns", totals.values())
    plot = _stacked(times, lanes, look, scale=scale, height=height)
    plot.x(rangemode="tozero", title_text=f"{scale.unit} per {unit}")
    return plot.figure()


def shares(times: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, height: int | None = None) -> go.Figure:
    """As `per_step`, but all bars are of one length: the parts are shares of each run's own time."""
    totals = _totals(times)
    scale = scale_for("ns", totals.values())
    plot = _stacked(times, lanes, look, scale=scale, height=height, out_of=totals)
    plot.x(range=[0, 100], title_text="% of the time of each run")
    return plot.figure()


def _totals(times: pl.DataFrame) -> dict[str, float]:
    if times.is_empty():
        raise Absent(
            "no work of a measured step was recorded: the capture marks no steps, or holds neither kernels nor operators."
        )
    return dict(times.group_by("run_id").agg(pl.col("ns_per_step").sum()).iter_rows())


def _stacked(
    times: pl.DataFrame,
    lanes: Sequence[Lane],
    look: Theme,
    *,
    scale: Scale,
    height: int | None,
    out_of: dict[str, float] | None = None,
) -> Plot:
    """A bar a lane, in the unit of `scale`, or as a percentage of what `out_of` has for its run."""
    totals = _totals(times)
    coverage = dict(times.group_by("run_id").agg(pl.col("coverage_ratio").first()).iter_rows())
    rows = {lane.run_id: _label(lane, coverage) for lane in lanes}
    plot = Plot(look, barmode="stack")
    for category in category_order(times["category"]):
        part = [row for row in times.filter(pl.col("category") == category).to_dicts() if row["run_id"] in rows]
        length = [row["ns_per_step"] / (out_of[row["run_id"]] / 100 if out_of else scale.divisor) for row in part]
        told = [[scale.full(row["ns_per_step"]), significant(row["ns_per_step"] / totals[row["run_id"]] * 100)] for row in part]
        name = wording.part(category)
        plot.add(
            go.Bar(
                x=length,
                y=[rows[row["run_id"]] for row in part],
                customdata=told,
                orientation="h",
                name=name,
                width=BAR_WIDTH,
                showlegend=True,
                marker={"color": category_color(category), "line": {"width": 0}},
                hovertemplate=f"{name}: %{{customdata[0]}}, %{{customdata[1]}} %<extra></extra>",
            )
        )
    name_rows(plot, list(rows.values()), look, height=height or height_of(len(rows), _ROW_PIXELS))
    return plot


def _label(lane: Lane, coverage: dict[str, float | None]) -> str:
    """The run, and how much of the step its operators account for; their figures mean little where that is low."""
    if lane.run_id not in coverage:
        return f"{lane.label} · no measured step"
    ratio = coverage[lane.run_id]
    return f"{lane.label} · {'device' if ratio is None else f'operators cover {significant(ratio * 100)} %'}"
