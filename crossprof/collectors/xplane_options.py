"""The options that an XPlane says were in force: read by a few lines of protobuf's wire format, so that nothing is imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["profile_options"]

_PLANE, _PLANE_STAT_METADATA, _PLANE_STATS = 1, 5, 6
_STAT_METADATA_ID, _STAT_BYTES = 1, 6
_LEVELS = {"host_tracer_level": 2, "device_tracer_level": 3, "python_tracer_level": 4, "enable_hlo_proto": 7}
_HEAD = 64
"""Bytes of a plane that hold its id and name, which come first."""

Value = int | bytes


def profile_options(path: Path) -> dict[str, int]:
    """The tracer levels in the plane `Task Environment` of a file; 0 where it leaves one out. Empty without that plane."""
    with path.open("rb") as file:
        for plane in _planes_named(file, b"Task Environment"):
            fields = list(_fields(plane))
            names = [
                dict(_fields(value)) for number, value in fields if number == _PLANE_STAT_METADATA and isinstance(value, bytes)
            ]
            wanted = {entry.get(1) for entry in names if b"profile_options" in _bytes(entry.get(2))}
            for number, value in fields:
                stat = dict(_fields(_bytes(value))) if number == _PLANE_STATS else {}
                if stat.get(_STAT_METADATA_ID) in wanted and _STAT_BYTES in stat:
                    options = dict(_fields(_bytes(stat[_STAT_BYTES])))
                    return {name: _integer(options.get(field)) for name, field in _LEVELS.items()}
    return {}


def _planes_named(file: IO[bytes], name: bytes) -> Iterator[bytes]:
    """The bytes of the planes of one name; all others are skipped unread."""
    while True:
        tag, size = _read_varint(file), _read_varint(file)
        if tag is None or size is None:
            return
        start = file.tell()
        if tag >> 3 == _PLANE and name in file.read(min(size, _HEAD)):
            file.seek(start)
            yield file.read(size)
        file.seek(start + size, os.SEEK_SET)


def _read_varint(file: IO[bytes]) -> int | None:
    result = shift = 0
    while byte := file.read(1):
        result |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return result
        shift += 7
    return None


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a message: number, and an int or the bytes. Fixed-size numbers stay bytes."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        wire = tag & 7
        if wire == 0:
            number, position = _varint(data, position)
            yield tag >> 3, number
            continue
        size, position = _varint(data, position) if wire == 2 else (8 if wire == 1 else 4, position)
        yield tag >> 3, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7


def _bytes(value: Value | None) -> bytes:
    return value if isinstance(value, bytes) else b""


def _integer(value: Value | None) -> int:
    return value if isinstance(value, int) else 0
