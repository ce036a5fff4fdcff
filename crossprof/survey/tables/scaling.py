"""Scaling: what more ranks gain, and what part of a step they communicate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crossprof.survey.lines import Line, line, unmeasured
from crossprof.survey.measure import Measure, quotient_of
from crossprof.survey.measured import Measured
from crossprof.survey.names import label_of
from crossprof.survey.pairs import claim_beside, groups
from crossprof.survey.repeats import Repeats
from crossprof.survey.table import Table

__all__ = ["table"]

NAME = "scaling"
_SPEEDUP = Measure("speedup", "times", "higher", quotient_of("throughput"))


def table(measured: Measured) -> Table:
    """The table, from the cells of several ranks, each beside that of one."""
    rows = [line(measured, asked) for asked in _lines(measured)]
    return Table(
        name=NAME,
        title="Scaling",
        question="How much faster do more devices train, and what do they spend on communication?",
        method="speedup is samples a second of all ranks over those of one rank with as many cores; efficiency is that "
        "over the number of ranks. Weak: each rank has the batch of the one; strong: they share it. "
        "communication_share is the time of collectives over that of the step, waiting included; on a CPU that of "
        "the operators that communicate. The ratio sets the other framework's figure over PyTorch's.",
        rows=(*rows, *unmeasured(NAME, rows)),
    )


def _lines(measured: Measured) -> Iterator[Line]:
    ones = {_key(cell, cell.batch): cell for cell in measured.cells if cell.scaling == "base"}
    pairs = {cell.run_ids: (cell, one) for cell in measured.cells if (one := ones.get(_key(cell, _batch_of_one(cell))))}
    spread = [cell for cell, _ in pairs.values() if cell.scaling in ("weak", "strong")]
    for group in groups(spread):
        base = pairs[group.base.run_ids] if group.base else ()
        for other in group.others or (None,):
            yield from _of_sides(measured, base, pairs[other.run_ids] if other else ())


def _of_sides(measured: Measured, base: Sequence[Repeats], other: Sequence[Repeats]) -> Iterator[Line]:
    """Speedup, efficiency and share of communication of one framework beside PyTorch, or of one of them alone."""
    shown = (other or base)[0]
    label = f"{label_of(shown)}, {shown.world_size} ranks ({shown.scaling})"
    strategies = " beside ".join(cells[0].strategy for cells in (base, other) if cells)
    efficiency = Measure("efficiency", "ratio", "higher", quotient_of("throughput", share=shown.world_size))
    for measure in (_SPEEDUP, efficiency, measured.measure("communication_share")):
        needed = 1 if measure.metric == "communication_share" else 2
        claim = claim_beside(NAME, measure, *(cells[0] if cells else None for cells in (base, other)))
        yield Line(label, measure, base[:needed], other[:needed], claim, (f"Strategy: {strategies}.",))


def _batch_of_one(cell: Repeats) -> int:
    """The batch of the one rank that a cell is set against: its ranks share it in strong scaling."""
    return cell.batch * (cell.world_size if cell.scaling == "strong" else 1)


def _key(cell: Repeats, batch: int) -> tuple[object, ...]:
    """What the cells of several ranks share with that of one."""
    work = (cell.model, cell.size, cell.framework, cell.mode, cell.precision, cell.sequence, batch)
    return (*work, cell.cores, cell.device_kind, cell.device)
