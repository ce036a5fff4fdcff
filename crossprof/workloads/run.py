"""A cell, run from the outside: each of its processes is started, waited for, and asked what it did."""

from __future__ import annotations

import json
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from crossprof import settings
from crossprof.errors import CrossprofError
from crossprof.workloads.cell import Cell
from crossprof.workloads.child import start, wait
from crossprof.workloads.frameworks import framework_named
from crossprof.workloads.place import Place, free_addresses
from crossprof.workloads.processors import processors, share
from crossprof.workloads.strategy import ALONE

__all__ = ["LONGEST_S", "check", "is_installed", "run"]

LONGEST_S = 3600.0
"""How long a cell may take, compilation and ingest included."""


def run(cell: Cell, *, store: str | Path | None = None, timeout_s: float = LONGEST_S) -> dict[str, Any]:
    """Run a cell and leave its run in the store; what its first rank says of it.

    The keys: run, run_id, is_stored, losses (of the recorded steps), cell, warm_up (build_s, first_step_s, step_s, ...), and
    those of `run.config`: parameters, size, workload (device, attention, mathematics, ...), ranks_hold_the_same_parameters,
    processors, ... In the table `sample` are the losses of all steps as `workload.loss`, and the times of `warm_up`.

    Raises:
        CrossprofError: The framework can't do it or is not installed, a process failed or took too long, or ranks differ.
    """
    check(cell)
    root = settings.store_path(store)
    strategy = framework_named(cell.framework).STRATEGIES.get(cell.strategy, ALONE)
    addresses = free_addresses(cell.world_size if strategy.is_spread else 1)
    places = [Place(rank, addresses) for rank in range(len(addresses))]
    with tempfile.TemporaryDirectory(prefix="crossprof-cell-") as folder:
        children = [_start(cell, place, root, Path(folder)) for place in places]
        wait(children, what=cell.name, timeout_s=timeout_s)
        outcome: dict[str, Any] = json.loads((Path(folder) / "outcome-0.json").read_text(encoding="utf-8"))
    return {**outcome, "is_stored": _is_stored(root, outcome["run_id"], len(places))}


def check(cell: Cell) -> None:
    """Nothing, where the framework can run the cell and is installed. Raises CrossprofError where not, saying what it can."""
    framework = framework_named(cell.framework)
    for name, value, known in (
        ("mode", cell.mode, framework.MODES),
        ("phase", cell.phase, framework.PHASES),
        ("precision", cell.precision, framework.PRECISIONS),
        ("strategy", cell.strategy, ("none", *framework.STRATEGIES)),
    ):
        if value not in known:
            raise CrossprofError(f"{cell.framework} has no {name} '{value}'. It has {', '.join(known)}.")
    modes = framework.STRATEGIES.get(cell.strategy, ALONE).modes or framework.MODES
    if cell.mode not in modes:
        raise CrossprofError(
            f"{cell.framework} has no strategy '{cell.strategy}' in mode '{cell.mode}'. It has it in {', '.join(modes)}."
        )
    if missing := _missing(cell.framework):
        raise CrossprofError(f"{cell.framework} needs {', '.join(missing)}: pip install 'crossprof[workloads]'.")
    weighs, largest = 4 * cell.shape.parameters, framework.LARGEST_BYTES
    if largest and weighs > largest:
        raise CrossprofError(
            f"The file that {cell.framework} reads holds weights of {largest / 1e9:.3g} GB, and those of {cell.model} "
            f"{cell.size} are {weighs / 1e9:.3g} GB."
        )


def is_installed(framework: str) -> bool:
    """Whether all that a framework needs is installed. Imports none of it."""
    return not _missing(framework)


def _missing(framework: str) -> list[str]:
    return [package for package in framework_named(framework).PACKAGES if find_spec(package) is None]


def _start(cell: Cell, place: Place, store: Path, folder: Path) -> Any:
    numbers = _processors(cell, place)
    environment = {**place.environment(), **framework_named(cell.framework).environment(cell, place), "CROSSPROF_WAIT": "600"}
    task = {"cell": cell.to_json(), "store": str(store), "folder": str(folder), "rank": place.rank, "processors": numbers}
    return start("crossprof.workloads.rank", [json.dumps(task)], environment=environment, log=folder / f"rank-{place.rank}.log")


def _processors(cell: Cell, place: Place) -> list[int]:
    if framework_named(cell.framework).STRATEGIES.get(cell.strategy, ALONE).is_bound:
        return share(processors(), place.rank, ranks=place.world_size, cores=cell.cores * _devices(cell, place))
    return share(processors(), 0, ranks=1, cores=cell.cores * place.world_size)


def _devices(cell: Cell, place: Place) -> int:
    """Ranks of the cell that are in one process."""
    return cell.world_size // place.world_size


def _is_stored(store: Path, run_id: str | None, ranks: int) -> bool:
    """Whether every rank of the run is in the store."""
    return run_id is not None and len(list((store / "runs" / f"run_id={run_id}").glob("part-*/manifest.json"))) == ranks
