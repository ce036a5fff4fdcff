"""A part in the making: a table is written as soon as it is final, beside what fills the next one."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from crossprof._version import __version__
from crossprof.errors import StoreError
from crossprof.store.layout import Layout, create, sync, writing
from crossprof.store.literal import literal
from crossprof.store.parts import part_exists
from crossprof.store.tables import FILED, ORDER, SCHEMA_VERSION, TABLES
from crossprof.store.threads import another_connection, ended, shared_out

__all__ = ["PartWriter", "part_writer", "write_part"]

_ROW_GROUP = 122_880
_INSTANT = {"at_ns", "start_ns", "started_ns"}
_Facts = dict[str, Any]
_VIEW = "SELECT 1 FROM duckdb_views() WHERE view_name = ? AND schema_name = ? AND database_name = current_database()"


def write_part(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    *,
    run_id: str,
    rank: int,
    content_sha256: str,
    replace: bool = False,
) -> Path | None:
    """The folder of a new part that holds the connection's tables, as `PartWriter.finish` gives it."""
    with part_writer(connection, root, run_id=run_id) as writer:
        return writer.finish(rank=rank, content_sha256=content_sha256, replace=replace)


@contextmanager
def part_writer(connection: duckdb.DuckDBPyConnection, root: Path, *, run_id: str) -> Iterator[PartWriter]:
    """What writes the connection's tables as a part of a run. Nothing remains of a part that is not finished.

    The tables may be views, but not over temporary tables or variables: several connections read them.
    Raises StoreError: the store can't be written.
    """
    layout = create(root)
    name = f"part-{uuid.uuid4().hex}"
    folder = layout.staged() / name
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder.parent, ignore_errors=True)
        with writing(root):
            folder.mkdir(parents=True)
        writer = PartWriter(connection, layout, folder, run_id)
        stack.callback(writer.end)
        yield writer


class PartWriter:
    """Writes tables under .staging/, and moves the folder into place when all of them are on disk."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, layout: Layout, folder: Path, run_id: str) -> None:
        self._connection, self._layout, self._folder, self._run_id = connection, layout, folder, run_id
        self._beside = another_connection(connection)
        self._pool = ThreadPoolExecutor(1)
        self._disk = ThreadPoolExecutor()
        self._begun: dict[str, Future[_Facts | None]] = {}
        self._flushed: list[Future[None]] = []
        has_base = connection.execute("SELECT 1 FROM duckdb_schemas() WHERE schema_name = 'base'").fetchall()
        self._schema = "base" if has_base else "main"

    def begin(self, table: str) -> None:
        """Write a table, which stays as it is, beside what the connection does next."""
        self._begun[table] = self._pool.submit(self._write, self._beside, table)

    def finish(self, *, rank: int, content_sha256: str, replace: bool = False) -> Path | None:
        """The folder of the part, when all tables are written; None where the store has that very part.

        With `replace` the part is written in any case and takes the place of the rank's earlier one at the next publish.
        Raises StoreError: the store can't be written.
        """
        if not replace and part_exists(self._layout.root, self._run_id, rank, content_sha256):
            return None
        final = self._layout.run(self._run_id) / self._folder.name
        with writing(self._layout.root):
            tables = self._write_all()
            _write_manifest(self._folder, run_id=self._run_id, rank=rank, content_sha256=content_sha256, tables=tables)
            _move_into_place(self._folder, final)
        return final

    def end(self) -> None:
        """Stop what is being written."""
        ended([future for future in self._begun.values() if not future.cancel()], [self._beside])
        self._pool.shutdown()
        self._disk.shutdown()
        self._beside.close()

    def _write_all(self) -> dict[str, _Facts]:
        """Write each table that has rows, several at a time, the large ones first."""

        @contextmanager
        def write(own: duckdb.DuckDBPyConnection) -> Iterator[Callable[[str], tuple[str, _Facts | None]]]:
            yield lambda table: (table, self._write(own, table))

        rest = sorted((table for table in TABLES if table not in self._begun), key=lambda table: table not in FILED)
        written = dict(shared_out(self._connection, rest, write))
        written |= {table: future.result() for table, future in self._begun.items()}
        for flushed in self._flushed:  # the disk is waited for once, not after each table
            flushed.result()
        return {table: facts for table in TABLES if (facts := written[table])}

    def _write(self, connection: duckdb.DuckDBPyConnection, table: str) -> _Facts | None:
        path, source = self._folder / f"{table}.parquet", f"{self._schema}.{table}"
        types: dict[str, str] = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {source}").fetchall()}
        # To count the values of a view, all of it would be computed.
        unknown = (
            [] if connection.execute(_VIEW, [table, self._schema]).fetchall() else _without_values(connection, source, types)
        )
        if "run_id" in unknown:  # it has no row
            return None
        facts = _write_table(connection, source, path, self._run_id, types, unknown)
        if facts:
            self._flushed.append(self._disk.submit(sync, path))
        return facts


def _write_table(
    connection: duckdb.DuckDBPyConnection, source: str, path: Path, run_id: str, types: dict[str, str], unknown: list[str]
) -> _Facts | None:
    """Write a table; None where it has no row. No row has a value of the columns that are unknown."""
    # What no row has is put in after the sort, where it costs next to nothing, and the run is a number until then.
    order = f"ORDER BY {ORDER[path.stem]}" if path.stem in ORDER else ""
    own_run = f"try_cast(run_id AS ENUM({literal(run_id)})) AS run_id"
    sorted_rows = f"SELECT * EXCLUDE ({', '.join(['run_id', *unknown])}), {own_run} FROM {source} {order}"
    columns = ", ".join(f"NULL::{types[column]} AS {column}" if column in unknown else column for column in types)
    # The second version writes differences.
    options = f"FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}, RETURN_STATS"
    copied = f"COPY (SELECT {columns} FROM ({sorted_rows})) TO {literal(str(path))} ({options})"
    _, rows, size, _, statistics, *_ = connection.execute(copied).fetchall()[0]
    if strangers := int(statistics['"run_id"']["null_count"]) if rows else 0:
        raise StoreError(f"{strangers} rows of {path.stem} are not of run {run_id}: a part holds one rank of one run.")
    if not rows:
        path.unlink()
        return None
    extent = statistics.get(f'"{next(iter(types.keys() & _INSTANT), None)}"', {})
    first, last = (int(extent[edge]) if edge in extent else None for edge in ("min", "max"))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"rows": rows, "sha256": digest, "bytes": size, "min_ns": first, "max_ns": last}


def _without_values(connection: duckdb.DuckDBPyConnection, source: str, columns: Collection[str]) -> list[str]:
    """The columns of a table that no row has a value of."""
    held = ", ".join(f"count({column})" for column in columns)
    counts = connection.execute(f"SELECT {held} FROM {source}").fetchall()[0]
    return [column for column, count in zip(columns, counts, strict=True) if not count]


def _write_manifest(folder: Path, *, run_id: str, rank: int, content_sha256: str, tables: dict[str, Any]) -> None:
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "crossprof_version": __version__,
        "run_id": run_id,
        "rank": rank,
        "content_sha256": content_sha256,
        "created_ns": time.time_ns(),
        "tables": tables,
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest, indent=1), "utf-8")
    sync(path)
    sync(folder)


def _move_into_place(staged: Path, final: Path) -> None:
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(final)
    except FileNotFoundError:  # gc removed the run's empty folder between the two
        final.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(final)
    sync(final.parent)
