"""Where inputs land that are no local file: members of archives, URLs, standard input. Below .staging/, gone at the end."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from crossprof.errors import TraceError
from crossprof.ingest.archive import bound, is_archive, unpack
from crossprof.ingest.remote import fetch, is_url, shown_url
from crossprof.ingest.source import BLOCK_BYTES, Source, open_source
from crossprof.store.layout import Layout

__all__ = ["LANDING", "STDIN", "Landing"]

LANDING = "-landing"
"""How the names of these folders end."""
STDIN = "-"
_LAYERS = 2  # an archive, and those in it


class Landing:
    """A folder of one ingest, and what the user knows each file in it by. `skipped` says which members were left out, and why.

    Used as a context manager: the folder is gone at the end.
    """

    def __init__(self, root: Path) -> None:
        self.folder = Layout(root).staged(LANDING)
        self.skipped: list[tuple[str, str]] = []
        self._origins: dict[Path, str] = {}
        self._fetched: dict[str, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def origin(self, path: Path) -> str | None:
        """What the user knows a file by that landed here: `archive.zip!/member`, a URL. None for any other file."""
        for landed in (path, *path.parents):
            if (origin := self._origins.get(landed)) is not None:
                inner = path.relative_to(landed)
                return "/".join([origin, *inner.parts])
        return None

    def bring(self, given: str, *, name: str | None) -> Path:
        """The local path of what the user gave: of a URL or standard input once it is here. Raises TraceError."""
        if given == STDIN:
            return self._spool(name or "stdin")
        if not is_url(given):
            return Path(given)
        shown = shown_url(given).rstrip("/")
        folder = self._fetched.setdefault(shown.rpartition("/")[0], self._new_folder())  # ranks of one folder stay together
        path = fetch(given, folder)
        self._origins[path] = shown
        return path

    def unpacked(self, source: Source) -> Path | None:
        """The folder with the members of an archive; of archives in it too. None for any other file. Raises TraceError."""
        if not is_archive(source):
            return None
        folder = self._new_folder() / _stem(source.path)
        origin = self.origin(source.path) or str(source.path)
        self._unpack(source, folder, origin=origin, most=bound(source, self.folder), layers=_LAYERS)
        return folder

    def _unpack(self, source: Source, folder: Path, *, origin: str, most: int, layers: int) -> int:
        """Unpack an archive and those in it, which share the bytes that it may hold. How many are left."""
        folder.mkdir(parents=True)
        self._origins[folder] = f"{origin}!"
        left, skipped = unpack(source, folder, most=most)
        self.skipped += [(f"{origin}!/{member.name}" if member.name else origin, member.reason) for member in skipped]
        for inner in list(_archives_in(folder)) if layers > 1 else ():
            name = self.origin(inner.path) or inner.path.name
            packed = self._new_folder() / inner.path.name
            inner.path.rename(packed)
            try:
                left = self._unpack(open_source(packed), inner.path, origin=name, most=left, layers=layers - 1)
            except TraceError as error:
                self.skipped.append((name, error.reason))
            packed.unlink()
        return left

    def _spool(self, name: str) -> Path:
        path = self._new_folder() / "stdin"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file, BLOCK_BYTES)
        self._origins[path] = f"standard input ({name})"
        return path

    def _new_folder(self) -> Path:
        folder = self.folder / str(sum(1 for _ in self.folder.iterdir()) if self.folder.is_dir() else 0)
        folder.mkdir(parents=True)
        return folder


def _archives_in(folder: Path) -> Iterator[Source]:
    for path in sorted(folder.rglob("*")):
        with suppress(TraceError):
            if path.is_file() and is_archive(source := open_source(path)):
                yield source


def _stem(path: Path) -> str:
    """The name of an archive without what says that it is one."""
    name = path.name
    for ending in (".gz", ".tgz", ".tar", ".zip"):
        name = name.removesuffix(ending)
    return name or path.name
