"""The slices of a run in temporary tables, rank by rank, as both viewers want them: named, in rows, none crossing another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files

import duckdb
import pyarrow as pa

from crossprof.store.export.lanes import lanes
from crossprof.store.export.selection import RankWindow
from crossprof.store.store import Store

__all__ = ["SOURCES", "joined", "load", "load_counters", "pieces", "point_at", "workbench"]

SOURCES = ("step", "annotation", "op", "runtime_call", "kernel")
"""The tables that slices come from."""
_MEMORY = "1GiB"
_NO_ARGUMENTS: dict[str, str] = dict.fromkeys(SOURCES, "NULL")
_CROSSED = "UPDATE slice SET lane = crossed.lane FROM crossed WHERE crossed.position = slice.position"
_KEYS = """
    SELECT track, start_ns, start_ns + dur_ns AS end_ns, kind IN ('stream', 'projection') AS is_device
    FROM slice JOIN track USING (track) ORDER BY position
"""


@contextmanager
def workbench(store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for an export, with the table of names, empty; `term.rank` is the rank that used one first.

    Beyond a GiB DuckDB spills: temporary tables would else take most of the machine's memory before they do.
    """
    with store.scratch() as connection:
        ((limit,),) = connection.execute("SELECT current_setting('memory_limit')").fetchall()
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        try:
            connection.execute("CREATE OR REPLACE TEMP TABLE term (id BIGINT, text VARCHAR, rank INTEGER)")
            yield connection
        finally:
            connection.execute(f"SET memory_limit = '{limit}'")


def point_at(connection: duckdb.DuckDBPyConnection, run_id: str, window: RankWindow) -> None:
    """Sets the variables that choose a rank and a stretch of its time in the queries of an export."""
    chosen = (window.rank, window.first_ns, window.last_ns, window.offset_ns)
    for name, value in zip(("rank", "first_ns", "last_ns", "offset_ns"), chosen, strict=True):
        connection.execute(f"SET VARIABLE {name} = {value:d}")
    connection.execute("SET VARIABLE run_id = ?", [run_id])


def load(connection: duckdb.DuckDBPyConnection, arguments: Mapping[str, str] = _NO_ARGUMENTS) -> int:
    """Fills `slice` and `track` with what `point_at` chose, gives the number of slices. `arguments`: an expression a source."""
    text = files("crossprof.store.export").joinpath("slices.sql").read_text("utf-8")
    connection.execute(text.format_map(arguments))
    keys = connection.sql(_KEYS).to_arrow_table()
    columns = (keys[name].to_numpy() for name in keys.column_names)
    lane = pa.array(lanes(*columns))
    crossed = pa.table({"position": pa.array(range(1, len(lane) + 1)), "lane": lane})
    connection.register("crossed", crossed.filter(pa.compute.greater(crossed["lane"], 0)))
    connection.execute(_CROSSED)
    connection.unregister("crossed")
    return len(lane)


def load_counters(connection: duckdb.DuckDBPyConnection) -> int:
    """Fills `reading` and `counter` with what `point_at` chose and gives the number of readings."""
    connection.execute(files("crossprof.store.export").joinpath("counters.sql").read_text("utf-8"))
    ((count,),) = connection.execute("SELECT count(*) FROM reading").fetchall()
    return int(count)


def pieces(connection: duckdb.DuckDBPyConnection, query: str, rows: int) -> Iterator[pa.Array]:
    """The one column of a query in batches, so that a result of any length passes through."""
    for batch in connection.sql(query).to_arrow_reader(rows):
        yield batch.column(0)


def joined(held: pa.Array) -> memoryview:
    """All of an array of texts or bytes, one after the other."""
    _, offsets, data = held.buffers()
    bounds = memoryview(offsets).cast("i")
    return memoryview(data)[bounds[held.offset] : bounds[held.offset + len(held)]] if len(held) else memoryview(b"")
