"""One side of a comparison: a run or its pooled repeats, and all that is known of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crossprof.store.alikeness import Facts, facts
from crossprof.store.composition import Composition, compositions
from crossprof.store.metrics import Metric, Source, estimates, samples
from crossprof.store.statistics import Estimate, Series, pool
from crossprof.store.step_unit import StepUnit, per_step

__all__ = ["AHEAD", "Side", "composed", "sides_of"]

AHEAD = "host_ran_ahead"
"""The finding that the host only handed work out: its step times say nothing of the device's."""
_TROUBLE = "SELECT DISTINCT run_id, run, code FROM finding WHERE severity = 'error' AND run_id IN ({ids}) ORDER BY ALL"
_NOT_ASKED = Composition(None, {})


@dataclass(frozen=True)
class Side:
    """Its name, what is known of its runs, its metrics, what its steps are made of, and how many of a unit they handle."""

    name: str
    run_ids: tuple[str, ...]
    facts: Facts
    broken: tuple[str, ...]
    is_ahead: bool
    estimates: Mapping[str, Estimate]
    series: Mapping[str, Sequence[Series]]
    composition: Composition = _NOT_ASKED
    size: float = 1.0


def sides_of(source: Source, groups: Sequence[tuple[str, ...]], wanted: Mapping[str, Metric]) -> list[Side]:
    """A side for each group of runs, with those metrics, without what its steps are made of. Raises RunNotFound."""
    run_ids = sorted({run_id for group in groups for run_id in group})
    known = facts(source, run_ids)
    marks = ", ".join("?" for _ in run_ids)
    trouble = source.sql(_TROUBLE.format(ids=marks), params=run_ids).fetchall()
    sampled = samples(source, run_ids, wanted)
    repeats = {(one.run_id, one.metric): (one.series, found) for one, found in estimates(sampled)}
    sides = []
    for name, group in zip(_names(groups, known), groups, strict=True):
        held = {metric: [repeats[run_id, metric] for run_id in group if (run_id, metric) in repeats] for metric in wanted}
        side = Side(
            name,
            group,
            Facts(tuple(known[run_id] for run_id in group)),
            broken=tuple(sorted({run for run_id, run, _ in trouble if run_id in group})),
            is_ahead=any(run_id in group and code == AHEAD for run_id, _, code in trouble),
            estimates={metric: pool([found for _, found in those]) for metric, those in held.items() if those},
            series={metric: [series for series, _ in those] for metric, those in held.items() if those},
        )
        sides.append(side)
    return sides


def composed(source: Source, sides: Sequence[Side], per: StepUnit) -> list[Side]:
    """The sides with what their steps are made of, and how many of a unit they handle. Raises CrossprofError: not known."""
    groups = [side.run_ids for side in sides]
    made, sizes = compositions(source, groups), per_step(source, groups, per)
    return [replace(side, composition=one, size=size) for side, one, size in zip(sides, made, sizes, strict=True)]


def _names(groups: Sequence[tuple[str, ...]], known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The name of each side: that of its run; the id beside it where several sides share the name; NAME@all for repeats."""
    names = [known[group[0]]["run"] + ("@all" if len(group) > 1 else "") for group in groups]
    often = Counter(names)
    return [f"{name} ({group[0]})" if often[name] > 1 else name for name, group in zip(names, groups, strict=True)]
