"""A run as Parquet files, one a table: any engine reads them, and DuckDB's views would make a store of them again."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb

from crossprof.errors import CrossprofError
from crossprof.store.export.slices import workbench
from crossprof.store.export.staged import staged
from crossprof.store.literal import literal
from crossprof.store.store import Store
from crossprof.store.tables import ORDER, TABLES

__all__ = ["write_parquet", "write_parquet_archive"]

_COMMENTS = """
    WITH here AS (SELECT current_database() AS database_name, 'main' AS schema_name)
    SELECT
        (SELECT comment FROM duckdb_views() JOIN here USING (database_name, schema_name) WHERE view_name = $1),
        to_json(map(list(column_name), list(comment)))
    FROM duckdb_columns() JOIN here USING (database_name, schema_name)
    WHERE table_name = $1 AND comment IS NOT NULL
"""
Progress = Callable[[str, int, int], None]


def write_parquet(store: Store, run_id: str, target: Path, rank: int | None, on_progress: Progress) -> None:
    """Write a new folder of Parquet files that appears whole. Raises CrossprofError: it is there, or the run lacks the rank."""
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise CrossprofError(f"{target} is there and not empty: name another folder, or remove it.")
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}.", dir=target.resolve().parent))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None
    try:
        _write_tables(store, run_id, folder, rank, on_progress)
        folder.chmod(0o755)
        folder.rename(target.resolve())  # onto an empty folder too
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def write_parquet_archive(store: Store, run_id: str, target: Path, rank: int | None, on_progress: Progress) -> None:
    """Write the same files as one zip. Parquet is compressed already, so that they are stored as they are."""
    with tempfile.TemporaryDirectory(prefix="crossprof-export-") as name, staged(target) as file:
        _write_tables(store, run_id, Path(name), rank, on_progress)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(Path(name).iterdir()):
                archive.write(path, f"{run_id}/{path.name}")


def _write_tables(store: Store, run_id: str, folder: Path, rank: int | None, on_progress: Progress) -> None:
    if rank is not None and not store.sql("SELECT 1 FROM rank WHERE run_id = ? AND rank = ?", [run_id, rank]).fetchall():
        raise CrossprofError(f"{run_id} has no rank {rank}.")
    with workbench(store) as connection:
        for done, table in enumerate(TABLES):
            on_progress(table, done, len(TABLES))
            _write_table(connection, run_id, table, folder, rank)


def _write_table(connection: duckdb.DuckDBPyConnection, run_id: str, table: str, folder: Path, rank: int | None) -> None:
    """The rows of a table, where it has any; the comments on it and its columns are in the file's own metadata."""
    own = "run_id = ?" if rank is None or table == "run" else f"run_id = ? AND coalesce(rank, {rank:d}) = {rank:d}"
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {table} WHERE {own}", [run_id]).fetchall()
    if not rows:
        return
    comment, columns = connection.execute(_COMMENTS, [table]).fetchall()[0]
    metadata = f"KV_METADATA {{comment: {literal(comment or '')}, columns: {literal(columns or json.dumps({}))}}}"
    order = f"ORDER BY {'' if table == 'hlo_module' else 'rank, '}{ORDER[table]}" if table in ORDER else ""
    target = literal(str(folder / f"{table}.parquet"))
    connection.execute(
        f"COPY (SELECT * FROM {table} WHERE {own} {order}) TO {target} (FORMAT parquet, COMPRESSION zstd, {metadata})", [run_id]
    )
