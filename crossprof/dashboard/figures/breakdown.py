"""What a device does during a step: compute, communication and copies that nothing hides, and why it is idle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard import wording
from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.figures.rows import BAR_WIDTH, height_of, name_rows
from crossprof.dashboard.quantity import percent, scale_for
from crossprof.dashboard.theme import Lane, Theme, category_color

__all__ = ["parts"]

_IDLE = ("idle_host", "idle_sync", "idle_input", "idle_launch", "idle_kernel", "idle_unknown")
_PARTS = {
    "compute": ("compute", "gemm"),
    "communication": ("exposed communication", "communication"),
    "copy": ("exposed copies", "copy"),
    **{name: (wording.part(name), name) for name in _IDLE},
}
"""Parts of the view time_part on a device: what each is, and the category whose colour it has."""


def parts(rows: pl.DataFrame, lanes: Sequence[Lane], look: Theme, *, height: int | None = None) -> go.Figure:
    """One bar a run, all of one length: shares of the mean step of its devices, or of their span where no step is marked.

    `rows` has run_id, scope, part, mean_ns, share_ratio, window_ns and the two hidden ratios, a row for each part of a run.
    """
    if rows.is_empty():
        raise Absent("no device work was recorded in any of these runs: on a CPU, operators are all there is.")
    held = {row["run_id"]: row for row in rows.to_dicts()}
    names = {lane.run_id: _label(lane, held.get(lane.run_id)) for lane in lanes}
    scale = scale_for("ns", rows["window_ns"])
    plot = Plot(look, barmode="stack")
    for part, (title, category) in _PARTS.items():
        shown = [row for row in rows.filter(pl.col("part") == part).to_dicts() if row["run_id"] in names]
        if not shown:
            continue
        plot.add(
            go.Bar(
                x=[100 * row["share_ratio"] for row in shown],
                y=[names[row["run_id"]] for row in shown],
                customdata=[[scale.full(row["mean_ns"]), percent(row["share_ratio"])] for row in shown],
                orientation="h",
                name=title,
                width=BAR_WIDTH,
                showlegend=True,
                marker={"color": category_color(category), "line": {"width": 0}},
                hovertemplate=f"{title}: %{{customdata[0]}}, %{{customdata[1]}}<extra></extra>",
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
    """How much of communication and copies other work hides; a run whose copies nothing hides need not say so."""
    hidden = {"communication": row["hidden_communication_ratio"], "copies": row["hidden_copy_ratio"]} if row else {}
    told = [
        f"{percent(ratio)} of {what}" for what, ratio in hidden.items() if ratio or (ratio == 0 and what == "communication")
    ]
    return f"{' and '.join(told)} in {lane.label}" if told else ""
