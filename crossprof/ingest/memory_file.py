"""A file that another library reads by its path, in memory where the system has such files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["MemoryFile", "memory_file"]


class MemoryFile:
    """A file whose content is replaced again and again. Its pages are kept from one content to the next."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file = file
        self.path = path

    def write(self, parts: Iterable[bytes]) -> None:
        """Make these bytes, one part after the other, all that the file holds."""
        self._file.seek(0)
        self._file.writelines(parts)
        self._file.truncate()


@contextmanager
def memory_file() -> Iterator[MemoryFile]:
    """An empty file, gone at the end. Where the system has none in memory it lies in the folder of temporary files."""
    if not hasattr(os, "memfd_create") or not Path("/proc/self/fd").is_dir():
        with tempfile.NamedTemporaryFile(prefix="crossprof-") as named:
            yield MemoryFile(named, named.name)
        return
    with os.fdopen(os.memfd_create("crossprof"), "wb") as file:
        yield MemoryFile(file, f"/proc/self/fd/{file.fileno()}")
