"""The kernels or operators of two runs side by side: matched by name, family, operator or shape, as far as names survive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from crossprof.store.composition import Place
from crossprof.store.metrics import Source

__all__ = ["NO_OPERATOR", "Level", "LevelName", "OperationDifference", "Work", "align", "finest", "work"]

LevelName = Literal["name", "operator and shape", "operator", "family"]
Found = Literal["both", "only in base", "only in other"]
NO_OPERATOR = "(no operator)"
"""What kernels go by at the level of operators, where the trace knows of none: a name, but no match."""
Named = dict[tuple[str, str], tuple[float, float]]
"""Nanoseconds and calls by name and category."""
Told = Sequence[tuple[tuple[Any, ...], str]]
"""Rows of a query, each with its name at one level."""

_LEVELS: tuple[LevelName, ...] = ("name", "operator and shape", "operator", "family")  # the finest first
_NOTHING = (None, None)
_ENOUGH = 0.8  # of the time of both runs, for a level to be the one that is shown


@dataclass(frozen=True)
class OperationDifference:
    """One kernel (on a device) or operator in two runs, per step. None where a run has none of that name."""

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
class Level:
    """All work at one level of naming, the largest difference first. `matched_ratio` is the share of time that is in both."""

    name: LevelName
    matched_ratio: float
    operations: tuple[OperationDifference, ...]


@dataclass(frozen=True)
class Work:
    """The work of one step of some runs: (nanoseconds, calls) by name and category, at each level that the place has."""

    place: Place | None
    levels: dict[LevelName, Named]

    def over(self, size: float) -> Work:
        """The work of a `size`-th of a step: of a sample, or of a token."""
        return Work(
            self.place,
            {
                level: {key: (ns / size, calls / size) for key, (ns, calls) in named.items()}
                for level, named in self.levels.items()
            },
        )


# On a device: kernels by name and family; by operator, the kernels launched right under each, and those that only name theirs.
_STEPS = {
    "device": "SELECT run_id, count(*) FROM _device_time WHERE is_measured AND run_id IN ({ids}) GROUP BY run_id",
    "host": "SELECT run_id, count(*) FROM step_time WHERE is_profiled AND NOT is_warmup AND run_id IN ({ids}) GROUP BY run_id",
}
_KERNELS = """
    SELECT run_id, name, family, category, sum(measured_ns), sum(measured_calls) FROM kernel_summary
    WHERE measured_calls > 0 AND kind <> 'async' AND run_id IN ({ids}) GROUP BY ALL
"""
_OPERATORS = r"""
    WITH measured AS (SELECT run_id, rank, step FROM step WHERE is_profiled AND NOT is_warmup AND run_id IN ({ids}))
    SELECT run_id, name, coalesce(regexp_replace(shapes, '(,\[\])+\]$', ']'), '') AS shapes, category, sum({time}), count(*)
    FROM op
    SEMI JOIN measured USING (run_id, rank, step)
    WHERE {time} > 0 AND run_id IN ({ids}) GROUP BY ALL
"""
_WITHOUT_OPERATOR = """
    UNION ALL
    SELECT run_id, coalesce(op_name, '{no_operator}') AS name, '', category, sum(dur_ns), count(*)
    FROM (SELECT kernel.* REPLACE (if(is_launched, step, device_step) AS step) FROM kernel
        JOIN _launching_device USING (run_id, rank, device_id)
        WHERE op_id IS NULL AND kind <> 'async' AND run_id IN ({ids}))
    SEMI JOIN measured USING (run_id, rank, step)
    GROUP BY ALL
