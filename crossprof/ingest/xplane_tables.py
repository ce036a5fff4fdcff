"""The bytes of an XSpace as flat Arrow tables: planes, lines, events, stats, names. No loop touches an event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from crossprof.ingest.xplane_schema import decoder

__all__ = ["Space", "SpaceError", "flat_tables", "options_json", "read_space"]

_PLANES, _ERRORS, _WARNINGS, _HOSTNAMES = 1, 2, 3, 4
_VALUES = ("double_value", "uint64_value", "int64_value", "str_value", "ref_value")
_MOST_FIELDS = 1 << 16
_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5


class SpaceError(Exception):
    """Bytes that are not an XSpace. The message says why, without the path."""


@dataclass
class Space:
    """The top level of an XSpace: its planes still encoded."""

    planes: list[bytes] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    hostnames: list[str] = field(default_factory=list)
    is_truncated: bool = False


def read_space(data: bytes) -> Space:
    """The top level of an XSpace. A file that is cut short keeps its whole planes. Raises SpaceError."""
    space = Space()
    texts = {_ERRORS: space.errors, _WARNINGS: space.warnings, _HOSTNAMES: space.hostnames}
    for number, content in _fields(memoryview(data)):
        if content is None:
            space.is_truncated = True
        elif number == _PLANES:
            space.planes.append(bytes(content))
        elif number in texts:
            texts[number].append(bytes(content).decode("utf-8", "replace"))
    return space


def flat_tables(space: Space) -> dict[str, pa.Table]:
    """The tables that xplane.sql reads, by name. Raises SpaceError for a plane that is not one.

    Rows are numbered across the file: `line` counts lines, `event` counts events, whatever plane they are in.
    """
    try:
        batch = decoder("Plane").list_to_record_batch(space.planes)
    except ValueError as error:
        raise SpaceError(f"a plane is corrupt ({error})") from None
    planes = pa.table({"plane": _numbers(batch), "id": batch.column("id"), "name": _text(batch.column("name"))})
    lines, plane_of_line = _flat(batch.column("lines"))
    events, line_of_event = _flat(lines.field("events"))
    stats, event_of_stat = _flat(events.field("stats"))
    plane_of_event = plane_of_line.take(line_of_event)
    plane_of_stat = plane_of_event.take(event_of_stat)
    return {
        "xplane_plane": planes,
        "xplane_plane_stat": _plane_stats(batch),
        "xplane_line": _line_table(lines, plane_of_line),
        "xplane_event": _event_table(events, line_of_event),
        "xplane_stat": _stat_table(stats, plane=plane_of_stat, event=event_of_stat),
        **_name_tables(batch),
    }


def options_json(encoded: bytes) -> str | None:
    """The profiler's options as JSON, without the user's log directory. None where they can't be read."""
    try:
        row = decoder("ProfileOptions").list_to_record_batch([encoded]).to_pylist()[0]
    except ValueError:
        return None
    return json.dumps({name: value for name, value in row.items() if value is not None})


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview | None]]:
    """Number and content of each length-delimited field; a content of None where the bytes end inside a field."""
    position, end, count = 0, len(data), 0
    while position < end:
        count += 1
        if count > _MOST_FIELDS:
            raise SpaceError(f"it has more than {_MOST_FIELDS} planes and messages, which no profiler writes")
        tag, position = _varint(data, position)
        number, kind = tag >> 3, tag & 7
        if number == 0 or kind not in {_VARINT, _FIXED64, _DELIMITED, _FIXED32}:
            raise SpaceError(f"the wire format is corrupt at byte {position - 1}")
        if kind == _VARINT:
            _, position = _varint(data, position)
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
        if size < 0:
            size, position = _varint(data, position)
        if position + size > end:
            yield number, None
            return
        if kind == _DELIMITED:
            yield number, data[position : position + size]
        position += size


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """A varint and the position after it."""
    value = shift = 0
    while position < len(data) and shift < 64:
        byte = data[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
    raise SpaceError(f"the wire format is corrupt at byte {position}")


def _flat(lists: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The items of all lists, and for each the number of its list."""
    return lists.flatten(), lists.value_parent_indices()


def _columns(structs: pa.Array, *names: str, **more: pa.Array) -> pa.Table:
    """Some fields of structs as a table, with further columns before them."""
    return pa.table(more | {name: structs.field(name) for name in names})


def _line_table(lines: pa.Array, plane: pa.Array) -> pa.Table:
    texts = {name: _text(lines.field(name)) for name in ("name", "display_name")}
    return _columns(lines, "id", "timestamp_ns", line=_numbers(lines), plane=plane, **texts)


def _event_table(events: pa.Array, line: pa.Array) -> pa.Table:
    names = ("metadata_id", "offset_ps", "duration_ps", "num_occurrences")
    return _columns(events, *names, event=_numbers(events), line=line)


def _numbers(rows: pa.Array | pa.RecordBatch) -> pa.Array:
    """A number for each row, from 0."""
    return pa.array(np.arange(len(rows)))


def _stat_table(stats: pa.Array, **more: pa.Array) -> pa.Table:
    table = _columns(stats, "metadata_id", *_VALUES, **more)
    return table.set_column(table.column_names.index("str_value"), "str_value", _text(table["str_value"]))


def _plane_stats(batch: pa.RecordBatch) -> pa.Table:
    stats, plane = _flat(batch.column("stats"))
    return _stat_table(stats, plane=plane, bytes_value=stats.field("bytes_value"))


def _name_tables(batch: pa.RecordBatch) -> dict[str, pa.Table]:
    """The names of events and stats. The key of the map is the id: some writers leave the one inside empty."""
    entries, plane = _flat(batch.column("event_names"))
    key, values = entries.field("key"), entries.field("value")
    stats, parent = _flat(values.field("stats"))
    stat_entries, stat_plane = _flat(batch.column("stat_names"))
    texts = {name: _text(values.field(name)) for name in ("name", "display_name")}
    return {
        "xplane_event_name": pa.table({"plane": plane, "metadata_id": key, **texts}),
        "xplane_event_name_stat": _stat_table(stats, plane=plane.take(parent), event_metadata_id=key.take(parent)),
        "xplane_stat_name": pa.table(
            {
                "plane": stat_plane,
                "metadata_id": stat_entries.field("key"),
                "name": _text(stat_entries.field("value").field("name")),
            }
        ),
    }


def _text(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Bytes as text. Bytes that are not UTF-8 come out with replacement characters."""
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        decoded = [None if value is None else value.decode("utf-8", "replace") for value in values.to_pylist()]
        return pa.array(decoded, pa.string())
