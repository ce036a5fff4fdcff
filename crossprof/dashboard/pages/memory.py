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
from crossprof.dashboard.listing import Column, comments, listing
from crossprof.dashboard.memory_sources import ALIGNMENTS, Source, chosen_sources, counters, devices, sources_of
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
_BLOCKS = (
    Column("run", "Run", width=150),
    Column("position", "Place", "count", 80),
    Column("held_bytes", "Held", "bytes", 110),
    Column("share_ratio", "Of the peak", "ratio", 110),
    Column("op_name", "Operator", width=180, flex=1, is_code=True),
    Column("source_line", "Line of code", width=220, flex=2, is_code=True),
    Column("step", "Step", "count", 80),
)
_PEAKS = (
    Column("run", "Run", width=160, flex=1),
    Column("rank", "Rank", "count", 80),
    Column("device_id", "Device (-1: host)", "count", 100),
    Column("peak_allocated_bytes", "Allocated", "bytes", 120),
    Column("peak_reserved_bytes", "Reserved", "bytes", 120),
    Column("peak_used_bytes", "Used", "bytes", 110),
    Column("used_counter", "Used, by", width=90),
)
_PROGRAMS = (
    Column("run", "Run", width=150),
    Column("module", "Program", width=200, flex=1, is_code=True),
    Column("rank", "Rank", "count", 80),
    Column("peak_heap_bytes", "Peak heap", "bytes", 110),
    Column("parameter_bytes", "Parameters", "bytes", 120),
    Column("output_bytes", "Results", "bytes", 110),
    Column("allocation_bytes", "All", "bytes", 110),
)
_DOUBTS = ("out_of_memory", "allocator_preallocates", "memory_history_partial", "memory_totals_relative", "no_memory_events")


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
        _blocks(store, live, sources),
        cards.columns([_peaks(store, run_ids)], [_doubts(store, run_ids), *_programs(store, runs)]),
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


def _blocks(store: Store, rows: pl.DataFrame, sources: Sequence[Source]) -> html.Section:
    title, subtitle = "Largest blocks at the peak", "Live when most was allocated on the device, the hundred largest at most."
    query = _query(_SELECTS["live"], sources)
    if rows.is_empty():
        reason = (
            "the capture has no allocations with addresses on this device. A PyTorch profile has them with profile_memory=True."
        )
        return cards.card(title, subtitle, cards.absent(reason), query=query)
    columns = _BLOCKS[1:] if rows["run"].n_unique() == 1 else _BLOCKS
    return cards.card(title, subtitle, listing("blocks", rows, columns, comments(store, "memory_live")), query=query)


def _peaks(store: Store, run_ids: Sequence[str]) -> html.Section:
    subtitle = "Of every device, by every count. The driver's holds all processes and the allocator's cache."
    select = f"select {', '.join(column.field for column in _PEAKS)} from memory_peak where list_contains(?, run_id)"
    rows = frame(store, f"{select} order by run, rank, device_id limit 1000", list(run_ids))
    query = cards.spelled(select, list(run_ids))
    if rows.is_empty():
        return cards.card("Peaks", subtitle, cards.absent("no allocation and no memory reading was recorded."), query=query)
    return cards.card("Peaks", subtitle, listing("peaks", rows, _PEAKS, comments(store, "memory_peak")), query=query)


def _doubts(store: Store, run_ids: Sequence[str]) -> html.Section:
    select = "select run_id, code, detail from finding where list_contains(?, run_id) and list_contains(?, code)"
    rows = frame(store, select, list(run_ids), list(_DOUBTS)).to_dicts()
    failed = any(row["code"] == "out_of_memory" for row in rows)
    found = [html.P([html.Code(row["code"]), " ", row["detail"]]) for row in rows]
    notes = [
        *found,
        *(
            []
            if failed
            else [cards.absent("no memory snapshot here holds an allocation that failed; profiles do not record them.")]
        ),
        html.P(
            "PyTorch caches what is freed and TensorFlow grows one pool (BFC): reserved stays high after a peak. JAX takes "
            "75 % of a device at its start unless XLA_PYTHON_CLIENT_PREALLOCATE is false, so the driver's count says little: "
            "across frameworks compare what is allocated.",
            className="dimmed",
        ),
    ]
    return cards.card(
        "Failed allocations, and how counts differ",
        "What was found about the memory of these runs, and what allocators do by design.",
        *notes,
        query=cards.spelled(select, list(run_ids), list(_DOUBTS)),
    )


def _programs(store: Store, runs: Sequence[Mapping[str, Any]]) -> list[html.Section]:
    if not any(run["framework"] in ("jax", "tensorflow") for run in runs):
        return []
    title, subtitle = "XLA programs", "Memory that each program needs on one device, as XLA planned it."
    fields = ", ".join(column.field for column in _PROGRAMS)
    select = f"select {fields} from hlo_module join run using (run_id) where list_contains(?, run_id)"
    run_ids = [str(run["run_id"]) for run in runs]
    rows = frame(store, f"{select} order by peak_heap_bytes desc limit 200", run_ids)
    query = cards.spelled(select, run_ids)
    if rows.is_empty():
        reason = "no plan of an XLA program was read. crossprof ingest --xla PATH reads those of XPlane files."
        return [cards.card(title, subtitle, cards.absent(reason), query=query)]
    return [cards.card(title, subtitle, listing("programs", rows, _PROGRAMS, comments(store, "hlo_module")), query=query)]


def connect(app: Dash, snapshot: Snapshot) -> None:
    """Each figure is a request of its own and follows the colour scheme."""
    for name in _CARDS:
        connect_drawing(app, snapshot, page="memory", name=name, draw=partial(draw, name))


PAGE = Page("/memory", "Memory", layout, connect, key="m")
