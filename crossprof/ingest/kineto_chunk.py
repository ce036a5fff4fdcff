"""How chunks of Kineto events get to the staged relations: through the compiled scanner, or through DuckDB's reader of JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass

import duckdb

from crossprof.ingest.byte_search import holds
from crossprof.ingest.event_chunk import Chunk
from crossprof.ingest.event_map import UNREADABLE, map_events, map_readable
from crossprof.ingest.event_scan import LANES, EventScan, event_scan
from crossprof.ingest.event_text import head_text
from crossprof.ingest.memory_file import MemoryFile, memory_file
from crossprof.ingest.source import Source
from crossprof.ingest.statement import set_variables, sql_of

__all__ = ["ARGUMENTS", "ELEMENT_BYTES", "EVERY_SOURCE", "Form", "Tally", "mending", "staging"]

# DuckDB compares the fields of a STRUCT without case, and leaves the spelling that it does not declare NULL without a word.
_MEMORY_BYTES = (b'"Bytes":', b'"Byte_":')  # of [memory]; "bytes" belongs to copies. A name as long is put in its place fastest
_SPELLINGS = (("External id", "external id"), ("Input Dims", "Input dims"))
ARGUMENTS = """STRUCT(
    device BIGINT, stream VARCHAR, correlation BIGINT, "External id" BIGINT, bytes BIGINT, grid VARCHAR, block VARCHAR,
    "registers per thread" INTEGER, "shared memory" BIGINT, "est. achieved occupancy %" DOUBLE, "graph node id" BIGINT,
    "In msg nelems" BIGINT, dtype VARCHAR, "Process Group Name" VARCHAR, "Group size" INTEGER,
    "Input Dims" VARCHAR, "Input type" VARCHAR, "Sequence number" BIGINT, "Fwd thread id" BIGINT, "Module Hierarchy" VARCHAR,
    "Call stack" VARCHAR, "Byte_" BIGINT, "Addr" UBIGINT, "Device Type" INTEGER, "Device Id" BIGINT,
    "Total Allocated" BIGINT, "Total Reserved" BIGINT)"""
_TEXTS = dict.fromkeys(("ph", "cat", "name", "pid", "tid"), "VARCHAR")
_EVENT = """
SELECT
    ph, lower(cat) AS cat, name, pid, CASE WHEN starts_with(tid, 'stream ') THEN tid[8:] ELSE tid END AS tid, args, {times}
FROM {source}"""
# A field of an unexpected type is NULL; text that is no JSON is still an error. {ns}(ts, dur) is the end after the base.
_TIMES = "getvariable('base_ns') + {ns}(ts, 0) AS start_ns, getvariable('base_ns') + {ns}(ts, dur) AS end_ns"
_JSON = """read_json(
    getvariable('chunk'), format = 'array', columns = getvariable('columns'), ignore_errors = true,
    hive_partitioning = false)"""
EVERY_SOURCE = {f"{name}_source": "FROM timed" for name in LANES[1:]}
_SCANNED = {
    f"{'event' if name == 'rare' else name}_source": _EVENT.format(times="start_ns, end_ns", source=f"scanned_{name}")
    for name in LANES
}
ELEMENT_BYTES = """
CREATE OR REPLACE TEMP MACRO kineto_element_bytes(dtype) AS CASE
    WHEN dtype IN ('Double', 'Long', 'ComplexFloat') THEN 8 WHEN dtype IN ('Float', 'Int', 'UInt32') THEN 4
    WHEN dtype IN ('BFloat16', 'Half', 'Short') THEN 2
    WHEN dtype IN ('Byte', 'Char', 'Bool') OR dtype LIKE 'Float8%' THEN 1 END"""
# What is no instant and no duration of a capture is NULL: sums with a base, which is below 2^62, can't overflow. Of doubles,
# whole microseconds and their fraction are kept apart: a double holds neither product nor sum to the nanosecond.
_NS = """
CREATE OR REPLACE TEMP MACRO ns_of_double(ts, dur) AS
    CASE WHEN ts BETWEEN -4e15 AND 4e15 AND dur BETWEEN -9e12 AND 9e12 THEN
        try_cast(trunc(ts) AS BIGINT) * 1000 + try_cast(trunc(dur) AS BIGINT) * 1000
        + try_cast(round((ts - trunc(ts) + dur - trunc(dur)) * 1000) AS BIGINT)
    END;
