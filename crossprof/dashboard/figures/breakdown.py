"""What a device does during a step: compute, communication and copies that nothing hides, and why it is idle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.figures.rows import BAR_WIDTH, height_of, name_rows
from crossprof.dashboard.quantity import percent, scale_for, significant
from crossprof.dashboard.theme import Lane, Theme, category_color

__all__ = ["PARTS", "parts"]

PARTS = {
    "compute_ns": ("compute", "gemm"),
    "exposed_communication_ns": ("exposed communication", "communication"),
    "exposed_copy_ns": ("exposed copies", "copy"),
    "host_wait_ns": ("idle: waiting for the host", "idle_host"),
    "sync_wait_ns": ("idle: host blocked", "idle_sync"),
    "input_wait_ns": ("idle: loading data", "idle_input"),
    "launch_wait_ns": ("idle: launching", "idle_launch"),
    "kernel_wait_ns": ("idle: between launched kernels", "idle_kernel"),
    "unknown_ns": ("idle: cause unknown", "idle_unknown"),
}
"""Columns of the view mean_breakdown that add up to its window: what each is, and the category whose colour it has."""


def parts(rows: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, height: int | None = None) -> go.Figure:
    """One bar a run, all of one length: shares of the mean step of its devices, or of their span where no step is marked.

    `rows` has run_id, scope and the columns of `PARTS` with window_ns and the two hidden ratios, one row a run.
    """
    if rows.is_empty():
        raise Absent("no device work was recorded in any of these runs: on a CPU, operators are all there is.")
    held = {row["run_id"]: row for row in rows.to_dicts()}
    names = {lane.run_id: _label(lane, held.get(lane.run_id)) for lane in lanes}
    scale = scale_for("ns", rows["window_ns"])
    plot = Plot(look, barmode="stack")
    for column, (title, category) in PARTS.items():
        shown = {run_id: row for run_id, row in held.items() if row[column] and run_id in names}
        if not shown:
            continue
        plot.add(
            go.Bar(
                x=[100 * row[column] / row["window_ns"] for row in shown.values()],
                y=[names[run_id] for run_id in shown],
                customdata=[
                    [scale.full(row[column]), significant(100 * row[column] / row["window_ns"])] for row in shown.values()
                ],
                orientation="h",
                name=title,
                width=BAR_WIDTH,
                showlegend=True,
                marker={"color": category_color(category), "line": {"width": 0}},
                hovertemplate=f"{title}: %{{customdata[0]}}, %{{customdata[1]}} %<extra></extra>",
            )
        )
    hidden = [note for lane in lanes if (note := _overlap(lane, held.get(lane.run_id)))]
    notes = [f"Hidden behind other work: {'; '.join(hidden)}."] if hidden else []
    plot.set(meta={"notes": notes})
    name_rows(plot, list(names.values()), look, height=height or height_of(len(names), 50))
    plot.x(range=[0, 100], title_text="% of the time of the device")
    return plot.figure()


def _label(lane: Lane, row: dict[str, Any] | None) -> str:
    if row is None:
        return f"{lane.label} · no device work"
    window = scale_for("ns", [row["window_ns"]]).full(row["window_ns"])
    return f"{lane.label} · {'step of' if row['scope'] == 'steps' else 'whole capture,'} {window}"


def _overlap(lane: Lane, row: dict[str, Any] | None) -> str:
    """How much of communication and copies other work hides."""
    hidden = {"communication": row["hidden_communication_ratio"], "copies": row["hidden_copy_ratio"]} if row else {}
    told = [f"{percent(ratio)} of {what}" for what, ratio in hidden.items() if ratio is not None]
    return f"{' and '.join(told)} in {lane.label}" if told else ""
