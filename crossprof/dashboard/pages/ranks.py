"""Ranks `/ranks?runs=a`: which rank is late, what it does meanwhile, and how the ranks of a run communicate."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import polars as pl
from dash import Dash, html

from crossprof.dashboard import cards, theme, wording
from crossprof.dashboard.drawing import connect_drawing, shown
from crossprof.dashboard.figures import ranks as figures
from crossprof.dashboard.listing import Column, comments, listing
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.quantity import Scale
from crossprof.dashboard.selection import chosen, picker, unfilled
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.store import Store

__all__ = ["PAGE", "draw"]

_MOST_ROWS = 4000
_SELECTS = {
    "steps": "select rank, step, last_step, dur_ns, excess_ns from rank_step where run_id = ?",
    "categories": "select rank, category, mean_ns, excess_ns from rank_category where run_id = ?",
    "breakdown": "select rank, category, mean_ns from rank_category where run_id = ?",
    "communication": "select rank, total_ns, transfer_ns, wait_ns, unmatched_ns from rank_communication where run_id = ?",
    "bandwidth": "select rank, operation, from_bytes, group_size, calls, bus_bytes_per_second from collective_summary "
    f"where run_id = ? order by total_ns desc limit {_MOST_ROWS}",
    "skew": "select step, spread_ns, slowest_rank, skew_ns, latest_rank, residual_ns, is_warmup "
    "from rank_skew where run_id = ?",
    "summary": "select * exclude (run_id, run) from rank_summary join rank using (run_id, rank) where run_id = ? "
    "order by delay_ns desc",
    "collectives": "select * from collective_summary where run_id = ? order by total_ns desc limit 300",
}
_CARDS = {
    "steps": (
        "Step time of each rank",
        "Wall time of a step less the median of the ranks in that step: red took longer, blue less. Collectives make all ranks "
        "as slow as the slowest, so a late rank may look like any other here: the table below says who waits.",
    ),
    "categories": (
        "Work of each rank",
        "Time of a measured step less the median of the ranks, by sort of work or idle time: red is more than others spend.",
    ),
    "breakdown": ("What a step of each rank is made of", "Mean measured step: what the device did at each moment."),
    "communication": (
        "Collectives: moving data or waiting",
        "Over the capture. The shortest of the durations over ranks is the transfer, the rest of each is waiting; clocks do "
        "not matter to this. The rank that waits least is the one that the others wait for.",
    ),
    "bandwidth": (
        "Bandwidth by size",
        "As the NCCL tests count it, waiting left out where it is known. A point: a collective of about one size on one rank.",
    ),
    "skew": (
        "How far apart the ranks are",
        "After warm-up. Starts are compared on one clock; grey: the residual of the clocks, below which a skew means nothing.",
    ),
}
_TOGETHER = ("steps", "categories", "skew")
"""The cards that set ranks against each other, and so need several."""
_SUMMARY = (
    Column("rank", "Rank", "count", 76),
    Column("delay_ns", "Delays the others by", "ns", 130),
    Column("cause_text", "Does longer than others", width=190, flex=1),
    Column("cause_ns", "By", "ns", 90),
    Column("step_ns", "Step", "ns", 100),
    Column("excess_ns", "Step over median", "ns", 110),
    Column("slowest_ratio", "Slowest in steps", "ratio", 108),
    Column("compute_ns", "Compute", "ns", 110),
    Column("compute_excess_ns", "Compute over median", "ns", 120),
    Column("wait_ns", "Waits", "ns", 100),
    Column("awaited_ratio", "Waits least in steps", "ratio", 112),
    Column("host", "Host", width=110),
    Column("clock_offset_ns", "Clock offset", "ns", 100),
    Column("clock_residual_ns", "Clock residual", "ns", 100),
)
_COLLECTIVES = (
    Column("rank", "Rank", "count", 76),
    Column("operation", "Operation", width=120),
    Column("process_group", "Group", width=90),
    Column("group_size", "Ranks", "count", 80),
    Column("from_bytes", "Size, from", "bytes", 100),
    Column("calls", "Calls", "count", 80),
    Column("total_ns", "Total", "ns", 96),
    Column("mean_ns", "Mean", "ns", 96),
    Column("transfer_ns", "Transfer", "ns", 100),
    Column("wait_ns", "Waiting", "ns", 100),
    Column("exposed_ratio", "Exposed", "ratio", 100),
    Column("bus_bytes_per_second", "Bus bandwidth", "By/s", 120, scale=Scale("GB/s", 1e9)),
    Column("name", "Kernel", width=200, flex=1, is_code=True),
)


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page of one run."""
    store = snapshot.store()
    runs = chosen(store, query)
    if not runs:
        return unfilled("Ranks")
    run_id = str(runs[0]["run_id"])
    known = frame(store, "select rank from rank where run_id = ? order by rank", run_id)
    alone = "" if len(known) > 1 else _alone(runs[0])
    return [
        html.Div(
            [html.H1("Ranks"), picker(store, runs), html.Span(_counted(runs[0], len(known)), className="dimmed")],
            className="title-row",
        ),
        _card("steps", run_id, alone),
        _summary(store, run_id, alone),
        cards.columns([_card("categories", run_id, alone)], [_card("breakdown", run_id, alone)]),
        cards.columns(
            [_card("communication", run_id, alone)],
            [_card("bandwidth", run_id, alone)],
        ),
        _card("skew", run_id, alone),
        _collectives(store, run_id),
        shown([[run_id]], [str(runs[0]["run"])]),
    ]


