"""How long cells take: as long as they took before, else a guess that is corrected by what the session has seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from crossprof.bench.machine import Machine
from crossprof.workloads import Cell

__all__ = ["PROOF_S", "Estimate", "guess_s"]

PROOF_S = 12.0
"""Guess of the seconds that a proof takes: one process, which builds the model twice."""

_START_S = {"pytorch": 9.0, "keras_tensorflow": 10.0, "keras_jax": 12.0, "keras_torch": 12.0, "onnx_runtime": 18.0}
"""Guess of the seconds that a cell takes for all but its steps: start, import, build, compile, ingest."""
_ANOTHER_S = 12.0
_FURTHER_RANK = 0.6
"""Share of that which each further rank adds, on processors that are as many as the ranks."""
_BUILT = 5e7
"""Guess of the parameters that are drawn and loaded in a second."""
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
    speed = _GPU_FLOPS if machine.used_by(cell.framework).gpus else _CPU_FLOPS * (cell.cores or machine.processors)
    start = _START_S.get(cell.framework, _ANOTHER_S) * (1 + _FURTHER_RANK * (cell.world_size - 1))
    return start + size.parameters / _BUILT + operations / speed


@dataclass
class Estimate:
    """What is still to come, in seconds.

    Attributes:
        cells: All that the plan has.
        known: Seconds of the runs of a cell so far, by its name.
        cooldown_s: The wait before each run.
    """

    machine: Machine
    cells: Sequence[Cell]
    known: dict[str, list[float]] = field(default_factory=dict)
    cooldown_s: float = 0.0

    def of(self, cells: Iterable[Cell], *, proofs: int = 0) -> float:
        """Seconds of a run of each, and of proofs: as earlier runs took, else the guess, as far off as guesses were so far."""
        correction = self._correction()
        return sum(self._run_s(cell, correction) for cell in cells) + proofs * PROOF_S * correction

    def near(self, limit_s: float) -> list[tuple[Cell, float]]:
        """The cells of the plan a run of which may take over half of a limit, guesses being what they are; with its seconds."""
        correction = self._correction()
        each = ((cell, self._run_s(cell, correction) - self.cooldown_s) for cell in self.cells)
        return [(cell, seconds) for cell, seconds in each if seconds > limit_s / 2]

    def saw(self, cell: Cell, seconds: float) -> None:
        """Learn from a run."""
        self.known.setdefault(cell.name, []).append(seconds)

    def _run_s(self, cell: Cell, correction: float) -> float:
        earlier = self.known.get(cell.name)
        return (median(earlier) if earlier else guess_s(cell, self.machine) * correction) + self.cooldown_s

    def _correction(self) -> float:
        """How many times longer cells of the plan took than was guessed; 1 where none was run."""
        seen = [cell for cell in self.cells if cell.name in self.known]
        guessed = sum(guess_s(cell, self.machine) for cell in seen)
        return sum(median(self.known[cell.name]) for cell in seen) / guessed if guessed else 1.0
