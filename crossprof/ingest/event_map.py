"""How a chunk of JSON events goes through a mapping whatever is wrong with it, and how that is told."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from crossprof.ingest.event_text import EventText, event_count, halves, split_events
from crossprof.ingest.memory_file import MemoryFile
from crossprof.ingest.source import Source

__all__ = ["UNREADABLE", "map_events", "map_readable", "text_damage"]

UNREADABLE = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfMemoryException)
_LONGEST_EVENT_BYTES = 16 << 20  # DuckDB reads no longer object
# What is JSON and still not read, nested too deep or too long, is found by halving, which takes a statement for each piece.
_MOST_HALVINGS = 100


def map_events(
    connection: duckdb.DuckDBPyConnection, events: Iterable[bytes], file: MemoryFile, mapping: str
) -> list[tuple[int, ...]]:
    """What the mapping, one statement, answers that reads these events from the file. Raises UNREADABLE: some can't be read."""
    file.write([b"[", *events, b"]"])
    return connection.execute(mapping).fetchall()


def map_readable(
    connection: duckdb.DuckDBPyConnection, events: Iterable[bytes], file: MemoryFile, mapping: str
) -> tuple[list[tuple[int, ...]], int]:
    """As map_events, but events that can't be read are found, and lost: the answers for what is left, and how many are lost."""
    pieces, rows, lost, failures = [b"".join(events)], [], 0, 0
    while pieces:
        piece = pieces.pop(0)
        try:
            rows += map_events(connection, [piece], file, mapping)
        except UNREADABLE:
            failures += 1
            parts = _valid(connection, piece) if failures == 1 else halves(piece) if failures < _MOST_HALVINGS else ()
            lost += event_count(piece) - sum(map(event_count, parts))
            pieces[:0] = parts
    return rows, lost


def _valid(connection: duckdb.DuckDBPyConnection, events: bytes) -> tuple[bytes, ...]:
    """One piece of those events that are JSON; none if there are none."""
    texts = [event.decode(errors="replace") for event in split_events(events) if len(event) < _LONGEST_EVENT_BYTES]
    kept = connection.execute(
        "SELECT text FROM (SELECT unnest(?::VARCHAR[]) AS text) WHERE json_valid(text)", [texts]
    ).fetchall()
    return (",".join(text for (text,) in kept).encode(),) if kept else ()


def text_damage(source: Source, text: EventText, lost: int) -> list[tuple[str, int, str, str]]:
    """Code, count, detail and effect of what is wrong with the bytes, once all chunks are read."""
    found = []
    if source.damage and source.damage_code:
        found.append(
            (source.damage_code, 1, f"{source.path.name}: {source.damage}.", "The numbers hold for what could be read.")
        )
    elif text.is_cut:
        detail = f"{source.path.name} ends in the middle of the events: the writer was stopped, or the copy is incomplete."
        found.append(("file_truncated", 1, detail, "Events are missing at the end; the numbers hold for what could be read."))
    if text.is_header_lost and not text.is_cut:
        detail = f"The keys beside the events of {source.path.name} are not valid JSON."
        found.append(("header_invalid", 1, detail, "Device properties, rank and profiler options are unknown."))
    if lost:
        found.append(("events_invalid", lost, f"{lost} events of {source.path.name} are not valid JSON.", "They are left out."))
    return found
