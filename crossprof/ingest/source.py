"""A trace file opened by content: its bytes, decompressed whatever its name says, and what is wrong with them."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from isal import isal_zlib

from crossprof.errors import TraceError
from crossprof.ingest.digest import sha256_of

__all__ = ["BLOCK_BYTES", "HEAD_BYTES", "Source", "first_blocks", "open_source"]

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 1 << 16

_INFLATE_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]
_GZIP_MAGIC = b"\x1f\x8b"
_RAW_DEFLATE = -15
_MAX_GZIP_LAYERS = 3
_HEADER_BYTES = 10
_TRAILER_BYTES = 8


class Source:
    """One trace file. `head` holds its first 64 KiB after decompression; `damage` what reading it has found wrong so far.

    Reading never raises for damaged content: what can be saved is yielded, and `damage` says in one line what is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: str | None = None
        self.damage_code: str | None = None
        self._layers = 0
        self.head = b"".join(first_blocks(self.chunks(), HEAD_BYTES))

    def chunks(self) -> Iterator[bytes]:
        """The decompressed bytes in blocks of about 1 MiB. May be called again; a call starts at the beginning."""
        self.damage = self.damage_code = None
        self._layers = 0
        return self._decompressed(_file_blocks(self.path))

    def read(self, *, most: int | None = None) -> bytes:
        """All decompressed bytes at once. Raises TraceError where they are more than `most`."""
        parts, size = [], 0
        for block in self.chunks():
            parts.append(block)
            size += len(block)
            if most is not None and size > most:
                reason = f"it holds more than {most >> 20} MiB, too much for the memory of this machine. Record fewer steps."
                raise TraceError(self.path, reason)
        return b"".join(parts)

    @property
    def is_compressed(self) -> bool:
        """Whether the file is gzip, by its first bytes."""
        return self._layers > 0

    @cached_property
    def sha256(self) -> str:
        """Hash of the file as it lies on disk."""
        return sha256_of(self.path)

    @cached_property
    def bytes_on_disk(self) -> int:
        """Size of the file as it lies on disk."""
        return self.path.stat().st_size

    def _decompressed(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        start = b"".join(first_blocks(blocks, len(_GZIP_MAGIC)))
        rest = chain([start], blocks) if start else blocks
        if not start.startswith(_GZIP_MAGIC) or self._layers >= _MAX_GZIP_LAYERS:
            yield from rest
            return
        self._layers += 1
        yield from self._decompressed(self._members(rest))

    def _members(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The content of each gzip member in turn. Checksums are compared here: zlib drops content when they differ."""
        buffer = b""
        while True:
            buffer = b"".join(chain([buffer], first_blocks(blocks, _HEADER_BYTES - len(buffer))))
            if not buffer.startswith(_GZIP_MAGIC):
                return  # the end, or padding after the last member
            buffer = _after_header(buffer, blocks)
            inflate = isal_zlib.decompressobj(wbits=_RAW_DEFLATE)
            crc = 0
            try:
                for content in _inflated(inflate, chain([buffer], blocks)):
                    crc = isal_zlib.crc32(content, crc)
                    yield content
            except _INFLATE_ERROR as error:
                self._damaged("gzip_damaged", f"the gzip stream is corrupt ({error})")
                return
            if not inflate.eof:
                self._damaged("file_truncated", "the gzip stream ends before its end mark")
                return
            tail = inflate.unused_data
            tail = b"".join(chain([tail], first_blocks(blocks, _TRAILER_BYTES - len(tail))))
            if len(tail) < _TRAILER_BYTES:
                self._damaged("file_truncated", "the gzip stream ends before its checksum")
            elif int.from_bytes(tail[:4], "little") != crc:
                self._damaged("gzip_damaged", "the gzip checksum does not match the content")
            buffer = tail[_TRAILER_BYTES:]

    def _damaged(self, code: str, detail: str) -> None:
        self.damage_code, self.damage = self.damage_code or code, self.damage or detail


def open_source(path: Path | str) -> Source:
    """The file at a path, opened by content. Raises TraceError for a file that can't be read."""
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise TraceError(path, "this is no regular file: a pipe or a device can't be read twice. Write it to a file first.")
        return Source(path)
    except FileNotFoundError:
        raise TraceError(path, "there is no such file. Check the path.") from None
    except OSError as error:
        raise TraceError(path, f"it can't be read ({error.strerror}).") from None


def _file_blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def first_blocks(blocks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Whole blocks until at least `size` bytes have come."""
    while size > 0 and (block := next(blocks, b"")):
        size -= len(block)
        yield block


def _inflated(inflate: Any, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of one deflate stream, in bounded pieces."""
    for block in blocks:
        rest = block
        while rest:
            if content := inflate.decompress(rest, BLOCK_BYTES):
                yield content
            if inflate.eof:
                return
            rest = inflate.unconsumed_tail


def _after_header(buffer: bytes, blocks: Iterator[bytes]) -> bytes:
    """The bytes after a gzip header with its optional fields."""
    flags = buffer[3] if len(buffer) > 3 else 0
    position = _HEADER_BYTES
    if flags & 4:
        buffer = b"".join(chain([buffer], first_blocks(blocks, position + 2 - len(buffer))))
        position += 2 + int.from_bytes(buffer[position : position + 2], "little")
    for flag in (8, 16):  # name, comment: both end at a zero byte
        if flags & flag:
            while (end := buffer.find(b"\0", position)) < 0 and (block := next(blocks, b"")):
                buffer += block
            position = end + 1 if end >= 0 else len(buffer)
    if flags & 2:
        position += 2
    return buffer[position:]
