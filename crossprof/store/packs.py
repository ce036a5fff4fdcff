"""Packs: the rows of many small parts in one file a table. A query over thousands of files is slow, however small they are.

Packs are derived: the parts stay the truth, a rebuild makes packs anew. Parts that are large, or few, are read where they lie.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Sequence

import duckdb

from crossprof.store.layout import Layout, sync
from crossprof.store.tables import FILED, ORDER, SCHEMA_VERSION

__all__ = ["dissolve", "gather", "named", "retire_others"]

_LOOSE_PARTS = 256
_PACKED_PARTS = 1024
_SMALL_ROWS = 200_000
_LOOSE = """
    SELECT run_id, part, tables FROM store.part WHERE pack IS NULL AND rows <= ? AND schema_version = ? ORDER BY run_id, rank
"""


def dissolve(connection: duckdb.DuckDBPyConnection, run_ids: Sequence[str]) -> None:
    """Makes the packs that hold one of the runs count no longer: their parts are read where they lie."""
    connection.execute(
        "UPDATE store.part SET pack = NULL WHERE pack IN (SELECT pack FROM store.part WHERE run_id IN (SELECT unnest(?)))",
        [list(run_ids)],
    )


def gather(connection: duckdb.DuckDBPyConnection, layout: Layout) -> None:
    """Packs the small parts that lie loose, once they are many."""
    loose = connection.execute(_LOOSE, [_SMALL_ROWS, SCHEMA_VERSION]).fetchall()
    if len(loose) < _LOOSE_PARTS:
        return
    connection.execute("RESET memory_limit")  # it sorts far more than a run
    for first in range(0, len(loose), _PACKED_PARTS):
        chosen = loose[first : first + _PACKED_PARTS]
        name = f"pack-{uuid.uuid4().hex}"
        _write(connection, layout, name, chosen)
        connection.execute(
            "UPDATE store.part SET pack = ? WHERE part IN (SELECT unnest(?))", [name, [part for _, part, _ in chosen]]
        )


def named(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The packs that the catalog reads."""
    return {name for (name,) in connection.execute("SELECT DISTINCT pack FROM store.part WHERE pack IS NOT NULL").fetchall()}


def retire_others(layout: Layout, current: Iterable[str]) -> None:
    """Marks the packs that the current catalog does not name, so that gc takes them after the grace."""
    with os.scandir(layout.packs) as entries:
        found = {entry.name for entry in entries}
    for name in found - set(current):
        if "." not in name and f"{name}.retired" not in found:
            (layout.packs / f"{name}.retired").touch()


def _write(
    connection: duckdb.DuckDBPyConnection, layout: Layout, name: str, parts: Sequence[tuple[str, str, list[str]]]
) -> None:
    staged = layout.staged()
    staged.mkdir()
    for table in FILED:
        paths = [str(layout.run(run_id) / part / f"{table}.parquet") for run_id, part, tables in parts if table in tables]
        if paths:
            source = connection.sql(
                f"SELECT * FROM read_parquet(?, hive_partitioning = false) ORDER BY run_id, rank, {ORDER[table]}",
                params=[paths],
            )
            source.write_parquet(str(staged / f"{table}.parquet"), compression="zstd")
            sync(staged / f"{table}.parquet")
    staged.rename(layout.packs / name)
    sync(layout.packs)
