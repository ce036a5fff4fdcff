"""The text of a rocprofv3 file, cut into its head and chunks of its records that a JSON reader can take one at a time.

DuckDB is slow at one large object and must hold it whole, so the arrays of records, which come last, are cut out of it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from crossprof.errors import TraceError
from crossprof.ingest.event_text import CHUNK_BYTES, utf8
from crossprof.ingest.source import BLOCK_BYTES, Source

__all__ = ["HEAD", "RocprofText"]

HEAD = "process"
"""The kind of what comes before the records, up to the brace that opens them."""

_RECORDS = re.compile(rb'"buffer_records"\s*+:\s*+(?P<brace>\{)\s*+(?:"(?P<kind>\w++)"\s*+:\s*+\[|(?=\}))')
# Ends an array, and begins the next one or ends the object around them.
_BRACKET = re.compile(rb'\]\s*+(?:,\s*+"(?P<kind>\w++)"\s*+:\s*+\[|\})')
_BORDER = re.compile(rb'\}\s*,\s*(?=\{\s*"size"\s*:)')
_OVERLAP_BYTES = 256  # more than a mark takes
_WINDOW_BYTES = 1 << 20
_MOST_UNCUT_BYTES = 128 << 20
_NEVER = 1 << 62


@dataclass
class _Span:
    """Where the head stands, or the records of one kind without the brackets around them. Those that are cut have no end."""

    kind: str
    start: int
    end: int = _NEVER


class RocprofText:
    """The head and the records of one file. Raises TraceError where it has not those of one process, or too large a head.

    The text is read twice: only what follows tells where the last array ends.
    """

    def __init__(self, source: Source, *, most_head_bytes: int) -> None:
        self._source = source
        self._spans, self.is_cut = _spans(source)
        if self._spans[0].end > most_head_bytes:
            reason = (
                f"what comes before its records takes more than {most_head_bytes >> 20} MiB, too much for the memory of this"
            )
            raise TraceError(source.path, f"{reason} machine. Record fewer counters or steps.")

    def chunks(self) -> Iterator[tuple[str, bytes]]:
        """The head, then records in pieces of about CHUNK_BYTES that begin and end with a whole one, each with its kind."""
        text = _Reading(utf8(self._source))
        for span in self._spans:
            text.skip_to(span.start)
            if span.kind == HEAD:
                yield HEAD, text.take(span.end)
            else:
                for records in self._records(text, span):
                    yield span.kind, records
        text.skip_to(_NEVER)  # what is wrong with a gzip stream may show at its end

    def _records(self, text: _Reading, span: _Span) -> Iterator[bytes]:
        records = b""
        while more := text.take(min(CHUNK_BYTES, span.end - text.position)):
            records += more
            if text.position == span.end:
                break
            if border := _last_border(records):
                yield records[: border.start() + 1]
                records = records[border.end() :]
            elif len(records) > _MOST_UNCUT_BYTES:
                reason = f"a record takes more than {_MOST_UNCUT_BYTES >> 20} MiB, which no profiler writes. Record it again."
                raise TraceError(self._source.path, reason)
        if span.end == _NEVER:
            border = _last_border(records)
            records = records[: border.start() + 1] if border else b""
        if records:
            yield records


class _Reading:
    """A text that comes in blocks, from its start on."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.position = 0
        self._blocks = filter(None, blocks)
        self._rest = b""

    def take(self, size: int) -> bytes:
        """The next bytes; fewer only at the end."""
        parts = []
        while size > 0 and (block := self._rest or next(self._blocks, b"")):
            parts.append(block[:size])
            self._rest = block[size:]
            size -= len(parts[-1])
            self.position += len(parts[-1])
        return b"".join(parts)

    def skip_to(self, position: int) -> None:
        """Leave out what comes before a position."""
        while self.position < position and self.take(min(BLOCK_BYTES, position - self.position)):
            pass


def _spans(source: Source) -> tuple[list[_Span], bool]:
    """The head and the arrays of records, in the order of the file, and whether it ends before the last of these does."""
    spans: list[_Span] = []
    processes, is_cut = 0, False
    for offset, mark in _marks(source):
        if mark.re is _RECORDS:
            processes += 1
            spans = spans or [_Span(HEAD, 0, offset + mark.end("brace"))]
        elif spans and (is_cut or mark["kind"]):  # within records, too, brackets and braces may close: what comes last counts
            spans[-1].end = offset + mark.start()
            is_cut = False
        if spans and mark["kind"]:
            spans.append(_Span(mark["kind"].decode(), offset + mark.end()))
            is_cut = True
    if processes != 1:
        reason = f"it holds the records of {processes} processes" if processes else "it ends before its records"
        raise TraceError(source.path, f"{reason}, where rocprofv3 writes those of one to a file. Copy or record it again.")
    return spans, is_cut


def _marks(source: Source) -> Iterator[tuple[int, re.Match[bytes]]]:
    """Where records begin, and brackets close arrays, in the order of the file: what to add to its positions, and a match."""
    text, offset = b"", 0
    for block in utf8(source):
        text += block
        done = 0
        for mark in sorted((*_RECORDS.finditer(text), *_BRACKET.finditer(text)), key=re.Match.start):
            yield offset, mark
            done = mark.end()
        done = max(done, len(text) - _OVERLAP_BYTES)
        text, offset = text[done:], offset + done


def _last_border(records: bytes) -> re.Match[bytes] | None:
    """The border before the last record, whole or not, if it is not the only one."""
    for start in (max(0, len(records) - _WINDOW_BYTES), 0):
        if last := deque(_BORDER.finditer(records, start), 1):
            return last[0]
    return None
