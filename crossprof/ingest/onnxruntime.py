"""The reader of the profiles of ONNX Runtime."""

from __future__ import annotations

import re
from importlib import resources

import duckdb

from crossprof.ingest.event_map import map_readable, text_damage
from crossprof.ingest.event_text import event_text, head_text
from crossprof.ingest.memory_file import memory_file
from crossprof.ingest.source import Source

__all__ = ["OnnxRuntimeReader"]

_CATEGORY = re.compile(rb'"cat"\s*:\s*"(?:Session|Node)"')
# Values of args are text, but for shapes: [{"float":[64,256]}, ...]. What can't be cast to the type declared here is NULL.
_COLUMNS = {
    **dict.fromkeys(("ph", "cat", "name", "tid"), "VARCHAR"),
    **dict.fromkeys(("ts", "dur"), "DECIMAL(15, 0)"),  # microseconds of 30 years: nanoseconds can't overflow
    "args": """STRUCT(
        op_name VARCHAR, provider VARCHAR, input_type_shape MAP(VARCHAR, BIGINT[])[],
        mem_bytes_in_use BIGINT, mem_in_use_delta BIGINT, mem_in_use_peak BIGINT, mem_arena_held BIGINT,
        stream VARCHAR, parent_name VARCHAR, size BIGINT, start_ns BIGINT,
        grid_x BIGINT, grid_y BIGINT, grid_z BIGINT, block_x BIGINT, block_y BIGINT, block_z BIGINT)""",
}
_LOAD = """
INSERT INTO onnxruntime_event
FROM read_json(
    getvariable('chunk'), format = 'array', columns = getvariable('columns'), ignore_errors = true,
    hive_partitioning = false)"""
_SQL = resources.files("crossprof.ingest").joinpath("onnxruntime.sql")


class OnnxRuntimeReader:
    """Reads the JSON array of events that an inference session of ONNX Runtime leaves when its profiling ends."""

    format = "onnxruntime"

    def matches(self, source: Source) -> bool:
        """Whether the head of the file is an array of events of a session."""
        text = head_text(source)
        return text.startswith(b"[") and bool(_CATEGORY.search(text))

    def stage(self, connection: duckdb.DuckDBPyConnection, source: Source, *, capture: int | None) -> None:
        """Add the facts of the file to the staged relations. What a damaged file still holds is read, with a finding."""
        lost = 0
        columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
        connection.execute(f"CREATE OR REPLACE TEMP TABLE onnxruntime_event ({columns})")
        connection.execute("SET VARIABLE columns = ?", [_COLUMNS])
        connection.execute("SET VARIABLE capture = ?", [capture])
        with memory_file() as file, event_text(source) as text:
            connection.execute("SET VARIABLE chunk = ?", [file.path])
            for chunk in text.chunks():
                events = [piece.decode(errors="replace").encode() for piece in chunk.pieces()]
                lost += map_readable(connection, events, file, _LOAD)[1]
        connection.execute(_SQL.read_text(encoding="utf-8"))
        for finding in text_damage(source, text, lost):
            connection.execute("INSERT INTO staged_finding VALUES (?, 'error', ?, ?, ?, ?)", [*finding, capture])
