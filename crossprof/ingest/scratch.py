"""The scratch database of one rank: the tables of schema.sql, the relations of staging.sql, gone when the part is written."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import duckdb

from crossprof.store.layout import Layout

__all__ = ["another_connection", "json_text", "scratch_database", "sweep", "thread_count"]

_SUFFIX = "-scratch"
_STALE_SECONDS = 24 * 3600
_MEMORY_BYTES = 448 << 20


@contextmanager
def scratch_database(root: Path, *, memory_bytes: int = _MEMORY_BYTES) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty scratch database in a file under .staging/, removed at the end.

    The tables lie there, compressed, and `memory_bytes` of them in memory, so that the size of a trace does not show in the
    memory of the process. Raises duckdb.OutOfMemoryException, in the block, where a sort or a join needs more than that.
    """
    folder = Layout(root).staged(_SUFFIX)
    folder.mkdir(parents=True)
    connection = duckdb.connect(config={"temp_directory": str(folder / "spill"), "memory_limit": f"{memory_bytes}B"})
    try:
        file = str(folder / "scratch.duckdb").replace("'", "''")
        connection.execute(f"ATTACH '{file}' AS scratch (RECOVERY_MODE no_wal_writes); USE scratch")
        connection.execute("SET checkpoint_on_detach = 'DISABLED'")  # nobody will read the file again
        connection.execute(files("crossprof.store").joinpath("schema.sql").read_text(encoding="utf-8"))
        connection.execute(files("crossprof.ingest").joinpath("staging.sql").read_text(encoding="utf-8"))
        yield connection
    finally:
        connection.close()
        shutil.rmtree(folder, ignore_errors=True)


def another_connection(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A further connection to the same tables, for another thread. Temporary tables, macros and variables are not shared."""
    database = connection.execute("SELECT current_database()").fetchall()[0][0]
    further = connection.cursor()
    further.execute(f"USE {database}")
    return further


def thread_count(connection: duckdb.DuckDBPyConnection) -> int:
    """The threads that the database may use."""
    return int(connection.execute("SELECT current_setting('threads')").fetchall()[0][0])


def json_text(value: object) -> str:
    """A value as JSON that DuckDB reads: it refuses half of a surrogate pair, as names that are not UTF-8 leave behind."""
    return json.dumps(value, ensure_ascii=False).encode(errors="replace").decode()


def sweep(root: Path) -> None:
    """Remove the spill folders that a killed ingest left more than a day ago."""
    oldest = time.time() - _STALE_SECONDS
    for folder in Layout(root).staging.glob(f"*{_SUFFIX}"):
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
