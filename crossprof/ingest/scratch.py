"""The scratch database of one rank: the tables of schema.sql, the relations of staging.sql, gone when the part is written."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import duckdb
import psutil

from crossprof.ingest.landing import LANDING
from crossprof.store.layout import Layout

__all__ = ["scratch_database", "sweep"]

_SUFFIX = "-scratch"
_SWEPT = (_SUFFIX, LANDING)
_STALE_SECONDS = 24 * 3600
_MOST_MEMORY_BYTES = 4 << 30


@contextmanager
def scratch_database(root: Path, *, crew: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty scratch database in memory: 4 GiB at most, half of what the machine has if that is less.

    Where a crew of processes has one each, that half and the processors are shared out among them.
    What does not fit spills into a folder under .staging/, removed at the end.
    """
    spill = Layout(root).staged(_SUFFIX)
    spill.mkdir(parents=True)
    memory = min(_MOST_MEMORY_BYTES, psutil.virtual_memory().total // 2 // crew)
    connection = duckdb.connect(config={"temp_directory": str(spill), "memory_limit": f"{memory}B"})
    if crew > 1:
        connection.execute("SET threads = greatest(1, current_setting('threads') // ?)", [crew])
    try:
        connection.execute(files("crossprof.store").joinpath("schema.sql").read_text(encoding="utf-8"))
        connection.execute(files("crossprof.ingest").joinpath("staging.sql").read_text(encoding="utf-8"))
        yield connection
    finally:
        connection.close()
        shutil.rmtree(spill, ignore_errors=True)


def sweep(root: Path) -> None:
    """Remove the spill folders, and what was unpacked or fetched, that a killed ingest left more than a day ago."""
    oldest = time.time() - _STALE_SECONDS
    for folder in Layout(root).staging.iterdir():
        if folder.name.endswith(_SWEPT) and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
