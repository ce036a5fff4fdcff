"""A batch of events as Arrow tables: what each event is, when, and of its stats those that the mapping wants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from crossprof.ingest.xplane_arrays import arrow, flat, is_given, numbers, places, texts
from crossprof.ingest.xplane_glossary import ROLES, Glossary, codes
from crossprof.ingest.xplane_pieces import Batch
from crossprof.ingest.xplane_stats import Stats
from crossprof.ingest.xplane_tables import decoded
from crossprof.ingest.xplane_wire import Bytes

__all__ = ["event_tables"]

_EVENTS_OF_A_BATCH = 1 << 32  # more than a batch can hold: numbers of events follow the order of the file
_PICOSECONDS = 1000
_FURTHEST_PS = 1 << 61
_NO_TIME_NS = 5 * 10**18

_MARKER, _MEMORY, _LOOP, _CALL, _HLO, _WORK, _ASYNC, _DEVICE, _HOST = codes(
    ["marker", "memory", "loop", "call", "hlo", "work", "async", "device", "host"]
)
_ROLE_NAMES = texts(ROLES)
_RANGES = codes(["module", "step", "runtime", "device", "python", "loop"])
_KINDS = texts("step" if role == "loop" else role for role in ROLES)
_DETAILED = {
    "xplane_work": (
        ("work", "async"),
        ("correlation_id", "program_id", "theoretical_occupancy_pct", "flops", "bytes_accessed", "hlo_module", "hlo_category",
            "tf_op", "kernel_details", "memcpy_details", "memset_details"),
    ),
    "xplane_op": (("hlo", "node"), ("hlo_op", "hlo_module", "hlo_category")),
    "xplane_call": (("call",), ("correlation_id",)),
    "xplane_loop": (("loop",), ("step_num",)),
    "xplane_memory": (
        ("memory",),
        ("index_on_host", "bytes_allocated", "bytes_reserved", "peak_bytes_in_use", "allocation_bytes", "addr",
            "allocator_name", "tf_op"),
    ),
}  # fmt: skip
# A loop or branch spans the instructions of its body, which stand on the same line: counted too, their time would count twice.
_CONTAINERS = texts(["while", "conditional", "call"])


@dataclass(frozen=True)
class _Events:
    """Each event of a batch: the places of its line and its name in the glossary, its role in ROLES, its time."""

    line: np.ndarray
    name: np.ndarray
    role: np.ndarray
    start_ns: np.ndarray
    end_ns: np.ndarray

    def with_roles(self, roles: Iterable[int]) -> np.ndarray:
        """The events that have one of these roles."""
        is_wanted = np.zeros(len(ROLES), bool)
        is_wanted[list(roles)] = True
        return np.flatnonzero(is_wanted[self.role])

    def columns(self, events: np.ndarray, glossary: Glossary) -> dict[str, pa.Array]:
        """What all tables say of some of the events."""
        return {
            "name": pa.DictionaryArray.from_arrays(arrow(self.name[events]), glossary.names),
            "thread": pa.DictionaryArray.from_arrays(arrow(self.line[events]), glossary.threads),
            "start_ns": arrow(self.start_ns[events]),
            "end_ns": arrow(self.end_ns[events]),
        }


def event_tables(data: Bytes, batch: Batch, number: int, glossary: Glossary) -> dict[str, pa.Table]:
    """The tables that xplane.sql reads, as far as they have rows, for the batch of this number. Raises SpaceError.

    xplane_range holds events of which only name and time are told, the others those whose stats say more, and xplane_tally
    the number of events of each line.
    """
    messages = decoded("EventLine", batch.messages(data))
    encoded, piece = flat(messages.column("events"))
    stats = Stats(encoded.field("stats"), glossary)
    events = _events(encoded, np.searchsorted(glossary.lines, np.asarray(batch.lines, np.int64))[piece], stats, glossary)
    lines, tally = np.unique(events.line, return_counts=True)
    ranges = events.with_roles(_RANGES)
    kind = pa.DictionaryArray.from_arrays(arrow(events.role[ranges]), _KINDS)
    tables = {
        "xplane_range": pa.table({**events.columns(ranges, glossary), "kind": kind}),
        "xplane_tally": pa.table({"line": arrow(glossary.lines[lines]), "events": arrow(tally)}),
    }
    for table, (roles, names) in _DETAILED.items():
        chosen = events.with_roles(codes(roles))
        tables[table] = pa.table(
            {
                **events.columns(chosen, glossary),
                "event": arrow(chosen + number * _EVENTS_OF_A_BATCH),
                "role": pa.DictionaryArray.from_arrays(arrow(events.role[chosen]), _ROLE_NAMES),
                "metadata_id": arrow(numbers(encoded.field("metadata_id"))[chosen]),
                **stats.columns(names, chosen),
            }
        )
    return {name: table for name, table in tables.items() if len(table)}


def _events(encoded: pa.Array, line: np.ndarray, stats: Stats, glossary: Glossary) -> _Events:
    name = places(arrow(numbers(encoded.field("metadata_id"))), glossary.name_ids)
    start_ns, end_ns = _times(encoded, glossary.zeros_ns[line])
    role = _device_roles(line, name, stats, glossary)
    is_host = role == _HOST
    if is_host.any():
        role = np.where(is_host, _host_roles(name, start_ns == end_ns, stats, glossary), role)
    role[is_given(encoded.field("num_occurrences"))] = _MARKER  # it has no place in time
    return _Events(line, name, role, start_ns, end_ns)


def _times(events: pa.Array, zero_ns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and end in unix nanoseconds, each rounded by itself. What would overflow becomes a time that no clock shows."""
    offset, duration = (numbers(events.field(each)) for each in ("offset_ps", "duration_ps"))
    is_start = (offset >= -_FURTHEST_PS) & (offset <= _FURTHEST_PS)
    is_end = is_start & (duration <= _FURTHEST_PS)
    start = np.where(is_start, offset, 0) + _PICOSECONDS // 2
    end = start + np.where(is_end, np.maximum(duration, 0), 0)
    return (
        np.where(is_start, zero_ns + start // _PICOSECONDS, _NO_TIME_NS),
        np.where(is_end, zero_ns + end // _PICOSECONDS, _NO_TIME_NS),
    )


def _device_roles(line: np.ndarray, name: np.ndarray, stats: Stats, glossary: Glossary) -> np.ndarray:
    """What the line says that its events are; of work, what groups other work is a range of the device."""
    role: np.ndarray = glossary.line_roles[line]
    is_container = glossary.is_container[name]
    is_container[stats.events_with("hlo_category")] = places(stats.texts("hlo_category"), _CONTAINERS) < len(_CONTAINERS)
    role[is_container & (role == _ASYNC)] = _MARKER
    role[is_container & (role == _WORK)] = _DEVICE
    return role


def _host_roles(name: np.ndarray, is_instant: np.ndarray, stats: Stats, glossary: Glossary) -> np.ndarray:
    """What events on the host are: by their name alone, else by their stats, else by their name and duration."""
    role: np.ndarray = glossary.sorts[name]
    is_decided = (role == _MARKER) | (role == _MEMORY)
    role[is_instant & ~is_decided] = _MARKER
    loops = np.intersect1d(stats.events_with("step_num"), stats.events_with("_r"))
    for meant, events in ((_HLO, stats.events_with("hlo_op")), (_CALL, stats.events_with("correlation_id")), (_LOOP, loops)):
        role[events[~is_decided[events]]] = meant
    return role
