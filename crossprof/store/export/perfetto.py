"""A run as a trace that Perfetto's viewer opens: a process for each rank, a row for each thread, stream and counter.

DuckDB makes the packets as rows, ptars their bytes: no Python runs for a single event. The end of a slice follows its begin,
and a row's slices go by start, the longer one first: Perfetto sorts by time, keeps this order at one instant, and so closes
what has ended before it opens what begins.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa
from isal import igzip

from crossprof.errors import CrossprofError
from crossprof.store.export import perfetto_tracks, slices
from crossprof.store.export.perfetto_schema import COUNTER, SLICE_BEGIN, SLICE_END, encoder
from crossprof.store.export.perfetto_tracks import SEQUENCE
from crossprof.store.export.selection import RankWindow, Selection, chosen
from crossprof.store.export.staged import staged
from crossprof.store.store import Store

__all__ = ["write_perfetto"]

_BATCH = 50_000
_TEXT, _LONG_TEXT, _WHOLE, _REAL = "string_value", "string_value_iid", "int_value", "double_value"
_ARGUMENTS = {
    "step": {"samples": _WHOLE, "tokens": _WHOLE, "capture": _WHOLE, "is_profiled": _WHOLE, "is_warmup": _WHOLE},
    "annotation": {"step": _WHOLE},
    "op": {
        "step": _WHOLE, "op_id": _WHOLE, "module": _LONG_TEXT, "shapes": _LONG_TEXT, "dtypes": _LONG_TEXT, "self_ns": _WHOLE,
        "device_ns": _WHOLE, "sequence_number": _WHOLE, "flops": _WHOLE, "stack": _LONG_TEXT,
    },
    "runtime_call": {"step": _WHOLE, "call_id": _WHOLE, "op_id": _WHOLE, "correlation_id": _WHOLE},
    "kernel": {
        "step": _WHOLE, "device_step": _WHOLE, "kernel_id": _WHOLE, "call_id": _WHOLE, "op_id": _WHOLE, "kind": _TEXT,
        "op_name": _LONG_TEXT, "module": _LONG_TEXT, "correlation_id": _WHOLE, "bytes": _WHOLE, "flops": _WHOLE,
        "bytes_accessed": _WHOLE, "grid": _TEXT, "block": _TEXT, "registers_per_thread": _WHOLE, "shared_memory_bytes": _WHOLE,
        "occupancy_ratio": _REAL, "graph_node_id": _WHOLE, "process_group": _LONG_TEXT, "group_size": _WHOLE,
    },
}  # fmt: skip
"""What a slice carries beside its name and category: columns of its table, and the field of a DebugAnnotation for each."""
_NAMES = sorted({name for columns in _ARGUMENTS.values() for name in columns})
_TYPES = {_WHOLE: "BIGINT", _REAL: "DOUBLE", _TEXT: "VARCHAR", _LONG_TEXT: "UBIGINT"}  # in the order of the fields' numbers
Progress = Callable[[str, int, int], None]


def write_perfetto(store: Store, run_id: str, target: Path, selection: Selection, on_progress: Progress) -> None:
    """Write the trace, compressed by gzip. Raises CrossprofError: nothing is in the selection. Raises OSError."""
    windows = chosen(store, run_id, selection)
    with slices.workbench(store) as connection, staged(target) as raw, igzip.GzipFile(fileobj=raw, mode="wb") as file:
        file.write(perfetto_tracks.opening(_NAMES))
        written = sum([_write_rank(connection, run_id, window, file, on_progress) for window in windows])
        if not written:
            raise CrossprofError(f"{run_id} holds no event there: `crossprof show {run_id}` says what was captured.")


def _write_rank(
    connection: duckdb.DuckDBPyConnection, run_id: str, window: RankWindow, file: BinaryIO, on_progress: Progress
) -> int:
    """Write one rank and give the number of its slices and readings."""
    slices.point_at(connection, run_id, window)
    total = slices.load(connection, {source: _arguments(source) for source in slices.SOURCES})
    readings = slices.load_counters(connection)
    file.write(perfetto_tracks.descriptors(connection, run_id, window))
    file.write(perfetto_tracks.texts(connection, {source: _long(source) for source in ("op", "kernel")}))
    base = perfetto_tracks.base(window.rank)
    done = 0
    for query in (_slices(base), _readings(base)):
        for packets in slices.pieces(connection, query, _BATCH):
            file.write(_encoded(packets))
            done += len(packets)
            on_progress(f"rank {window.rank}", done, total + readings)
    return total + readings


def _encoded(packets: pa.Array) -> memoryview:
    """Rows, each the packets of one slice or reading, as bytes that follow each other in a trace."""
    schema = encoder().schema()
    rows = pa.RecordBatch.from_arrays([packets.cast(schema.field(0).type)], schema=schema)
    return slices.joined(encoder().record_batch_to_array(rows))


def _long(source: str) -> list[str]:
    return [column for column, field in _ARGUMENTS[source].items() if field == _LONG_TEXT]


def _arguments(source: str) -> str:
    """The expression for the list of DebugAnnotation of a row; what is NULL is left out."""
    return f"list_filter([{', '.join(_argument(*one) for one in _ARGUMENTS[source].items())}], {_IS_KNOWN})"


_IS_KNOWN = f"lambda one: coalesce({', '.join(f'one.{name}::VARCHAR' for name in _TYPES)}) IS NOT NULL"


def _argument(column: str, field: str) -> str:
    own = f"CASE WHEN {column} IS NOT NULL THEN hash({column}) END" if field == _LONG_TEXT else column
    values = ", ".join(f"{name}: ({own if name == field else 'NULL'})::{kind}" for name, kind in _TYPES.items())
    return f"{{name_iid: {_NAMES.index(column) + 1}::UBIGINT, {values}}}"


_EVENT = {
    "debug_annotations": f"[]::STRUCT(name_iid UBIGINT, {', '.join(f'{name} {kind}' for name, kind in _TYPES.items())})[]",
    "type": "0",
    "name_iid": "NULL::UBIGINT",
    "track_uuid": "0::UBIGINT",
    "categories": "[]::VARCHAR[]",
    "counter_value": "NULL::BIGINT",
    "double_counter_value": "NULL::DOUBLE",
    "flow_ids": "NULL::UBIGINT",
}
"""Every field of a TrackEvent, in the order of its numbers, as what is left out."""


def _packet(at: str, **fields: Any) -> str:
    event = ", ".join(f"{name}: {fields.get(name, left_out)}" for name, left_out in _EVENT.items())
    return (
        f"{{timestamp: {at}::UBIGINT, trusted_packet_sequence_id: {SEQUENCE}::UINTEGER, "
        f"track_event: {{{event}}}, sequence_flags: {perfetto_tracks.NEEDS_NAMES}::UINTEGER}}"
    )


def _slices(base: int) -> str:
    """The begin and the end of each slice."""
    track = f"({base} + track * {perfetto_tracks.LANES} + lane)::UBIGINT"
    begin = _packet(
        "start_ns",
        debug_annotations="args",
        type=SLICE_BEGIN,
        name_iid="term::UBIGINT",
        track_uuid=track,
        categories="[category]",
        flow_ids=f"({base} + flow)::UBIGINT",
    )
    end = _packet("(start_ns + dur_ns)", type=SLICE_END, track_uuid=track)
    return f"SELECT [{begin}, {end}] AS packet FROM slice ORDER BY position"


def _readings(base: int) -> str:
    values = {"counter_value": "whole", "double_counter_value": "fraction"}
    track = f"({base + perfetto_tracks.COUNTERS} + counter)::UBIGINT"
    return f"SELECT [{_packet('at_ns', type=COUNTER, track_uuid=track, **values)}] AS packet FROM reading"
