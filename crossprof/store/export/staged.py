"""A file that somebody named: it appears whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["staged"]


@contextmanager
def staged(target: Path) -> Iterator[BinaryIO]:
    """A file to write, beside the target and renamed over it at the end.

    What is no regular file, such as a pipe, is written to. A file that is there keeps its permissions, a link stays.
    Raises OSError, with the path that was named.
    """
    if target.exists() and not target.is_file() and not target.is_dir():
        with target.open("wb") as file:
            yield file
        return
    path = target.resolve()
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "Is a directory")
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The mask of the process, which can't be read without setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