"""


def work(source: Source, sides: Sequence[tuple[Sequence[str], Place | None]]) -> list[Work]:
    """The measured work of each side, runs and where they ran, per step."""
    found: dict[int, Work] = {}
    places: dict[Place | None, None] = {place: None for _, place in sides}
    for place in places:
        numbers = [number for number, side in enumerate(sides) if side[1] == place]
        found |= zip(numbers, _in_place(source, [sides[number][0] for number in numbers], place), strict=True)
    return [found[number] for number in range(len(sides))]


def _in_place(source: Source, groups: Sequence[Sequence[str]], place: Place | None) -> list[Work]:
    if place is None:
        return [Work(None, {}) for _ in groups]
    run_ids = list(dict.fromkeys(run_id for group in groups for run_id in group))
    steps = dict(_rows(source, _STEPS[place], run_ids))
    operators = _OPERATORS.replace("{time}", "self_ns" if place == "host" else "device_ns")
    if place == "device":
        operators += _WITHOUT_OPERATOR.replace("{no_operator}", NO_OPERATOR)
    rows = _rows(source, operators, run_ids)
    levels: dict[LevelName, Told] = {
        "operator and shape": [(row, f"{row[1]} {row[2]}".rstrip()) for row in rows],
        "operator": [(row, row[1]) for row in rows],
    }
    if place == "device":
        rows = _rows(source, _KERNELS, run_ids)
        levels |= {"name": [(row, row[1]) for row in rows], "family": [(row, row[2]) for row in rows]}
    return [Work(place, {level: _per_step(named, group, steps) for level, named in levels.items()}) for group in groups]


def _per_step(named: Told, group: Sequence[str], steps: dict[str, int]) -> Named:
    """Nanoseconds and calls of a step of these runs, by name and category."""
    found: Named = {}
    count = sum(steps.get(run_id, 0) for run_id in group)
    for (run_id, _, _, category, total_ns, calls), name in named:
        if run_id in group:
            before_ns, before = found.get((name, category), (0.0, 0.0))
            found[name, category] = (before_ns + float(total_ns) / count, before + float(calls) / count)
    return found


def _rows(source: Source, query: str, run_ids: Sequence[str]) -> list[tuple[Any, ...]]:
    marks = ", ".join("?" for _ in run_ids)
    return source.sql(query.replace("{ids}", marks), params=list(run_ids) * query.count("{ids}")).fetchall()


def align(base: Work, other: Work) -> tuple[Level, ...]:
    """The levels at which the two can be set side by side, the finest first. Empty where they ran in different places."""
    if base.place is None or base.place != other.place:
        return ()
    return tuple(_level(name, base.place, base.levels[name], other.levels[name]) for name in _LEVELS if name in base.levels)


def finest(pairs: Sequence[Sequence[Level]]) -> LevelName | None:
    """The finest level at which each pair of runs shares most of its time; else where they share most; else the coarsest."""
    shared: dict[LevelName, float] = {}
    for levels in pairs:
        for level in levels:
            shared[level.name] = min(shared.get(level.name, 1.0), level.matched_ratio)
    enough: list[LevelName] = [name for name in _LEVELS if shared.get(name, 0.0) >= _ENOUGH]
    order: list[LevelName] = [name for name in (_LEVELS if any(shared.values()) else reversed(_LEVELS)) if name in shared]
    best_first = sorted(order, key=lambda name: -shared[name])  # stable: of equals the first
    return next(iter(enough or best_first), None)


def _level(name: LevelName, place: Place, base: Named, other: Named) -> Level:
    found = []
    for key in base.keys() | other.keys():
        (base_ns, base_calls), (other_ns, other_calls) = base.get(key, _NOTHING), other.get(key, _NOTHING)
        found.append(OperationDifference(place, *key, base_ns, other_ns, base_calls, other_calls))
    times = [(one.found == "both" and one.name != NO_OPERATOR, (one.base_ns or 0.0) + (one.other_ns or 0.0)) for one in found]
    total = sum(time for _, time in times)
    matched = sum(time for is_matched, time in times if is_matched)
    ordered = sorted(found, key=lambda one: (-abs(one.delta_ns), one.name))
    return Level(name, matched / total if total else 0.0, tuple(ordered))
