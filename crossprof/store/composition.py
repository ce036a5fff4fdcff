"""What a measured step of a run is made of, by category; how two runs differ in it, and what that is of their step times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from crossprof.store.autocorrelation import Floats
from crossprof.store.metrics import Source
from crossprof.store.statistics import Estimate, Series, difference, estimate, pool

__all__ = [
    "CategoryDifference",
    "Composition",
    "Place",
    "category_differences",
    "composition",
    "folded",
    "waterfall",
]

Place = Literal["device", "host"]
_UNPROFILED = "unprofiled"
_ROUNDED_NS = 0.5  # what sums of floats leave of nothing


@dataclass(frozen=True)
class CategoryDifference:
    """One part of a step in two runs, in mean nanoseconds a step, with the 95 % interval of the difference where it is known.

    What starts with `idle` is the rest of a device, `outside_ops` of the host; `unprofiled` is what profiled steps don't show
    of a step time.
    """

    place: Place
    category: str
    base_ns: float
    other_ns: float
    ci_low_ns: float | None = None
    ci_high_ns: float | None = None

    @property
    def delta_ns(self) -> float:
        """Other less base."""
        return self.other_ns - self.base_ns

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves out no change."""
        return self.ci_low_ns is not None and self.ci_high_ns is not None and not self.ci_low_ns <= 0 <= self.ci_high_ns


@dataclass(frozen=True)
class Composition:
    """The parts of a measured step of some runs, which add up to it: where they ran (None: nothing is known), and how long."""

    place: Place | None
    parts: Mapping[str, Estimate]

    @property
    def categories(self) -> dict[str, float]:
        """Nanoseconds by category. Threads that work at once leave nothing outside of operators, and no less than that."""
        return {category: max(part.value, 0.0) for category, part in self.parts.items()}

    def over(self, size: float) -> Composition:
        """The parts of a `size`-th of a step: of a sample, or of a token."""
        return Composition(self.place, {category: part.over(size) for category, part in self.parts.items()})

    @property
    def work(self) -> dict[str, float]:
        """Nanoseconds by category of what was done, without idle time and what lies outside operators."""
        return {name: ns for name, ns in self.categories.items() if not name.startswith("idle") and name != "outside_ops"}


# A category that a step lacks takes none of it; the devices and ranks of a step are averaged.
_PARTS = """
    WITH told AS MATERIALIZED (FROM category_breakdown WHERE run_id IN ({ids})),
    part AS (SELECT run_id, step, place, category, sum(dur_ns) AS dur_ns FROM told GROUP BY ALL),
    measured AS (
        SELECT run_id, step, count(DISTINCT {{rank: rank, device_id: device_id}}) AS devices FROM told GROUP BY ALL
    ),
    named AS (SELECT DISTINCT run_id, place, category FROM part)
    SELECT place, category, run_id, list(coalesce(dur_ns, 0) / devices ORDER BY step)
    FROM measured
    JOIN named USING (run_id)
    LEFT JOIN part USING (run_id, step, place, category)
    GROUP BY ALL
    ORDER BY ALL
"""


def composition(source: Source, run_ids: Sequence[str]) -> Composition:
    """What the measured steps of these runs are made of: device work where there is any, else operators of a CPU-only run."""
    return compositions(source, [run_ids])[0]


def compositions(source: Source, groups: Sequence[Sequence[str]]) -> list[Composition]:
    """The composition of each group of runs, from one query."""
    run_ids = list(dict.fromkeys(run_id for group in groups for run_id in group))
    marks = ", ".join("?" for _ in run_ids)
    rows = source.sql(_PARTS.format(ids=marks), params=run_ids).fetchall()
    return [_composition([row for row in rows if row[2] in group]) for group in groups]


def _composition(rows: Sequence[tuple[Any, ...]]) -> Composition:
    places = {row[0] for row in rows}
    if len(places) != 1:  # nothing, or repeats that are not of one kind
        return Composition(None, {})
    held = {(category, run_id): np.array(values, dtype=np.float64) for _, category, run_id, values in rows}
    return Composition(cast(Place, places.pop()), _pooled(held))


def _pooled(held: Mapping[tuple[str, str], Floats]) -> dict[str, Estimate]:
    """The estimate of each category over all runs; a run without the category has none of it."""
    lengths = {run_id: len(values) for (_, run_id), values in held.items()}
    keys = [(category, run_id) for category in dict.fromkeys(category for category, _ in held) for run_id in lengths]
    series = [Series(held.get(key, np.zeros(lengths[key[1]])), "mean") for key in keys]
    repeats: dict[str, list[Estimate]] = {}
    for (category, _), found in zip(keys, estimate(series), strict=True):
        repeats.setdefault(category, []).append(found)
    return {category: pool(found) for category, found in repeats.items()}


def category_differences(base: Composition, other: Composition) -> tuple[CategoryDifference, ...]:
    """The parts of both, the largest difference first. Empty where one ran on a device and the other did not."""
    if base.place is None or base.place != other.place:
        return ()
    found = []
    none_of_base, none_of_other = _none(base), _none(other)
    for category in dict.fromkeys((*base.parts, *other.parts)):
        ours, theirs = base.parts.get(category, none_of_base), other.parts.get(category, none_of_other)
        low, high = difference(ours, theirs) or (None, None)
        found.append(CategoryDifference(base.place, category, ours.value, theirs.value, low, high))
    return tuple(sorted(found, key=lambda one: (-abs(one.delta_ns), one.category)))


def _none(made_of: Composition) -> Estimate:
    """No time at all in any of the steps."""
    n = max(part.n for part in made_of.parts.values())
    return estimate([Series(np.zeros(n), "mean")])[0]


def waterfall(
    categories: Sequence[CategoryDifference], base_ns: float | None, other_ns: float | None
) -> tuple[CategoryDifference, ...]:
    """The parts of the difference between two step times, which add up to it. Empty where one of them is not known.

    Step times are of bare steps, of the slowest rank, and medians; parts are means of profiled steps over ranks and devices.
    What lies between the two is the part `unprofiled`.
    """
    if not categories or base_ns is None or other_ns is None:
        return ()
    base_rest = base_ns - sum(one.base_ns for one in categories)
    other_rest = other_ns - sum(one.other_ns for one in categories)
    rests = [0.0 if abs(rest) < _ROUNDED_NS else rest for rest in (base_rest, other_rest)]
    return (*categories, CategoryDifference(categories[0].place, _UNPROFILED, *rests))


def folded(parts: Sequence[CategoryDifference], most: int) -> tuple[CategoryDifference, ...]:
    """At most `most` parts and one that holds all the rest, so that they still add up; then, as `step`, their sum.

    What profiled steps don't show is no part of a step: it has a row of its own before the sum, where there is any.
    """
    if not parts:
        return ()
    named = [one for one in parts if one.category != _UNPROFILED]
    between = [one for one in parts if one.category == _UNPROFILED and (one.base_ns or one.other_ns)]
    shown = named if len(named) <= most + 1 else [*named[:most], _sum(f"{len(named) - most} others", named[most:])]
    return (*shown, *between, _sum("step", parts))


def _sum(name: str, parts: Sequence[CategoryDifference]) -> CategoryDifference:
    return CategoryDifference(parts[0].place, name, sum(one.base_ns for one in parts), sum(one.other_ns for one in parts))
