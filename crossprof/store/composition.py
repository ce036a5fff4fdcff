"""What a measured step of a run is made of, by category and by name, and how two runs differ in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from crossprof.store.metrics import Source

__all__ = [
    "CategoryDifference",
    "Composition",
    "OperationDifference",
    "Place",
    "category_differences",
    "composition",
    "operation_differences",
]

Place = Literal["device", "host"]
Found = Literal["both", "only in base", "only in other"]


@dataclass(frozen=True)
class CategoryDifference:
    """One sort of work in two runs, in nanoseconds per step. `idle` is the device's rest, `outside_ops` the host's."""

    place: Place
    category: str
    base_ns: float
    other_ns: float

    @property
    def delta_ns(self) -> float:
        """Other less base."""
        return self.other_ns - self.base_ns


@dataclass(frozen=True)
class OperationDifference:
    """One kernel (on a device) or operator (on the host) in two runs, per step. None where a run has none of that name."""

    place: Place
    name: str
    category: str
    base_ns: float | None
    other_ns: float | None
    base_calls: float | None
    other_calls: float | None

    @property
    def delta_ns(self) -> float:
        """Other less base, none counting as nothing."""
        return (self.other_ns or 0.0) - (self.base_ns or 0.0)

    @property
    def found(self) -> Found:
        """Which of the runs has it."""
        if self.base_ns is None:
            return "only in other"
        return "only in base" if self.other_ns is None else "both"


@dataclass(frozen=True)
class Composition:
    """The work of one step of some runs: where it ran, and nanoseconds (and calls) by category and by name."""

    place: Place | None
    categories: dict[str, float]
    operations: dict[tuple[str, str], tuple[float, float]]


_DEVICE_STEPS = "SELECT count(*), sum(window_ns - busy_ns) FROM _device_time WHERE is_measured AND run_id IN ({ids})"
_DEVICE_CATEGORIES = """
    SELECT category, sum(total_ns) FROM category_summary
    WHERE is_measured AND kind NOT IN ('op', 'async') AND run_id IN ({ids}) GROUP BY category
"""
_DEVICE_OPERATIONS = """
    SELECT name, category, sum(measured_ns), sum(measured_calls) FROM kernel_summary
    WHERE measured_calls > 0 AND kind <> 'async' AND run_id IN ({ids}) GROUP BY name, category
"""
_HOST_STEPS = """
    SELECT count(*), sum(dur_ns), bool_and(coalesce(device_kind, 'cpu') = 'cpu') FROM step_time JOIN run USING (run_id)
    WHERE is_profiled AND NOT is_warmup AND run_id IN ({ids})
"""
_HOST_CATEGORIES = """
    SELECT category, sum(total_ns) FROM category_summary
    WHERE is_measured AND kind = 'op' AND run_id IN ({ids}) GROUP BY category
"""
_HOST_OPERATIONS = """
    SELECT name, category, sum(measured_self_ns), sum(measured_calls) FROM op_summary
    WHERE measured_calls > 0 AND run_id IN ({ids}) GROUP BY name, category
"""


def composition(source: Source, run_ids: Sequence[str]) -> Composition:
    """What the measured steps of these runs are made of: device work where there is any, else operators of a CPU-only run."""
    steps, idle_ns = _rows(source, _DEVICE_STEPS, run_ids)[0]
    if steps:
        categories = {"idle": idle_ns / steps, **_per_step(_rows(source, _DEVICE_CATEGORIES, run_ids), steps)}
        return Composition("device", categories, _operations(_rows(source, _DEVICE_OPERATIONS, run_ids), steps))
    steps, wall_ns, is_host_work = _rows(source, _HOST_STEPS, run_ids)[0]
    categories = _per_step(_rows(source, _HOST_CATEGORIES, run_ids), steps) if steps and is_host_work else {}
    if not categories:
        return Composition(None, {}, {})
    # operators of several threads can add up to more than the step
    categories["outside_ops"] = max(0.0, wall_ns / steps - sum(categories.values()))
    return Composition("host", categories, _operations(_rows(source, _HOST_OPERATIONS, run_ids), steps))


def category_differences(base: Composition, other: Composition) -> tuple[CategoryDifference, ...]:
    """The categories of both, the largest difference first. Empty where one ran on a device and the other did not."""
    if base.place is None or base.place != other.place:
        return ()
    names = base.categories.keys() | other.categories.keys()
    found = [
        CategoryDifference(base.place, name, base.categories.get(name, 0.0), other.categories.get(name, 0.0)) for name in names
    ]
    return tuple(sorted(found, key=lambda one: (-abs(one.delta_ns), one.category)))


def operation_differences(base: Composition, other: Composition) -> tuple[OperationDifference, ...]:
    """The kernels or operators of both, matched by name, the largest difference first. Empty as for categories."""
    if base.place is None or base.place != other.place:
        return ()
    found = []
    for name, category in base.operations.keys() | other.operations.keys():
        base_ns, base_calls = base.operations.get((name, category), (None, None))
        other_ns, other_calls = other.operations.get((name, category), (None, None))
        found.append(OperationDifference(base.place, name, category, base_ns, other_ns, base_calls, other_calls))
    return tuple(sorted(found, key=lambda one: (-abs(one.delta_ns), one.name)))


def _rows(source: Source, query: str, run_ids: Sequence[str]) -> list[tuple[Any, ...]]:
    return source.sql(query.format(ids=", ".join("?" for _ in run_ids)), params=list(run_ids)).fetchall()


def _per_step(rows: Sequence[tuple[Any, ...]], steps: int) -> dict[str, float]:
    return {category: float(total_ns) / steps for category, total_ns in rows}


def _operations(rows: Sequence[tuple[Any, ...]], steps: int) -> dict[tuple[str, str], tuple[float, float]]:
    return {(name, category): (float(total_ns) / steps, float(calls) / steps) for name, category, total_ns, calls in rows}
