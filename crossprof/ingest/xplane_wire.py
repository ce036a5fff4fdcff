"""The wire format of protobuf, as far as one needs it to step over what is large: no field is decoded here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

__all__ = ["Bytes", "Field", "SpaceError", "fields"]

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_MAX_SHIFT = 63
_HEAD_BYTES = 20  # a tag and a size, each as long as can be
_WINDOW_BYTES = 1 << 16


class SpaceError(Exception):
    """Bytes that are not an XSpace. The message says why, without the path."""


class Bytes(Protocol):
    """Bytes that need not lie in memory: `bytes`, or those of a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, span: slice, /) -> bytes: ...


class Field(NamedTuple):
    """Where a field lies: its tag from `start`, its content from `content` to `stop`."""

    number: int
    start: int
    content: int
    stop: int
    is_delimited: bool


def fields(data: Bytes, start: int, stop: int) -> Iterator[Field]:
    """Each field of the message between two positions. Raises SpaceError for bytes that are no message.

    Where the bytes end inside a field, that field is the last one, and its `stop` lies behind the end.
    """
    window, base = b"", start
    while start < stop:
        if base + len(window) < min(start + _HEAD_BYTES, stop):
            window, base = data[start : min(start + _WINDOW_BYTES, stop)], start
        field = _field(window, base, start)
        yield field
        start = field.stop


def _field(window: bytes, base: int, start: int) -> Field:
    """The field that starts at a position, of which the window shows the head. `base` is the position of the window."""
    end = base + len(window)
    tag, content = _varint(window, base, start)
    number, kind = tag >> 3, tag & 7
    if content > end:
        return Field(0, start, end, content, is_delimited=False)
    if number == 0 or kind not in {_VARINT, _FIXED64, _DELIMITED, _FIXED32}:
        raise SpaceError(f"the wire format is corrupt at byte {start}")
    if kind == _DELIMITED:
        size, content = _varint(window, base, content)
        return Field(number, start, content, content + size, is_delimited=True)
    stop = _varint(window, base, content)[1] if kind == _VARINT else content + (8 if kind == _FIXED64 else 4)
    return Field(number, start, content, stop, is_delimited=False)


def _varint(window: bytes, base: int, start: int) -> tuple[int, int]:
    """A varint and the position after it, which lies behind the end of the window where that ends inside it."""
    value = shift = 0
    for position in range(start - base, len(window)):
        byte = window[position]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, base + position + 1
        shift += 7
        if shift > _MAX_SHIFT:
            raise SpaceError(f"the wire format is corrupt at byte {base + position}")
    return value, base + len(window) + 1
