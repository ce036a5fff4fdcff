"""How a chunk of JSON events goes through a mapping whatever is wrong with it, and how that is told."""

from __future__ import annotations

from pathlib import Path

import duckdb

from crossprof.ingest.event_text import EventText, halves
from crossprof.ingest.source import Source

__all__ = ["map_events", "text_damage"]


def map_events(
    connection: duckdb.DuckDBPyConnection, events: bytes, path: Path, mapping: str
) -> tuple[list[tuple[int, ...]], int]:
    """What the mapping, one statement, answers for each piece that it reads from a file at `path`; how many events are lost.

    Events are one piece unless some are not JSON. Those are found by halving, and lost.
    """
    with path.open("wb") as file:
        file.writelines((b"[", events, b"]"))
    try:
        return connection.execute(mapping).fetchall(), 0
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        mapped = [map_events(connection, part, path, mapping) for part in halves(events)]
    return [row for rows, _ in mapped for row in rows], sum(lost for _, lost in mapped) if mapped else 1


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
