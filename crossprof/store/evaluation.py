"""The evaluation of new runs: their rows and roll-ups, computed in a scratch catalog of them alone, copied into the catalog."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import duckdb

from crossprof.store import contents
from crossprof.store.blank import blank
from crossprof.store.catalog import fill_rollup, filled_with, rollups_before, rollups_without_rows
from crossprof.store.layout import Layout
from crossprof.store.parts import Part
from crossprof.store.tables import SCHEMA_VERSION
from crossprof.store.threads import done_in_order

__all__ = ["evaluate"]

_MEMORY = "384MiB"
_FEW_ROWS = 200_000
"""So many are read once into the scratch catalog; of more, each query reads the columns that it needs from the files."""
_AT_ONCE = 2
"""Roll-ups, which share the processors: neither planning nor sums over sorted rows are shared out among threads."""
_SCRATCH = "evaluated"


def evaluate(connection: duckdb.DuckDBPyConnection, layout: Layout, parts: Sequence[Part]) -> None:
    """Adds whole runs, all their parts at once, to the catalog that is the connection's current database.

    A training job may run beside this, so memory is short, afterwards too: to lift the limit costs as much as a roll-up. What
    can't do with so little gets what DuckDB takes itself.
    """
    try:
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        _evaluate(connection, layout, parts)
    except duckdb.OutOfMemoryException:
        contents.remove(connection, sorted({part.run_id for part in parts}))
        connection.execute("RESET memory_limit")
        _evaluate(connection, layout, parts)


def _evaluate(connection: duckdb.DuckDBPyConnection, layout: Layout, parts: Sequence[Part]) -> None:
    with _scratch(connection, layout) as catalog:
        contents.add(connection, layout.root, parts)
        connection.execute(f"RESET threads; SET threads = greatest(1, current_setting('threads') // {_AT_ONCE})")
        is_small = sum(sum(part.tables.values()) for part in parts) <= _FEW_ROWS
        if is_small and all(part.schema_version == SCHEMA_VERSION for part in parts):
            contents.hold(connection, layout.root, parts)
        else:
            contents.point(connection, layout.root)
        contents.list_runs(connection)
        contents.copy(connection, source=_SCRATCH, target=catalog, tables=contents.tables_of(parts))
        without = rollups_without_rows(connection, {table for part in parts for table in part.tables})
        before = {name: names - without for name, names in rollups_before().items() if name not in without}

        def fill(own: duckdb.DuckDBPyConnection, name: str) -> None:
            fill_rollup(own, name)
            contents.copy(own, source=_SCRATCH, target=catalog, tables=[f"rollup.{filled}" for filled in filled_with(name)])

        done_in_order(connection, before, fill, at_once=_AT_ONCE)


@contextmanager
def _scratch(connection: duckdb.DuckDBPyConnection, layout: Layout) -> Iterator[str]:
    """An empty catalog is the connection's current database meanwhile. Gives the name of the one that was it before."""
    ((catalog,),) = connection.execute("SELECT current_database()").fetchall()
    file = layout.staged(".duckdb")
    shutil.copyfile(blank(layout), file)
    connection.execute(f"ATTACH '{str(file).replace(chr(39), chr(39) * 2)}' AS {_SCRATCH} (RECOVERY_MODE no_wal_writes)")
    try:
        connection.execute(f"USE {_SCRATCH}")
        yield str(catalog)
    finally:
        with suppress(duckdb.Error):
            connection.execute(f'USE "{catalog}"; DETACH {_SCRATCH}')
        file.unlink(missing_ok=True)
