"""The lock on a recording's folder, which an ingest holds, and a training process while it compresses what it recorded."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["locked"]


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Whether this process alone works on the folder while the body runs. The kernel frees the lock of a process that dies.

    Raises FileNotFoundError where the folder is gone.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems lock no directory; the store then drops what is written twice
        return True
    return True
