"""From the views of the store to a timeline's own database in memory: lanes, events, levels of detail."""

from __future__ import annotations

import math
import tempfile
import uuid
from functools import cache
from importlib.resources import files
from pathlib import Path

import duckdb
import pyarrow as pa

from crossprof.errors import CrossprofError
from crossprof.store import Store

__all__ = ["MOST_EVENTS", "assembled", "build", "statements"]

MOST_EVENTS = 10_000_000
"""A million events take 80 MB of memory, and several times that while they are read."""

_MEMORY = "1GiB"
_FINEST_BINS = 15
_COARSEST_BINS = 6


@cache
def statements(name: str) -> tuple[str, ...]:
    """The statements of a SQL file beside this one."""
    text = files("crossprof.dashboard.timeline").joinpath(name).read_text("utf-8")
    return tuple(statement.query for statement in duckdb.extract_statements(text))


def build(store: Store, run_id: str) -> duckdb.DuckDBPyConnection:
    """A database with the tables and macros of timeline.sql for one run. Raises CrossprofError: the run has too many events."""
    found = (store.arrow(query, {"run_id": run_id}) for query in statements("events.sql"))
    events = next(found)
    if len(events) > MOST_EVENTS:
        raise CrossprofError(
            f"The run has {len(events):,} events, and the timeline draws at most {MOST_EVENTS:,}: ingest fewer of its ranks."
        )
    tables = {"raw": events, "raw_name": next(found), "raw_reading": next(found)}
    del events  # millions of rows: they go when `assembled` needs them no more
    return assembled(tables)


def assembled(raw: dict[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    """The database of `raw`, `raw_name` and `raw_reading`, with the columns of events.sql; takes them out of the dictionary."""
    spill = str(Path(tempfile.gettempdir()) / f"crossprof-spill-{uuid.uuid4().hex}")
    connection = duckdb.connect(":memory:", config={"temp_directory": spill, "memory_limit": _MEMORY})
    for name, rows in raw.items():
        connection.register(name, rows)
    for statement in statements("lanes.sql"):
        connection.execute(statement)
    for name in list(raw):
        connection.unregister(name)
        del raw[name]
    for statement in statements("timeline.sql"):
        connection.execute(statement)
    _fill_levels(connection)
    return connection


def _fill_levels(connection: duckdb.DuckDBPyConnection) -> None:
    """Levels from bins of about 1 / 2^15 of the time that holds events, bare steps aside, to bins of 1 / 2^6 of the whole."""
    ((span, occupied),) = connection.execute("FROM extent").fetchall()
    finest = _bits(occupied) - _FINEST_BINS
    coarsest = max(finest, _bits(span) - _COARSEST_BINS)
    for shift in range(max(finest, 0), max(coarsest, 0) + 1):
        macro = "finest_level" if shift == max(finest, 0) else "next_level"
        connection.execute(f"INSERT INTO level FROM {macro}({shift})")


def _bits(value: int) -> int:
    return math.ceil(math.log2(max(value, 1)))
