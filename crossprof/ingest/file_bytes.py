"""The decompressed bytes of a trace file, any part of them at hand and none of them in memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from crossprof.errors import TraceError
from crossprof.ingest.source import Source

__all__ = ["FileBytes", "file_bytes"]


class FileBytes:
    """Bytes that are read where and when they are asked for, by any thread.

    Not a memory map: a file that someone shortens meanwhile would end the process, and its pages count as ours.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """The bytes of an open file, which the caller closes."""
        self._file = file
        self._size = os.fstat(file.fileno()).st_size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, span: slice) -> bytes:
        start, stop, _ = span.indices(self._size)
        parts = []
        while start < stop and (part := os.pread(self._file.fileno(), stop - start, start)):
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def read_into(self, start: int, memory: memoryview) -> int:
        """Fill memory with the bytes from a place on; how many there were."""
        filled = 0
        while filled < len(memory) and (count := os.preadv(self._file.fileno(), [memory[filled:]], start + filled)):
            filled += count
        return filled


@contextmanager
def file_bytes(source: Source) -> Iterator[FileBytes]:
    """The bytes of a file; a compressed one lies on disk in full meanwhile. Raises TraceError where there is no room for it."""
    if not source.is_compressed:
        with source.path.open("rb") as file:
            yield FileBytes(file)
        return
    with tempfile.TemporaryFile(prefix="crossprof-") as spool:
        _decompress(source, spool)
        yield FileBytes(spool)


def _decompress(source: Source, spool: IO[bytes]) -> None:
    folder = tempfile.gettempdir()
    most = shutil.disk_usage(folder).free // 2  # what is left is for the tables, and for others
    for block in source.chunks():
        most -= len(block)
        if most < 0:
            raise TraceError(
                source.path, f"it is too large to be decompressed in {folder}: less than half of that disk is free for it."
            )
        spool.write(block)
    spool.flush()
