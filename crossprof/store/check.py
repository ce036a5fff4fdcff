"""Checking a run against a base: thresholds, what a comparison says of each, and whether that may pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from crossprof.errors import CrossprofError
from crossprof.store.compare import RunDifference, compare
from crossprof.store.metrics import Metric, registry
from crossprof.store.threshold import State, Threshold, judged
from crossprof.store.verdict import MetricDifference

if TYPE_CHECKING:
    from crossprof.store.store import Store

__all__ = ["Check", "Outcome", "Rules", "baseline", "check"]

_TAGGED = """
    SELECT run_id FROM run
    WHERE run = (SELECT run FROM run WHERE run_id = ?) AND NOT list_contains(?, run_id){tags}
    ORDER BY started_ns DESC NULLS LAST, ingested_ns DESC, run_id DESC
"""
_BROKEN = "SELECT DISTINCT run FROM run WHERE verdict = 'broken' AND list_contains(?, run_id) ORDER BY run"


@dataclass(frozen=True)
class Rules:
    """What passes beside what keeps to its threshold. By itself, what was not measured fails, and so do unlike runs."""

    is_strict: bool = False
    allows_missing: bool = False
    allows_unlike: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one threshold: a word and a sentence, whether it passes, and the difference behind it."""

    threshold: Threshold
    state: State
    reason: str
    passes: bool
    found: MetricDifference | None

    def to_json(self) -> dict[str, Any]:
        """The shape that scripts rely on: the difference of `compare` with the threshold and its state."""
        told = {"metric": self.threshold.metric, "allowed": self.threshold.told.replace("\u2009", " ")}
        limit = self.threshold.limit(self.found.base) if self.found and self.found.base is not None else None
        state = {"allowed_ratio": limit, "state": self.state, "passes": self.passes, "reason": self.reason}
        return told | state | (self.found.to_json() if self.found else {})


@dataclass(frozen=True)
class Check:
    """All thresholds of one run against its base. `broken` names the runs whose capture is broken."""

    base: str
    base_ids: tuple[str, ...]
    other: RunDifference
    outcomes: tuple[Outcome, ...]
    broken: tuple[str, ...]

    @property
    def passes(self) -> bool:
        """Whether every threshold does."""
        return all(one.passes for one in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """The shape that scripts rely on."""
        runs = {
            "base": self.base,
            "base_ids": list(self.base_ids),
            "other": self.other.run,
            "other_ids": list(self.other.run_ids),
        }
        alike = {"alike": self.other.alike, "differences": list(self.other.differences), "broken": list(self.broken)}
        return runs | {"passes": self.passes} | alike | {"thresholds": [one.to_json() for one in self.outcomes]}


def baseline(store: Store, other: Sequence[str], tags: Mapping[str, str], *, is_pooled: bool = False) -> tuple[str, ...]:
    """The ids of the latest other run (or of all) that has the name of the run `other` and these tags.

    Raises CrossprofError: there is none.
    """
    conditions = " AND tags[?] = ?" * len(tags)
    values = [other[0], list(other), *(part for pair in tags.items() for part in pair)]
    found = store.arrow(_TAGGED.format(tags=conditions), values)["run_id"].to_pylist()
    if not found:
        told = " ".join(f"{key}={value}" for key, value in tags.items())
        raise CrossprofError(f"No other run of that name has the tag {told}: record or ingest one with it, or name the base.")
    return tuple(found if is_pooled else found[:1])


def check(
    store: Store, base: Sequence[str], other: Sequence[str], thresholds: Sequence[Threshold], rules: Rules | None = None
) -> Check:
    """The thresholds held against the difference of two sides, each a list of run ids.

    Runs of `other` are left out of the base: NAME@all may hold the latest. Raises CrossprofError: nothing is left of it.
    """
    allowed = rules or Rules()
    known = registry(store)
    others = set(other)
    rest = tuple(run_id for run_id in base if run_id not in others)
    if not rest:
        raise CrossprofError(f"The base and the run are the same, {', '.join(base)}: a run can't differ from itself.")
    compared = compare(store, rest, [other], metrics=list(dict.fromkeys(one.metric for one in thresholds)))
    (found,) = compared.others
    if found.is_same_capture:
        raise CrossprofError(f"{compared.base} and {found.run} hold the same capture: it can't differ from itself.")
    outcomes = tuple(_outcome(compared.base, found, one, known[one.metric], allowed) for one in thresholds)
    if not found.alike and not allowed.allows_unlike:
        reason = f"the runs are not alike ({'; '.join(found.unlike)})"
        outcomes = tuple(replace(one, state="not_comparable", reason=reason, passes=False) for one in outcomes)
    broken = store.arrow(_BROKEN, [[*rest, *other]])["run"].to_pylist()
    return Check(compared.base, rest, found, outcomes, tuple(broken))


def _outcome(base: str, other: RunDifference, threshold: Threshold, metric: Metric, rules: Rules) -> Outcome:
    found = other.metric(threshold.metric)
    if found is None:
        reason = f"neither {base} nor {other.run} has it"
        return Outcome(threshold, "not_comparable", reason, rules.allows_missing, None)
    state = judged(threshold, found, is_exact=metric.statistic == "max")
    passes = {
        "passed": True,
        "failed": False,
        "undecided": not rules.is_strict,
        "too_few": rules.allows_missing,
        "not_comparable": rules.allows_missing,
    }[state]
    return Outcome(threshold, state, _reason(base, other, found, state, metric), passes, found)


def _reason(base: str, other: RunDifference, found: MetricDifference, state: State, metric: Metric) -> str:
    if state == "not_comparable":
        lacking = [name for name, value in ((base, found.base), (other.run, found.other)) if value is None]
        if lacking:
            return f"{' and '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} no such figure"
        if found.base == 0:
            return "the base is 0, and so the change has no interval"
        needed = "" if metric.comparable_across == "any run" else f": comparing them takes the {metric.comparable_across}"
        doubts = f" ({'; '.join(other.differences)})" if other.differences else ""
        return f"the two figures do not mean the same{needed}{doubts}"
    if state == "too_few":
        return f"{found.n_base} and {found.n_other} samples are too few for an interval: record five steps or more of both"
    if found.ci_low is None:
        return "one figure a run, compared as it is"
    return {
        "passed": "the whole interval keeps to the threshold",
        "failed": "the whole interval lies beyond the threshold",
        "undecided": "the interval covers the threshold: more steps or pooled repeats narrow it",
    }[state]
