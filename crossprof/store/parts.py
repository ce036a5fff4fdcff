"""Parts: one rank of one run as Parquet files. A part appears whole, by one rename, and never changes.

A part is known by (run id, rank, content hash). Of several parts of one rank the newest counts; publish retires the others.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crossprof.errors import StoreError
from crossprof.store.layout import Layout, checked_run_id

__all__ = ["Part", "part_exists", "part_paths", "rank_exists", "read_part", "retire"]

_log = logging.getLogger(__name__)


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
