"""From the staged facts of one rank to the tables of the schema: ids, nesting, self time, launches, steps, categories."""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files

import duckdb

from crossprof.ingest.categories import classify

__all__ = ["STAGED_TEXT", "derive"]

STAGED_TEXT = "staged_text"
"""The ENUM of a reader that knows the texts of its events beforehand: its staged columns may be of that type."""

# Rounding to microseconds makes a child end after its parent. Each pass clips one level of such spans.
_MAX_PASSES = 32

_LONGEST_NS, _LATEST_NS = 2**53, 2**62  # as in plausible.sql
_TIMED = ("staged_kernel", "staged_op", "staged_runtime_call", "staged_annotation", "staged_step")
_EXTENT = """SELECT least(min(start_ns), min(end_ns)) AS first, greatest(max(start_ns), max(end_ns)) AS last,
    count(*) > count(start_ns) AS is_partial FROM {}"""
_MEMORY_EXTENT = "SELECT min(at_ns), max(at_ns), count(*) > count(at_ns) FROM staged_memory_event"

_CALL_KINDS = """
CREATE OR REPLACE TEMP MACRO call_kind(name) AS CASE
    WHEN name LIKE '%GraphLaunch%' THEN 'graph_launch'
    WHEN regexp_matches(name, '(?i)launch') THEN 'launch'
    WHEN regexp_matches(name, '(?i)memcpy') THEN 'memcpy'
    WHEN regexp_matches(name, '(?i)memset') THEN 'memset'
    WHEN regexp_matches(name, '(?i)malloc|free|alloc|mempool|register') THEN 'memory'
    WHEN regexp_matches(name, '(?i)synchronize|waitevent|query') THEN 'sync'
    ELSE 'other' END"""
# Texts that a table takes over from the staged relation as they are, and that repeat.
_REPEATED = {
    "kernel": ("name", "stream", "module"),
    "op": ("name", "module", "thread"),
    "runtime_call": ("name", "thread"),
    "annotation": ("name", "kind", "thread"),
}
_MANY_ROWS = 100_000
_FEW_TEXTS = 1 << 16  # with more of them, looking each one up costs more than it spares
_SCRATCH = (
    "span", "work", "mark", "nested", "inside_op", "inner_time", "loose_call", "launch", "kernel_category", "op_category"
)  # fmt: skip


def derive(connection: duckdb.DuckDBPyConnection, *, run_id: str, rank: int) -> None:
    """Fill kernel, op, runtime_call, annotation, memory_event, device, step and finding of a rank from the staged relations.

    Steps and devices that the rank already has are kept: they are our own, and better than the profiler's.
    """
    connection.execute("SET VARIABLE run_id = ?", [run_id])
    connection.execute("SET VARIABLE rank = ?", [rank])
    connection.execute("SET preserve_insertion_order = true")  # span.sql and nest.sql sum over sorted rows as they stream by
    connection.execute(_CALL_KINDS)
    _drop_implausible(connection)
    _enumerate_texts(connection)
    with suppress(duckdb.CatalogException):  # it is one already
        connection.execute("DROP TABLE annotation")  # a view takes its place
    classify(connection)
    connection.execute(_sql("span.sql"))
    _nest(connection)
    connection.execute(_sql("derive.sql"))
    connection.execute(_sql("capture.sql"))
    connection.execute(_sql("findings.sql"))
    for name in _SCRATCH:
        connection.execute(f"DROP TABLE {name}")
    connection.execute("DROP TYPE span_kind; DROP TYPE span_thread")


def _drop_implausible(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop times that no capture holds. Where all events lie close enough together there are none, at the cost of one look."""
    extents = " UNION ALL ".join([*(_EXTENT.format(table) for table in _TIMED), _MEMORY_EXTENT])
    query = f"SELECT min(first), max(last), coalesce(max(last)::HUGEINT - min(first), 0), bool_or(is_partial) FROM ({extents})"
    first, last, length, is_partial = connection.execute(query).fetchall()[0]
    if is_partial or (first is not None and (length > _LONGEST_NS or first < -_LATEST_NS or last > _LATEST_NS)):
        connection.execute(_sql("plausible.sql"))


def _enumerate_texts(connection: duckdb.DuckDBPyConnection) -> None:
    """Have large tables hold numbers for texts that repeat: what sorts and writes them then moves a fifth of the bytes."""
    for table, columns in _REPEATED.items():
        ((rows,),) = connection.execute(f"SELECT count(*) FROM staged_{table}").fetchall()
        counts = ", ".join(f"count(DISTINCT {column})" for column in columns)
        is_large = rows >= _MANY_ROWS
        texts = connection.execute(f"SELECT {counts} FROM staged_{table}").fetchall()[0] if is_large else (0,) * len(columns)
        types = connection.sql(f"SELECT {', '.join(columns)} FROM staged_{table}").types
        for column, kind, count in zip(columns, types, texts, strict=True):
            known = f"SELECT DISTINCT {column} FROM staged_{table} WHERE {column} IS NOT NULL ORDER BY {column}"
            is_worthwhile = 0 < count <= _FEW_TEXTS
            numbered = STAGED_TEXT if kind.id == "enum" else f"ENUM ({known})" if is_worthwhile else "VARCHAR"
            connection.execute(f"CREATE TYPE IF NOT EXISTS {table}_{column} AS {numbered}")
            if numbered != "VARCHAR":
                connection.execute(f"ALTER TABLE {table} ALTER {column} TYPE {table}_{column}")


def _nest(connection: duckdb.DuckDBPyConnection) -> None:
    nest = _sql("nest.sql")
    for _ in range(_MAX_PASSES):
        connection.execute(nest)
        over = connection.execute("SELECT count(*) FROM nested WHERE is_over").fetchone()
        if not over or not over[0]:
            return


def _sql(name: str) -> str:
    return files("crossprof.ingest").joinpath(name).read_text()
