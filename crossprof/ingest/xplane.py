"""The reader of XPlane, the trace format of the profilers of TensorFlow and JAX."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from crossprof.errors import TraceError
from crossprof.ingest.file_bytes import file_bytes
from crossprof.ingest.source import Source
from crossprof.ingest.xplane_wire import SpaceError

if TYPE_CHECKING:
    from crossprof.ingest.xplane_space import Space

__all__ = ["XPlaneReader"]

_FIRST_TAGS = b"\x0a\x12\x1a\x22"  # planes, errors, warnings, hostnames
# The name field of a plane: tag, length, and a name that only XPlane uses. Text formats hold no byte 0x12.
_PLANE_NAME = re.compile(rb"\x12[\x01-\x7f](?:/host:|/device:|Task Environment)")
_REPLACEMENT = "\ufffd".encode()


class XPlaneReader:
    """Reads an XSpace, the protobuf message in a file `<host>.xplane.pb`."""

    format = "xplane"

    def matches(self, source: Source) -> bool:
        """Whether the head of the file is an XSpace."""
        return source.head[:1] in _FIRST_TAGS and bool(_PLANE_NAME.search(source.head))

    def stage(self, connection: duckdb.DuckDBPyConnection, source: Source, *, capture: int | None) -> None:
        """Add the facts of the file to the staged relations. Raises TraceError."""
        # What decodes it takes a while to import, which files of other formats need not wait for.
        from crossprof.ingest.xplane_mapping import stage_space
        from crossprof.ingest.xplane_space import read_space

        with file_bytes(source) as data:
            try:
                space = read_space(data)
                if not space.planes:
                    raise SpaceError("it holds no whole plane")
                lost = stage_space(connection, data, space, capture)
            except SpaceError as error:
                raise TraceError(source.path, _refusal(source, str(error))) from None
        _add_complaints(connection, source, space, capture, lost=lost)


def _refusal(source: Source, reason: str) -> str:
    """Why the bytes are no XSpace, and what to do."""
    if source.head.count(_REPLACEMENT) * 200 > len(source.head):
        return "this XPlane file went through a UTF-8 text decoder, which can't be undone. Copy it again in binary mode."
    return f"this XPlane file can't be read: {reason}. Copy or record it again."


def _add_complaints(
    connection: duckdb.DuckDBPyConnection, source: Source, space: Space, capture: int | None, *, lost: int
) -> None:
    """Record what the profiler itself found wrong, and damage of the file."""
    rows: list[tuple[str, str, int, str, str]] = []
    for code, severity, texts in (("profiler_errors", "error", space.errors), ("profiler_warnings", "warning", space.warnings)):
        if texts:
            rows.append(
                (code, severity, len(texts), f"The profiler says: {'; '.join(texts[:3])}", "The capture may be partial.")
            )
    if space.is_truncated or source.damage:
        detail = source.damage or "the file ends inside a plane; what is whole and has its names was kept"
        rows.append(
            (source.damage_code or "file_truncated", "error", 1, f"{source.path.name}: {detail}.", "Events are missing.")
        )
    if lost:
        from crossprof.ingest.xplane_pieces import BATCH_BYTES

        detail = f"{lost} pieces of lines in {source.path.name} are corrupt, each of {BATCH_BYTES >> 20} MiB at most."
        rows.append(("events_invalid", "error", lost, detail, "Their events are left out."))
    for row in rows:
        connection.execute("INSERT INTO staged_finding VALUES (?, ?, ?, ?, ?, ?)", [*row, capture])
    if space.hostnames:
        host = space.hostnames[0].partition(":")[0]  # some writers add a port
        connection.execute("INSERT INTO staged_fact VALUES ('host_name', ?, ?)", [host, capture])
