"""The profiling windows of a run as a card: when each was taken, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from crossprof.dashboard import cards
from crossprof.dashboard.quantity import NONE, instant, scale_for
from crossprof.dashboard.snapshot import frame
from crossprof.store import Store

__all__ = ["windows"]

_WINDOWS = (
    "select capture, rank, trigger, reason, state, first_step, last_step, started_ns, bytes from capture where run_id = ? "
    "order by capture, rank"
)
_MOST = 32


def windows(store: Store, run_id: str) -> html.Section | None:
    """Every window with what asked for it; None where the schedule asked for the only one."""
    rows, query = frame(store, _WINDOWS, run_id).to_dicts(), cards.spelled(_WINDOWS, run_id)
    if len({row["capture"] for row in rows}) < 2 and all(row["trigger"] in (None, "schedule") for row in rows):
        return None
    names = {"Window": True, "Rank": True, "Steps": True, "Size": True, "Taken (UTC)": False, "Why": False}
    head = [html.Th(name, scope="col", className="number" if is_number else "") for name, is_number in names.items()]
    table = html.Table([html.Thead(html.Tr(head)), html.Tbody([_row(row) for row in rows[:_MOST]])], className="plain")
    more = [html.P(f"The first {_MOST} of {len(rows)}.", className="dimmed")] if len(rows) > _MOST else []
    subtitle = "What each profiling window was taken for. All figures of the run are over its windows together."
    return cards.card("Windows", subtitle, html.Div(table, className="scroll"), *more, query=query)


def _row(row: Mapping[str, Any]) -> html.Tr:
    has_steps = row["first_step"] is not None and row["last_step"] is not None
    steps = f"{row['first_step']:,} to {row['last_step']:,}" if has_steps else NONE
    size = NONE if row["bytes"] is None else scale_for("bytes", [row["bytes"]]).full(row["bytes"])
    taken = NONE if row["started_ns"] is None else instant(row["started_ns"])
    told = row["reason"] or row["trigger"] or "schedule"
    state = [] if row["state"] == "complete" else [html.Span(f"  {row['state']}", className="severity-warning")]
    numbers = [html.Td(cell, className="number") for cell in (str(row["capture"]), str(row["rank"]), steps, size)]
    return html.Tr([*numbers, html.Td(taken, className="dimmed"), html.Td([told, *state], title=row["trigger"])])
