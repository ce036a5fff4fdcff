"""What a report tells, asked of the store once: the comparison, and what stands behind it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from crossprof._version import __version__
from crossprof.dashboard.quantity import instant
from crossprof.dashboard.wording import LEADING, UNBOUND
from crossprof.store import Store
from crossprof.store.compare import Comparison
from crossprof.store.composition import Composition, composition

__all__ = ["Content", "Quartiles", "Side", "gather", "side"]

_FINDINGS = """
    SELECT code, severity, rank, count, detail, effect FROM finding WHERE run_id = ?
    ORDER BY list_position(['error', 'warning', 'info'], severity), code, rank
"""
_STEPS = """
    SELECT is_profiled, count(*) AS count, quantile_cont(dur_ns, [0.05, 0.25, 0.5, 0.75, 0.95]) AS quantiles FROM step_time
    WHERE NOT is_warmup AND list_contains(?, run_id) GROUP BY is_profiled ORDER BY is_profiled
"""


_BOTTLENECK = "SELECT sentence FROM bottleneck WHERE run_id = ?"
_ADVICE = "SELECT title, share_ratio, evidence, action FROM advice WHERE run_id = ? ORDER BY share_ratio DESC NULLS LAST, code"


@dataclass(frozen=True)
class Quartiles:
    """Step times of one side, bare or profiled: how many, and their 5th, 25th, 50th, 75th and 95th percentile in ns."""

    is_profiled: bool
    count: int
    quantiles: tuple[float, ...]


@dataclass(frozen=True)
class Side:
    """One side of the comparison: its name, the rows of `run` and the findings of each of its runs, and what its steps are.

    What bounds it and the advice are those of its first run.
    """

    name: str
    runs: Sequence[Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]]
    steps: Sequence[Quartiles]
    work: Composition
    bottleneck: str
    advice: Sequence[Mapping[str, Any]]

    @property
    def framework(self) -> str | None:
        """The framework of its first run."""
        name: str | None = self.runs[0]["framework"]
        return name


@dataclass(frozen=True)
class Content:
    """All that a report tells. `registry` has the rows of the view metric that the comparison holds, in their order."""

    comparison: Comparison
    sides: Sequence[Side]
    registry: Sequence[Mapping[str, Any]]
    commands: Sequence[str]
    made: str
    version: str = __version__

    @cached_property
    def title(self) -> str:
        """What is compared."""
        return f"{_listed(other.run for other in self.comparison.others)} against {self.comparison.base}"

    def metrics(self, *, is_leading: bool) -> list[Mapping[str, Any]]:
        """The metrics that are shown first, or the others."""
        return [metric for metric in self.registry if (metric["id"] in LEADING) == is_leading]


def gather(store: Store, base: str, others: Sequence[str]) -> Content:
    """The content of a report on runs against a base, each named as for `Store.compare`. Raises RunNotFound."""
    found = store.compare(base, *others)
    named = [(found.base, found.base_ids), *((other.run, other.run_ids) for other in found.others)]
    held = {one.metric for other in found.others for one in other.metrics}
    known = store.arrow("SELECT * FROM metric").to_pylist()
    words = shlex.join([base, *others])
    return Content(
        comparison=found,
        sides=[side(store, name, run_ids) for name, run_ids in named],
        registry=[metric for metric in known if metric["id"] in held],
        commands=[f"crossprof compare {words}", f"crossprof report {words}"],
        made=instant(time.time_ns()),
    )


def side(store: Store, name: str, run_ids: Sequence[str]) -> Side:
    """What stands behind a name: its runs, their findings, their steps, what bounds them and what to do."""
    runs = [store.arrow("SELECT * FROM run WHERE run_id = ?", [run_id]).to_pylist()[0] for run_id in run_ids]
    findings = [row for run_id in run_ids for row in store.arrow(_FINDINGS, [run_id]).to_pylist()]
    steps = [Quartiles(*row.values()) for row in store.arrow(_STEPS, [list(run_ids)]).to_pylist()]
    bottleneck = next((sentence for (sentence,) in store.sql(_BOTTLENECK, [run_ids[0]]).fetchall()), UNBOUND)
    advice = store.arrow(_ADVICE, [run_ids[0]]).to_pylist()
    return Side(name, runs, findings, steps, composition(store, run_ids), bottleneck, advice)


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
