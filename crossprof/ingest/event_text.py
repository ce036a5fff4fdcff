"""The text of a Kineto file, cut at event borders into chunks that a JSON reader can take one at a time."""

from __future__ import annotations

import codecs
import json
import re
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from crossprof.errors import TraceError
from crossprof.ingest.event_chunk import Chunk, FileChunk, HeldChunk
from crossprof.ingest.file_bytes import FileBytes, file_bytes
from crossprof.ingest.source import HEAD_BYTES, Source, first_blocks

__all__ = ["CHUNK_BYTES", "EventText", "event_count", "event_text", "halves", "head_text", "split_events", "utf8"]

CHUNK_BYTES = 32 << 20
_LEAST_CHUNK_BYTES = 4 << 20
_FEWEST_CHUNKS = 4
"""Of a text that is worth more than one: few large ones would leave a thread without work at the end."""
_TIMES_COMPRESSED = 10

_ARRAY = re.compile(rb"\s*\[")
_EVENTS_KEY = re.compile(rb'"traceEvents"\s*:\s*\[')
_BASE_TIME = re.compile(rb'"baseTimeNanoseconds"\s*:\s*"?(\d{1,18}|[1-3]\d{18})(?=\D)')
# Possessive: where a stretch of white space leads to no event, nothing is tried again from within it.
_BORDER = re.compile(rb'\}\s*+,\s*+(?=\{\s*+"(?:ph|name|cat|pid|tid|ts|dur|args|id|s|bp)"\s*+:)')
_COMMA = re.compile(r"\s*,\s*")
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")
_DECODER = json.JSONDecoder(strict=False)
_MOST_KEY_BYTES = 16 << 20
_MOST_UNCUT_BYTES = 128 << 20
_OVERLAP_BYTES = 64
_UTF8_MARK = codecs.BOM_UTF8
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WINDOWS = (1 << 16, 1 << 20)
_MOST_TRIES = 10_000  # to find an event among objects that are none


