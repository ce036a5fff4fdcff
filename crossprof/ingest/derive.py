"""From the staged facts of one rank to the tables of the schema: ids, nesting, self time, launches, steps, categories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial

import duckdb

from crossprof.ingest.categories import CATEGORIES, classify
from crossprof.ingest.nest import nest
from crossprof.ingest.statement import set_variables, sql_of
from crossprof.store.literal import literal
from crossprof.store.threads import beside, one_thread, shared_out

__all__ = ["STAGED_TEXT", "derive"]

STAGED_TEXT = "staged_text"
"""The ENUM of a reader that knows the texts of its events beforehand: its staged columns may be of that type."""

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
    ELSE 'other' END;
CREATE OR REPLACE TABLE call_name AS
SELECT name::runtime_call_name AS name, call_kind(name) AS kind FROM (SELECT DISTINCT name FROM staged_runtime_call)"""
# Texts that a table takes over from the staged relation as they are, and that repeat.
_REPEATED = {
    "kernel": ("name", "stream", "op_name", "module", "grid", "block"),
    "op": ("name", "module", "thread", "shapes", "dtypes"),
    "runtime_call": ("name", "thread"),
    "annotation": ("name", "kind", "thread"),
    "memory_event": ("allocator", "op_name", "source_line"),
}
_OF_OP = "(SELECT op_name FROM staged_kernel UNION ALL SELECT name FROM staged_op)"  # which a kernel may take over as well
# Texts of which there are no others, beside that of the run.
_FIXED: dict[str, dict[str, tuple[str, ...]]] = {
    "kernel": {"kind": ("kernel", "collective", "memcpy", "memset", "async"), "category": CATEGORIES},
    "op": {"category": CATEGORIES},
    "runtime_call": {"kind": ("graph_launch", "launch", "memcpy", "memset", "memory", "sync", "other")},
    "memory_event": {},
}
_WORTH_NUMBERS = 20_000  # rows of a table
_FEW_TEXTS = 1 << 16  # with more of them, looking each one up costs more than it spares
_MANY_ROWS = 600_000
"""With fewer, what writes the tables that are final has a processor to itself."""
_SCRATCH = (
    "span", "work", "nested", "inner_time", "loose_call", "launch", "call_name", "kernel_category", "op_category"
)  # fmt: skip


def derive(
    connection: duckdb.DuckDBPyConnection,
    *,
    run_id: str,
    rank: int,
    on_final: Callable[[str], object] = lambda _: None,
    describe: Callable[[duckdb.DuckDBPyConnection], object] = lambda _: None,
) -> None:
    """Fill kernel, op, runtime_call, annotation, memory_event, device, step and finding of a rank from the staged relations.

    Steps and devices that the rank already has are kept: they are our own, and better than the profiler's. `on_final` is told
    the name of each large table when nothing in it will change any more. `describe` fills run and rank from all of these, with
    a connection of its own.
    """
    set_variables(connection, run_id=run_id, rank=rank)
    connection.execute("SET preserve_insertion_order = true")  # span.sql and nest.sql sum over sorted rows as they stream by
    _drop_implausible(connection)
    _make_known(connection, run_id)
    with suppress(duckdb.CatalogException):  # it is one already
        connection.execute("DROP TABLE annotation")  # a view takes its place
    connection.execute(_CALL_KINDS)
    with one_thread(connection) if _row_count(connection) < _MANY_ROWS else nullcontext():
        _fill(connection, run_id, rank, on_final)
        with beside(connection, describe):
            connection.execute(sql_of("findings.sql"))
    for name in _SCRATCH:
        connection.execute(f"DROP TABLE {name}")
    connection.execute("DROP TYPE span_kind; DROP TYPE span_thread")


