"""What one framework computes of a model, for a comparison: `python -m crossprof.workloads.evidence CELL FILE`."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossprof.collectors.provenance import versions
from crossprof.errors import CrossprofError
from crossprof.workloads.cell import Cell
from crossprof.workloads.frameworks import framework_named
from crossprof.workloads.lifeline import hold
from crossprof.workloads.work import batches_of

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

__all__ = ["GRADIENT", "STEPS", "evidence"]

STEPS = 5
"""Steps of training whose losses are compared."""

GRADIENT = "gradient/"
"""Before the names of parameters, for their gradients."""


def evidence(cell: Cell) -> dict[str, Array]:
    """Arrays by name: `logits in infer`, and where it trains `logits in train`, gradients and losses of the first steps.

    `about` is JSON: parameters, facts and versions.
    """
    import numpy

    framework, work = framework_named(cell.framework), batches_of(cell, count=STEPS)
    found: dict[str, Array] = {}
    about: dict[str, Any] = {}
    for phase in framework.PHASES:
        ready = framework.build(replace(cell, phase=phase))
        about = {"parameters": ready.parameter_count, "facts": dict(ready.facts)}
        found[f"logits in {phase}"] = ready.forward(work[0])
        if phase == "train":
            found |= {GRADIENT + name: value for name, value in ready.gradients(work[0]).items()}
            found["losses"] = numpy.array([ready.train(batch) for batch in work])
    return {**found, "about": numpy.array(json.dumps({**about, "versions": versions()}))}


def _main(spec: str, path: str) -> None:
    import numpy

    written = Path(f"{path}.new")
    with written.open("wb") as file:
        numpy.savez(file, **evidence(Cell.from_json(spec)))  # type: ignore[arg-type]
    written.replace(os.fspath(path))


if __name__ == "__main__":
    hold()
    try:
        _main(*sys.argv[1:])
    except CrossprofError as error:
        sys.exit(str(error))
