"""Comparing runs: one object that the terminal, JSON and the dashboard all show.

A difference is the ratio other / base of a metric, its 95 % interval, and one word for what it means. Runs that are not alike
are compared only with the difference named; figures that mean different things in the two runs are not compared at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crossprof.errors import CrossprofError, RunNotFound
from crossprof.store.composition import (
    CategoryDifference,
    OperationDifference,
    category_differences,
    composition,
    operation_differences,
)
from crossprof.store.metrics import Metric, Source, estimates, registry, samples
from crossprof.store.statistics import Estimate, Ratio, pool, ratio
from crossprof.store.verdict import MetricDifference, Verdict, next_sentence, verdict_sentence, why_sentence

__all__ = ["Comparison", "MetricDifference", "RunDifference", "Verdict", "compare"]

# What two runs should share. Framework and version may differ: that is what people compare.
_ALIKE = ("model", "precision", "batch_size", "phase", "world_size", "device_kind", "device_model", "timed_steps")
_MUST_SHARE = {"same kind of device": "device_kind", "same framework": "framework"}


@dataclass(frozen=True)
class RunDifference:
    """One run (or the pooled repeats of one) against the base.

    `verdict` and `why` are sentences: which is faster and how sure that is; where the difference sits (empty if nothing tells).
    """

    run: str
    run_ids: tuple[str, ...]
    alike: bool
    differences: tuple[str, ...]
    is_same_capture: bool
    metrics: tuple[MetricDifference, ...]
    categories: tuple[CategoryDifference, ...]
    operations: tuple[OperationDifference, ...]
    verdict: str
    why: str
    next_step: str

    def metric(self, name: str) -> MetricDifference | None:
        """The difference in one metric, None where neither run has it."""
        return next((one for one in self.metrics if one.metric == name), None)

    def to_json(self) -> dict[str, Any]:
        """The shape that scripts rely on."""
        metrics = [one.to_json() for one in self.metrics]
        return {"run": self.run, "alike": self.alike, "differences": list(self.differences), "metrics": metrics}


@dataclass(frozen=True)
class Comparison:
    """Some runs against one base."""

    base: str
    base_ids: tuple[str, ...]
    others: tuple[RunDifference, ...]

    def to_json(self) -> dict[str, Any]:
        """The shape that scripts rely on."""
        return {"base": self.base, "others": [one.to_json() for one in self.others]}


@dataclass(frozen=True)
class _Side:
    """One side of a comparison: its name, what is known of its runs, its metrics."""

    name: str
    run_ids: tuple[str, ...]
    facts: Mapping[str, frozenset[Any]]
    captures: frozenset[str]
    broken: tuple[str, ...]
    is_ahead: bool
    estimates: Mapping[str, Estimate]


_NOTHING = Estimate(float("nan"), 0)
_FACTS = """
    WITH timed AS (
        SELECT run_id, if(bool_or(NOT is_profiled AND NOT is_warmup), 'bare', 'profiled') AS timed_steps
        FROM step_time
        WHERE run_id IN ({ids})
        GROUP BY run_id
    )
    SELECT run_id, run, framework, model, precision, batch_size, phase, world_size, device_kind, device_model, timed_steps
    FROM run
    LEFT JOIN timed USING (run_id)
    WHERE run_id IN ({ids})
"""
_TROUBLE = "SELECT DISTINCT run_id, run, code FROM finding WHERE severity = 'error' AND run_id IN ({ids}) ORDER BY ALL"
_AHEAD = "host_ran_ahead"  # the host only handed work out: its step times say nothing of the device's
_CAPTURES = "SELECT run_id, sha256 FROM artifact WHERE run_id IN ({ids})"


def compare(
    source: Source, base: Sequence[str], others: Sequence[Sequence[str]], *, metrics: Sequence[str] | None = None
) -> Comparison:
    """The comparison of each of `others` with `base`; a side is a list of run ids, several being repeats that are pooled.

    Raises RunNotFound: an id is not in the store. CrossprofError: a metric is not in the registry.
    """
    chosen = _chosen(registry(source), metrics)
    sides = _sides(source, [tuple(base), *(tuple(other) for other in others)], chosen)
    of_base = composition(source, sides[0].run_ids)
    found = []
    for side in sides[1:]:
        of_side = composition(source, side.run_ids)
        categories = category_differences(of_base, of_side)
        found.append(_run_difference(sides[0], side, chosen, categories, operation_differences(of_base, of_side)))
    return Comparison(sides[0].name, sides[0].run_ids, tuple(found))


def _chosen(known: Mapping[str, Metric], names: Sequence[str] | None) -> list[Metric]:
    for name in names or ():
        if name not in known:
            raise CrossprofError(f"No metric is named '{name}'. `crossprof metrics` lists them.")
    return list(known.values()) if names is None else [known[name] for name in names]


def _sides(source: Source, groups: Sequence[tuple[str, ...]], chosen: Sequence[Metric]) -> list[_Side]:
    run_ids = sorted({run_id for group in groups for run_id in group})
    facts = _facts(source, run_ids)
    captures = source.sql(_CAPTURES.format(ids=_marks(run_ids)), params=run_ids).fetchall()
    trouble = source.sql(_TROUBLE.format(ids=_marks(run_ids)), params=run_ids).fetchall()
    names = _names(groups, facts)
    wanted = {metric.id for metric in chosen} | {"step_time", "throughput", "profiler_overhead", "step_time_profiled"}
    sampled = [one for one in samples(source, run_ids) if one.metric in wanted]
    estimated = estimates(sampled)
    sides = []
    for name, group in zip(names, groups, strict=True):
        pooled = {}
        for metric in wanted:
            repeats = [found for one, found in estimated if one.run_id in group and one.metric == metric]
            if repeats:
                pooled[metric] = pool(repeats)
        shared = {field: frozenset(facts[run_id][field] for run_id in group) for field in (*_ALIKE, "framework")}
        files = frozenset(sha256 for run_id, sha256 in captures if run_id in group)
        broken = tuple(sorted({run for run_id, run, _ in trouble if run_id in group}))
        is_ahead = any(run_id in group and code == _AHEAD for run_id, _, code in trouble)
        sides.append(_Side(name, group, shared, files, broken, is_ahead, pooled))
    return sides


def _facts(source: Source, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    relation = source.sql(_FACTS.format(ids=_marks(run_ids)), params=[*run_ids, *run_ids])
    facts = {row[0]: dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()}
    for run_id in run_ids:
        if run_id not in facts:
            raise RunNotFound(run_id)
    return facts


def _names(groups: Sequence[tuple[str, ...]], facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The name of each side: that of its run; the id beside it where several sides share the name; NAME@all for repeats."""
    names = [facts[group[0]]["run"] + ("@all" if len(group) > 1 else "") for group in groups]
    often = Counter(names)
    return [f"{name} ({group[0]})" if often[name] > 1 else name for name, group in zip(names, groups, strict=True)]