CREATE OR REPLACE TEMP MACRO ns_of_varchar(ts, dur) AS
    CASE WHEN try_cast(ts AS DOUBLE) BETWEEN -4e15 AND 4e15 AND try_cast(dur AS DOUBLE) BETWEEN -9e12 AND 9e12 THEN
        try_cast(round((try_cast(ts AS DECIMAL(30, 9)) + try_cast(dur AS DECIMAL(30, 9))) * 1000) AS BIGINT)
    END"""

# A double holds microseconds to the nanosecond up to 2^43 = 8.8e12.
_COARSE_TIME = re.compile(rb'"ts"\s*:\s*"?(?:[89]\d{12}|\d{14,})\.\d')
_TIME = re.compile(rb'("(?:ts|dur)"\s*:\s*)(-?\d+(?:\.\d+)?)')
_MOST_HELD_BYTES = 24 << 20
_CHUNKS_A_COMMIT = 32  # threads wait for each other's commits; what fails is undone as far as the last


@dataclass
class Tally:
    """Counts of entries of traceEvents: all, those that are no event, without a time, a begin or an end, and not JSON."""

    events: int = 0
    unreadable: int = 0
    untimed: int = 0
    edges: int = 0
    lost: int = 0

    @classmethod
    def of(cls, parts: Iterable[Tally]) -> Tally:
        """The sum of the counts of parts."""
        return cls(*map(sum, zip(*map(astuple, parts), strict=True)))


@dataclass(frozen=True)
class Form:
    """How the events of a file are written, and where they belong. Other spellings of a key give way to the declared one."""

    arguments: str
    replaced: tuple[tuple[bytes, bytes], ...]
    base_ns: int
    capture: int | None

    @classmethod
    def of(cls, source: Source, *, base_ns: int, capture: int | None) -> Form:
        """The form of a file, by its head."""
        head, arguments = head_text(source), ARGUMENTS
        replaced: list[tuple[bytes, bytes]] = [_MEMORY_BYTES]
        for today, earlier in _SPELLINGS:
            declared, other = (earlier, today) if f'"{earlier}":'.encode() in head else (today, earlier)
            arguments = arguments.replace(today, declared)
            replaced.append((f'"{other}":'.encode(), f'"{declared}":'.encode()))
        return cls(arguments, tuple(replaced), base_ns, capture)

    def is_coarse(self, chunk: Chunk) -> bool:
        """Whether the times of a chunk, by its head, are none that a double holds."""
        return bool(_COARSE_TIME.search(chunk.head()))

    def prepare(self, connection: duckdb.DuckDBPyConnection, path: str) -> None:
        """Make a connection ready to map chunks that lie at a path."""
        connection.execute(ELEMENT_BYTES)
        connection.execute(_NS)
        set_variables(connection, chunk=path, base_ns=self.base_ns, capture=self.capture)

    def read(self, connection: duckdb.DuckDBPyConnection, pieces: Iterable[bytes], *, is_coarse: bool) -> Iterator[bytes]:
        """Events of a chunk as DuckDB is to read them."""
        time = "VARCHAR" if is_coarse else "DOUBLE"
        columns = _TEXTS | dict.fromkeys(("ts", "dur"), time) | {"args": self.arguments}
        events = _EVENT.format(times=_TIMES.format(ns=f"ns_of_{time.lower()}"), source=_JSON)
        set_variables(connection, columns=columns, event_source=events, **EVERY_SOURCE)
        normal = map(self._normal, pieces)
        return (_TIME.sub(rb'\1"\2"', piece) for piece in normal) if is_coarse else normal

    def _normal(self, piece: bytes) -> bytes:
        piece = piece if piece.isascii() else piece.decode(errors="replace").encode()
        for other, declared in self.replaced:
            if holds(piece, other):
                piece = piece.replace(other, declared)
        return piece


_Stager = Callable[[tuple[int, Chunk]], tuple[int, Tally]]


@contextmanager
def staging(connection: duckdb.DuckDBPyConnection, *, form: Form, damaged: set[int]) -> Iterator[_Stager]:
    """Stages chunks, several to a transaction; the numbers of those in one that fails are noted, and none of it is staged."""
    staged = list[int]()
    with memory_file() as file, event_scan(connection) as scan:
        form.prepare(connection, file.path)
        connection.execute("SET write_buffer_row_group_count = 1")  # what a transaction holds in memory, of each table
        way = _Way(connection, form, file, scan)

        def fail() -> None:
            connection.execute("ROLLBACK")
            way.forget()
            damaged.update(staged)
            staged.clear()

        def commit() -> None:
            try:
                way.flush()
            except UNREADABLE:
                fail()
            else:
                connection.execute("COMMIT")
                staged.clear()

        def stage(numbered: tuple[int, Chunk]) -> tuple[int, Tally]:
            number, chunk = numbered
            if not staged:
                connection.execute("BEGIN")
            staged.append(number)
            try:
                tally = way.take(chunk, number)
            except UNREADABLE:
                fail()
                return number, Tally()
            if len(staged) == _CHUNKS_A_COMMIT:
                commit()
            return number, tally

        yield stage
        if staged:
            commit()


@dataclass
class _Way:
    """How chunks of one thread get to the staged relations. Each method raises UNREADABLE, and then the transaction is void."""

    connection: duckdb.DuckDBPyConnection
    form: Form
    file: MemoryFile
    scan: EventScan | None

    def take(self, chunk: Chunk, number: int) -> Tally:
        """Take the events of a chunk, the so-manieth of the file, which can be read once."""
        is_coarse = self.form.is_coarse(chunk)
        if not self.scan:
            return self._read(chunk.pieces(), number, is_coarse=is_coarse)
        if not self.scan.read(chunk, base_ns=self.form.base_ns, is_coarse=is_coarse):
            return self._read(self.scan.pieces(), number, is_coarse=is_coarse)
        tally = Tally(*self.scan.tally())
        if tally.edges:
            set_variables(self.connection, chunk_number=number)
        if tally.edges or self.scan.bytes_held() > _MOST_HELD_BYTES:
            self.flush()
        odd = self.scan.odd_events()
        return Tally.of([tally, self._read([odd], number, is_coarse=is_coarse)]) if odd else tally

    def flush(self) -> None:
        """Stage what the scanner holds: to plan the statement takes as long for one chunk as for several."""
        if self.scan and self.scan.bytes_held():
            set_variables(self.connection, **_SCANNED)
            self.connection.execute(sql_of("kineto.sql"))
            self.scan.clear()

    def forget(self) -> None:
        """Drop what the scanner holds."""
        if self.scan:
            self.scan.clear()

    def _read(self, pieces: Iterable[bytes], number: int, *, is_coarse: bool) -> Tally:
        set_variables(self.connection, chunk_number=number)
        events = self.form.read(self.connection, pieces, is_coarse=is_coarse)
        return Tally(*map_events(self.connection, events, self.file, sql_of("kineto.sql"))[0])


@contextmanager
def mending(connection: duckdb.DuckDBPyConnection, *, form: Form) -> Iterator[_Stager]:
    """Stages what can be read of chunks."""
    mapping = sql_of("kineto.sql")
    with memory_file() as file:
        form.prepare(connection, file.path)

        def stage(numbered: tuple[int, Chunk]) -> tuple[int, Tally]:
            number, chunk = numbered
            set_variables(connection, chunk_number=number)
            events = form.read(connection, chunk.pieces(), is_coarse=form.is_coarse(chunk))
            rows, lost = map_readable(connection, events, file, mapping)
            return number, Tally.of([Tally(lost=lost), *(Tally(*row) for row in rows)])

        yield stage
