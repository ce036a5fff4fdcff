"""The reader of XPlane, the trace format of the profilers of TensorFlow and JAX."""

from __future__ import annotations

import re
from importlib import resources

import duckdb
import psutil
import pyarrow as pa

from crossprof.errors import TraceError
from crossprof.ingest.source import Source
from crossprof.ingest.xplane_tables import Space, SpaceError, flat_tables, options_json, read_space

__all__ = ["XPlaneReader"]

_FIRST_TAGS = b"\x0a\x12\x1a\x22"  # planes, errors, warnings, hostnames
# The name field of a plane: tag, length, and a name that only XPlane uses. Text formats hold no byte 0x12.
_PLANE_NAME = re.compile(rb"\x12[\x01-\x7f](?:/host:|/device:|Task Environment)")
# The flat tables peak at 9 times the file and the scratch database adds up to 4 GiB: together about half of a machine's memory.
_MEMORY_TIMES = 32
_REPLACEMENT = "\ufffd".encode()
_SQL = resources.files("crossprof.ingest").joinpath("xplane.sql")


class XPlaneReader:
    """Reads an XSpace, the protobuf message in a file `<host>.xplane.pb`."""

    format = "xplane"

    def matches(self, source: Source) -> bool:
        """Whether the head of the file is an XSpace."""
        return source.head[:1] in _FIRST_TAGS and bool(_PLANE_NAME.search(source.head))

    def stage(self, connection: duckdb.DuckDBPyConnection, source: Source, *, capture: int | None) -> None:
        """Add the facts of the file to the staged relations. Raises TraceError."""
        space, tables = _read(source)
        connection.execute("SET VARIABLE capture = ?", [capture])
        for name, table in tables.items():
            connection.register(name, table)
        try:
            connection.execute(_SQL.read_text(encoding="utf-8"))
            _add_options(connection, capture)
        finally:
            for name in tables:
                connection.unregister(name)
        _add_complaints(connection, source, space, capture)


def _read(source: Source) -> tuple[Space, dict[str, pa.Table]]:
    """The top level and the flat tables of a file. What is encoded is let go: the tables alone are some times its size."""
    data = source.read(most=psutil.virtual_memory().total // _MEMORY_TIMES)
    try:
        space = read_space(data)
        tables = flat_tables(space)
    except SpaceError as error:
        raise TraceError(source.path, _refusal(data, str(error))) from None
    if not space.planes:
        raise TraceError(source.path, _refusal(data, "it holds no whole plane"))
    space.planes.clear()
    return space, tables


def _refusal(data: bytes, reason: str) -> str:
    """Why the bytes are no XSpace, and what to do."""
    if data.count(_REPLACEMENT) * 200 > len(data):
        return "this XPlane file went through a UTF-8 text decoder, which can't be undone. Copy it again in binary mode."
    return f"this XPlane file can't be read: {reason}. Copy or record it again."


def _add_options(connection: duckdb.DuckDBPyConnection, capture: int | None) -> None:
    """Record the profiler's options as it read them, whatever was asked for."""
    rows = connection.execute("SELECT bytes_value FROM xplane_plane_fact WHERE name = 'profile_options'").fetchall()
    options = options_json(rows[0][0]) if rows and rows[0][0] else None
    if options:
        connection.execute("INSERT INTO staged_fact VALUES ('options_effective', ?, ?)", [options, capture])


def _add_complaints(connection: duckdb.DuckDBPyConnection, source: Source, space: Space, capture: int | None) -> None:
    """Record what the profiler itself found wrong, and damage of the file."""
    rows: list[tuple[str, str, int, str, str]] = []
    for code, severity, texts in (("profiler_errors", "error", space.errors), ("profiler_warnings", "warning", space.warnings)):
        if texts:
            rows.append(
                (code, severity, len(texts), f"The profiler says: {'; '.join(texts[:3])}", "The capture may be partial.")
            )
    if space.is_truncated or source.damage:
        detail = source.damage or "the file ends inside a plane; its whole planes were kept"
        rows.append(
            (source.damage_code or "file_truncated", "error", 1, f"{source.path.name}: {detail}.", "Events are missing.")
        )
    for row in rows:
        connection.execute("INSERT INTO staged_finding VALUES (?, ?, ?, ?, ?, ?)", [*row, capture])
    if space.hostnames:
        host = space.hostnames[0].partition(":")[0]  # some writers add a port
        connection.execute("INSERT INTO staged_fact VALUES ('host_name', ?, ?)", [host, capture])
