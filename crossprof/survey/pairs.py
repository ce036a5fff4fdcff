"""Which cells stand beside each other: the same work on the same hardware, PyTorch in eager mode first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from crossprof.survey.claims import nearest
from crossprof.survey.lines import Line, line, unmeasured
from crossprof.survey.measure import Measure
from crossprof.survey.measured import Measured
from crossprof.survey.names import framework_rank, label_of, model_rank
from crossprof.survey.repeats import Repeats
from crossprof.survey.row import Claim, Row

__all__ = ["Group", "claim_beside", "groups", "pair_rows"]

REFERENCE = "pytorch"
CLAIMED = "keras_tensorflow"
"""The framework that the survey sets beside PyTorch."""


@dataclass(frozen=True)
class Group:
    """Cells of the same work: PyTorch's, None where it was not measured, and those beside it."""

    base: Repeats | None
    others: tuple[Repeats, ...]

    @property
    def cells(self) -> tuple[Repeats, ...]:
        """All of them, PyTorch's first."""
        return (*([self.base] if self.base else []), *self.others)

    @property
    def is_on_host(self) -> bool:
        """Whether they ran without an accelerator."""
        return self.cells[0].device_kind == "cpu"


def groups(cells: Iterable[Repeats]) -> Iterator[Group]:
    """The cells by what they do and on what, in the survey's order of models."""
    by_work: dict[tuple[object, ...], list[Repeats]] = defaultdict(list)
    for cell in sorted(cells, key=lambda one: (model_rank(one), framework_rank(one))):
        by_work[cell.work].append(cell)
    for held in by_work.values():
        base = held[0] if held[0].framework == REFERENCE else None
        yield Group(base, tuple(cell for cell in held if cell is not base))


def claim_beside(table: str, measure: Measure, base: Repeats | None, other: Repeats | None) -> Claim | None:
    """What the survey says of PyTorch and TensorFlow, or of PyTorch that stands alone; None where `other` is something else."""
    cell = other or base
    if cell is None or (other is not None and other.framework != CLAIMED):
        return None
    return nearest(table, measure.metric, model=cell.model, size=cell.size, devices=cell.world_size, device=cell.device)


def pair_rows(
    measured: Measured, table: str, cells: Sequence[Repeats], measures: Callable[[Group], Iterable[Measure]]
) -> tuple[Row, ...]:
    """A row for each cell beside PyTorch's and each measure that its group asks for, and those of the survey that are left."""
    rows = [
        line(measured, asked)
        for group in groups(cells)
        for other in group.others or (None,)
        for measure in measures(group)
        if (asked := _asked(table, group.base, other, measure))
    ]
    return (*rows, *unmeasured(table, rows))


def _asked(table: str, base: Repeats | None, other: Repeats | None, measure: Measure) -> Line | None:
    """The line of one cell beside PyTorch's, or of either alone."""
    shown = other or base
    if shown is None:
        return None
    claim = claim_beside(table, measure, base, other)
    return Line(label_of(shown), measure, (base,) if base else (), (other,) if other else (), claim)