class EventText:
    """The events of one file as text, and the keys around them. Raises TraceError where those keys would fill the memory.

    Once chunks() is exhausted, `header` holds the keys beside traceEvents, `is_header_lost` says whether they could not
    be read, and `is_cut` whether the text ended too early.
    """

    def __init__(self, source: Source, file: FileBytes | None) -> None:
        """The text of a source; `file` is where it lies on disk as it is, which spares copying it."""
        self.header: dict[str, Any] = {}
        self.is_header_lost = False
        self.is_cut = False
        self._source = source
        self._file = file

    def base_time_ns(self) -> int:
        """What to add to the times of the events. Some writers put it after them: else a pass over the whole text finds it."""
        end = self._file[max(0, len(self._file) - HEAD_BYTES) :] if self._file else b""
        if found := _BASE_TIME.search(self._source.head) or _BASE_TIME.search(end):
            return int(found[1])
        before = b""
        for block in utf8(self._source):
            text = before + block
            if b"baseTimeNanoseconds" in text and (found := _BASE_TIME.search(text)):
                return int(found[1])
            before = block[-_OVERLAP_BYTES:]
        return 0

    def chunks(self) -> Iterator[Chunk]:
        """The events, commas between them, in chunks of at most about CHUNK_BYTES that begin and end with a whole event."""
        blocks = utf8(self._source)
        prefix, text = self._split_at_array(blocks)
        is_object = prefix.lstrip().startswith(b"{")
        if self._file and text is not None:
            mark = len(_UTF8_MARK) if self._source.head.startswith(_UTF8_MARK) else 0
            suffix = yield from self._in_place(self._file, mark + len(prefix), is_object=is_object)
        else:
            suffix = yield from self._held(blocks, b"]}" if text is None else text, is_object=is_object)
        if len(suffix) > _MOST_KEY_BYTES:
            raise self._too_much("what follows the events", _MOST_KEY_BYTES)
        header = _header(prefix, suffix) if is_object else {}
        self.header, self.is_header_lost = header or {}, header is None

    def _in_place(self, file: FileBytes, start: int, *, is_object: bool) -> Generator[Chunk, None, bytes]:
        """The chunks of a file from a place on, of which no more is read than borders need; then what follows the events."""
        most = limit = self._chunk_bytes()
        while start + limit < len(file):
            if border := _border_before(file, start, start + limit):
                yield FileChunk(file, start, border[0])
                start, limit = border[1], most
            elif limit > _MOST_UNCUT_BYTES:
                raise self._uncut()
            else:
                limit *= 2
        begin = max(start, len(file) - _WINDOWS[-1])
        if begin > start and not _last_border(file[begin:]):
            begin = start
        events, suffix = self._ending(file[begin:], is_object=is_object)
        if begin > start or events.strip():
            yield FileChunk(file, start, begin + len(events))
        return suffix

    def _held(self, blocks: Iterator[bytes], text: bytes, *, is_object: bool) -> Generator[Chunk, None, bytes]:
        """The chunks of a text and the blocks after it; then what follows the events."""
        most = self._chunk_bytes()
        pieces, rest, size, limit = [], [text], 0, most
        for block in blocks:
            if not (end := block.rfind(b"}") + 1) and sum(map(len, rest)) < _MOST_UNCUT_BYTES:
                rest.append(block)
                continue
            pieces.append(b"".join([*rest, memoryview(block)[:end]]))
            rest = [block[end:]]
            size += len(pieces[-1])
            if size < limit:
                continue
            border = _last_border(pieces[-1])
            if not border:
                pieces = [b"".join(pieces)]
                border = _last_border(pieces[0])
            if border:
                last = pieces.pop()
                chunk = [*pieces, last[: border.start() + 1]]
                pieces, rest, size, limit = [], [last[border.end() :], *rest], 0, most
                del last
                yield HeldChunk(chunk)
            elif size > _MOST_UNCUT_BYTES:
                raise self._uncut()
            else:
                limit = 2 * size
        events, suffix = self._ending(b"".join([*pieces, *rest]), is_object=is_object)
        if events.strip():
            yield HeldChunk([events])
        return suffix

    def _chunk_bytes(self) -> int:
        text_bytes = self._source.bytes_on_disk * (_TIMES_COMPRESSED if self._source.is_compressed else 1)
        return min(CHUNK_BYTES, max(_LEAST_CHUNK_BYTES, text_bytes // _FEWEST_CHUNKS))

    def _split_at_array(self, blocks: Iterator[bytes]) -> tuple[bytes, bytes | None]:
        """The text up to the bracket that opens the events, and what has been read of the rest; None without such a bracket."""
        text = bytearray()
        for block in blocks:
            begin = max(0, len(text) - _OVERLAP_BYTES)
            text += block
            if found := _ARRAY.match(text) or _EVENTS_KEY.search(text, begin):
                return bytes(text[: found.end()]), bytes(text[found.end() :])
            if len(text) > _MOST_KEY_BYTES:
                raise self._too_much("what comes before the events", _MOST_KEY_BYTES)
        return bytes(text), None

    def _uncut(self) -> TraceError:
        return self._too_much("a stretch without the border of an event", _MOST_UNCUT_BYTES)

    def _too_much(self, what: str, most: int) -> TraceError:
        reason = f"{what} takes more than {most >> 20} MiB, which no profiler writes. Record it again."
        return TraceError(self._source.path, reason)

    def _ending(self, text: bytes, *, is_object: bool) -> tuple[bytes, bytes]:
        """The last events, and what follows their array. What remains of an event that was cut is left out."""
        border = _last_border(text)
        start = border.end() if border else 0
        rest = text[start:].decode("latin-1")
        end, position = 0, len(rest) - len(rest.lstrip())
        while (value_end := _value_end(rest, position)) is not None:
            end = value_end
            comma = _COMMA.match(rest, end)
            if not comma:
                break
            position = comma.end()
        after = rest[end:].lstrip().removeprefix(",").lstrip()
        self.is_cut = not after.startswith("]") and (is_object or bool(after))
        whole = start + end if end or not border else border.start() + 1
        return text[:whole], after[1:].encode("latin-1") if after.startswith("]") else b""


@contextmanager
def event_text(source: Source) -> Iterator[EventText]:
    """The events of a file as text, whose chunks can be read in the block."""
    if source.is_compressed or source.head.startswith(_UTF16_MARKS):
        yield EventText(source, None)
        return
    with file_bytes(source) as file:
        yield EventText(source, file)


def utf8(source: Source) -> Iterator[bytes]:
    """The text of a file in blocks of UTF-8 without a byte-order mark."""
    yield from _as_utf8(source.chunks())


def head_text(source: Source) -> bytes:
    """The first HEAD_BYTES of the text of a file, without white space before it."""
    return b"".join(_as_utf8(iter([source.head])))[:HEAD_BYTES].lstrip()


def _as_utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = b"".join(first_blocks(blocks, len(_UTF8_MARK)))
    if not first.startswith(_UTF16_MARKS):
        yield first.removeprefix(_UTF8_MARK)
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
    yield decoder.decode(first).encode(errors="replace")
    for block in blocks:
        yield decoder.decode(block).encode(errors="replace")
    yield decoder.decode(b"", final=True).encode(errors="replace")


def halves(events: bytes) -> tuple[bytes, ...]:
    """Two halves of a chunk, cut at an event border. None of a single event."""
    middle = len(events) // 2
    border = _BORDER.search(events, middle) or next(_BORDER.finditer(events), None)
    return (events[: border.start() + 1], events[border.end() :]) if border else ()


def split_events(events: bytes) -> Iterator[bytes]:
    """The pieces of a chunk that is cut at every border."""
    start = 0
    for border in _BORDER.finditer(events):
        yield events[start : border.start() + 1]
        start = border.end()
    yield events[start:]


def event_count(events: bytes) -> int:
    """How many events a chunk holds, by its borders."""
    return sum(1 for _ in _BORDER.finditer(events)) + 1


def _last_border(text: bytes) -> re.Match[bytes] | None:
    """The border before the last event of a text, whole or not, if it isn't the only one."""
    for window in (*_WINDOWS, len(text)):
        start = max(0, len(text) - window)
        borders = deque(_BORDER.finditer(text, start), _MOST_TRIES)
        # One byte a character keeps positions; whatever is not ASCII lies inside strings, where it does no harm.
        characters, next_border = text[start:].decode("latin-1"), len(text) - start
        for border in reversed(borders):
            if _is_event(characters, border.end() - start, next_border):
                return border
            next_border = border.start() - start
        if start == 0:
            break
    return None


def _border_before(file: FileBytes, start: int, stop: int) -> tuple[int, int] | None:
    """Where the last border between two places of a file begins, behind its brace, and where it ends."""
    for begin in (max(start, stop - _WINDOWS[-1]), start):
        if border := _last_border(file[begin:stop]):
            return begin + border.start() + 1, begin + border.end()
    return None


def _is_event(text: str, position: int, next_border: int) -> bool:
    """Whether the object at a position is an event, damaged or not.

    An event is told from other objects by its "ph": deviceProperties, which may follow the events, have none.
    """
    try:
        return "ph" in _DECODER.raw_decode(text, position)[0]
    except (ValueError, RecursionError):
        return text.find('"ph"', position, next_border) >= 0


def _value_end(text: str, position: int) -> int | None:
    """Where the JSON value at a position ends. None if it is cut, or if there is none."""
    try:
        return _DECODER.raw_decode(text, position)[1]
    except (ValueError, RecursionError):
        return None


def _header(prefix: bytes, suffix: bytes) -> dict[str, Any] | None:
    """The keys beside the events, of a text whose end may be missing. None if they are not JSON."""
    text = (prefix + b"]" + (suffix or b"}")).decode(errors="replace")
    for candidate in (text, _TRAILING_COMMA.sub("", text)):
        try:
            header = json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
        return header if isinstance(header, dict) else {}
    return None
