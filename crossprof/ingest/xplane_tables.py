"""The small side of an XSpace as flat Arrow tables: planes, lines and names, everything but the events."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

from crossprof.ingest.xplane_pieces import Batch
from crossprof.ingest.xplane_schema import decoder
from crossprof.ingest.xplane_space import PlaneOutline
from crossprof.ingest.xplane_wire import Bytes, SpaceError

__all__ = ["VALUES", "as_text", "decoded", "flat", "line_table", "options_json", "plane_tables"]

VALUES = ("double_value", "uint64_value", "int64_value", "str_value", "ref_value")
"""The fields of a stat that hold its value: one of them does."""


def decoded(message: str, payloads: list[bytes]) -> pa.RecordBatch:
    """Messages of one kind as columns. Raises SpaceError for bytes of another shape."""
    try:
        return decoder(message).list_to_record_batch(payloads)
    except ValueError as error:
        raise SpaceError(f"a plane is corrupt ({error})") from None


def plane_tables(planes: list[PlaneOutline]) -> dict[str, pa.Table]:
    """Planes, their stats and their names, by the table's name in xplane_header.sql. Raises SpaceError."""
    batch = decoded("PlaneWithoutLines", [plane.head for plane in planes])
    stats, plane = flat(batch.column("stats"))
    return {
        "xplane_plane": pa.table({"plane": _numbers(batch), "id": batch.column("id"), "name": as_text(batch.column("name"))}),
        "xplane_plane_stat": _stat_table(stats, plane=plane, bytes_value=stats.field("bytes_value")),
        **_name_tables(batch),
    }


def line_table(data: Bytes, batches: list[Batch]) -> pa.Table:
    """What the lines say of themselves, a row for each piece of a line. Raises SpaceError."""
    heads = pa.Table.from_batches(
        [decoded("LineWithoutEvents", []), *(decoded("LineWithoutEvents", batch.messages(data)) for batch in batches)]
    )
    line = [number for batch in batches for number in batch.lines]
    plane = [batch.plane for batch in batches for _ in batch.lines]
    texts = {name: as_text(heads[name]) for name in ("name", "display_name")}
    numbers = {name: heads[name] for name in ("id", "timestamp_ns")}
    return pa.table({"line": pa.array(line, pa.int64()), "plane": pa.array(plane, pa.int64()), **numbers, **texts})


def options_json(encoded: bytes) -> str | None:
    """The profiler's options as JSON, without the user's log directory. None where they can't be read."""
    try:
        row = decoded("ProfileOptions", [encoded]).to_pylist()[0]
    except SpaceError:
        return None
    return json.dumps({name: value for name, value in row.items() if value is not None})


def flat(lists: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The items of all lists, and for each the number of its list."""
    return lists.flatten(), lists.value_parent_indices()


def as_text(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Bytes as text. Bytes that are not UTF-8 come out with replacement characters."""
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        texts = [None if value is None else value.decode("utf-8", "replace") for value in values.to_pylist()]
        return pa.array(texts, pa.string())


def _numbers(rows: pa.RecordBatch) -> pa.Array:
    """A number for each row, from 0."""
    return pa.array(np.arange(len(rows)))


def _stat_table(stats: pa.Array, **more: pa.Array) -> pa.Table:
    """Stats as a table, with further columns before them."""
    values = {name: stats.field(name) for name in VALUES}
    values["str_value"] = as_text(values["str_value"])
    return pa.table({**more, "metadata_id": stats.field("metadata_id").fill_null(0), **values})


def _name_tables(batch: pa.RecordBatch) -> dict[str, pa.Table]:
    """The names of events and stats. The key of the map is the id: some writers leave the one inside empty."""
    entries, plane = flat(batch.column("event_names"))
    key, values = entries.field("key").fill_null(0), entries.field("value")
    stats, parent = flat(values.field("stats"))
    stat_entries, stat_plane = flat(batch.column("stat_names"))
    texts = {name: as_text(values.field(name)) for name in ("name", "display_name")}
    return {
        "xplane_event_name": pa.table({"plane": plane, "metadata_id": key, **texts}),
        "xplane_event_name_stat": _stat_table(stats, plane=plane.take(parent), event_metadata_id=key.take(parent)),
        "xplane_stat_name": pa.table(
            {
                "plane": stat_plane,
                "metadata_id": stat_entries.field("key").fill_null(0),
                "name": as_text(stat_entries.field("value").field("name")),
            }
        ),
    }
