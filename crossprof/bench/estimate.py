"""How long cells take: as long as they took before, else a guess that is corrected by what the session has seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from crossprof.bench.machine import Machine
from crossprof.bench.plan import Visit
from crossprof.workloads import Cell

__all__ = ["PROOF_S", "Estimate", "guess_s"]

PROOF_S = 12.0
"""Guess of the seconds that a proof takes: one process, which builds the model twice."""

_START_S = {"pytorch": 9.0, "keras_tensorflow": 10.0, "keras_jax": 12.0, "keras_torch": 12.0, "onnx_runtime": 18.0}
"""Guess of the seconds that a cell takes for all but its steps: start, import, build, compile, ingest."""
_ANOTHER_S = 12.0
_FURTHER_RANK = 0.6
"""Share of that which each further rank adds, on processors that are as many as the ranks."""
_CPU_FLOPS = 2e10
"""Guess of what a processor computes in a second in float32."""
_GPU_FLOPS = 2e13
_OPERATIONS = {"train": 6, "infer": 2}
"""Operations a parameter and token: two forwards, four backwards."""


def guess_s(cell: Cell, machine: Machine) -> float:
    """Seconds that a cell may take, from nothing but its numbers."""
    size = cell.shape
    tokens = cell.batch * (cell.sequence or max(1, size.image // 32) ** 2)
    operations = _OPERATIONS[cell.phase] * size.parameters * tokens * (cell.steps + cell.warmup)
    speed = _GPU_FLOPS if machine.gpus else _CPU_FLOPS * (cell.cores or machine.processors)
    start = _START_S.get(cell.framework, _ANOTHER_S) * (1 + _FURTHER_RANK * (cell.world_size - 1))
    return start + operations / speed


@dataclass
class Estimate:
    """What is still to come, in seconds.

    Attributes:
        known: Seconds of earlier runs of a cell, by its name.
    """

    machine: Machine
    known: Mapping[str, Sequence[float]]
    cooldown_s: float = 0.0
    _took: float = field(default=0.0, init=False)
    _guessed: float = field(default=0.0, init=False)

    def of(self, visit: Visit) -> float:
        """Seconds of one run: the median of the earlier ones, else the guess, as far off as guesses were so far."""
        if earlier := self.known.get(visit.cell.name):
            return median(earlier) + self.cooldown_s
        return guess_s(visit.cell, self.machine) * self._correction + self.cooldown_s

    def all(self, visits: Iterable[Visit], *, proofs: int = 0) -> float:
        """Seconds of several runs, and of proofs."""
        return sum(map(self.of, visits)) + proofs * PROOF_S * self._correction

    def saw(self, visit: Visit, seconds: float) -> None:
        """Correct the guesses by what a run took."""
        self._took += seconds
        self._guessed += guess_s(visit.cell, self.machine)

    @property
    def _correction(self) -> float:
        return self._took / self._guessed if self._guessed else 1.0
