"""The reader of Kineto JSON, the trace format of PyTorch's profiler."""

from __future__ import annotations

import re

import duckdb

from crossprof.ingest.source import Source

__all__ = ["KinetoReader"]

_EVENTS_KEY = re.compile(rb'"traceEvents"\s*:')
_FOREIGN_ARRAY = re.compile(rb'"cat"\s*:\s*"(?:Session|Node)"')


class KinetoReader:
    """Reads Kineto JSON: an object with traceEvents, or an array of events."""

    format = "kineto"

    def matches(self, source: Source) -> bool:
        """Whether the head of the file is Kineto JSON."""
        text = source.head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if text.startswith(b"{"):
            return bool(_EVENTS_KEY.search(text)) or (b'"schemaVersion"' in text and b'"deviceProperties"' in text)
        return text.startswith(b"[") and b'"ph"' in text and not _FOREIGN_ARRAY.search(text[:2000])

    def stage(self, connection: duckdb.DuckDBPyConnection, source: Source, *, capture: int | None) -> None:
        """Add the facts of the file to the staged relations. Raises TraceError."""
        raise NotImplementedError
