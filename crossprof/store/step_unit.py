"""What times of a step are told for: the step itself, one of its samples, or one of its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from crossprof.errors import CrossprofError
from crossprof.store.metrics import Source

__all__ = ["UNITS", "StepUnit", "known_units", "per_step"]

StepUnit = Literal["step", "sample", "token"]
UNITS: tuple[StepUnit, ...] = get_args(StepUnit)

_SIZES = "SELECT run_id, per_step FROM step_size WHERE unit = $unit AND list_contains($run_ids, run_id)"
_KNOWN = """
    SELECT unit FROM step_size WHERE list_contains($run_ids, run_id)
    GROUP BY unit HAVING count(DISTINCT run_id) = len(list_distinct($run_ids))
"""


def known_units(source: Source, run_ids: Sequence[str]) -> list[StepUnit]:
    """The units that all of these runs say the size of their steps in; the step itself always."""
    found = {unit for (unit,) in source.sql(_KNOWN, params={"run_ids": list(run_ids)}).fetchall()}
    return [unit for unit in UNITS if unit == "step" or unit in found]


def per_step(source: Source, groups: Sequence[Sequence[str]], unit: StepUnit) -> list[float]:
    """How many of the unit the mean step of each group of runs handles.

    Raises CrossprofError: a run does not say how many.
    """
    if unit == "step":
        return [1.0] * len(groups)
    run_ids = sorted({run_id for group in groups for run_id in group})
    sizes = dict(source.sql(_SIZES, params={"unit": unit, "run_ids": run_ids}).fetchall())
    for run_id in run_ids:
        if run_id not in sizes:
            raise CrossprofError(f"The run {run_id} does not say how many {unit}s a step has: compare per step.")
    return [sum(sizes[run_id] for run_id in group) / len(group) for group in groups]
