"""The report as the serving process keeps it: made once for a catalog."""

from __future__ import annotations

from crossprof.dashboard.snapshot import Snapshot
from crossprof.survey.report import Report, report_of

__all__ = ["reported"]


def reported(snapshot: Snapshot, bench: str = "") -> Report:
    """The report on a session of `crossprof bench`, or on the latest of each cell. Raises CrossprofError: no such session."""
    return snapshot.remembered(lambda store: report_of(store, bench=bench or None), "survey", bench)
