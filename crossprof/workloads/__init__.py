"""The same work in every framework: models from a configuration and random weights, run by crossprof's own collectors.

    cell = Cell(model="bert", size="tiny", framework="pytorch", phase="train")
    run(cell, store=...)                          run it in processes of its own; a run is in the store when it returns
    parity.prove("bert", "tiny", ["keras_jax"])   compare what the frameworks compute

Imports no framework: that happens in the processes that do the work.
"""

from crossprof.workloads.cell import Cell
from crossprof.workloads.child import TooLong
from crossprof.workloads.frameworks import framework_named, frameworks
from crossprof.workloads.models import model_named, models
from crossprof.workloads.run import LONGEST_S, check, is_installed, run
from crossprof.workloads.size import Size, size_of, sizes

__all__ = [
    "LONGEST_S",
    "Cell",
    "Size",
    "TooLong",
    "check",
    "framework_named",
    "frameworks",
    "is_installed",
    "model_named",
    "models",
    "run",
    "size_of",
    "sizes",
]
