"""A chunk of a Kineto file: whole events with commas between them, in memory or still where they lie in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from crossprof.ingest.file_bytes import FileBytes

__all__ = ["Chunk", "FileChunk", "HeldChunk", "Memory"]

_HEAD_BYTES = 1 << 20
_PIECE_BYTES = 1 << 20


class Memory(Protocol):
    """Where the text of a chunk is to be. Each method raises MemoryError."""

    def add(self, piece: bytes) -> None:
        """Copy a piece behind what is there."""

    def fill(self, size: int, read: Callable[[memoryview], int]) -> None:
        """Have so many bytes behind what is there filled by a function that says how many it has filled."""


class Chunk(Protocol):
    """Events that are read once."""

    def head(self) -> bytes:
        """The first of the text, about a block."""
        ...

    def pieces(self) -> Iterator[bytes]:
        """The text in pieces of about a block, each up to a closing brace: no key and no number is torn."""
        ...

    def copy(self, memory: Memory) -> None:
        """Write the text into memory. Raises OSError, MemoryError."""


@dataclass(frozen=True)
class HeldChunk:
    """Events that were decompressed. Joined, their pieces would be copied, and searched outside the processor's cache."""

    held: list[bytes]

    def head(self) -> bytes:
        """See Chunk."""
        return self.held[0]

    def pieces(self) -> Iterator[bytes]:
        """See Chunk. Each piece is out of memory when the next one is taken: nothing is held at the end."""
        self.held.reverse()
        while self.held:
            yield self.held.pop()

    def copy(self, memory: Memory) -> None:
        """See Chunk. Nothing is held at the end."""
        for piece in self.pieces():
            memory.add(piece)


@dataclass(frozen=True)
class FileChunk:
    """Events between two places of a file. One that was shortened meanwhile ends where it ends."""

    file: FileBytes
    start: int
    stop: int

    def head(self) -> bytes:
        """See Chunk."""
        return self.file[self.start : min(self.stop, self.start + _HEAD_BYTES)]

    def pieces(self) -> Iterator[bytes]:
        """See Chunk."""
        rest: list[bytes] = []
        for start in range(self.start, self.stop, _PIECE_BYTES):
            block = self.file[start : min(self.stop, start + _PIECE_BYTES)]
            if end := block.rfind(b"}") + 1:
                yield b"".join([*rest, block[:end]])
                rest = []
            rest.append(block[end:])
        if last := b"".join(rest):
            yield last

    def copy(self, memory: Memory) -> None:
        """See Chunk."""
        memory.fill(self.stop - self.start, partial(self.file.read_into, self.start))
