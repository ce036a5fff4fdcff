"""What can't be run here: each cell with its reason, and the many of one reason as one line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from crossprof.bench.memory import Shortage, told
from crossprof.workloads import Cell

__all__ = ["Group", "LeftOut", "grouped"]


@dataclass(frozen=True)
class LeftOut:
    """A cell that can't be run here, and why: too little memory, or something else, in a sentence."""

    cell: Cell
    tables: tuple[str, ...]
    against: Shortage | str

    @property
    def reason(self) -> str:
        """What is against it, as people read it."""
        return self.against if isinstance(self.against, str) else told([self.against])


@dataclass(frozen=True)
class Group:
    """Cells that are left out for one reason: what their names have in common, and how many they are."""

    name: str
    count: int
    reason: str


def grouped(left_out: Sequence[LeftOut]) -> list[Group]:
    """A group for each reason; of what lacks memory, one a model and size, from the least need to the largest."""
    alike: dict[tuple[str, ...], list[LeftOut]] = defaultdict(list)
    for one in left_out:
        cell = one.cell
        alike[(one.against,) if isinstance(one.against, str) else (cell.model, cell.size, one.against.where)].append(one)
    return [Group(_shared([one.cell for one in group]), len(group), _reason(group)) for group in alike.values()]


def _reason(group: Sequence[LeftOut]) -> str:
    shortages = [one.against for one in group if isinstance(one.against, Shortage)]
    return told(shortages) if shortages else group[0].reason


def _shared(cells: Sequence[Cell]) -> str:
    """The parts of their names that all have; the whole name of one alone."""
    if len(cells) == 1:
        return cells[0].name
    parts = [(f"{cell.model}-{cell.size}", cell.framework.replace("_", "-"), cell.phase, cell.precision) for cell in cells]
    return "-".join(same[0] for same in zip(*parts, strict=True) if len(set(same)) == 1) or "several"
