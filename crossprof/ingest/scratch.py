"""The scratch database of one rank: the tables of schema.sql, the relations of staging.sql, gone when the part is written."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import duckdb

from crossprof.ingest import machine
from crossprof.ingest.landing import LANDING
from crossprof.store.layout import Layout
from crossprof.store.tables import uncommented
from crossprof.store.threads import thread_count

__all__ = ["MEMORY_BYTES", "json_text", "scratch_database", "sweep", "with_enough_memory"]

_SUFFIX = "-scratch"
_SWEPT = (_SUFFIX, LANDING)
_STALE_SECONDS = 24 * 3600
MEMORY_BYTES = 320 << 20
_MORE_BYTES = 40 << 20
"""For each thread beyond two: what DuckDB's reader of JSON takes, and rows that wait."""
_ROW_GROUP = 61_440
"""Half of DuckDB's own: what a thread inserts waits in memory until it has so many rows."""
_Result = TypeVar("_Result")


@contextmanager
def scratch_database(root: Path, *, crew: int = 1, memory_bytes: int = MEMORY_BYTES) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty scratch database in a file under .staging/, removed at the end.

    The tables lie there, compressed, and `memory_bytes` of them in memory (with many threads more), so that the size of a trace
    does not show in the memory of the process. A crew of processes with one each shares out the processors. Raises
    duckdb.OutOfMemoryException, in the block, where a sort or a join needs more than that.
    """
    folder = Layout(root).staged(_SUFFIX)
    folder.mkdir(parents=True)
    connection = duckdb.connect(config={"temp_directory": str(folder / "spill"), "memory_limit": f"{memory_bytes}B"})
    if crew > 1:
        connection.execute("SET threads = greatest(1, current_setting('threads') // ?)", [crew])
    if (more := thread_count(connection) - 2) > 0:
        connection.execute(f"SET memory_limit = '{memory_bytes + more * _MORE_BYTES}B'")
    try:
        file = str(folder / "scratch.duckdb").replace("'", "''")
        connection.execute(
            f"ATTACH '{file}' AS scratch (RECOVERY_MODE no_wal_writes, ROW_GROUP_SIZE {_ROW_GROUP}); USE scratch"
        )
        connection.execute("SET disabled_compression_methods = 'bitpacking,rle'")  # numbers cost more to pack than to write
        # Nobody will read the file again: what its tables lack to be whole need not be written.
        connection.execute("SET checkpoint_on_detach = 'DISABLED'; SET checkpoint_threshold = '1TB'")
        connection.execute(uncommented("schema.sql"))
        connection.execute(files("crossprof.ingest").joinpath("staging.sql").read_text(encoding="utf-8"))
        yield connection
    finally:
        with suppress(duckdb.Error):
            connection.execute("USE memory; DETACH scratch")
        connection.close()
        shutil.rmtree(folder, ignore_errors=True)


def with_enough_memory(work: Callable[[int], _Result], *, crew: int = 1) -> _Result:
    """What the work gives for the bytes that its scratch database may hold in memory.

    They are few, so that many traces can be read at once. Where a sort or a join of a very large trace needs more, the work is
    done again with more, up to half of what the machine has, shared out among a crew.
    """
    memory_bytes = MEMORY_BYTES
    while True:
        try:
            return work(memory_bytes)
        except duckdb.OutOfMemoryException:
            most = machine.memory_bytes() // 2 // crew
            if memory_bytes >= most:
                raise
            memory_bytes = min(4 * memory_bytes, most)


def json_text(value: object) -> str:
    """A value as JSON that DuckDB reads: it refuses half of a surrogate pair, as names that are not UTF-8 leave behind."""
    return json.dumps(value, ensure_ascii=False).encode(errors="replace").decode()


def sweep(root: Path) -> None:
    """Remove the spill folders, and what was unpacked or fetched, that a killed ingest left more than a day ago."""
    oldest = time.time() - _STALE_SECONDS
    for folder in Layout(root).staging.iterdir():
        if folder.name.endswith(_SWEPT) and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
