"""The outline of an XSpace: where its planes and their lines lie in the bytes, without a look at any event."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

from crossprof.ingest.xplane_pieces import pieces
from crossprof.ingest.xplane_wire import Bytes, Field, SpaceError, fields

__all__ = ["PlaneOutline", "Space", "read_space"]

_PLANES, _ERRORS, _WARNINGS, _HOSTNAMES = 1, 2, 3, 4
_LINES, _EVENT_NAMES = 3, 4
_MOST_PARTS = 1 << 16
_MOST_PARTS_OF_A_PLANE = 1 << 21


@dataclass
class PlaneOutline:
    """One plane: `head` is the message without its lines, still encoded; `lines` say where these lie."""

    head: bytes
    lines: list[slice]


@dataclass
class Space:
    """The top level of an XSpace."""

    planes: list[PlaneOutline] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    hostnames: list[str] = field(default_factory=list)
    is_truncated: bool = False


def read_space(data: Bytes) -> Space:
    """The top level of an XSpace. Of a file that is cut short, what is whole and has its names. Raises SpaceError."""
    space, size = Space(), len(data)
    texts = {_ERRORS: space.errors, _WARNINGS: space.warnings, _HOSTNAMES: space.hostnames}
    for count, each in enumerate(fields(data, 0, size)):
        if count >= _MOST_PARTS:
            raise SpaceError(f"it has more than {_MOST_PARTS} planes and messages, which no profiler writes")
        if each.stop > size:
            space.is_truncated = True
            space.planes += _cut_plane(data, each) if each.number == _PLANES else []
        elif each.is_delimited and each.number == _PLANES:
            space.planes.append(_plane(data, _parts(data, each), each.stop))
        elif each.is_delimited and each.number in texts:
            texts[each.number].append(data[each.content : each.stop].decode("utf-8", "replace"))
    return space


def _parts(data: Bytes, plane: Field) -> list[Field]:
    """The lines, names and facts of a plane."""
    parts = list(islice(fields(data, plane.content, plane.stop), _MOST_PARTS_OF_A_PLANE + 1))
    if len(parts) > _MOST_PARTS_OF_A_PLANE:
        raise SpaceError(f"a plane has more than {_MOST_PARTS_OF_A_PLANE} lines and names, which no profiler writes")
    return parts


def _plane(data: Bytes, parts: list[Field], end: int) -> PlaneOutline:
    if parts and parts[-1].stop > end:
        raise SpaceError(f"the wire format is corrupt at byte {parts[-1].start}")
    is_line = [part.is_delimited and part.number == _LINES for part in parts]
    head = b"".join(data[part.start : part.stop] for part, skip in zip(parts, is_line, strict=True) if not skip)
    return PlaneOutline(head, [slice(part.content, part.stop) for part, keep in zip(parts, is_line, strict=True) if keep])


def _cut_plane(data: Bytes, plane: Field) -> list[PlaneOutline]:
    """The plane that the bytes end in, up to the last whole event, where it is known what its events are called.

    Most writers put the names last: then there is nothing to be said of the lines before them.
    """
    try:
        *whole, last = fields(data, plane.content, len(data))
        if last.number != _LINES or not any(part.number == _EVENT_NAMES for part in whole):
            return []
        outline = _plane(data, whole, len(data))
        outline.lines += _cut_line(data, last)
    except (SpaceError, ValueError):
        return []
    return [outline]


def _cut_line(data: Bytes, line: Field) -> list[slice]:
    """The line that the bytes end in, without the event that they end in."""
    *_, rest = pieces(data, slice(line.content, len(data)))
    cut = next((part.start for part in fields(data, rest.start, rest.stop) if part.stop > rest.stop), rest.stop)
    return [slice(line.content, cut)] if cut > line.content else []
