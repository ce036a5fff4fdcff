"""Where the time of a step goes, by category of work."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard import wording
from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.rows import BAR_WIDTH, name_rows
from crossprof.dashboard.quantity import scale_for, significant
from crossprof.dashboard.theme import Lane, Theme, category_color, category_order, figure_layout

__all__ = ["per_step"]


def per_step(times: pl.DataFrame, lanes: Sequence[Lane], look: Theme) -> go.Figure:
    """One bar a run, its parts the time of each category per step.

    `times` has run_id, category, ns_per_step, and coverage_ratio, the same on all rows of a run, null where a device worked.
    """
    if times.is_empty():
        raise Absent(
            "no work of a measured step was recorded: the capture marks no steps, or holds neither kernels nor operators."
        )
    totals = times.group_by("run_id").agg(pl.col("ns_per_step").sum(), pl.col("coverage_ratio").first())
    total = {row["run_id"]: row for row in totals.to_dicts()}
    scale = scale_for("ns", totals["ns_per_step"])
    rows = {lane.run_id: _label(lane, total.get(lane.run_id)) for lane in lanes}
    figure = go.Figure()
    for category in category_order(times["category"]):
        part = times.filter(pl.col("category") == category).to_dicts()
        part = [row for row in part if row["run_id"] in rows]
        share = [row["ns_per_step"] / total[row["run_id"]]["ns_per_step"] * 100 for row in part]
        figure.add_trace(
            go.Bar(
                x=[row["ns_per_step"] / scale.divisor for row in part],
                y=[rows[row["run_id"]] for row in part],
                customdata=[[significant(value)] for value in share],
                orientation="h",
                name=wording.part(category),
                width=BAR_WIDTH,
                showlegend=True,
                marker={"color": category_color(category), "line": {"width": 0}},
                hovertemplate=f"{wording.part(category)}: %{{x:.3g}} {scale.unit}, %{{customdata[0]}} %<extra></extra>",
            )
        )
    figure.update_layout(figure_layout(look), barmode="stack")
    name_rows(figure, list(rows.values()), look, pixels=50)
    figure.update_xaxes(rangemode="tozero", title_text=f"{scale.unit} per step")
    return figure


def _label(lane: Lane, total: dict[str, float | None] | None) -> str:
    """The run, and how much of the step its operators account for; their figures mean little where that is low."""
    if total is None:
        return f"{lane.label} · no measured step"
    coverage = total["coverage_ratio"]
    return f"{lane.label} · {'device' if coverage is None else f'operators cover {significant(coverage * 100)} %'}"
