"""What the report on one run tells, asked of the store once."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crossprof._version import __version__
from crossprof.dashboard.quantity import instant
from crossprof.dashboard.report.content import Side, side
from crossprof.dashboard.wording import LEADING
from crossprof.store import Store

__all__ = ["RunContent", "gather_run"]

_METRICS = """
    SELECT metric.*, value, n, ci_low, ci_high FROM run_metric JOIN metric ON metric.id = run_metric.metric
    WHERE run_id = ? AND rank IS NULL AND value IS NOT NULL
"""
_KERNELS = """
    SELECT name, category, calls, total_ns, share_ratio FROM operation_summary
    WHERE run_id = ? AND level = 'name' AND kind <> 'async' ORDER BY total_ns DESC, name LIMIT 20
"""
_OPERATORS = """
    SELECT name, category, calls, self_ns AS total_ns, share_ratio FROM operation_summary
    WHERE run_id = ? AND level = 'operator' ORDER BY self_ns DESC, name LIMIT 20
"""


@dataclass(frozen=True)
class RunContent:
    """All that the report tells. `metrics` are rows of the view metric with the run's value and interval."""

    side: Side
    metrics: Sequence[Mapping[str, Any]]
    kernels: Sequence[Mapping[str, Any]]
    operators: Sequence[Mapping[str, Any]]
    commands: Sequence[str]
    made: str
    version: str = __version__

    @property
    def run(self) -> Mapping[str, Any]:
        """The row of the view run."""
        return self.side.runs[0]

    def chosen(self, *, is_leading: bool) -> list[Mapping[str, Any]]:
        """The metrics that are shown first, or the others."""
        return [metric for metric in self.metrics if (metric["id"] in LEADING) == is_leading]


def gather_run(store: Store, run_id: str) -> RunContent:
    """The content of the report on a run."""
    ((name,),) = store.sql("SELECT run FROM run WHERE run_id = ?", [run_id]).fetchall()
    return RunContent(
        side=side(store, name, [run_id]),
        metrics=store.arrow(_METRICS, [run_id]).to_pylist(),
        kernels=store.arrow(_KERNELS, [run_id]).to_pylist(),
        operators=store.arrow(_OPERATORS, [run_id]).to_pylist(),
        commands=[shlex.join(["crossprof", *words]) for words in (["show", run_id], ["export", run_id, "--format", "html"])],
        made=instant(time.time_ns()),
    )
