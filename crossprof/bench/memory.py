"""How much memory a cell needs, about, and whether the machine has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crossprof.bench.machine import Machine
from crossprof.workloads import Cell

__all__ = ["Shortage", "needed_bytes", "shortage", "told"]

_TRAINED = 16
"""Bytes a parameter that is trained: itself, its gradient and two moments of AdamW, in float32."""
_KEPT = 4
_COPY = 2
"""Further bytes a parameter in bf16: its copy in that precision."""
_WIDTHS = 17
"""Numbers that a block keeps of each token for the way back, in widths of the model: two norms, attention, the inner part."""
_LOGITS = 3
"""Logits, their probabilities and their gradient, in float32."""
_PROCESS = 1 << 30
"""What a framework takes before it does anything."""


def needed_bytes(cell: Cell) -> int:
    """An estimate for one rank: parameters with all that is kept for each, activations, logits, and the framework itself.

    Sharding by FSDP is taken into account; what a compiler saves or a library wastes is not.
    """
    size = cell.shape
    shards = cell.world_size if cell.strategy == "fsdp" else 1
    each = _TRAINED // shards if cell.phase == "train" else _KEPT
    each += _COPY if cell.precision == "bf16" else 0
    number = 2 if cell.precision == "bf16" else 4
    tokens = cell.batch * (cell.sequence or size.image**2 // 16)
    blocks = size.depth if cell.phase == "train" else 1
    kept = tokens * size.width * blocks * _WIDTHS * number
    kept += tokens * size.vocabulary * 4 * _LOGITS
    kept += cell.batch * size.heads * cell.sequence**2 * blocks * number
    return size.parameters * each + kept + _PROCESS


@dataclass(frozen=True)
class Shortage:
    """Too little memory for a cell: what it needs, and what `where` has."""

    needs_bytes: int
    has_bytes: int
    where: str


def shortage(cell: Cell, machine: Machine) -> Shortage | None:
    """What a machine lacks for a cell; None where it has the memory.

    Ranks that are processes have a GPU each, or share the host's memory.
    """
    ranks = 1 if machine.gpus else cell.world_size
    needs = needed_bytes(cell) * ranks
    has, where = (min(machine.gpus), "a GPU") if machine.gpus else (machine.memory_bytes, "this machine")
    return Shortage(needs, has, where) if needs > has else None


def told(shortages: Sequence[Shortage]) -> str:
    """What cells need that lack memory of one place, and what it has, as people read it."""
    least, most = (_gigabytes(edge(one.needs_bytes for one in shortages)) for edge in (min, max))
    need = f"{'it needs' if len(shortages) == 1 else 'they need'} about {least if least == most else f'{least} to {most}'}"
    return f"{need} of memory and {shortages[0].where} has {_gigabytes(shortages[0].has_bytes)}"


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count < 1e12 else f"{count / 1e9:,.0f} GB"
