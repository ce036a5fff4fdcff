"""The reader of Kineto JSON, the trace format of PyTorch's profiler."""

from __future__ import annotations

import json
import re
import tempfile
from importlib.resources import files
from pathlib import Path

import duckdb

from crossprof.ingest.event_text import EventText, halves, utf8
from crossprof.ingest.source import HEAD_BYTES, Source

__all__ = ["KinetoReader"]

_EVENTS_KEY = re.compile(rb'"traceEvents"\s*:\s*\[')
_FOREIGN_ARRAY = re.compile(rb'"cat"\s*:\s*"(?:Session|Node)"')  # ONNX Runtime

# DuckDB compares the fields of a STRUCT without case, and leaves the spelling that it does not declare NULL without a word.
_MEMORY_BYTES = (b'"Bytes":', b'"memory bytes":')  # of [memory]; "bytes" belongs to copies
_SPELLINGS = (("external id", "External id"), ("Input Dims", "Input dims"))
_ARGUMENTS = """STRUCT(
    device BIGINT, stream VARCHAR, correlation BIGINT, "external id" BIGINT, bytes BIGINT, grid VARCHAR, block VARCHAR,
    "registers per thread" INTEGER, "shared memory" BIGINT, "est. achieved occupancy %" DOUBLE, "graph node id" BIGINT,
    "In msg nelems" BIGINT, dtype VARCHAR, "Process Group Name" VARCHAR, "Group size" INTEGER,
    "Input Dims" VARCHAR, "Input type" VARCHAR, "Sequence number" BIGINT, "Fwd thread id" BIGINT, "Module Hierarchy" VARCHAR,
    "Call stack" VARCHAR, "memory bytes" BIGINT, "Addr" UBIGINT, "Device Type" INTEGER, "Device Id" BIGINT,
    "Total Allocated" BIGINT, "Total Reserved" BIGINT)"""
_PREPARE = """
CREATE OR REPLACE TEMP TABLE kineto_tally (events BIGINT, unreadable BIGINT, untimed BIGINT);
CREATE OR REPLACE TEMP MACRO kineto_element_bytes(dtype) AS CASE
    WHEN dtype IN ('Double', 'Long', 'ComplexFloat') THEN 8 WHEN dtype IN ('Float', 'Int', 'UInt32') THEN 4
    WHEN dtype IN ('BFloat16', 'Half', 'Short') THEN 2
    WHEN dtype IN ('Byte', 'Char', 'Bool') OR dtype LIKE 'Float8%' THEN 1 END"""
_NS_OF_DOUBLE = """CREATE OR REPLACE TEMP MACRO kineto_ns(ts, dur) AS
    try_cast(trunc(ts) AS BIGINT) * 1000 + try_cast(trunc(dur) AS BIGINT) * 1000
    + try_cast(round((ts - trunc(ts) + dur - trunc(dur)) * 1000) AS BIGINT)"""
_NS_OF_TEXT = """CREATE OR REPLACE TEMP MACRO kineto_ns(ts, dur) AS
    try_cast(round((try_cast(ts AS DECIMAL(30, 9)) + try_cast(dur AS DECIMAL(30, 9))) * 1000) AS BIGINT)"""

# A double holds microseconds to the nanosecond up to 2^43 = 8.8e12.
_COARSE_TIME = re.compile(rb'"ts"\s*:\s*"?(?:[89]\d{12}|\d{14,})\.\d')
_TIME = re.compile(rb'("(?:ts|dur)"\s*:\s*)(-?\d+(?:\.\d+)?)')
_COARSE_TIME_BYTES = 1 << 20


