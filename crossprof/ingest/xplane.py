"""The reader of XPlane, the trace format of the profilers of TensorFlow and JAX."""

from __future__ import annotations

import re
from contextlib import nullcontext
from importlib.resources import files

import duckdb
import pyarrow as pa

from crossprof.errors import TraceError
from crossprof.ingest.file_bytes import FileBytes, file_bytes
from crossprof.ingest.source import Source
from crossprof.ingest.xplane_events import event_tables
from crossprof.ingest.xplane_glossary import Glossary
from crossprof.ingest.xplane_pieces import BATCH_BYTES, Batch, batches
from crossprof.ingest.xplane_space import Space, read_space
from crossprof.ingest.xplane_tables import line_table, options_json, plane_tables
from crossprof.ingest.xplane_wire import Bytes, SpaceError
from crossprof.store.threads import shared_out

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
        with file_bytes(source) as data:
            try:
                space = read_space(data)
                if not space.planes:
                    raise SpaceError("it holds no whole plane")
                lost = _stage(connection, data, space, capture)
            except SpaceError as error:
                raise TraceError(source.path, _refusal(source, str(error))) from None
        _add_complaints(connection, source, space, capture, lost=lost)


def _stage(connection: duckdb.DuckDBPyConnection, data: FileBytes, space: Space, capture: int | None) -> int:
    """The number of pieces of lines that are corrupt. Raises SpaceError.

    Names come first, then the events in batches on several threads, then what takes all events together.
    """
    work = _batches(data, space)
    tables = {**plane_tables(space.planes), "xplane_line": line_table(data, work)}
    connection.execute("SET VARIABLE capture = ?", [capture])
    _run(connection, "xplane_header.sql", tables)
    _add_options(connection, capture)
    planes = {batch.plane for batch in work}
    glossaries = {plane: Glossary.of(connection, plane, tables["xplane_stat_name"]) for plane in planes}
    lost = sum(shared_out(connection, enumerate(work), lambda own: nullcontext(_Mapper(own, data, glossaries, capture))))
    if lost and not connection.execute("FROM xplane_count LIMIT 1").fetchall():
        raise SpaceError("no event in it is whole")
    _run(connection, "xplane_trailer.sql", {})
    return lost


def _batches(data: Bytes, space: Space) -> list[Batch]:
    """The events of all planes in batches. Lines are numbered across the file."""
    found: list[Batch] = []
    count = 0
    for number, plane in enumerate(space.planes):
        found += batches(data, plane.lines, plane=number, first_line=count)
        count += len(plane.lines)
    return found


class _Mapper:
    """Stages one batch after the other through a connection."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, data: Bytes, glossaries: dict[int, Glossary], capture: int | None
    ) -> None:
        self._connection = connection
        self._data = data
        self._glossaries = glossaries
        self._mapping = _sql("xplane.sql")
        connection.execute("SET VARIABLE capture = ?", [capture])

    def __call__(self, numbered: tuple[int, Batch]) -> int:
        """Stage a batch, the so-manieth of the file. The number of its pieces that are corrupt."""
        return self._map(*numbered)

    def _map(self, number: int, batch: Batch) -> int:
        """Stage a batch. Pieces that are corrupt are found by halving, and lost: their number."""
        glossary = self._glossaries[batch.plane]
        try:
            tables = event_tables(self._data, batch, number, glossary)
        except SpaceError:
            return sum(self._map(number, half) for half in batch.halves()) if len(batch.pieces) > 1 else 1
        self._connection.execute("SET VARIABLE plane = ?", [glossary.plane])
        self._connection.execute("SET VARIABLE device_id = ?", [glossary.device_id])
        _execute(self._connection, self._mapping, tables)
        pa.default_memory_pool().release_unused()  # what the threads of DuckDB free would stay with this one
        return 0


def _refusal(source: Source, reason: str) -> str:
    """Why the bytes are no XSpace, and what to do."""
    if source.head.count(_REPLACEMENT) * 200 > len(source.head):
        return "this XPlane file went through a UTF-8 text decoder, which can't be undone. Copy it again in binary mode."
    return f"this XPlane file can't be read: {reason}. Copy or record it again."


def _add_options(connection: duckdb.DuckDBPyConnection, capture: int | None) -> None:
    """Record the profiler's options as it read them, whatever was asked for."""
    rows = connection.execute("SELECT bytes_value FROM xplane_plane_fact WHERE name = 'profile_options'").fetchall()
    options = options_json(rows[0][0]) if rows and rows[0][0] else None
    if options:
        connection.execute("INSERT INTO staged_fact VALUES ('options_effective', ?, ?)", [options, capture])


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
        detail = f"{lost} pieces of lines in {source.path.name} are corrupt, each of {BATCH_BYTES >> 20} MiB at most."
        rows.append(("events_invalid", "error", lost, detail, "Their events are left out."))
    for row in rows:
        connection.execute("INSERT INTO staged_finding VALUES (?, ?, ?, ?, ?, ?)", [*row, capture])
    if space.hostnames:
        host = space.hostnames[0].partition(":")[0]  # some writers add a port
        connection.execute("INSERT INTO staged_fact VALUES ('host_name', ?, ?)", [host, capture])


def _run(connection: duckdb.DuckDBPyConnection, script: str, tables: dict[str, pa.Table]) -> None:
    _execute(connection, _sql(script), tables)


def _execute(connection: duckdb.DuckDBPyConnection, statements: str, tables: dict[str, pa.Table]) -> None:
    """Run statements that read tables by their names."""
    for name, table in tables.items():
        connection.register(name, table)
    connection.execute(statements).fetchall()
    for name in tables:  # not where it failed: in a transaction that is void nothing can be done but to end it
        connection.unregister(name)


def _sql(name: str) -> str:
    return files("crossprof.ingest").joinpath(name).read_text(encoding="utf-8")
