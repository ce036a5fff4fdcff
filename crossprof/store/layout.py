"""Where everything lies in a store.

    runs/run_id=<id>/part-<uuid>/        the truth: one rank of one run, immutable
    runs/run_id=<id>/part-<uuid>.retired the part no longer counts; gc takes it after the grace
    packs/pack-<uuid>/                   derived: small parts together, one file a table
    recordings/<id>/rank-<r>/            run folders until they are ingested
    artifacts/<id>/                      trace files that the store keeps
    catalog-000123.duckdb                derived: what readers open
    crossprof.duckdb                     a link to the current catalog
    .blank-<hash>.duckdb                 derived: a catalog without runs, which the publisher copies
    edits.sqlite  store.lock             what users change; who publishes
    .staging/  .trash/                   not yet, and no longer, part of the store

Nobody writes a database file that others read: writers add folders, the publisher adds catalogs.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from crossprof.errors import StoreError

__all__ = ["Layout", "checked_run_id", "create", "sync", "writing"]

_RUN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_CATALOG = re.compile(r"catalog-(\d{6,})\.duckdb")


@dataclass(frozen=True)
class Layout:
    """The paths of one store. Touches no file until a method says so."""

    root: Path

    @property
    def runs(self) -> Path:
        """The folder of all parts."""
        return self.root / "runs"

    @property
    def packs(self) -> Path:
        """The folder of the packs."""
        return self.root / "packs"

    @property
    def recordings(self) -> Path:
        """The folder of the run folders that wait to be ingested."""
        return self.root / "recordings"

    @property
    def artifacts(self) -> Path:
        """The folder of the trace files that the store keeps."""
        return self.root / "artifacts"

    @property
    def staging(self) -> Path:
        """The folder of what is still being written; on the file system of the parts, so that a rename is atomic."""
        return self.root / ".staging"

    @property
    def trash(self) -> Path:
        """The folder of what is being deleted."""
        return self.root / ".trash"

    @property
    def link(self) -> Path:
        """The link to the current catalog: the path that any DuckDB client opens."""
        return self.root / "crossprof.duckdb"

    @property
    def edits(self) -> Path:
        """The database of what users changed."""
        return self.root / "edits.sqlite"

    @property
    def lock(self) -> Path:
        """The file that the one publisher holds locked."""
        return self.root / "store.lock"

    def run(self, run_id: str) -> Path:
        """The folder of a run's parts. Named as a partition, so that a query for one run skips the files of all others."""
        return self.runs / f"run_id={checked_run_id(run_id)}"

    def recording(self, run_id: str, rank: int) -> Path:
        """The run folder of one rank."""
        return self.recordings / checked_run_id(run_id) / f"rank-{rank}"

    def run_artifacts(self, run_id: str) -> Path:
        """The folder of a run's kept trace files."""
        return self.artifacts / checked_run_id(run_id)

    def staged(self, suffix: str = "") -> Path:
        """A new path under .staging/ that nobody else uses."""
        return self.staging / f"{uuid.uuid4().hex}{suffix}"

    def catalog(self, version: int) -> Path:
        """The catalog of a version. The name carries the version: a process that re-opens a path gets its old instance back."""
        return self.root / f"catalog-{version:06d}.duckdb"

    def catalogs(self) -> list[tuple[int, Path]]:
        """The catalogs on disk with their versions, oldest first."""
        paths = self.root.iterdir() if self.root.is_dir() else ()
        return sorted((int(match.group(1)), path) for path in paths if (match := _CATALOG.fullmatch(path.name)))

    def blank(self, definitions: str) -> Path:
        """The catalog without runs, under the hash of what it holds."""
        return self.root / f".blank-{definitions[:16]}.duckdb"

    def blanks(self) -> list[Path]:
        """The catalogs without runs on disk, of whatever definitions."""
        return list(self.root.glob(".blank-*.duckdb"))

    def current(self) -> Path | None:
        """The catalog that the link names, None where nothing was published yet."""
        try:
            return self.root / Path(self.link.readlink()).name
        except OSError:
            return None


def checked_run_id(run_id: str) -> str:
    """The run id itself. Raises StoreError where it could not name a folder."""
    if not _RUN_ID.fullmatch(run_id):
        raise StoreError(
            f"'{run_id}' can't be a run id: up to 128 letters, digits, '.', '_' and '-', the first one neither '.' nor '-'. "
            "Name the run with --name instead."
        )
    return run_id


def create(root: Path) -> Layout:
    """The layout of a store whose folders exist and can be written. Raises StoreError otherwise."""
    layout = Layout(root)
    with writing(root):
        for folder in (layout.runs, layout.packs, layout.recordings, layout.artifacts, layout.staging, layout.trash):
            folder.mkdir(parents=True, exist_ok=True)
        if not os.access(layout.staging, os.W_OK | os.X_OK) or not os.access(layout.runs, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    return layout


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Turns the system's refusals into a StoreError that names the store."""
    try:
        yield
    except (OSError, duckdb.IOException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise StoreError(
            f"Can't write to the store {root}: {reason}. Choose another with --store PATH or CROSSPROF_STORE."
        ) from error


def sync(path: Path) -> None:
    """Brings a file, or the entries of a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