def _counted(run: Mapping[str, Any], present: int) -> str:
    world = run["world_size"] or present
    return (
        f"{present:,} of {world:,} ranks in the store" if present < world else f"{present:,} rank{'s' if present != 1 else ''}"
    )


def _alone(run: Mapping[str, Any]) -> str:
    """Why nothing can be set against the one rank of a run."""
    world = run["world_size"] or 1
    if world == 1:
        return "one rank ran. A run of several is recorded in each of its processes, or ingested from all their traces."
    return f"one rank of {world} is in the store. crossprof ingest PATH... with the traces of the others adds them to this run."


def _card(name: str, run_id: str, alone: str) -> html.Section:
    query = cards.spelled(_SELECTS[name], run_id)
    if alone and name in _TOGETHER:
        return cards.card(*_CARDS[name], cards.absent(alone), query=query)
    return cards.figure_card("ranks", name, *_CARDS[name], query=query, height=300)


def _summary(store: Store, run_id: str, alone: str) -> html.Section:
    title = "Who holds the others up"
    subtitle = (
        "By how much less than their median a rank waits in a step: the others wait for it. Where waiting is not known, by how "
        "much longer its steps are. Beside it the part of its step that exceeds the median of the ranks most."
    )
    query = cards.spelled(_SELECTS["summary"], run_id)
    if alone:
        return cards.card(title, subtitle, cards.absent(alone), query=query)
    rows = frame(store, _SELECTS["summary"], run_id)
    if rows.is_empty():
        return cards.card(title, subtitle, cards.absent("no step after warm-up was marked on more than one rank."), query=query)
    rows = rows.with_columns(cause_text=pl.col("cause").map_elements(wording.part, return_dtype=pl.String))
    told = comments(store, "rank_summary")
    return cards.card(
        title, subtitle, listing("summary", rows, _SUMMARY, told | {"cause_text": told.get("cause", "")}), query=query
    )


def _collectives(store: Store, run_id: str) -> html.Section:
    title, subtitle = "Collectives", "By group and size on each rank, the longest first; three hundred rows at most."
    rows, query = frame(store, _SELECTS["collectives"], run_id), cards.spelled(_SELECTS["collectives"], run_id)
    if rows.is_empty():
        return cards.card(title, subtitle, cards.absent("no collective ran on a device."), query=query)
    grid = listing("collectives", rows, _COLLECTIVES, comments(store, "collective_summary"))
    return cards.card(title, subtitle, grid, query=query)


def draw(name: str, store: Store, held: Mapping[str, Any], scheme: str | None) -> Any:
    """The figure of a card of this page."""
    figure = getattr(figures, name)
    return figure(frame(store, _SELECTS[name], held["sides"][0][0]), theme.theme(scheme))


def connect(app: Dash, snapshot: Snapshot) -> None:
    """Each figure is a request of its own and follows the colour scheme."""
    for name in _CARDS:
        connect_drawing(app, snapshot, page="ranks", name=name, draw=partial(draw, name))


PAGE = Page("/ranks", "Ranks", layout, connect, key="n")
