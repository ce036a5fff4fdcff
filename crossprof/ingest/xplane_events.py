"""A batch of events as Arrow tables: what each event is, when, and of its stats those that the mapping wants."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossprof.ingest.xplane_glossary import ROLES, Glossary, codes
from crossprof.ingest.xplane_pieces import Batch
from crossprof.ingest.xplane_stats import Stats
from crossprof.ingest.xplane_tables import decoded, flat
from crossprof.ingest.xplane_wire import Bytes

__all__ = ["event_tables"]

_EVENTS_OF_A_BATCH = 1 << 32  # more than a batch can hold: numbers of events follow the order of the file
_PICOSECONDS = 1000
_FURTHEST_PS = 1 << 61
_NO_TIME_NS = 5 * 10**18

_MARKER, _MEMORY, _LOOP, _CALL, _HLO, _WORK, _ASYNC, _DEVICE = codes(
    ["marker", "memory", "loop", "call", "hlo", "work", "async", "device"]
)
_HOST = codes(["host"])[0]
_RANGES = codes(["module", "step", "runtime", "device", "python", "loop"])
_DETAILED = codes(["work", "async", "hlo", "node", "call", "memory", "loop"])
# A loop or branch spans the instructions of its body, which stand on the same line: counted too, their time would count twice.
_CONTAINERS = pa.array(["while", "conditional", "call"])


def event_tables(data: Bytes, batch: Batch, number: int, glossary: Glossary) -> dict[str, pa.Table]:
    """The tables that xplane.sql reads, for the batch of this number. Raises SpaceError.

    xplane_range holds events of which only name and time are told, xplane_event those whose stats say more,
    and xplane_tally the number of events of each line.
    """
    messages = decoded("Line", batch.messages(data))
    events, piece = flat(messages.column("events"))
    line = np.searchsorted(glossary.lines, np.asarray(batch.lines, np.int64))[piece]
    name = pc.index_in(events.field("metadata_id").fill_null(0), value_set=glossary.name_ids)
    name = name.fill_null(len(glossary.name_ids)).to_numpy()
    start_ns, end_ns = _times(events, glossary.zeros_ns[line])
    stats = Stats(events.field("stats"), glossary)
    role = _device_roles(line, name, stats, glossary)
    is_host = role == _HOST
    if is_host.any():
        role = np.where(is_host, _host_roles(name, start_ns == end_ns, stats, glossary), role)
    role[events.field("num_occurrences").is_valid().to_numpy(zero_copy_only=False)] = _MARKER  # it has no place in time
    chosen, ranges = _places(role, _DETAILED), _places(role, _RANGES)
    lines, tally = np.unique(line, return_counts=True)
    return {
        "xplane_range": pa.table(
            {
                "name": pa.DictionaryArray.from_arrays(name[ranges], glossary.names),
                "kind": pa.DictionaryArray.from_arrays(role[ranges], ROLES),
                "thread": pa.DictionaryArray.from_arrays(line[ranges], glossary.threads),
                "start_ns": start_ns[ranges],
                "end_ns": end_ns[ranges],
            }
        ),
        "xplane_event": pa.table(
            {
                "event": chosen + number * _EVENTS_OF_A_BATCH,
                "role": pa.DictionaryArray.from_arrays(role[chosen], ROLES),
                "metadata_id": events.field("metadata_id").fill_null(0).take(pa.array(chosen)),
                "thread": pa.DictionaryArray.from_arrays(line[chosen], glossary.threads),
                "start_ns": start_ns[chosen],
                "end_ns": end_ns[chosen],
                **stats.columns(chosen, len(events)),
            }
        ),
        "xplane_tally": pa.table({"line": glossary.lines[lines], "events": tally}),
    }


def _times(events: pa.Array, zero_ns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and end in unix nanoseconds, each rounded by itself. What would overflow becomes a time that no clock shows."""
    offset, duration = (events.field(each).fill_null(0).to_numpy() for each in ("offset_ps", "duration_ps"))
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
    is_container[stats.events_with("hlo_category")] = pc.is_in(stats.texts("hlo_category"), value_set=_CONTAINERS)
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


def _places(role: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    is_wanted = np.zeros(len(ROLES), bool)
    is_wanted[wanted] = True
    return np.flatnonzero(is_wanted[role])