class KinetoReader:
    """Reads Kineto JSON: an object with traceEvents, or an array of events."""

    format = "kineto"

    def matches(self, source: Source) -> bool:
        """Whether the head of the file is Kineto JSON."""
        text = next(utf8(source), b"")[:HEAD_BYTES].lstrip()
        if text.startswith(b"{"):
            return bool(_EVENTS_KEY.search(text)) or (b'"schemaVersion"' in text and b'"deviceProperties"' in text)
        return text.startswith(b"[") and b'"ph"' in text and not _FOREIGN_ARRAY.search(text)

    def stage(self, connection: duckdb.DuckDBPyConnection, source: Source, *, capture: int | None) -> None:
        """Add the facts of the file to the staged relations. What a damaged file still holds is read, with a finding."""
        text = EventText(source)
        connection.execute(_PREPARE)
        _set(connection, "capture", capture)
        _set(connection, "base_ns", text.base_time_ns())
        mapping = _sql("kineto.sql")
        lost = 0
        with tempfile.TemporaryDirectory(prefix="crossprof-") as folder:
            for chunk in text.chunks():
                lost += _load(connection, chunk, Path(folder) / "chunk.json", mapping)
        _set(connection, "header", json.dumps(text.header))
        connection.execute(_sql("kineto_header.sql"))
        for finding in _damage(source, text, lost):
            connection.execute("INSERT INTO staged_finding VALUES (?, 'error', ?, ?, ?, ?)", [*finding, capture])
        connection.execute("DROP VIEW IF EXISTS kineto_timed; DROP TABLE IF EXISTS kineto_event; DROP TABLE kineto_tally")


def _load(connection: duckdb.DuckDBPyConnection, chunk: bytes, path: Path, mapping: str) -> int:
    """Stage one chunk of events. The count of events that could not be read."""
    chunk = chunk if chunk.isascii() else chunk.decode(errors="replace").encode()
    chunk = chunk.replace(*_MEMORY_BYTES)
    arguments = _ARGUMENTS
    for declared, other in _SPELLINGS:
        if f'"{other}":'.encode() not in chunk:
            continue
        if f'"{declared}":'.encode() in chunk:
            chunk = chunk.replace(f'"{other}":'.encode(), f'"{declared}":'.encode())
        else:
            arguments = arguments.replace(declared, other)
    is_coarse = bool(_COARSE_TIME.search(chunk, 0, _COARSE_TIME_BYTES))
    if is_coarse:
        chunk = _TIME.sub(rb'\1"\2"', chunk)
    time_type = "VARCHAR" if is_coarse else "DOUBLE"
    columns = dict.fromkeys(("ph", "cat", "name", "pid", "tid"), "VARCHAR") | {
        "ts": time_type,
        "dur": time_type,
        "args": arguments,
    }
    _set(connection, "columns", columns)
    _set(connection, "chunk", str(path))
    connection.execute(_NS_OF_TEXT if is_coarse else _NS_OF_DOUBLE)
    return _map(connection, chunk, path, mapping)


def _map(connection: duckdb.DuckDBPyConnection, events: bytes, path: Path, mapping: str) -> int:
    """Read and map events; those that are not JSON are found by halving. The count of them."""
    with path.open("wb") as file:
        file.writelines((b"[", events, b"]"))
    try:
        connection.execute(mapping)
    except duckdb.Error:
        parts = halves(events)
        return sum(_map(connection, part, path, mapping) for part in parts) if parts else 1
    return 0


def _damage(source: Source, text: EventText, lost: int) -> list[tuple[str, int, str, str]]:
    """Code, count, detail and effect of what is wrong with the bytes."""
    found = []
    if source.damage and source.damage_code:
        found.append(
            (source.damage_code, 1, f"{source.path.name}: {source.damage}.", "The numbers hold for what could be read.")
        )
    elif text.is_cut:
        detail = f"{source.path.name} ends in the middle of the events: the writer was stopped, or the copy is incomplete."
        found.append(("file_truncated", 1, detail, "Events are missing at the end; the numbers hold for what could be read."))
    if text.is_header_lost and not text.is_cut:
        detail = f"The keys beside the events of {source.path.name} are not valid JSON."
        found.append(("header_invalid", 1, detail, "Device properties, rank and profiler options are unknown."))
    if lost:
        found.append(("events_invalid", lost, f"{lost} events of {source.path.name} are not valid JSON.", "They are left out."))
    return found


def _set(connection: duckdb.DuckDBPyConnection, name: str, value: object) -> None:
    connection.execute(f"SET VARIABLE {name} = ?", [value])


def _sql(name: str) -> str:
    return files("crossprof.ingest").joinpath(name).read_text()
