"""The errors of crossprof.

    CrossprofError          anything that the user can act on; printed as one line
    ├── TraceError          a file is not a trace, or can't be read
    ├── StoreError          the store can't be opened, written or found
    │   └── RunNotFound     no run answers to a name
    ├── QueryError          SQL that DuckDB refuses
    └── CollectorError      a profiler or the telemetry failed (raised only under CROSSPROF_STRICT=1)

Every message says what happened, with which value, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = ["CollectorError", "CrossprofError", "QueryError", "RunNotFound", "StoreError", "TraceError"]


class CrossprofError(Exception):
    """Something that the user can act on. The message is one line."""


class TraceError(CrossprofError):
    """A file that can't be ingested."""

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path = Path(path)
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class StoreError(CrossprofError):
    """A store that can't be opened, written or found."""


class RunNotFound(StoreError):
    """No run of the store answers to a name."""

    def __init__(self, name: str, known: Sequence[str] = ()) -> None:
        self.name = name
        self.known = tuple(known)
        names = ", ".join(self.known[:5]) + (", ..." if len(self.known) > 5 else "")
        cure = f"Known runs: {names}." if self.known else "The store is empty: crossprof ingest PATH adds a run."
        super().__init__(f"No run answers to '{name}'. {cure}")


class QueryError(CrossprofError):
    """SQL that DuckDB refuses. The message is the engine's own, on one line."""

    def __init__(self, sql: str, reason: str) -> None:
        self.sql = sql
        self.reason = reason
        super().__init__(" ".join(reason.split()))


class CollectorError(CrossprofError):
    """A profiler or the telemetry failed. Raised only under CROSSPROF_STRICT=1."""
