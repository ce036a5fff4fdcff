"""The reader of Kineto JSON, the trace format of PyTorch's profiler."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from functools import partial
from importlib.resources import files

import duckdb

from crossprof.ingest.byte_search import holds
from crossprof.ingest.event_map import UNREADABLE, map_events, map_readable, text_damage
from crossprof.ingest.event_text import EventText, drained, head_text
from crossprof.ingest.memory_file import memory_file
from crossprof.ingest.scratch import json_text
from crossprof.ingest.source import Source
from crossprof.store.threads import shared_out

__all__ = ["KinetoReader"]

_EVENTS_KEY = re.compile(rb'"traceEvents"\s*:\s*\[')
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_FOREIGN_ARRAY = re.compile(rb'"cat"\s*:\s*"(?:Session|Node)"')  # ONNX Runtime

# DuckDB compares the fields of a STRUCT without case, and leaves the spelling that it does not declare NULL without a word.
_MEMORY_BYTES = (b'"Bytes":', b'"Byte_":')  # of [memory]; "bytes" belongs to copies. A name as long is put in its place fastest
_SPELLINGS = (("External id", "external id"), ("Input Dims", "Input dims"))
_ARGUMENTS = """STRUCT(
    device BIGINT, stream VARCHAR, correlation BIGINT, "External id" BIGINT, bytes BIGINT, grid VARCHAR, block VARCHAR,
    "registers per thread" INTEGER, "shared memory" BIGINT, "est. achieved occupancy %" DOUBLE, "graph node id" BIGINT,
    "In msg nelems" BIGINT, dtype VARCHAR, "Process Group Name" VARCHAR, "Group size" INTEGER,
    "Input Dims" VARCHAR, "Input type" VARCHAR, "Sequence number" BIGINT, "Fwd thread id" BIGINT, "Module Hierarchy" VARCHAR,
    "Call stack" VARCHAR, "Byte_" BIGINT, "Addr" UBIGINT, "Device Type" INTEGER, "Device Id" BIGINT,
    "Total Allocated" BIGINT, "Total Reserved" BIGINT)"""
_HEADER_KEYS = {
    "deviceProperties", "distributedInfo", "ERROR", "WARNING", "host_name", "traceName", "trace_id", "crossprof_run",
    "with_stack",
    "profile_memory", "record_shapes", "with_flops", "with_modules", "cuda_driver_version", "cuda_runtime_version",
    "hip_driver_version", "hip_runtime_version", "torch_version", "pytorch_version",
}  # fmt: skip
_TEXTS = dict.fromkeys(("ph", "cat", "name", "pid", "tid"), "VARCHAR")
# A field of an unexpected type is NULL; text that is no JSON is still an error. {ns}(ts, dur) is the end after the base.
_CHUNK = """
SELECT *, getvariable('base_ns') + {ns}(ts, 0) AS start_ns, getvariable('base_ns') + {ns}(ts, dur) AS end_ns
FROM read_json(
    getvariable('chunk'), format = 'array', columns = getvariable('columns'), ignore_errors = true,
    hive_partitioning = false)"""
_EDGES = f"""CREATE OR REPLACE TABLE kineto_edge (
    is_begin BOOLEAN, cat VARCHAR, name VARCHAR, pid VARCHAR, tid VARCHAR, args {_ARGUMENTS}, at_ns BIGINT,
    chunk_number INTEGER)"""
_ELEMENT_BYTES = """
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
_CHUNKS_A_COMMIT = 32  # threads wait for each other's commits; what fails is undone as far as the last


class KinetoReader:
    """Reads Kineto JSON: an object with traceEvents, or an array of events."""

    format = "kineto"

    def matches(self, source: Source) -> bool:
        """Whether the head of the file is Kineto JSON."""
        text = head_text(source)
        if text.startswith(b"{"):
            found = _EVENTS_KEY.search(text)
            is_header = b'"schemaVersion"' in text and b'"deviceProperties"' in text
            return _depth(text[: found.start()]) <= 1 if found else is_header
        return text.startswith(b"[") and b'"ph"' in text and not _FOREIGN_ARRAY.search(text)

    def stage(self, connection: duckdb.DuckDBPyConnection, source: Source, *, capture: int | None) -> None:
        """Add the facts of the file to the staged relations. What a damaged file still holds is read, with a finding."""
        text = EventText(source)
        form = _Form.of(source, base_ns=text.base_time_ns(), capture=capture)
        connection.execute(_EDGES)
        damaged: set[int] = set()
        tallies = dict(shared_out(connection, enumerate(text.chunks()), partial(_staging, form=form, damaged=damaged)))
        if damaged:
            again = ((number, chunk) for number, chunk in enumerate(text.chunks()) if number in damaged)
            with _mending(connection, form=form) as mend:  # alone: what memory has no room for then is the event itself
                tallies |= dict(map(mend, again))
        tally = _Tally.of(tallies.values())
        if tally.edges:
            tally.events -= _map_pairs(connection, capture=capture, edges=tally.edges)
        connection.execute("DROP TABLE kineto_edge")
        header = {key: value for key, value in text.header.items() if key in _HEADER_KEYS}
        _set(connection, capture=capture, header=json_text(header), **asdict(tally))
        connection.execute(_sql("kineto_header.sql"))
        for finding in text_damage(source, text, tally.lost):
            connection.execute("INSERT INTO staged_finding VALUES (?, 'error', ?, ?, ?, ?)", [*finding, capture])


@dataclass
class _Tally:
    """Counts of entries of traceEvents: all, those that are no event, without a time, a begin or an end, and not JSON."""

    events: int = 0
    unreadable: int = 0
    untimed: int = 0
    edges: int = 0
    lost: int = 0

    @classmethod
    def of(cls, parts: Iterable[_Tally]) -> _Tally:
        """The sum of the counts of parts."""
        return cls(*map(sum, zip(*map(astuple, parts), strict=True)))


