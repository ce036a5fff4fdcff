"""The hash of a file, worked out while the file is read."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

from crossprof.errors import TraceError

__all__ = ["Digest", "sha256_of"]


class Digest:
    """The SHA-256 of a file, begun when this is made, in a thread of its own: hashing lets go of the interpreter."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: Future[str] = Future()
        Thread(target=self._find, name=f"hash of {path.name}", daemon=True).start()  # no exit waits for it

    def wait(self) -> str:
        """The hash, once it is found. Raises TraceError where the file can't be read to its end."""
        try:
            return self._found.result()
        except OSError as error:
            raise TraceError(self._path, f"it can't be read ({error.strerror}).") from None

    def _find(self) -> None:
        try:
            self._found.set_result(sha256_of(self._path))
        except BaseException as error:  # whoever waits shall know
            self._found.set_exception(error)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file as it lies on disk. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
