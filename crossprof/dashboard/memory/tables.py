"""What is listed of memory: the largest blocks, the peaks by every count, what was found, what XLA planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from dash import html

from crossprof.dashboard import cards
from crossprof.dashboard.listing import Column, comments, listing
from crossprof.dashboard.snapshot import frame
from crossprof.store import Store

__all__ = ["blocks_card", "doubts_card", "peaks_card", "program_cards"]

_BLOCKS = (
    Column("run", "Run", width=190),
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
    Column("device", "Device", width=90),
    Column("peak_allocated_bytes", "Allocated", "bytes", 120),
    Column("peak_reserved_bytes", "Reserved", "bytes", 120),
    Column("peak_used_bytes", "Used", "bytes", 110),
    Column("used_counter", "Used, by", width=90),
)
_DEVICE = "if(device_id = -1, 'host', device_id::varchar) as device"
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


def blocks_card(store: Store, rows: pl.DataFrame, query: str) -> html.Section:
    """The blocks that were live at the peak: `rows` of memory_live, which `query` gives."""
    title, subtitle = "Largest blocks at the peak", "Live when most was allocated on the device, the hundred largest at most."
    if rows.is_empty():
        reason = (
            "the capture has no allocations with addresses on this device. A PyTorch profile has them with profile_memory=True."
        )
        return cards.card(title, subtitle, cards.absent(reason), query=query)
    columns = _BLOCKS[1:] if rows["run"].n_unique() == 1 else _BLOCKS
    return cards.card(title, subtitle, listing("blocks", rows, columns, comments(store, "memory_live")), query=query)


def peaks_card(store: Store, run_ids: Sequence[str]) -> html.Section:
    """The most of every device, by every count."""
    subtitle = "Of every device, by every count. The driver's holds all processes and the allocator's cache."
    fields = ", ".join(_DEVICE if column.field == "device" else column.field for column in _PEAKS)
    select = f"select {fields} from memory_peak where list_contains(?, run_id)"
    rows = frame(store, f"{select} order by run, rank, device_id limit 1000", list(run_ids))
    query = cards.spelled(select, list(run_ids))
    if rows.is_empty():
        return cards.card("Peaks", subtitle, cards.absent("no allocation and no memory reading was recorded."), query=query)
    return cards.card("Peaks", subtitle, listing("peaks", rows, _PEAKS, comments(store, "memory_peak")), query=query)


def doubts_card(store: Store, run_ids: Sequence[str]) -> html.Section:
    """What was found about the memory of the runs, and what allocators do by design."""
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


def program_cards(store: Store, runs: Sequence[Mapping[str, Any]]) -> list[html.Section]:
    """What XLA planned, a card; none where no run can have it."""
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
