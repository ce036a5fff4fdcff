"""From the bytes of an XSpace to the staged relations, by the SQL of xplane_header, xplane and xplane_trailer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import duckdb
import pyarrow as pa

from crossprof.ingest.statement import sql_of
from crossprof.ingest.xplane_events import event_tables
from crossprof.ingest.xplane_glossary import Glossary
from crossprof.ingest.xplane_pieces import Batch, batches
from crossprof.ingest.xplane_space import Space
from crossprof.ingest.xplane_stats import NO_STATS
from crossprof.ingest.xplane_tables import line_table, options_json, plane_tables
from crossprof.ingest.xplane_texts import enumerate_texts
from crossprof.ingest.xplane_wire import Bytes, SpaceError
from crossprof.store.threads import shared_out, transaction

__all__ = ["stage_space"]

_FEW_BATCHES = 3
"""The events of so many are staged sooner than texts are given numbers."""
_MOST_HELD = 500_000
"""Rows that wait for a statement, which takes some milliseconds to plan; of each thread."""
_FEW_BYTES = 128 << 20
# The database keeps as much of a small file at hand as it may and needs less: the memory is for what decodes it and writes it.
_LIMIT = "parse_formatted_bytes(current_setting('memory_limit'))"
_SPARE_MEMORY = f"SET memory_limit = least({_LIMIT}, greatest({_LIMIT} * 8 // 10, {256 << 20}))::BIGINT || 'B'"
_RELATION = re.compile(r"^-- (xplane_\w+).*$", re.MULTILINE)


def stage_space(connection: duckdb.DuckDBPyConnection, data: Bytes, space: Space, capture: int | None) -> int:
    """Stage all of a file. The number of pieces of lines that are corrupt. Raises SpaceError.

    Names come first, then the events in batches on several threads, then what takes all events together.
    """
    if len(data) < _FEW_BYTES:
        connection.execute(_SPARE_MEMORY)
    work = _batches(data, space)
    tables = {**plane_tables(space.planes), "xplane_line": line_table(data, work), "xplane_no_stat": NO_STATS}
    connection.execute("SET VARIABLE capture = ?", [capture])
    _execute(connection, sql_of("xplane_header.sql"), tables)
    _add_options(connection, capture)
    if len(work) > _FEW_BATCHES:
        enumerate_texts(connection)
    glossaries = {plane: Glossary.of(connection, plane) for plane in {batch.plane for batch in work}}

    @contextmanager
    def staging(own: duckdb.DuckDBPyConnection) -> Iterator[_Mapper]:
        with transaction(own):
            mapper = _Mapper(own, data, glossaries, capture)
            yield mapper
            mapper.flush()

    with _returned_memory():
        lost = sum(shared_out(connection, enumerate(work), staging))
    if lost and not connection.execute("FROM xplane_count LIMIT 1").fetchall():
        raise SpaceError("no event in it is whole")
    connection.execute(sql_of("xplane_trailer.sql"))
    return lost


@contextmanager
def _returned_memory() -> Iterator[None]:
    """Arrow takes its memory from the system meanwhile: from its own pool little comes back of what other threads free."""
    pool = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.default_memory_pool().release_unused()
        pa.set_memory_pool(pool)


def _batches(data: Bytes, space: Space) -> list[Batch]:
    """The events of all planes in batches. Lines are numbered across the file."""
    found: list[Batch] = []
    count = 0
    for number, plane in enumerate(space.planes):
        found += batches(data, plane.lines, plane=number, first_line=count)
        count += len(plane.lines)
    return found


class _Mapper:
    """Stages one batch after the other through a connection, several of one plane with a statement."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, data: Bytes, glossaries: dict[int, Glossary], capture: int | None
    ) -> None:
        self._connection = connection
        self._data = data
        self._glossaries = glossaries
        self._plane = -1
        self._held: dict[tuple[str, pa.Schema], list[pa.Table]] = defaultdict(list)
        connection.execute("SET VARIABLE capture = ?", [capture])

    def __call__(self, numbered: tuple[int, Batch]) -> int:
        """Take a batch, the so-manieth of the file. The number of its pieces that are corrupt."""
        number, batch = numbered
        if batch.plane != self._plane or sum(len(table) for tables in self._held.values() for table in tables) > _MOST_HELD:
            self.flush()
            self._plane = batch.plane
        return self._take(number, batch)

    def flush(self) -> None:
        """Stage what was taken."""
        if self._held:
            glossary = self._glossaries[self._plane]
            self._connection.execute("SET VARIABLE plane = ?", [glossary.plane])
            self._connection.execute("SET VARIABLE device_id = ?", [glossary.device_id])
        while self._held:
            (name, _), tables = self._held.popitem()
            _map(self._connection, _mappings()[name], pa.concat_tables(tables))

    def _take(self, number: int, batch: Batch) -> int:
        """Decode a batch. Pieces that are corrupt are found by halving, and lost: their number."""
        try:
            tables = event_tables(self._data, batch, number, self._glossaries[batch.plane])
        except SpaceError:
            return sum(self._take(number, half) for half in batch.halves()) if len(batch.pieces) > 1 else 1
        for name, table in tables.items():
            self._held[name, table.schema].append(table)
        return 0


def _map(connection: duckdb.DuckDBPyConnection, statement: str, xplane_batch: pa.Table) -> None:  # noqa: ARG001 - DuckDB sees it
    """Run a statement that reads the table by its name in here: one that is registered stays in memory until the commit."""
    connection.execute(statement).fetchall()


@cache
def _mappings() -> dict[str, str]:
    """The statements of xplane.sql by the relation that each of them maps."""
    _, *parts = _RELATION.split(sql_of("xplane.sql"))
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _add_options(connection: duckdb.DuckDBPyConnection, capture: int | None) -> None:
    """Record the profiler's options as it read them, whatever was asked for."""
    rows = connection.execute("SELECT bytes_value FROM xplane_plane_fact WHERE name = 'profile_options'").fetchall()
    options = options_json(rows[0][0]) if rows and rows[0][0] else None
    if options:
        connection.execute("INSERT INTO staged_fact VALUES ('options_effective', ?, ?)", [options, capture])


def _execute(connection: duckdb.DuckDBPyConnection, statements: str, tables: dict[str, pa.Table]) -> None:
    """Run statements that read tables by their names."""
    for name, table in tables.items():
        connection.register(name, table)
    connection.execute(statements).fetchall()
    for name in tables:  # not where it failed: in a transaction that is void nothing can be done but to end it
        connection.unregister(name)
