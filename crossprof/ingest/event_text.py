"""The text of a Kineto file, cut at event borders into chunks that a JSON reader can take one at a time."""

from __future__ import annotations

import codecs
import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from crossprof.errors import TraceError
from crossprof.ingest.source import HEAD_BYTES, Source, first_blocks

__all__ = ["CHUNK_BYTES", "EventText", "drained", "event_count", "halves", "head_text", "split_events", "utf8"]

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

    def __init__(self, source: Source) -> None:
        self.header: dict[str, Any] = {}
        self.is_header_lost = False
        self.is_cut = False
        self._source = source

    def base_time_ns(self) -> int:
        """What to add to the times of the events. Some writers put it after them, hence a pass over the whole text."""
        before = b""
        for block in utf8(self._source):
            text = before + block
            if b"baseTimeNanoseconds" in text and (found := _BASE_TIME.search(text)):
                return int(found[1])
            before = block[-_OVERLAP_BYTES:]
        return 0

    def chunks(self) -> Iterator[list[bytes]]:
        """The events, commas between them, in chunks of at most about CHUNK_BYTES that begin and end with a whole event.

        A chunk comes in pieces of about a block, each up to a closing brace: no key and no number is torn. Joined, they would
        be copied, and searched outside the processor's cache.
        """
        blocks = utf8(self._source)
        prefix, text = self._split_at_array(blocks)
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
                yield chunk
            elif size > _MOST_UNCUT_BYTES:
                raise self._too_much("a stretch without the border of an event", _MOST_UNCUT_BYTES)
            else:
                limit = 2 * size
        is_object = prefix.lstrip().startswith(b"{")
        events, suffix = self._ending(b"".join([*pieces, *rest]), is_object=is_object)
        if events.strip():
            yield [events]
        if len(suffix) > _MOST_KEY_BYTES:
            raise self._too_much("what follows the events", _MOST_KEY_BYTES)
        header = _header(prefix, suffix) if is_object else {}
        self.header, self.is_header_lost = header or {}, header is None

    def _chunk_bytes(self) -> int:
        text_bytes = self._source.bytes_on_disk * (_TIMES_COMPRESSED if self._source.is_compressed else 1)
        return min(CHUNK_BYTES, max(_LEAST_CHUNK_BYTES, text_bytes // _FEWEST_CHUNKS))

    def _split_at_array(self, blocks: Iterator[bytes]) -> tuple[bytes, bytes]:
        """The text up to the bracket that opens the events, and what has been read of the rest."""
        text = bytearray()
        for block in blocks:
            begin = max(0, len(text) - _OVERLAP_BYTES)
            text += block
            if found := _ARRAY.match(text) or _EVENTS_KEY.search(text, begin):
                return bytes(text[: found.end()]), bytes(text[found.end() :])
            if len(text) > _MOST_KEY_BYTES:
                raise self._too_much("what comes before the events", _MOST_KEY_BYTES)
        return bytes(text), b"]}"

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


def drained(chunk: list[bytes]) -> Iterator[bytes]:
    """The pieces of a chunk, each out of memory when the next one is taken: the chunk is empty at the end."""
    chunk.reverse()
    while chunk:
        yield chunk.pop()


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
