"""Chunks of a Kineto file: whichever way their text is read, it is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crossprof.ingest import event_chunk
from crossprof.ingest.event_chunk import Chunk, FileChunk, HeldChunk
from crossprof.ingest.file_bytes import file_bytes
from crossprof.ingest.source import open_source

TEXT = b"".join(b'{"ph": "X", "name": "n%d", "args": {"a": [%d]}},' % (n, n) for n in range(50))[:-1]


class Copy:
    """Memory that a chunk is copied to."""

    def __init__(self) -> None:
        self.text = b""

    def add(self, piece: bytes) -> None:
        self.text += piece

    def fill(self, size: int, read: Callable[[memoryview], int]) -> None:
        memory = bytearray(size)
        self.text += bytes(memory[: read(memoryview(memory))])


def copy_of(chunk: Chunk) -> bytes:
    memory = Copy()
    chunk.copy(memory)
    return memory.text


@pytest.mark.parametrize("piece_bytes", [1, 7, 60, 1 << 20])
def test_a_stretch_of_a_file_is_read_in_pieces_or_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece_bytes: int
) -> None:
    monkeypatch.setattr(event_chunk, "_PIECE_BYTES", piece_bytes)
    path = tmp_path / "t"
    path.write_bytes(b"[" + TEXT + b"]")
    with file_bytes(open_source(path)) as file:
        chunk = FileChunk(file, 1, 1 + len(TEXT))
        pieces = list(chunk.pieces())
        assert b"".join(pieces) == copy_of(chunk) == TEXT
        assert all(piece.endswith(b"}") for piece in pieces)
        assert TEXT.startswith(chunk.head())


def test_a_file_that_was_shortened_meanwhile_ends_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(TEXT)
    with file_bytes(open_source(path)) as file:
        chunk = FileChunk(file, 0, len(TEXT))
        path.write_bytes(TEXT[:100])
        assert b"".join(chunk.pieces()) == copy_of(chunk) == TEXT[:100]


def test_what_was_decompressed_is_let_go_as_it_is_copied() -> None:
    chunk = HeldChunk([TEXT[:10], TEXT[10:]])
    assert chunk.head() == TEXT[:10]
    assert copy_of(chunk) == TEXT
    assert chunk.held == []
