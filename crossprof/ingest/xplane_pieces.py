"""Lines of a plane in batches of some megabytes; a long line is cut at borders of events, without a walk over them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from crossprof.ingest.xplane_schema import decoder
from crossprof.ingest.xplane_wire import Bytes, SpaceError, fields

__all__ = ["BATCH_BYTES", "Batch", "batches", "pieces"]

# Each batch costs some milliseconds of SQL, and in memory ten times its size, for as many of them as there are threads.
BATCH_BYTES = 3 << 20

_EVENTS, _EVENT_TAG = 4, b"\x22"
_SEARCHED_BYTES = 1 << 16
_HOPS = 64


@dataclass
class Batch:
    """Pieces of lines of one plane. `lines` holds the number of the line that each piece is of."""

    plane: int
    pieces: list[slice] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def messages(self, data: Bytes) -> list[bytes]:
        """The pieces as encoded messages: the fields of a line stand in any of them."""
        return [data[piece] for piece in self.pieces]

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches of half as many pieces each."""
        middle = len(self.pieces) // 2
        return (
            Batch(self.plane, self.pieces[:middle], self.lines[:middle]),
            Batch(self.plane, self.pieces[middle:], self.lines[middle:]),
        )


def batches(data: Bytes, lines: list[slice], *, plane: int, first_line: int) -> Iterator[Batch]:
    """The lines of a plane, numbered from `first_line`, in batches of about BATCH_BYTES."""
    batch, size = Batch(plane), 0
    for number, line in enumerate(lines, first_line):
        for piece in pieces(data, line):
            batch.pieces.append(piece)
            batch.lines.append(number)
            size += piece.stop - piece.start
            if size >= BATCH_BYTES:
                yield batch
                batch, size = Batch(plane), 0
    if batch.pieces:
        yield batch


def pieces(data: Bytes, line: slice) -> Iterator[slice]:
    """A line in pieces of about BATCH_BYTES that are messages of their own. The last piece ends with the line."""
    start = line.start
    while line.stop - start > BATCH_BYTES:
        found = _borders(data, start + BATCH_BYTES, line.stop)
        border = next((border for border in found if _is_message(data[start:border])), line.stop)
        yield slice(start, border)
        start = border
    if start < line.stop or line.start == line.stop:
        yield slice(start, line.stop)


def _borders(data: Bytes, position: int, stop: int) -> Iterator[int]:
    """Places that look like borders of events: ends of long chains of what looks like events.

    A chain that starts inside an event soon falls into step with the events or breaks. Whether it did is for the caller to
    see: from border to border the bytes are a message, from a border to anywhere else they are not.
    """
    searched = data[position : min(position + _SEARCHED_BYTES, stop)]
    offset = -1
    while (offset := searched.find(_EVENT_TAG, offset + 1)) >= 0:
        try:
            chain = list(islice(fields(data, position + offset, stop), _HOPS))
        except SpaceError:
            continue
        if all(link.number == _EVENTS for link in chain) and chain[-1].stop <= stop:
            yield chain[-1].stop


def _is_message(piece: bytes) -> bool:
    """Whether the bytes are whole fields. The decoder steps over the events."""
    try:
        decoder("LineWithoutEvents").list_to_record_batch([piece])
    except ValueError:
        return False
    return True
