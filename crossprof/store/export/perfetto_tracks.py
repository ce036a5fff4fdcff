"""What a Perfetto trace says before its events: names, the processes that ranks are, and the rows that they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from crossprof.store.export.perfetto_schema import message
from crossprof.store.export.selection import RankWindow

__all__ = ["COUNTERS", "LANES", "NEEDS_NAMES", "SEQUENCE", "base", "descriptors", "opening", "texts"]

SEQUENCE = 1
"""All packets come from one writer, so that its names hold in all of them."""
NEEDS_NAMES = 2
"""SequenceFlags: a packet refers to names that were written before."""
LANES = 1 << 16
"""Numbers that the lanes of a row may take."""
COUNTERS = 1 << 39
"""Where the numbers of counters begin; those of devices' groups lie between rows and counters."""
_GROUPS = 1 << 38
_RANK = 1 << 40
_CLEARED, _BY_RANK = 1, 3  # SequenceFlags, ChildTracksOrdering
_REALTIME, _BOOTTIME = 1, 6  # BuiltinClock; without an own clock packets count in the second
_KINDS = ["steps", "thread", "stream", "projection"]
_PROCESS = "SELECT coalesce(host, '') AS host, pid FROM rank WHERE run_id = ? AND rank = ?"
_DEVICES = "SELECT device_id, kind, model FROM device WHERE run_id = ? AND rank = ?"
_USED_DEVICES = """
    SELECT DISTINCT device_id FROM (SELECT device_id FROM track UNION ALL SELECT device_id FROM counter)
    WHERE device_id IS NOT NULL ORDER BY device_id
"""
_TRACKS = """
    SELECT track, lane, kind, device_id, thread FROM track JOIN (SELECT DISTINCT track, lane FROM slice) USING (track)
    ORDER BY track, lane
"""
_CHOSEN = """run_id = getvariable('run_id') AND rank = getvariable('rank')
    AND start_ns >= getvariable('first_ns') AND start_ns < getvariable('last_ns')"""
_FIRST = "SELECT min(at_ns) FROM (SELECT min(start_ns) AS at_ns FROM slice UNION ALL SELECT min(at_ns) FROM reading)"


def base(rank: int) -> int:
    """Where the numbers of a rank's rows begin; that very number is its process."""
    return (rank + 1) * _RANK


def opening(arguments: Sequence[str]) -> bytes:
    """The first packet: nothing is known yet but the names of arguments, numbered from 1."""
    trace = message("Trace")()
    packet = trace.packet.add(trusted_packet_sequence_id=SEQUENCE, sequence_flags=_CLEARED)
    for number, name in enumerate(arguments, 1):
        packet.interned_data.debug_annotation_names.add(iid=number, name=name)
    return bytes(trace.SerializeToString())


def descriptors(connection: duckdb.DuckDBPyConnection, run_id: str, window: RankWindow) -> bytes:
    """The process of a rank, its rows, and the names that its slices are the first to use."""
    trace, own = message("Trace")(), base(window.rank)
    ((first,),) = connection.execute(_FIRST).fetchall()
    if first is not None:
        clocks = trace.packet.add().clock_snapshot.clocks
        for clock in (_BOOTTIME, _REALTIME):
            clocks.add(clock_id=clock, timestamp=first)
    host, pid = connection.execute(_PROCESS, [run_id, window.rank]).fetchall()[0]
    title = " · ".join((f"rank {window.rank}", *([host] if host else []), *([f"pid {pid}"] if pid else [])))
    process = {"pid": window.rank + 1, "process_name": title}  # pids of several hosts may be the same
    _add(trace, uuid=own, process=process, child_ordering=_BY_RANK)
    _add_rows(trace, own, connection, _groups(trace, own, connection, run_id, window.rank))
    names = trace.packet.add(trusted_packet_sequence_id=SEQUENCE, sequence_flags=NEEDS_NAMES).interned_data.event_names
    for number, text in connection.execute("SELECT id, text FROM term WHERE rank = ?", [window.rank]).fetchall():
        names.add(iid=number, name=text)
    return bytes(trace.SerializeToString())


def texts(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, Sequence[str]]) -> bytes:
    """The long texts of these columns of tables, once each: events refer to them by their hash."""
    union = " UNION ALL ".join(
        f"SELECT unnest([{', '.join(held)}]) AS text FROM {table} WHERE {_CHOSEN}" for table, held in columns.items()
    )
    trace = message("Trace")()
    packet = trace.packet.add(trusted_packet_sequence_id=SEQUENCE, sequence_flags=NEEDS_NAMES)
    query = f"SELECT DISTINCT hash(text), text FROM ({union}) WHERE text IS NOT NULL"
    for number, text in connection.execute(query).fetchall():
        packet.interned_data.debug_annotation_string_values.add(iid=number, name=text)
    return bytes(trace.SerializeToString())


def _add(trace: Any, **fields: Any) -> None:
    trace.packet.add(trusted_packet_sequence_id=SEQUENCE).track_descriptor.CopyFrom(message("TrackDescriptor")(**fields))


def _groups(trace: Any, own: int, connection: duckdb.DuckDBPyConnection, run_id: str, rank: int) -> dict[int | None, int]:
    """The number of the row under which the rows of each device lie; readings of no device lie under the process."""
    known = {device: (kind, model) for device, kind, model in connection.execute(_DEVICES, [run_id, rank]).fetchall()}
    groups: dict[int | None, int] = {None: own}
    for place, (device,) in enumerate(connection.execute(_USED_DEVICES).fetchall()):
        kind, model = known.get(device, (None, None))
        name = "CPU" if device < 0 else f"{(kind or 'device').upper() if kind != 'accelerator' else 'Accelerator'} {device}"
        groups[device] = own + _GROUPS + place
        order = 1000 + place if device >= 0 else 2000
        _add(
            trace, uuid=groups[device], parent_uuid=own, name=" · ".join(filter(None, (name, model))),
            child_ordering=_BY_RANK, sibling_order_rank=order,
        )  # fmt: skip
    return groups


def _add_rows(trace: Any, own: int, connection: duckdb.DuckDBPyConnection, groups: dict[int | None, int]) -> None:
    """The lanes of a row have one name: Perfetto draws them as one row."""
    for track, lane, kind, device, thread in connection.execute(_TRACKS).fetchall():
        _add(
            trace, uuid=own + track * LANES + lane, parent_uuid=groups[device], name=_row_name(kind, thread),
            sibling_order_rank=track,
        )  # fmt: skip
    for number, device, name, unit in connection.execute("SELECT counter, device_id, name, unit FROM counter").fetchall():
        _add(
            trace, uuid=own + COUNTERS + number, parent_uuid=groups[device], name=name, counter={"unit_name": unit},
            sibling_order_rank=10_000 + number,
        )  # fmt: skip


def _row_name(kind: str, thread: str | None) -> str:
    named = thread or "unnamed"
    return {"steps": "steps", "thread": f"thread {named}", "stream": f"stream {named}"}.get(kind, f"ranges on {named}")