@dataclass(frozen=True)
class _Form:
    """How the events of a file are written, and where they belong. Other spellings of a key give way to the declared one."""

    arguments: str
    replaced: tuple[tuple[bytes, bytes], ...]
    base_ns: int
    capture: int | None

    @classmethod
    def of(cls, source: Source, *, base_ns: int, capture: int | None) -> _Form:
        """The form of a file, by its head."""
        head, arguments = head_text(source), _ARGUMENTS
        replaced: list[tuple[bytes, bytes]] = [_MEMORY_BYTES]
        for today, earlier in _SPELLINGS:
            declared, other = (earlier, today) if f'"{earlier}":'.encode() in head else (today, earlier)
            arguments = arguments.replace(today, declared)
            replaced.append((f'"{other}":'.encode(), f'"{declared}":'.encode()))
        return cls(arguments, tuple(replaced), base_ns, capture)

    def prepare(self, connection: duckdb.DuckDBPyConnection, path: str) -> None:
        """Make a connection ready to map chunks that lie at a path."""
        connection.execute(_ELEMENT_BYTES)
        connection.execute(_NS)
        _set(connection, chunk=path, base_ns=self.base_ns, capture=self.capture)

    def read(self, connection: duckdb.DuckDBPyConnection, number: int, chunk: list[bytes]) -> Iterator[bytes]:
        """The events of a chunk as they are to be read, the so-manieth of the file. The chunk is empty at the end."""
        is_coarse = any(_COARSE_TIME.search(piece) for piece in chunk[:2])
        time = "VARCHAR" if is_coarse else "DOUBLE"
        columns = _TEXTS | dict.fromkeys(("ts", "dur"), time) | {"args": self.arguments}
        _set(connection, chunk_number=number, columns=columns, event_source=_CHUNK.format(ns=f"ns_of_{time.lower()}"))
        pieces = map(self._normal, drained(chunk))
        return (_TIME.sub(rb'\1"\2"', piece) for piece in pieces) if is_coarse else pieces

    def _normal(self, piece: bytes) -> bytes:
        piece = piece if piece.isascii() else piece.decode(errors="replace").encode()
        for other, declared in self.replaced:
            if holds(piece, other):
                piece = piece.replace(other, declared)
        return piece


_Stager = Callable[[tuple[int, list[bytes]]], tuple[int, _Tally]]


@contextmanager
def _staging(connection: duckdb.DuckDBPyConnection, *, form: _Form, damaged: set[int]) -> Iterator[_Stager]:
    """Stages chunks, several to a transaction; the numbers of those in one that fails are noted, and none of it is staged."""
    mapping, staged = _sql("kineto.sql"), list[int]()
    with memory_file() as file:
        form.prepare(connection, file.path)
        connection.execute("SET write_buffer_row_group_count = 1")  # what a transaction holds in memory, of each table

        def stage(numbered: tuple[int, list[bytes]]) -> tuple[int, _Tally]:
            number, chunk = numbered
            if not staged:
                connection.execute("BEGIN")
            staged.append(number)
            try:
                rows = map_events(connection, form.read(connection, number, chunk), file, mapping)
            except UNREADABLE:
                connection.execute("ROLLBACK")
                damaged.update(staged)
                staged.clear()
                return number, _Tally()
            if len(staged) == _CHUNKS_A_COMMIT:
                connection.execute("COMMIT")
                staged.clear()
            return number, _Tally(*rows[0])

        yield stage
        if staged:
            connection.execute("COMMIT")


@contextmanager
def _mending(connection: duckdb.DuckDBPyConnection, *, form: _Form) -> Iterator[_Stager]:
    """Stages what can be read of chunks."""
    mapping = _sql("kineto.sql")
    with memory_file() as file:
        form.prepare(connection, file.path)

        def stage(numbered: tuple[int, list[bytes]]) -> tuple[int, _Tally]:
            number, chunk = numbered
            rows, lost = map_readable(connection, form.read(connection, number, chunk), file, mapping)
            return number, _Tally.of([_Tally(lost=lost), *(_Tally(*row) for row in rows)])

        yield stage


def _map_pairs(connection: duckdb.DuckDBPyConnection, *, capture: int | None, edges: int) -> int:
    """Stage the events that were written as a begin and an end. How many there are; what is left of the edges is a finding."""
    connection.execute(_ELEMENT_BYTES)
    connection.execute(_sql("kineto_pair.sql"))
    _set(connection, event_source="FROM kineto_pair", capture=capture, chunk_number=None)
    pairs = int(connection.execute(_sql("kineto.sql")).fetchall()[0][0])
    connection.execute("DROP TABLE kineto_pair")
    if unpaired := edges - 2 * pairs:
        detail = f"{unpaired} of {edges} begins and ends of events have no other half."
        row = ["events_unpaired", "warning", unpaired, detail, "They are left out, with the time between them.", capture]
        connection.execute("INSERT INTO staged_finding VALUES (?, ?, ?, ?, ?, ?)", row)
    return pairs


def _depth(text: bytes) -> int:
    """How many brackets are open at the end of a JSON text: a report that quotes a trace has its events further inside."""
    outside = _STRING.sub(b"", text)
    return sum(map(outside.count, (b"{", b"["))) - sum(map(outside.count, (b"}", b"]")))


def _set(connection: duckdb.DuckDBPyConnection, **values: object) -> None:
    for name, value in values.items():
        connection.execute(f"SET VARIABLE {name} = ?", [value])


def _sql(name: str) -> str:
    return files("crossprof.ingest").joinpath(name).read_text()
