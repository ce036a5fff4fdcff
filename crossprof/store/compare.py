"""Comparing runs: one object that the terminal, JSON and the dashboard all show.

A difference is the ratio other / base of a metric, its 95 % interval, and one word for what it means. Runs that are not alike
are compared only with the difference named; figures that mean different things in the two runs are not compared at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crossprof.errors import CrossprofError
from crossprof.store.alignment import Level, LevelName, OperationDifference, align, finest, work
from crossprof.store.alikeness import is_same_capture, software, unlike
from crossprof.store.composition import CategoryDifference, category_differences, waterfall
from crossprof.store.metrics import Metric, Source, registry
from crossprof.store.permutation import permutation
from crossprof.store.side import AHEAD, Side, composed, sides_of
from crossprof.store.statistics import Estimate, Ratio, detectable, ratio
from crossprof.store.step_unit import StepUnit
from crossprof.store.verdict import (
    MetricDifference,
    Verdict,
    apart_sentence,
    judged,
    next_sentence,
    verdict_sentence,
    why_sentence,
)

__all__ = ["Comparison", "MetricDifference", "RunDifference", "Verdict", "changes", "compare", "pairs"]

_MUST_SHARE = {"same kind of device": ("device_kind",), "same framework": ("framework", "device_kind")}


@dataclass(frozen=True)
class RunDifference:
    """One run (or the pooled repeats of one) against the base.

    `unlike` says what makes the two different jobs, `notes` what else differs: software, settings, how they were captured.
    `verdict` and `why` are sentences: which is faster and how sure that is; where the difference sits (empty if nothing tells).
    The parts of `waterfall` add up to the difference of the step times. `levels` are the ways to set kernels or operators side
    by side, the finest first; `level` is the one that all runs of the comparison share, `operations` its rows. `apart` says why
    the work of the two can't be set side by side, where it can't.
    """

    run: str
    run_ids: tuple[str, ...]
    unlike: tuple[str, ...]
    notes: tuple[str, ...]
    is_same_capture: bool
    metrics: tuple[MetricDifference, ...]
    categories: tuple[CategoryDifference, ...]
    waterfall: tuple[CategoryDifference, ...]
    levels: tuple[Level, ...]
    shown: LevelName | None
    verdict: str
    why: str
    next_step: str
    apart: str = ""

    @property
    def alike(self) -> bool:
        """Whether the two are the same job."""
        return not self.unlike

    @property
    def differences(self) -> tuple[str, ...]:
        """All that differs, what makes them different jobs first."""
        return (*self.unlike, *self.notes)

    @property
    def level(self) -> Level | None:
        """The finest level at which all runs share most of their time. None where nothing can be set side by side."""
        return next((level for level in self.levels if level.name == self.shown), None)

    @property
    def operations(self) -> tuple[OperationDifference, ...]:
        """The kernels or operators at that level, the largest difference first."""
        return self.level.operations if self.level else ()

    def metric(self, name: str) -> MetricDifference | None:
        """The difference in one metric, None where neither run has it."""
        return next((one for one in self.metrics if one.metric == name), None)

    def to_json(self) -> dict[str, Any]:
        """The shape that scripts rely on."""
        return {
            "run": self.run,
            "alike": self.alike,
            "differences": list(self.differences),
            "metrics": [one.to_json() for one in self.metrics],
            "same_capture": self.is_same_capture,
            "card": {"verdict": self.verdict, "why": self.why, "next": self.next_step},
            "waterfall": [{**vars(one), "delta_ns": one.delta_ns} for one in self.waterfall],
            "matched": {level.name: level.matched_ratio for level in self.levels},
        }


@dataclass(frozen=True)
class Comparison:
    """Some runs against one base. Parts of a step and operations are those of one unit `per` which they are told."""

    base: str
    base_ids: tuple[str, ...]
    others: tuple[RunDifference, ...]
    per: StepUnit = "step"

    def to_json(self) -> dict[str, Any]:
        """The shape that scripts rely on."""
        return {"base": self.base, "others": [one.to_json() for one in self.others]}


_NOTHING = Estimate(float("nan"), 0)
_OPENING = ("step_time", "throughput", "kernel_time", "step_time_profiled")  # what the card speaks of
_NEEDED = {*_OPENING, "profiler_overhead"}


def compare(
    source: Source,
    base: Sequence[str],
    others: Sequence[Sequence[str]],
    *,
    metrics: Sequence[str] | None = None,
    by: LevelName | None = None,
    per: StepUnit = "step",
) -> Comparison:
    """The comparison of each of `others` with `base`; a side is a list of run ids, several being repeats that are pooled.

    Kernels or operators are set side by side `by` that level, else by the finest that all runs share. They and the parts of a
    step are those of a step, or of a sample or token `per` which they are told; metrics and sentences stay as they are.

    Raises RunNotFound: an id is not in the store. CrossprofError: there is no such metric, or no such level of the work; a run
    does not say how many samples or tokens its steps have.
    """
    known = registry(source)
    chosen, opening, wanted = _asked(known, metrics)
    groups = [tuple(base), *(tuple(other) for other in others)]
    sides = composed(source, sides_of(source, groups, wanted), per)
    works = work(source, [(side.run_ids, side.composition.place) for side in sides])
    base_work, *other_works = (held.over(side.size) for held, side in zip(works, sides, strict=True))
    levels = [align(base_work, other_work) for other_work in other_works]
    shown = _level(by, levels)
    found = []
    for side, held in zip(sides[1:], levels, strict=True):
        found.append(_run_difference(sides[0], side, chosen, opening, levels=held, shown=shown))
    return Comparison(sides[0].name, sides[0].run_ids, tuple(found), per)


def changes(source: Source, base: str, others: Sequence[str], *, metrics: Sequence[str]) -> dict[str, list[MetricDifference]]:
    """How some metrics of other runs differ from one base, by run id: for tables of many runs, without their work."""
    chosen = _chosen(registry(source), metrics)
    first, *rest = sides_of(source, [(base,), *((other,) for other in others)], {one.id: one for one in chosen})
    return {side.run_ids[0]: [_metric_difference(metric, first, side) for metric in chosen] for side in rest}


def pairs(
    source: Source, groups: Sequence[tuple[str, ...]], *, metrics: Sequence[str] | None = None
) -> Callable[[tuple[str, ...], tuple[str, ...]], Comparison]:
    """What compares any two of some groups of runs, all read at once: for reports of many pairs, without their work.

    Raises RunNotFound. CrossprofError: there is no such metric.
    """
    chosen, opening, wanted = _asked(registry(source), metrics)
    known = {side.run_ids: side for side in composed(source, sides_of(source, groups, wanted), "step")} if groups else {}

    def compared(base: tuple[str, ...], other: tuple[str, ...]) -> Comparison:
        found = _run_difference(known[base], known[other], chosen, opening, levels=(), shown=None)
        return Comparison(known[base].name, base, (found,))

    return compared


def _asked(known: Mapping[str, Metric], metrics: Sequence[str] | None) -> tuple[list[Metric], list[Metric], dict[str, Metric]]:
    """The metrics that are chosen, those that open a comparison, and all that either needs."""
    chosen = _chosen(known, metrics)
    opening = [known[name] for name in _OPENING if name in known]
    return chosen, opening, {name: metric for name, metric in known.items() if name in _NEEDED or metric in chosen}


def _level(by: LevelName | None, pairs: Sequence[Sequence[Level]]) -> LevelName | None:
    known = dict.fromkeys(level.name for levels in pairs for level in levels)
    if by and known and by not in known:
        raise CrossprofError(
            f"The work of these runs has no {by}, for it ran on the host. It can be matched by {', '.join(known)}."
        )
    return by or finest(pairs)


def _chosen(known: Mapping[str, Metric], names: Sequence[str] | None) -> list[Metric]:
    for name in names or ():
        if name not in known:
            raise CrossprofError(f"No metric is named '{name}'. `crossprof metrics` lists them.")
    return list(known.values()) if names is None else [known[name] for name in names]


def _run_difference(
    base: Side,
    other: Side,
    chosen: Sequence[Metric],
    opening: Sequence[Metric],
    *,
    levels: tuple[Level, ...],
    shown: LevelName | None,
) -> RunDifference:
    differences = tuple(unlike(base.facts, other.facts))
    is_same = is_same_capture(base.facts, other.facts)
    known = base.estimates.keys() | other.estimates.keys()
    metrics = tuple(_metric_difference(metric, base, other) for metric in chosen if metric.id in known)
    # whatever is asked for, the card is the same
    leading = tuple(_metric_difference(metric, base, other) for metric in opening if metric.id in known)
    notes = [*(["capture: the same in both"] if is_same else []), *_ahead(base, other), *software(base.facts, other.facts)]
    categories = category_differences(base.composition, other.composition)
    shown_categories = category_differences(base.composition.over(base.size), other.composition.over(other.size))
    times = [side.estimates["step_time"].value / side.size if "step_time" in side.estimates else None for side in (base, other)]
    parts = waterfall(shown_categories, *times) if not (base.is_ahead or other.is_ahead) else ()
    names = base.name, other.name
    return RunDifference(
        run=other.name,
        run_ids=other.run_ids,
        unlike=differences,
        notes=tuple(notes),
        is_same_capture=is_same,
        metrics=metrics,
        categories=shown_categories,
        waterfall=parts,
        levels=levels,
        shown=shown,
        verdict=verdict_sentence(*names, leading, unlike=differences, is_same_capture=is_same),
        why=why_sentence(*names, leading, categories),
        next_step=next_sentence(
            names,
            leading,
            categories,
            unlike=differences,
            is_same_capture=is_same,
            broken=(*base.broken, *other.broken),
        ),
        apart=apart_sentence(names, (base.composition.place, other.composition.place)),
    )


def _ahead(base: Side, other: Side) -> Iterator[str]:
    for side in (base, other):
        if side.is_ahead:
            yield f"step times: {side.name} was timed handing work out, not doing it ({AHEAD})"


def _metric_difference(metric: Metric, base: Side, other: Side) -> MetricDifference:
    ours, theirs = base.estimates.get(metric.id, _NOTHING), other.estimates.get(metric.id, _NOTHING)
    is_comparable = _is_comparable(metric, base, other)
    found = ratio(ours, theirs) if is_comparable else Ratio(None)
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
        verdict=judged(metric, ours, theirs, found) if is_comparable else "not_comparable",
        minimum_detectable=detectable(ours, theirs) if is_comparable else None,
        p_value=permutation(base.series[metric.id], other.series[metric.id]) if is_comparable else None,
    )


def _is_comparable(metric: Metric, base: Side, other: Side) -> bool:
    if metric.id not in base.estimates or metric.id not in other.estimates:
        return False
    if metric.source.startswith("step_time.") and (base.is_ahead or other.is_ahead):
        return False
    return all(_shared(field, base, other) for field in _MUST_SHARE.get(metric.comparable_across, ()))


def _shared(field: str, base: Side, other: Side) -> bool:
    """Whether the sides agree in a field, as far as it is known of both."""
    known = [side.facts[field] - {None} for side in (base, other)]
    return not all(known) or known[0] == known[1]
