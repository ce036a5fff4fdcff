"""The reader of the JSON output of rocprofv3, the profiler of AMD's rocprofiler-sdk."""

from __future__ import annotations

import re
import tempfile
from importlib import resources
from pathlib import Path

import duckdb
import psutil

from crossprof.errors import TraceError
from crossprof.ingest.event_text import head_text
from crossprof.ingest.source import Source

__all__ = ["RocprofReader"]

_TOOL_KEY = b'"rocprofiler-sdk-tool"'
# The text is held whole, two more times while it is decoded where it is not ASCII; the scratch database adds up to 4 GiB.
_MEMORY_TIMES = 16

# DuckDB is slow at one large object and must hold it whole, so the arrays of records, which come last, are cut out of it.
_RECORDS = re.compile(rb'"buffer_records"\s*:\s*\{')
_ARRAY = re.compile(rb'(?:\{|\]\s*,)\s*"(\w+)"\s*:\s*\[')
_END = re.compile(rb"\]\s*\}")
_BORDER = re.compile(rb'\}\s*,\s*\{\s*"size"\s*:')

_HANDLE = "STRUCT(handle UBIGINT)"
_EXTENT = "STRUCT(x BIGINT, y BIGINT, z BIGINT)"
_LARGEST_RECORD_BYTES = 1 << 20
_PROCESS = f"""STRUCT(
    metadata STRUCT(node STRUCT(hostname VARCHAR), pid BIGINT, config JSON),
    agents STRUCT(
        id {_HANDLE}, type BIGINT, node_id BIGINT, logical_node_type_id BIGINT, name VARCHAR, vendor_name VARCHAR,
        product_name VARCHAR, cu_count INTEGER, mem_banks STRUCT(size_in_bytes BIGINT)[])[],
    strings STRUCT(
        buffer_records STRUCT(kind VARCHAR, operations VARCHAR[])[], marker_api STRUCT("key" BIGINT, "value" VARCHAR)[]),
    kernel_symbols STRUCT(
        kernel_id BIGINT, formatted_kernel_name VARCHAR, demangled_kernel_name VARCHAR, kernel_name VARCHAR,
        arch_vgpr_count INTEGER)[])[]"""
_RECORD = {
    **dict.fromkeys(("kind", "operation", "thread_id", "start_timestamp", "end_timestamp"), "BIGINT"),
    "correlation_id": "STRUCT(internal BIGINT)",
}
_TABLES = {
    "process": {"rocprofiler-sdk-tool": _PROCESS},
    **dict.fromkeys(("hip_api", "hsa_api", "rccl_api", "marker_api"), _RECORD),
    "kernel_dispatch": {
        **_RECORD,
        "stream_id": _HANDLE,
        "dispatch_info": f"""STRUCT(
            agent_id {_HANDLE}, queue_id {_HANDLE}, kernel_id BIGINT, group_segment_size BIGINT,
            workgroup_size {_EXTENT}, grid_size {_EXTENT})""",
    },
    "memory_copy": {
        **_RECORD,
        **dict.fromkeys(("stream_id", "dst_agent_id", "src_agent_id"), _HANDLE),
        "bytes": "BIGINT",
    },
    "memory_allocation": {**_RECORD, "agent_id": _HANDLE, "address": "VARCHAR", "allocation_size": "BIGINT"},
}
_FILL = """
INSERT INTO rocprof_{kind}
FROM read_json(?, format = 'array', columns = getvariable('columns'), ignore_errors = true, maximum_object_size = {most},
    hive_partitioning = false)"""
_SQL = resources.files("crossprof.ingest").joinpath("rocprof.sql")


class RocprofReader:
    """Reads what `rocprofv3 --output-format json` writes: an object with the key rocprofiler-sdk-tool."""

    format = "rocprof"

    def matches(self, source: Source) -> bool:
        """Whether the head of the file is an object with that key."""
        text = head_text(source)
        return text.startswith(b"{") and _TOOL_KEY in text

    def stage(self, connection: duckdb.DuckDBPyConnection, source: Source, *, capture: int | None) -> None:
        """Add the facts of the file to the staged relations. What a cut file still holds is read. Raises TraceError."""
        text = source.read(most=psutil.virtual_memory().total // _MEMORY_TIMES)
        text = text if text.isascii() else text.decode(errors="replace").encode()
        starts = [match.end() for match in _RECORDS.finditer(text)]
        if len(starts) != 1:
            reason = f"it holds the records of {len(starts)} processes" if starts else "it ends before its records"
            raise TraceError(source.path, f"{reason}, where rocprofv3 writes those of one to a file. Copy or record it again.")
        arrays, is_cut = _arrays(text, starts[0])
        connection.execute("SET VARIABLE capture = ?", [capture])
        try:
            _load(connection, text, starts[0], arrays)
            connection.execute(_SQL.read_text(encoding="utf-8"))
        except (duckdb.DataError, duckdb.InvalidInputException):
            reason = source.damage or "its JSON is damaged"
            raise TraceError(
                source.path, f"this output of rocprofv3 can't be read: {reason}. Copy or record it again."
            ) from None
        if source.damage or is_cut:
            detail = source.damage or "the file ends in the middle of its records"
            row = [source.damage_code or "file_truncated", f"{source.path.name}: {detail}.", "Records are missing.", capture]
            connection.execute("INSERT INTO staged_finding VALUES (?, 'error', 1, ?, ?, ?)", row)


def _arrays(text: bytes, start: int) -> tuple[dict[str, slice], bool]:
    """Where the records of each kind stand, and whether the last ones are cut: then they end with the last whole record."""
    found = list(_ARRAY.finditer(text, start - 1))
    last = found[-1].end() if found else start
    closed = _END.search(text, last)
    border = None if closed else max(_BORDER.finditer(text, last), key=re.Match.start, default=None)
    end = closed.start() if closed else border.start() + 1 if border else last
    ends = [*(match.start() for match in found[1:]), end]
    return {match[1].decode(): slice(match.end(), to) for match, to in zip(found, ends, strict=bool(found))}, not closed


def _load(connection: duckdb.DuckDBPyConnection, text: bytes, start: int, arrays: dict[str, slice]) -> None:
    """Make the tables rocprof_process and, one for each kind of record, rocprof_<kind>. Raises what DuckDB does."""
    with tempfile.TemporaryDirectory(prefix="crossprof-") as folder:
        path = Path(folder) / "part.json"
        for kind, columns in _TABLES.items():
            names = ", ".join(f'"{name}" {column}' for name, column in columns.items())
            connection.execute(f"CREATE OR REPLACE TEMP TABLE rocprof_{kind} ({names})")
            is_head = kind == "process"
            part = memoryview(text)[:start] if is_head else memoryview(text)[arrays.get(kind, slice(0))]
            with path.open("wb") as file:
                file.writelines((b"[", part, b"}}]}]" if is_head else b"]"))
            connection.execute("SET VARIABLE columns = ?", [columns])
            most = len(part) + _LARGEST_RECORD_BYTES if is_head else _LARGEST_RECORD_BYTES
            connection.execute(_FILL.format(kind=kind, most=most), [str(path)])
