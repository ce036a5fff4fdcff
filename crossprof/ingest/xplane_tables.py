"""The small side of an XSpace as flat Arrow tables: planes, lines and names, everything but the events."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

from crossprof.ingest.xplane_arrays import arrow, as_text, flat, numbers
from crossprof.ingest.xplane_pieces import Batch
from crossprof.ingest.xplane_schema import decoder
from crossprof.ingest.xplane_space import PlaneOutline
from crossprof.ingest.xplane_wire import Bytes, SpaceError

__all__ = ["decoded", "line_table", "options_json", "plane_tables"]

_VALUES = ("double_value", "uint64_value", "int64_value", "str_value", "ref_value")


def decoded(message: str, payloads: list[bytes] | pa.BinaryArray) -> pa.RecordBatch:
    """Messages of one kind as columns. Raises SpaceError for bytes of another shape."""
    handler = decoder(message)
    try:
        if isinstance(payloads, pa.BinaryArray):
            return handler.array_to_record_batch(payloads)
        return handler.list_to_record_batch(payloads)
    except ValueError as error:
        raise SpaceError(f"a plane is corrupt ({error})") from None


def plane_tables(planes: list[PlaneOutline]) -> dict[str, pa.Table]:
    """Planes, their stats and their names, by the table's name in xplane_header.sql. Raises SpaceError."""
    batch = decoded("PlaneWithoutLines", [plane.head for plane in planes])
    stats, plane = flat(batch.column("stats"))
    numbers_of_planes = arrow(np.arange(len(batch)))
    return {
        "xplane_plane": pa.table({"plane": numbers_of_planes, "id": batch.column("id"), "name": as_text(batch.column("name"))}),
        "xplane_plane_stat": _stat_table(stats, plane=arrow(plane), bytes_value=stats.field("bytes_value")),
        **_name_tables(batch),
    }


def line_table(data: Bytes, batches: list[Batch]) -> pa.Table:
    """What the lines say of themselves, a row for each piece of a line. Raises SpaceError."""
    heads = pa.Table.from_batches(
        [decoded("LineWithoutEvents", []), *(decoded("LineWithoutEvents", batch.messages(data)) for batch in batches)]
    )
    line = np.array([number for batch in batches for number in batch.lines], np.int64)
    plane = np.array([batch.plane for batch in batches for _ in batch.lines], np.int64)
    texts = {name: as_text(heads[name]) for name in ("name", "display_name")}
    values = {name: heads[name] for name in ("id", "timestamp_ns")}
    return pa.table({"line": arrow(line), "plane": arrow(plane), **values, **texts})


def options_json(encoded: bytes) -> str | None:
    """The profiler's options as JSON, without the user's log directory. None where they can't be read."""
    try:
        row = decoded("ProfileOptions", [encoded]).to_pylist()[0]
    except SpaceError:
        return None
    return json.dumps({name: value for name, value in row.items() if value is not None})


def _stat_table(stats: pa.Array, **more: pa.Array) -> pa.Table:
    """Stats as a table, with further columns before them."""
    values = {name: stats.field(name) for name in _VALUES}
    values["str_value"] = as_text(values["str_value"])
    return pa.table({**more, "metadata_id": arrow(numbers(stats.field("metadata_id"))), **values})


def _name_tables(batch: pa.RecordBatch) -> dict[str, pa.Table]:
    """The names of events and stats. The key of the map is the id: some writers leave the one inside empty."""
    entries, plane = flat(batch.column("event_names"))
    key, values = arrow(numbers(entries.field("key"))), entries.field("value")
    stats, parent = flat(values.field("stats"))
    stat_entries, stat_plane = flat(batch.column("stat_names"))
    texts = {name: as_text(values.field(name)) for name in ("name", "display_name")}
    return {
        "xplane_event_name": pa.table({"plane": arrow(plane), "metadata_id": key, **texts}),
        "xplane_event_name_stat": _stat_table(stats, plane=arrow(plane[parent]), event_metadata_id=key.take(arrow(parent))),
        "xplane_stat_name": pa.table(
            {
                "plane": arrow(stat_plane),
                "metadata_id": arrow(numbers(stat_entries.field("key"))),
                "name": as_text(stat_entries.field("value").field("name")),
            }
        ),
    }
