"""Memory `/memory?runs=a,b&counter=allocator&device=0:0&align=step`: how much, by whose count, and what holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl
from dash import Dash, html

from crossprof.dashboard import cards, components, theme
from crossprof.dashboard.choices import choice
from crossprof.dashboard.drawing import connect_drawing, lanes_of, shown
from crossprof.dashboard.figures import memory as figures
from crossprof.dashboard.memory.sources import ALIGNMENTS, Source, chosen_sources, counters, devices, sources_of
from crossprof.dashboard.memory.tables import blocks_card, doubts_card, peaks_card, program_cards
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.quantity import percent, scale_for
from crossprof.dashboard.selection import chosen, picker, unfilled
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.store import Store

__all__ = ["PAGE", "draw"]

_MOST_RUNS = 4
_SELECTS = {
    "course": "select run_id, allocator, since_ns, step, step_ratio, bytes, reserved_bytes, free_bytes, is_peak "
    "from memory_course",
    "phases": "select run_id, phase, peak_allocated_bytes from memory_phase",
    "sizes": "select run_id, from_bytes, allocations, total_bytes from memory_size",
    "holders": "select run_id, source_line, held_bytes, share_ratio from memory_holder",
    "live": "select run_id, run, position, held_bytes, share_ratio, op_name, source_line, step from memory_live",
}
_CARDS = {
    "course": (
        "Memory over time",
        "The peak is marked: hover over it for the largest blocks. Thin line: what the allocator holds from the driver; "
        "below: the part of it not in use, cached or lost to gaps. Long series keep the extremes of each slice of time.",
    ),
    "phases": ("Peak by phase", "Most bytes in use during each phase of the steps, what earlier phases hold included."),
    "sizes": ("Sizes of allocations", "Each bar is a power of two. Frees are not subtracted."),
    "holders": ("Held at the peak, by line of code", "Bytes in blocks that were live when most was allocated."),
}
_HEIGHTS = {"course": 440, "phases": 260, "sizes": 300, "holders": 260}


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page of up to four runs, for one counter and one device."""
    store = snapshot.store()
    runs = chosen(store, query, most=_MOST_RUNS)
    if not runs:
        return unfilled("Memory")
    run_ids = [str(run["run_id"]) for run in runs]
    known = sources_of(store, run_ids)
    counter = _counter(known, query.get("counter", ""))
    device, align = query.get("device", ""), query.get("align", "time")
    sources = chosen_sources(known, counter, device)
    places = [[one.run_id, one.rank, one.device_id] for one in sources]
    live = _rows(store, "live", places).sort("run", "position")
    return [
        html.Div(
            [
                html.H1("Memory"),
                picker(store, runs, most=_MOST_RUNS),
                *_choices(known, counter, device=device, align=align),
                components.run_legend(runs),
                html.Span(_uncounted(runs, sources), className="dimmed"),
            ],
            className="title-row",
        ),
        _card("course", sources, counter),
        cards.columns([_card("phases", sources, counter)], [_card("sizes", sources, counter)]),
        _card("holders", sources, counter),
        blocks_card(store, live, _query(_SELECTS["live"], sources)),
        cards.columns([peaks_card(store, run_ids)], [doubts_card(store, run_ids), *program_cards(store, runs)]),
        shown(
            [[run_id] for run_id in run_ids],
            theme.named(runs),
            counter=counter,
            align=align,
            sources=places,
            blocks=_told(live) if counter == "allocator" else {},
        ),
    ]


def _counter(known: Sequence[Source], named: str) -> str:
    """The counter that the address names, if any run has it; else what most runs have; none without any source."""
    offered = counters(known)
    return named if named in offered else next(iter(offered), "")


def _uncounted(runs: Sequence[Mapping[str, Any]], sources: Sequence[Source]) -> str:
    """Which of several runs the figures lack."""
    names = [str(run["run"]) for run in runs if str(run["run_id"]) not in {one.run_id for one in sources}]
    return f"Not counted so: {', '.join(names)}" if sources and names else ""


def _choices(known: Sequence[Source], counter: str, *, device: str, align: str) -> list[html.Label]:
    if not known:
        return []
    return [
        choice("counter", "Counted by", {name: figures.COUNTERS[name] for name in counters(known)}, counter),
        choice("device", "Device", devices(known, counter), device),
        choice("align", "Align by", ALIGNMENTS, align),
    ]


def _card(name: str, sources: Sequence[Source], counter: str) -> html.Section:
    query = _query(_SELECTS[name], sources, counter=counter if name == "course" else None)
    return cards.figure_card("memory", name, *_CARDS[name], query=query, height=_HEIGHTS[name])


def _query(select: str, sources: Sequence[Source], *, counter: str | None = None) -> str:
    """The rows of all sources in one query, ready to run."""
    if not sources:
        return ""
    held = ", ".join(cards.spelled("(?, ?, ?)", one.run_id, one.rank, one.device_id) for one in sources)
    named = cards.spelled("run_id in ?", [one.run_id for one in sources])
    counted = cards.spelled(" and counter = ?", counter) if counter else ""
    return f"{select} where {named} and (run_id, rank, device_id) in ({held}){counted}"


def _rows(store: Store, name: str, sources: Sequence[Sequence[Any]], more: str = "", *params: object) -> pl.DataFrame:
    """The rows of the sources: one run a query prunes the others' files."""
    asked = f"{_SELECTS[name]} where run_id = ? and rank = ? and device_id = ?{more}"
    return pl.concat([frame(store, asked, *source, *params) for source in sources or [("", 0, 0)]], how="vertical_relaxed")


def _draw_course(store: Store, held: Mapping[str, Any], lanes: Sequence[theme.Lane], look: theme.Theme) -> Any:
    rows = _rows(store, "course", held["sources"], " and counter = ? order by since_ns", held["counter"])
    largest = rows.sort("bytes", descending=True).unique("run_id", keep="first", maintain_order=True)
    fullest = rows.join(largest, on=["run_id", "allocator"], how="semi", nulls_equal=True)  # each allocator counts on its own
    return figures.course(fullest, lanes, look, counter=held["counter"], align=held["align"], held=held["blocks"])


def _told(live: pl.DataFrame) -> dict[str, list[str]]:
    """The five largest blocks of each run, as the peak of its line tells them."""
    return {
        str(run_id): [_block(row) for row in mine.head(5).to_dicts()]
        for (run_id,), mine in live.group_by("run_id", maintain_order=True)
    }


def _block(row: Mapping[str, Any]) -> str:
    size = scale_for("bytes", [row["held_bytes"]]).full(row["held_bytes"])
    place = row["source_line"] or row["op_name"] or "no operator"
    return f"{size}, {percent(row['share_ratio'])}: {theme.shortened(place, most=56)}"


def draw(name: str, store: Store, held: Mapping[str, Any], scheme: str | None) -> Any:
    """The figure of a card of this page."""
    lanes, look = lanes_of(store, held, scheme), theme.theme(scheme)
    if name == "course":
        return _draw_course(store, held, lanes, look)
    return getattr(figures, name)(_rows(store, name, held["sources"]), lanes, look)


def connect(app: Dash, snapshot: Snapshot) -> None:
    """Each figure is a request of its own and follows the colour scheme."""
    for name in _CARDS:
        connect_drawing(app, snapshot, page="memory", name=name, draw=partial(draw, name))


PAGE = Page("/memory", "Memory", layout, connect, key="m")
