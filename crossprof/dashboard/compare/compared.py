"""The comparison that a page and its requests are about, made once for each catalog."""

from __future__ import annotations

from functools import lru_cache

from crossprof.dashboard.snapshot import Snapshot
from crossprof.store.compare import Comparison
from crossprof.store.step_unit import StepUnit

__all__ = ["compared"]


def compared(snapshot: Snapshot, names: tuple[str, ...], per: StepUnit) -> Comparison:
    """The comparison of runs with the first of them, parts told per step, sample or token. Raises RunNotFound."""
    return _compared(snapshot, snapshot.version, names, per)


@lru_cache(maxsize=16)  # of all stores of the process; a new catalog is another key
def _compared(snapshot: Snapshot, _version: str, names: tuple[str, ...], per: StepUnit) -> Comparison:
    return snapshot.store().compare(*names, per=per)
