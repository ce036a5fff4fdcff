"""What a report is made of: the cells that were measured, and the store that knows how they differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from crossprof.store.compare import Comparison, pairs
from crossprof.store.metrics import registry
from crossprof.survey.measure import Measure, plain
from crossprof.survey.repeats import Repeats

if TYPE_CHECKING:
    from crossprof.store import Store

__all__ = ["Measured"]

_COMPARED = (
    "step_time", "step_time_p99", "throughput", "device_busy", "device_utilization", "cpu_utilization", "peak_memory",
    "communication_share",
)  # fmt: skip
_WITH_VALUE = """
    SELECT count(DISTINCT run_id) FROM run_metric
    WHERE metric = ? AND rank IS NULL AND value IS NOT NULL AND list_contains(?, run_id)
"""


class Measured:
    """Cells, with the store that holds them. What it has answered once it keeps."""

    def __init__(self, store: Store, cells: Sequence[Repeats]) -> None:
        self.store = store
        self.cells = tuple(cells)
        self._metrics = registry(store)
        self._compared = cache(pairs(store, [cell.run_ids for cell in self.cells], metrics=_COMPARED))

    def measure(self, metric: str, *, is_explained: bool = True, note: str = "") -> Measure:
        """A metric of the registry as a measure."""
        known = self._metrics[metric]
        return Measure(metric, known.unit, known.better, plain(metric, highest=known.highest), is_explained, note)

    def comparison(self, base: Repeats, other: Repeats) -> Comparison:
        """How the repeats of one cell, pooled, differ from those of another."""
        return self._compared(base.run_ids, other.run_ids)

    def has(self, metric: str, cells: Iterable[Repeats]) -> bool:
        """Whether all runs of these cells have a value of a metric."""
        run_ids = sorted({run_id for cell in cells for run_id in cell.run_ids})
        ((count,),) = self.store.sql(_WITH_VALUE, params=[metric, run_ids]).fetchall()
        return bool(count == len(run_ids))
