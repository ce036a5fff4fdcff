"""Where the source files of a rank lie once it is ingested: moved into the store, copied there, or left where they are."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Literal

import duckdb

from crossprof.ingest.digest import sha256_of
from crossprof.ingest.lock import locked
from crossprof.store.layout import Layout

__all__ = ["Home", "SourceFile", "add_artifacts", "content_of", "hashes_of"]


@dataclass(frozen=True)
class SourceFile:
    """One file that a part was read from. `name` is its path below the folder of its rank.

    `origin` is what the user knows it by where it came from elsewhere and does not stay.
    """

    name: str
    format: str
    sha256: str
    bytes: int
    capture: int | None = None
    origin: str | None = None


@dataclass(frozen=True)
class Home:
    """The folder of a rank's files after the ingest, and how they come there. `content` is the hash of what is to be moved."""

    root: Path
    folder: Path
    storage: Literal["moved", "copied", "referenced"]
    content: str | None = None

    @classmethod
    def of_recording(cls, folder: Path, content: str, *, root: Path, run_id: str, rank: int, is_kept: bool) -> Home:
        """A recording in this store moves to its artifacts; one that lies elsewhere stays there."""
        layout, folder = Layout(root), folder.resolve()
        if folder.is_relative_to(layout.artifacts.resolve()):
            return cls(root, folder, "moved")
        target = _free(layout.run_artifacts(run_id) / f"rank-{rank}", content)
        if folder.is_relative_to(layout.recordings.resolve()):
            return cls(root, target, "moved", content)
        return cls(root, target, "copied") if is_kept else cls(root, folder, "referenced")

    @classmethod
    def of_trace(cls, file: Path, *, root: Path, run_id: str, rank: int, is_kept: bool) -> Home:
        """A foreign trace stays where it is, unless the user wants a copy."""
        if is_kept:
            return cls(root, Layout(root).run_artifacts(run_id) / f"rank-{rank}", "copied")
        return cls(root, file.resolve().parent, "referenced")

    def path_of(self, name: str) -> str:
        """The path of a file as the table artifact holds it: relative to the store where the store owns it."""
        path = self.folder / name
        root = self.root.resolve()
        path = path.resolve()
        return str(path.relative_to(root)) if self.storage != "referenced" and path.is_relative_to(root) else str(path)

    def copy(self, source: Path, files: list[SourceFile]) -> None:
        """Copy files from the folder they lie in, where this home wants copies. Each appears whole, by a rename."""
        for file in files if self.storage == "copied" else ():
            target = self.folder / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = Layout(self.root).staged()
            shutil.copy2(source / file.name, partial)
            partial.replace(target)

    def move(self, source: Path) -> None:
        """Move the folder of a recording here, where this home wants that. One rename: it is in one place or the other.

        A folder that is being compressed, or was since it was read, stays: the next ingest reads what it holds then.
        """
        if self.storage != "moved" or source.resolve() == self.folder.resolve():
            return
        with suppress(FileNotFoundError), locked(source) as is_ours:  # not found: another ingest moved it first
            if is_ours and content_of(hashes_of(source)) == self.content:
                self.folder.parent.mkdir(parents=True, exist_ok=True)
                if self.folder.exists() and content_of(hashes_of(self.folder)) == self.content:
                    _discard(source, root=self.root)  # it came back although the store has it
                else:
                    source.rename(self.folder)
        with suppress(OSError):  # other ranks of the run still wait
            source.parent.rmdir()


def _free(folder: Path, content: str) -> Path:
    """The folder, if it is free or has this content already; else one beside it: a rank may be recorded or copied again."""
    beside = folder.with_name(f"{folder.name}-{content[:8]}")
    further = (beside.with_name(f"{beside.name}-{number}") for number in count(2))
    return next(
        path for path in chain([folder, beside], further) if not path.exists() or content_of(hashes_of(path)) == content
    )


def _discard(folder: Path, *, root: Path) -> None:
    """Delete a folder; a kill on the way leaves no half of it where an ingest would find it."""
    trash = Layout(root).trash / Layout(root).staged().name
    folder.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)  # what stays is swept with the trash


def hashes_of(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder, by its path there, sorted."""
    hashes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            hashes[str(path.relative_to(folder))] = sha256_of(path)
    return hashes


def content_of(hashes: dict[str, str]) -> str:
    """One hash for all files of a folder."""
    return hashlib.sha256("".join(f"{name}\0{digest}\n" for name, digest in hashes.items()).encode()).hexdigest()


def add_artifacts(
    connection: duckdb.DuckDBPyConnection, files: list[SourceFile], *, home: Home, run_id: str, rank: int
) -> None:
    """Note the files in the table artifact."""
    for file in files:
        path = file.origin if file.origin and home.storage == "referenced" else home.path_of(file.name)
        row = [run_id, rank, path, file.format, file.sha256, file.bytes, home.storage, file.capture]
        connection.execute("INSERT INTO artifact VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
