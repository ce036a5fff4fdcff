"""The reader of the JSON output of rocprofv3, the profiler of AMD's rocprofiler-sdk."""

from __future__ import annotations

from importlib import resources

import duckdb

from crossprof.errors import TraceError
from crossprof.ingest import machine
from crossprof.ingest.event_text import head_text
from crossprof.ingest.memory_file import memory_file
from crossprof.ingest.rocprof_text import HEAD, RocprofText
from crossprof.ingest.source import Source

__all__ = ["RocprofReader"]

_TOOL_KEY = b'"rocprofiler-sdk-tool"'
_MEMORY_TIMES = 16  # what comes before the records is held whole, by DuckDB as well

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
    HEAD: {"rocprofiler-sdk-tool": _PROCESS},
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
        text = RocprofText(source, most_head_bytes=machine.memory_bytes() // _MEMORY_TIMES)
        connection.execute("SET VARIABLE capture = ?", [capture])
        try:
            _load(connection, text)
            connection.execute(_SQL.read_text(encoding="utf-8"))
        except (duckdb.DataError, duckdb.InvalidInputException):
            reason = source.damage or "its JSON is damaged"
            raise TraceError(
                source.path, f"this output of rocprofv3 can't be read: {reason}. Copy or record it again."
            ) from None
        if source.damage or text.is_cut:
            detail = source.damage or "the file ends in the middle of its records"
            row = [source.damage_code or "file_truncated", f"{source.path.name}: {detail}.", "Records are missing.", capture]
            connection.execute("INSERT INTO staged_finding VALUES (?, 'error', 1, ?, ?, ?)", row)


def _load(connection: duckdb.DuckDBPyConnection, text: RocprofText) -> None:
    """Make the tables rocprof_process and, one for each kind of record, rocprof_<kind>. Raises what DuckDB does."""
    for kind, columns in _TABLES.items():
        names = ", ".join(f'"{name}" {column}' for name, column in columns.items())
        connection.execute(f"CREATE OR REPLACE TABLE rocprof_{kind} ({names})")
    with memory_file() as file:
        for kind, part in text.chunks():
            if kind in _TABLES:
                is_head = kind == HEAD
                records = part if part.isascii() else part.decode(errors="replace").encode()
                file.write([b"[", records, b"}}]}]" if is_head else b"]"])
                connection.execute("SET VARIABLE columns = ?", [_TABLES[kind]])
                most = len(records) + _LARGEST_RECORD_BYTES if is_head else _LARGEST_RECORD_BYTES
                connection.execute(_FILL.format(kind=kind, most=most), [file.path])
