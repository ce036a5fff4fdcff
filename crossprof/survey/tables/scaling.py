"""Scaling: what more ranks gain, and what part of a step they communicate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from crossprof.survey.lines import Line, line, unmeasured
from crossprof.survey.measure import Measure, plain, quotient_of
from crossprof.survey.measured import Measured
from crossprof.survey.names import label_of
from crossprof.survey.pairs import Group, claim_beside, groups
from crossprof.survey.repeats import Repeats
from crossprof.survey.table import Table

__all__ = ["table"]

NAME = "scaling"
_SPEEDUP = Measure("speedup", "times", "higher", quotient_of("throughput"))
_SHARE = "communication_share"
_OF_ONE_RANK = """(
    SELECT run_metric.* REPLACE (value / ranks AS value, ci_low / ranks AS ci_low, ci_high / ranks AS ci_high)
    FROM run_metric
    JOIN (SELECT run_id, tags['world_size']::INTEGER / world_size AS ranks FROM run) AS process USING (run_id)
)"""
"""A metric that adds up over the ranks of a process, as the mean over them."""
_IN_ONE_PROCESS = "mirrored"
_SHARED = {
    _IN_ONE_PROCESS: "Ranks of mirrored are devices of one process, which share its threads and processors: none is bound to "
    "one, and times of operators add up over all ranks.",
    "sharding": "Ranks of sharding have their processors together: with one each, gloo's thread and its caller would wait "
    "for each other.",
    "parameter_server": "Beside the workers of parameter_server, its server and its coordinator need the same processors.",
}
"""What is unlike ranks that are processes with a processor each, on a CPU."""


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
        "the operators that communicate, the mean of all ranks. The ratio sets the other framework's figure over PyTorch's.",
        rows=(*rows, *unmeasured(NAME, rows)),
    )


def _lines(measured: Measured) -> Iterator[Line]:
    ones = {_key(cell, cell.batch): cell for cell in measured.cells if cell.scaling == "base"}
    pairs = {cell.run_ids: (cell, one) for cell in measured.cells if (one := ones.get(_key(cell, _batch_of_one(cell))))}
    spread = [cell for cell, _ in pairs.values() if cell.scaling in ("weak", "strong")]
    for group in groups(spread):
        base = pairs[group.base.run_ids] if group.base else ()
        for other in group.others or (None,):
            yield from _of_sides(base, pairs[other.run_ids] if other else (), _measures(measured, group, other))


def _measures(measured: Measured, group: Group, other: Repeats | None) -> Iterator[Measure]:
    """Speedup, efficiency and share of communication: the last where it is told, or by no strategy of the framework."""
    world_size = group.cells[0].world_size
    yield _SPEEDUP
    yield Measure("efficiency", "ratio", "higher", quotient_of("throughput", share=world_size))
    siblings = [cell for cell in group.others if other and (cell.framework, cell.mode) == (other.framework, other.mode)]
    if other and not measured.has(_SHARE, [other]) and any(measured.has(_SHARE, [cell]) for cell in siblings):
        return
    share = measured.measure(_SHARE)
    shown = [cell for cell in (group.base, other) if cell]
    if any(cell.strategy == _IN_ONE_PROCESS and cell.device_kind == "cpu" for cell in shown):
        yield replace(share, query=plain(_SHARE, values=_OF_ONE_RANK), is_compared=False)
    else:
        yield share


def _of_sides(base: Sequence[Repeats], other: Sequence[Repeats], measures: Iterator[Measure]) -> Iterator[Line]:
    """The figures of one framework beside PyTorch, or of one of them alone."""
    shown = (other or base)[0]
    label = f"{label_of(shown)}, {shown.world_size} ranks ({shown.scaling})"
    for measure in measures:
        needed = 1 if measure.metric == _SHARE else 2
        claim = claim_beside(NAME, measure, *(cells[0] if cells else None for cells in (base, other)))
        yield Line(label, measure, base[:needed], other[:needed], claim, tuple(_notes(base, other)))


def _notes(base: Sequence[Repeats], other: Sequence[Repeats]) -> Iterator[str]:
    """How the ranks work together, and what is unlike in that."""
    shown = [cells[0] for cells in (base, other) if cells]
    yield f"Strategy: {' beside '.join(cell.strategy for cell in shown)}."
    for cell in shown:
        if cell.device_kind == "cpu" and cell.strategy in _SHARED:
            yield _SHARED[cell.strategy]


def _batch_of_one(cell: Repeats) -> int:
    """The batch of the one rank that a cell is set against: its ranks share it in strong scaling."""
    return cell.batch * (cell.world_size if cell.scaling == "strong" else 1)


def _key(cell: Repeats, batch: int) -> tuple[object, ...]:
    """What the cells of several ranks share with that of one."""
    work = (cell.model, cell.size, cell.framework, cell.mode, cell.precision, cell.sequence, batch)
    return (*work, cell.cores, cell.device_kind, cell.device)
