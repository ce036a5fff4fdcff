"""Tiny traces of the ranks of one job."""

import json
from pathlib import Path
from typing import Any

import duckdb

from tests.ingest.recorded import KINETO


def rank_trace(folder: Path, rank: int, *, world_size: int = 2, **more: Any) -> Path:
    """The trace of one rank, a file of its own content."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"rank{rank}.json"
    path.write_text(json.dumps({"distributedInfo": {"rank": rank, "world_size": world_size}, **KINETO, **more}))
    return path


def table(store: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of the published catalog, as any client reads them."""
    with duckdb.connect(str((store / "crossprof.duckdb").resolve()), read_only=True) as connection:
        return connection.execute(query).fetchall()