def _fill(connection: duckdb.DuckDBPyConnection, run_id: str, rank: int, on_final: Callable[[str], object]) -> None:
    """Fill the large tables. What takes no more than the steps is done beside the nesting."""

    def read_steps(own: duckdb.DuckDBPyConnection) -> None:
        set_variables(own, run_id=run_id, rank=rank)
        for script in ("by_step.sql", "work.sql", "capture.sql"):
            own.execute(sql_of(script))

    connection.execute(sql_of("step.sql"))
    with beside(connection, read_steps):
        connection.execute(sql_of("span.sql"))
        nest(connection)
    for table in ("annotation", "memory_event"):
        on_final(table)
    for table in ("runtime_call", "kernel", "op"):
        connection.execute(sql_of(f"{table}.sql"))
        on_final(table)


def _row_count(connection: duckdb.DuckDBPyConnection) -> int:
    counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in (*_TIMED, "staged_memory_event"))
    return int(connection.execute(f"SELECT {counts}").fetchall()[0][0])


def _drop_implausible(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop times that no capture holds. Where all events lie close enough together there are none, at the cost of one look."""
    extents = " UNION ALL ".join([*(_EXTENT.format(table) for table in _TIMED), _MEMORY_EXTENT])
    query = f"SELECT min(first), max(last), coalesce(max(last)::HUGEINT - min(first), 0), bool_or(is_partial) FROM ({extents})"
    first, last, length, is_partial = connection.execute(query).fetchall()[0]
    if is_partial or (first is not None and (length > _LONGEST_NS or first < -_LATEST_NS or last > _LATEST_NS)):
        connection.execute(sql_of("plausible.sql"))


def _make_known(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """What is known of texts once they are all staged: the types of columns that repeat them, and the categories of names."""
    works = [partial(_enumerate_texts, table=table, run_id=run_id) for table in _REPEATED]
    works += [partial(classify, table=table) for table in ("op", "kernel")]

    @contextmanager
    def begin(own: duckdb.DuckDBPyConnection) -> Iterator[Callable[[partial[None]], None]]:
        yield lambda work: work(own)

    shared_out(connection, works, begin)


def _enumerate_texts(connection: duckdb.DuckDBPyConnection, table: str, run_id: str) -> None:
    """Have a large table hold numbers for texts that repeat: what sorts and writes it then moves a fifth of the bytes."""
    columns = _REPEATED[table]
    ((rows,),) = connection.execute(f"SELECT count(*) FROM staged_{table}").fetchall()
    types = connection.sql(f"SELECT {', '.join(columns)} FROM staged_{table}").types
    if rows >= _WORTH_NUMBERS and table in _FIXED:
        fixed = {"run_id": (run_id,), **_FIXED[table]}.items()
        kinds = {column: f"ENUM({', '.join(map(literal, texts))})" for column, texts in fixed}
        connection.execute("; ".join(f"ALTER TABLE {table} ALTER {column} TYPE {kind}" for column, kind in kinds.items()))
    for column, kind in zip(columns, types, strict=True):
        numbered = STAGED_TEXT if kind.id == "enum" else "VARCHAR"
        source = _OF_OP if (table, column) == ("kernel", "op_name") else f"staged_{table}"
        if kind.id != "enum" and rows >= _WORTH_NUMBERS and _has_few_texts(connection, source, column):
            numbered = "ENUM (SELECT text FROM known_text ORDER BY text)"
        use = f"ALTER TABLE {table} ALTER {column} TYPE {table}_{column}" if numbered != "VARCHAR" else ""
        connection.execute(f"CREATE TYPE IF NOT EXISTS {table}_{column} AS {numbered}; {use}")


def _has_few_texts(connection: duckdb.DuckDBPyConnection, source: str, column: str) -> bool:
    """Whether a column has few enough texts to give them numbers. They are in known_text."""
    counted = connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE known_text AS
        SELECT {column} AS text FROM {source} WHERE {column} IS NOT NULL GROUP BY ALL;
        SELECT count(*) FROM known_text""")
    ((count,),) = counted.fetchall()
    return 0 < int(count) <= _FEW_TEXTS
