"""What one catalog file holds, built from parts: small tables and roll-ups as rows, large tables as views over the parts.

The same steps serve an empty store in memory, the scratch database that evaluates new runs, and the file that is published.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import duckdb

from crossprof._version import __version__
from crossprof.store.catalog import ROLLUPS, create_base, create_rollups, expose_base, views
from crossprof.store.edits import Edits
from crossprof.store.literal import literal
from crossprof.store.parts import Part
from crossprof.store.tables import FILED, HELD

__all__ = ["add", "copy", "create", "definitions", "hold", "list_runs", "point", "remove", "settle", "tables_of"]

# run_id is text even where it looks like a number
_BY_RUN = "hive_partitioning = true, hive_types_autocast = false, hive_types = {'run_id': VARCHAR}"
_BY_FILE = "hive_partitioning = false"
_DECIDING = (
    "schema.sql", "published.sql", "runs.sql", "clocks.sql", "verdicts.sql",
    "blank.py", "catalog.py", "contents.py", "metrics.py", "statistics.py", "student.py", "autocorrelation.py",
    "critical_path.sql", "critical_path.py", "step_instants.py", "step_graph.py", "path_walk.py", "intervals.py",
    "arrays.py", "device_sweep.sql", "device_sweep.py", "idle_sweep.py", "kernel_path.sql", "kernel_path.py",
    "peers/events.sql", "peers/events.py", "peers/unions.py", "peers/peer_metric.py",
    "peers/hta.py", "peers/tracelens.py", "peers/tensorboard.py", "peers/tensorboard_step.py", "peers/xprof.py",
)  # fmt: skip
_PACKED = """
    SELECT held, list(DISTINCT pack ORDER BY pack)
    FROM (SELECT pack, unnest(tables) AS held FROM store.part WHERE pack IS NOT NULL)
    GROUP BY held
"""
_LOOSE = """
    SELECT held, list('run_id=' || run_id || '/' || part ORDER BY run_id, rank)
    FROM (SELECT run_id, rank, part, schema_version, unnest(tables) AS held FROM store.part WHERE pack IS NULL)
    GROUP BY held, schema_version ORDER BY held, schema_version
"""
_RUN_TABLES = (*(f"base.{table}" for table in HELD if table != "run"), "store.run", "store.part")


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the connection's empty database a catalog without runs."""
    create_base(connection)
    connection.execute(_text("published.sql"))
    expose_base(connection)  # a view knows only the columns that its table had when it was made
    _move_aside(connection)
    point(connection, Path())
    create_rollups(connection)


@cache
def definitions() -> str:
    """A hash of all that decides what a catalog looks like: a catalog with another one is built anew."""
    return hashlib.sha256(
        "\0".join([__version__, *map(_text, _DECIDING), *(view.sql for view in views())]).encode()
    ).hexdigest()


def tables_of(parts: Iterable[Part]) -> list[str]:
    """The tables that `add` fills for runs, but that of the runs themselves, which is `settle`'s to make."""
    held = {table for part in parts for table in part.tables}
    return ["store.part", "store.run", *(f"base.{table}" for table in HELD if table in held and table != "run")]


def remove(connection: duckdb.DuckDBPyConnection, run_ids: Sequence[str]) -> None:
    """Takes all rows of runs out of the tables."""
    if not run_ids:
        return
    for table in (*_RUN_TABLES, *(f"rollup.{name}" for name in ROLLUPS)):
        connection.execute(f"DELETE FROM {table} WHERE run_id IN (SELECT unnest(?))", [list(run_ids)])


def add(connection: duckdb.DuckDBPyConnection, root: Path, parts: Sequence[Part]) -> None:
    """Adds whole runs, all their parts at once: the rows of the small tables. A run's own row is that of its lowest rank."""
    for part in parts:
        identity = [part.run_id, part.rank, part.name, part.content_sha256, part.created_ns, part.schema_version]
        extent = [sorted(part.tables), sum(part.tables.values())]
        connection.execute("INSERT INTO store.part VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", identity + extent)
    lowest = {part.run_id: part for part in sorted(parts, key=lambda part: -part.rank) if "run" in part.tables}
    _insert(connection, "store.run", [part.file(root, "run") for part in lowest.values()])
    for table in HELD:
        if table != "run":
            _insert(connection, f"base.{table}", [part.file(root, table) for part in parts if table in part.tables])