def _run_difference(
    base: _Side,
    other: _Side,
    chosen: Sequence[Metric],
    categories: tuple[CategoryDifference, ...],
    operations: tuple[OperationDifference, ...],
) -> RunDifference:
    unlike = tuple(_unlike(base, other))
    is_same = bool(base.captures) and base.captures == other.captures
    metrics = tuple(
        _metric_difference(metric, base, other)
        for metric in chosen
        if metric.id in base.estimates or metric.id in other.estimates
    )
    notes = [*(["capture: the same files in both"] if is_same else []), *_ahead(base, other)]
    broken = (*base.broken, *other.broken)
    return RunDifference(
        run=other.name,
        run_ids=other.run_ids,
        alike=not unlike,
        differences=(*unlike, *notes),
        is_same_capture=is_same,
        metrics=metrics,
        categories=categories,
        operations=operations,
        verdict=verdict_sentence(base.name, other.name, metrics, unlike=unlike, is_same_capture=is_same),
        why=why_sentence(base.name, other.name, metrics, categories),
        next_step=next_sentence(
            (base.name, other.name), metrics, categories, unlike=unlike, is_same_capture=is_same, broken=broken
        ),
    )


def _unlike(base: _Side, other: _Side) -> Iterator[str]:
    for field in _ALIKE:
        ours, theirs = base.facts[field], other.facts[field]
        if ours != theirs:
            yield f"{field}: {_told(ours)} vs {_told(theirs)}"


def _ahead(base: _Side, other: _Side) -> Iterator[str]:
    for side in (base, other):
        if side.is_ahead:
            yield f"step times: {side.name} was timed handing work out, not doing it ({_AHEAD})"


def _told(values: frozenset[Any]) -> str:
    return ", ".join(sorted("unknown" if value is None else str(value) for value in values))


def _metric_difference(metric: Metric, base: _Side, other: _Side) -> MetricDifference:
    ours, theirs = base.estimates.get(metric.id, _NOTHING), other.estimates.get(metric.id, _NOTHING)
    found = Ratio(None) if not _is_comparable(metric, base, other) else ratio(ours, theirs)
    return MetricDifference(
        metric=metric.id,
        unit=metric.unit,
        base=ours.value if ours.n else None,
        other=theirs.value if theirs.n else None,
        n_base=ours.n,
        n_other=theirs.n,
        ratio=found.value,
        ci_low=found.low,
        ci_high=found.high,
        verdict=_verdict(metric, ours, theirs, found) if _is_comparable(metric, base, other) else "not_comparable",
    )


def _is_comparable(metric: Metric, base: _Side, other: _Side) -> bool:
    if metric.id not in base.estimates or metric.id not in other.estimates:
        return False
    if metric.source.startswith("step_time.") and (base.is_ahead or other.is_ahead):
        return False
    field = _MUST_SHARE.get(metric.comparable_across)
    if field is None:
        return True
    known = [side.facts[field] - {None} for side in (base, other)]
    return not all(known) or known[0] == known[1]


def _verdict(metric: Metric, base: Estimate, other: Estimate, found: Ratio) -> Verdict:
    if not (base.is_certain and other.is_certain):
        return "too_few"
    if found.low is None or found.high is None:  # the base is zero: no ratio, but a change may still be sure
        low, high = other.interval or (0.0, 0.0)
        pivot = 0.0
    else:
        low, high, pivot = found.low, found.high, 1.0
    if low <= pivot <= high:
        return "indistinguishable"
    if metric.better == "none":
        return "different"
    return "better" if (low > pivot) == (metric.better == "higher") else "worse"


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" for _ in values)
