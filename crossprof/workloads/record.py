"""One rank of a cell, in the process at hand: build, compile and warm up, then record its steps."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import crossprof
from crossprof.collectors.profile import Profile
from crossprof.errors import CrossprofError
from crossprof.workloads.batches import Batch
from crossprof.workloads.cell import Cell
from crossprof.workloads.frameworks import Framework, Ready, framework_named
from crossprof.workloads.processors import processors
from crossprof.workloads.strategy import ALONE
from crossprof.workloads.work import batches_of, rows_of

__all__ = ["LOSS", "record"]

LOSS = "workload.loss"
"""Name of the loss in the table `sample`: one reading a step, at the end of the step."""

_BATCHES = 8
"""How many batches are made; longer runs take them again."""


@dataclass(frozen=True)
class WarmUp:
    """What happened before the steps that count.

    Attributes:
        build_s: Seconds to build the model and to load its weights.
        first_step_s: Seconds of the first step, in which whatever compiles compiles.
        step_s: Median seconds of the further steps before the recording; None without any.
        losses: Loss of each of these steps; empty where nothing is trained.
        ends_ns: When each of these steps ended, in unix nanoseconds.
        parameters_sha256: Digest of what is trained after them; None where nothing is trained, or no other rank has its own.
    """

    build_s: float
    first_step_s: float
    step_s: float | None
    losses: list[float]
    ends_ns: list[int]
    parameters_sha256: str | None

    def readings(self) -> dict[str, float]:
        """Its times, as the table `sample` names them."""
        seconds = {"build": self.build_s, "first_step": self.first_step_s, "warm_up_step": self.step_s}
        return {f"workload.{name}_seconds": value for name, value in seconds.items() if value is not None}


def record(cell: Cell, *, store: str, meeting: Path) -> dict[str, Any]:
    """Run one rank and record it; what there is to say of it, as JSON has it.

    Args:
        cell: The cell.
        store: Directory of the store.
        meeting: A folder that all ranks see, for what they compare.

    Raises:
        CrossprofError: The ranks hold different parameters after the warm-up, which data parallel ranks must not.
    """
    framework = framework_named(cell.framework)
    began = time.perf_counter()
    ready = framework.build(cell)
    build_s = time.perf_counter() - began
    work = _batches_of(cell, framework)
    step = ready.train if cell.phase == "train" else ready.infer
    warm = _warm_up(ready, step, work, cell=cell, build_s=build_s)
    config = {
        "parameters": ready.parameter_count,
        "size": asdict(cell.shape),
        "workload": dict(ready.facts),
        **{name: getattr(cell, name) for name in ("seed", "steps", "warmup", "cores", "changes", "pause_ms")},
        "processors": processors(),
        "ranks_hold_the_same_parameters": _agree(warm.parameters_sha256, meeting, cell),
    }
    with _profile(cell, framework, store, config) as run:
        ready.recording()
        losses, ends_ns = _recorded(step, work, cell)
        for loss, at_ns in zip([*warm.losses, *losses], [*warm.ends_ns, *ends_ns], strict=True):
            run.reading(LOSS, loss, at_ns=at_ns)
        for name, value in warm.readings().items():
            run.reading(name, value)
    return {"run": cell.name, "run_id": run.run_id, "losses": losses, "cell": asdict(cell), "warm_up": asdict(warm), **config}


def _batches_of(cell: Cell, framework: Framework) -> list[Batch]:
    """The batches of this rank: its rows of those of all ranks, all rows where one process is all ranks."""
    whole = batches_of(cell, count=_BATCHES)
    if not framework.STRATEGIES.get(cell.strategy, ALONE).is_spread:
        return whole
    return [rows_of(cell, batch, int(os.environ["RANK"])) for batch in whole]


def _warm_up(ready: Ready, step: Callable[[Batch], Any], work: list[Batch], *, cell: Cell, build_s: float) -> WarmUp:
    seconds, answers, ends_ns = [], [], []
    for number in range(cell.warmup):
        began = time.perf_counter()
        answers.append(step(work[number % len(work)]))
        seconds.append(time.perf_counter() - began)
        ends_ns.append(time.time_ns())
    is_trained = cell.phase == "train"
    is_shared = (
        is_trained and cell.world_size > 1
    )  # to read all weights takes memory, which would be in the peak of the process
    return WarmUp(
        build_s=build_s,
        first_step_s=seconds[0],
        step_s=median(seconds[1:]) if seconds[1:] else None,
        losses=[float(answer) for answer in answers] if is_trained else [],
        ends_ns=ends_ns if is_trained else [],
        parameters_sha256=_digest(ready.weights()) if is_shared else None,
    )


def _profile(cell: Cell, framework: Framework, store: str, config: Mapping[str, Any]) -> Profile:
    """The recording of a cell: a short one is given all the steps that it has."""
    return crossprof.profile(
        cell.name,
        framework=framework.RECORDED,
        model=f"{cell.model}-{cell.size}",
        precision=cell.precision,
        phase="training" if cell.phase == "train" else "inference",
        batch_size=cell.batch,
        tags=cell.facts,
        config=config,
        schedule=_schedule(cell, framework),
        store=store,
    )


def _schedule(cell: Cell, framework: Framework) -> crossprof.Schedule:
    """The usual parts, shrunk to the steps that there are; where the profiled ones come first, all later ones are bare."""
    usual = crossprof.Schedule()
    if not framework.IS_PROFILED_FIRST:
        return usual.fit(cell.steps)
    return replace(usual, unmeasured=0, bare=0).fit(max(1, cell.steps - usual.bare))


def _recorded(step: Callable[[Batch], Any], work: list[Batch], cell: Cell) -> tuple[list[float], list[int]]:
    """Make the steps; the loss of each, and when it ended. Both are empty where nothing is trained."""
    losses: list[float] = []
    ends_ns: list[int] = []
    marked = _marked(step, cell, samples=len(work[0].labels))
    for number in range(cell.steps):
        answer = marked(work[(cell.warmup + number) % len(work)])
        if cell.phase == "train":
            losses.append(answer)
            ends_ns.append(time.time_ns())
    return losses, ends_ns


def _marked(step: Callable[[Batch], Any], cell: Cell, *, samples: int) -> Callable[[Batch], Any]:
    """The step, marked: a request where the model only infers."""
    mark = crossprof.step if cell.phase == "train" else crossprof.request

    def slowed(batch: Batch) -> Any:
        time.sleep(cell.pause_ms / 1000)
        return step(batch)

    return mark(samples=samples, tokens=samples * cell.sequence or None)(slowed if cell.pause_ms else step)


def _digest(weights: Mapping[str, Any]) -> str:
    """A hash of the weights, the same for the same numbers."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].astype("float32").tobytes())
    return digest.hexdigest()


def _agree(digest: str | None, meeting: Path, cell: Cell, *, patience_s: float = 600.0) -> bool | None:
    """Whether all ranks have this digest, each of which leaves its own in a file; None where there is nothing to compare.

    Ranks that are devices of one process were compared when their weights were read, and a parameter server has one copy.
    """
    if digest is None or cell.world_size == 1:
        return None
    if "RANK" not in os.environ:
        return True
    staged = meeting / f"digest-{os.environ['RANK']}.new"
    staged.write_text(digest, encoding="utf-8")
    staged.replace(staged.with_suffix(""))
    deadline = time.monotonic() + patience_s
    files = [meeting / f"digest-{rank}" for rank in range(cell.world_size)]
    while not all(file.exists() for file in files):
        if time.monotonic() > deadline:
            raise CrossprofError(f"A rank of {cell.name} did not come to the comparison of parameters in {patience_s:g} s.")
        time.sleep(0.05)
    if {file.read_text(encoding="utf-8") for file in files} != {digest}:
        raise CrossprofError(
            f"The ranks of {cell.name} hold different parameters after {cell.warmup} steps: it is not measured."
        )
    return True
