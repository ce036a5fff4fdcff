"""Parts: one rank of one run as Parquet files. A part appears whole, by one rename, and never changes.

A part is known by (run id, rank, content hash). Of several parts of one rank the newest counts; publish retires the others.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from crossprof._version import __version__
from crossprof.errors import StoreError
from crossprof.store.layout import Layout, checked_run_id, create, sync, writing
from crossprof.store.tables import FILED, ORDER, SCHEMA_VERSION, TABLES
from crossprof.store.threads import shared_out

__all__ = ["Part", "part_exists", "part_paths", "rank_exists", "read_part", "retire", "write_part"]

_log = logging.getLogger(__name__)
_ROW_GROUP = 122_880
_INSTANT = {"at_ns", "start_ns", "started_ns"}


@dataclass(frozen=True)
class Part:
    """What the manifest of a part says. `tables` holds the number of rows of each table that has a file."""

    run_id: str
    rank: int
    name: str
    content_sha256: str
    created_ns: int
    schema_version: int
    tables: dict[str, int]

    @property
    def is_failure(self) -> bool:
        """Whether it holds no rank, but the finding that this could not be read."""
        return set(self.tables) == {"finding"}

    def file(self, root: Path, table: str) -> Path:
        """The Parquet file of a table."""
        return Layout(root).run(self.run_id) / self.name / f"{table}.parquet"


def write_part(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    *,
    run_id: str,
    rank: int,
    content_sha256: str,
    replace: bool = False,
) -> Path | None:
    """The folder of a new part that holds the connection's tables, None where the store has that very part.

    Writes under .staging/ and moves the folder into place when it is on disk. The tables may be views, but not over temporary
    tables or variables: several connections read them. With `replace` the part is written in any case
    and takes the place of the rank's earlier one at the next publish. Raises StoreError: the store can't be written.
    """
    layout = create(root)
    if not replace and part_exists(root, run_id, rank, content_sha256):
        return None
    name = f"part-{uuid.uuid4().hex}"
    staged = layout.staged() / name
    final = layout.run(run_id) / name
    with writing(root):
        staged.mkdir(parents=True)
        try:
            tables = _write_tables(connection, staged, run_id)
            _write_manifest(staged, run_id=run_id, rank=rank, content_sha256=content_sha256, tables=tables)
            _move_into_place(staged, final)
        finally:
            shutil.rmtree(staged.parent, ignore_errors=True)
    return final


def part_exists(root: Path, run_id: str, rank: int, content_sha256: str) -> bool:
    """Whether the store has this content as a part that counts."""
    folder = Layout(root).run(run_id)
    return any(
        (part.rank, part.content_sha256) == (rank, content_sha256) and not part.is_failure
        for name in _counting(folder)
        if (part := read_part(folder / name)) is not None
    )


def rank_exists(root: Path, run_id: str, rank: int) -> bool:
    """Whether the store has a rank of a run, not only the finding that it could not be read."""
    folder = Layout(root).run(run_id)
    parts = (read_part(folder / name) for name in _counting(folder))
    return any(part is not None and part.rank == rank and not part.is_failure for part in parts)


def part_paths(root: Path) -> dict[str, Path]:
    """The folders of all parts that count, by the part's name. Reads folder entries alone, no manifest."""
    runs = Layout(root).runs
    if not runs.is_dir():
        return {}
    with os.scandir(runs) as entries:
        folders = [entry.name for entry in entries if entry.name.startswith("run_id=")]
    return {name: runs / folder / name for folder in folders for name in _counting(f"{runs}/{folder}")}


def read_part(path: Path) -> Part | None:
    """What a part's manifest says, None where the part vanished meanwhile. Raises StoreError: it can't be read."""
    try:
        manifest = json.loads((path / "manifest.json").read_text("utf-8"))
        return Part(
            run_id=checked_run_id(manifest["run_id"]),
            rank=int(manifest["rank"]),
            name=path.name,
            content_sha256=manifest["content_sha256"],
            created_ns=int(manifest["created_ns"]),
            schema_version=int(manifest["schema_version"]),
            tables={table: int(facts["rows"]) for table, facts in manifest["tables"].items()},
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path / 'manifest.json'} can't be read ({error}). Delete that folder and ingest the run again."
        ) from error


def retire(path: Path) -> None:
    """Makes a part count no longer. Its files stay for readers of earlier catalogs until gc takes them."""
    path.with_name(f"{path.name}.retired").touch()


def _counting(folder: Path | str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            names = {entry.name for entry in entries}
    except FileNotFoundError:
        return
    except OSError as error:  # one folder that can't be read must not hide the runs of all others
        _log.warning("%s is skipped: %s", folder, error)
        return
    for name in names:
        if name.startswith("part-") and "." not in name and f"{name}.retired" not in names:
            yield name


def _write_tables(connection: duckdb.DuckDBPyConnection, folder: Path, run_id: str) -> dict[str, dict[str, Any]]:
    """Write each table that has rows, several at a time, the large ones first."""
    has_base = connection.execute("SELECT 1 FROM duckdb_schemas() WHERE schema_name = 'base'").fetchall()
    prefix = "base." if has_base else ""

    @contextmanager
    def write(own: duckdb.DuckDBPyConnection) -> Iterator[Callable[[str], tuple[str, dict[str, Any] | None]]]:
        def write_one(table: str) -> tuple[str, dict[str, Any] | None]:
            path = folder / f"{table}.parquet"
            facts = _write_table(own, prefix + table, path, run_id)
            if facts:
                flushed.append(disk.submit(sync, path))
            return table, facts

        yield write_one

    flushed: list[Future[None]] = []
    with ThreadPoolExecutor() as disk:  # it is waited for once, not after each table
        written = dict(shared_out(connection, sorted(TABLES, key=lambda table: table not in FILED), write))
        for done in flushed:
            done.result()
    return {table: facts for table in TABLES if (facts := written[table])}


def _write_table(connection: duckdb.DuckDBPyConnection, source: str, path: Path, run_id: str) -> dict[str, Any] | None:
    types: dict[str, str] = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {source}").fetchall()}
    instant = next(iter(types.keys() & _INSTANT), None)
    span = f"min({instant}), max({instant})" if instant else "NULL, NULL"
    held = ", ".join(f"count({column})" for column in types)
    rows, strangers, first, last, *values = connection.execute(
        f"SELECT count(*), count(*) FILTER (run_id <> ?), {span}, {held} FROM {source}", [run_id]
    ).fetchall()[0]
    if strangers:
        raise StoreError(f"{strangers} rows of {path.stem} are not of run {run_id}: a part holds one rank of one run.")
    if not rows:
        return None
    # The run is the same in every row, and so is what no row has: put in after the sort, the run as a number for its text, they
    # cost next to nothing.
    same = {column: f"NULL::{types[column]}" for column, count in zip(types, values, strict=True) if not count}
    same["run_id"] = f"{_literal(run_id)}::ENUM({_literal(run_id)})"
    order = f"ORDER BY {ORDER[path.stem]}" if path.stem in ORDER else ""
    sorted_rows = f"SELECT * EXCLUDE ({', '.join(same)}) FROM {source} {order}"
    columns = ", ".join(f"{same[column]} AS {column}" if column in same else column for column in types)
    options = f"FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}"  # V2 writes differences
    connection.execute(f"COPY (SELECT {columns} FROM ({sorted_rows})) TO {_literal(str(path))} ({options})")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"rows": rows, "sha256": digest, "bytes": path.stat().st_size, "min_ns": first, "max_ns": last}


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


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