def hold(connection: duckdb.DuckDBPyConnection, root: Path, parts: Sequence[Part]) -> None:
    """Fills the large tables themselves with the rows of the parts, where `point` would make them read the files."""
    for table in FILED:
        _insert(connection, f"store.{table}", [part.file(root, table) for part in parts if table in part.tables])


def copy(connection: duckdb.DuckDBPyConnection, *, source: str, target: str, tables: Iterable[str]) -> None:
    """Adds all rows of tables of one catalog to another."""
    connection.execute(";\n".join(f'INSERT INTO "{target}".{table} BY NAME FROM "{source}".{table}' for table in tables))


def list_runs(connection: duckdb.DuckDBPyConnection) -> None:
    """Fills the table of runs from the recorded rows, the edits and what spans the parts of a run."""
    connection.execute(_text("runs.sql"))


def point(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    """Makes the large tables read the files of all parts of `store.part` under `root`, or of the packs that hold them."""
    sources: dict[str, list[str]] = defaultdict(list)
    for table, folders in connection.execute(_PACKED).fetchall():
        sources[table].append(_read_parquet(root / "packs", table, folders, _BY_FILE))
    for table, folders in connection.execute(_LOOSE).fetchall():
        sources[table].append(_read_parquet(root / "runs", table, folders, _skipping(root)))
    columns = _columns(connection)
    views = [f"CREATE OR REPLACE VIEW base.{table} AS {_union(table, columns[table], sources[table])}" for table in FILED]
    connection.execute(";\n".join(views))


def settle(connection: duckdb.DuckDBPyConnection, root: Path, edits: Edits) -> None:
    """Fills what depends on all of the catalog: the rows of `run` with edits and verdicts, clocks, and where it was built."""
    connection.execute("DELETE FROM store.edit; DELETE FROM store.catalog")
    if edits.rows:
        connection.executemany("INSERT INTO store.edit VALUES (?, ?, ?)", [list(row) for row in edits.rows])
    connection.execute("INSERT INTO store.catalog VALUES (?, ?, ?, ?)", [str(root), definitions(), __version__, edits.revision])
    list_runs(connection)
    connection.execute(_text("clocks.sql"))
    connection.execute(_text("verdicts.sql"))


def _move_aside(connection: duckdb.DuckDBPyConnection) -> None:
    """Keeps the large tables, empty, in the schema `store`; `point` makes views over the parts that take their place."""
    for table in FILED:
        connection.execute(f"CREATE TABLE store.{table} AS FROM base.{table}; DROP TABLE base.{table}")


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The columns of the large tables. duckdb_columns() would plan every view of the catalog."""
    return {table: [name for name, *_ in connection.execute(f"DESCRIBE store.{table}").fetchall()] for table in FILED}


def _insert(connection: duckdb.DuckDBPyConnection, table: str, paths: Sequence[Path]) -> None:
    if paths:
        source = f"read_parquet(?, union_by_name = true, {_BY_FILE})"
        connection.execute(f"INSERT INTO {table} BY NAME FROM {source}", [list(map(str, paths))])


def _skipping(root: Path) -> str:
    """The options that let a query for one run skip the files of all others; none under a folder key=value of the user's own,

    whose key would be taken for a column, and for the table's own column if it has that name.
    """
    return _BY_FILE if "=" in str(root) else _BY_RUN


def _read_parquet(folder: Path, table: str, folders: Iterable[str], options: str) -> str:
    paths = ", ".join(literal(f"{folder}/{name}/{table}.parquet") for name in folders)
    return f"read_parquet([{paths}], {options})"


def _union(table: str, columns: Sequence[str], sources: Sequence[str]) -> str:
    """The table's own columns, in its order: files of an earlier schema lack some, a later one may add some."""
    scans = [f"FROM store.{table}", *(f"FROM {source}" for source in sources)]
    return f"SELECT {', '.join(columns)} FROM ({' UNION ALL BY NAME '.join(scans)})"


@cache
def _text(name: str) -> str:
    return files("crossprof.store").joinpath(name).read_text("utf-8")
