"""Mixed precision: what bf16 gains, and how far it takes the loss from that of float32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crossprof.survey.lines import Line, line, unmeasured
from crossprof.survey.losses import LOSS_DISTANCE
from crossprof.survey.measure import Measure, quotient_of
from crossprof.survey.measured import Measured
from crossprof.survey.names import label_of
from crossprof.survey.pairs import claim_beside, groups
from crossprof.survey.repeats import Repeats
from crossprof.survey.table import Table
from crossprof.survey.tables import training

__all__ = ["table"]

NAME = "precision"
_GAIN = Measure("precision_gain", "times", "higher", quotient_of("throughput"))
_NOT_FINITE = """
    SELECT count(*) FROM sample
    WHERE metric = 'workload.loss' AND NOT coalesce(isfinite(value), false) AND list_contains(?, run_id)
"""


def table(measured: Measured) -> Table:
    """The table, from the training cells in bf16, each beside the same cell in float32."""
    rows = [line(measured, asked) for asked in _lines(measured)]
    return Table(
        name=NAME,
        title="Mixed precision",
        question="What does bf16 gain in each framework, and does training stay on its course?",
        method="precision_gain is samples a second in bf16 over those in float32, of one framework; loss_distance the "
        "largest distance of a loss in bf16 from that of the same step in float32, over the latter. Its repeats "
        "share seed and data, so that a larger one is not yet less stable; losses that are not finite are counted "
        "in the notes. The ratio sets the other framework's figure over PyTorch's. bf16 is torch.autocast in "
        "PyTorch and the policy mixed_bfloat16 in Keras, which differ in what stays in float32: only float32 is "
        "proven to be the same work.",
        rows=(*rows, *unmeasured(NAME, rows)),
    )


def _lines(measured: Measured) -> Iterator[Line]:
    cells = [cell for cell in measured.cells if cell.phase == "train" and cell.precision == "bf16" and cell.world_size == 1]
    references = {_key(cell): cell for cell in training.cells_of(measured)}
    for group in groups(cell for cell in cells if _key(cell) in references):
        base = (group.base, references[_key(group.base)]) if group.base else ()
        for other in group.others or (None,):
            shown = other or group.base
            if shown is None:
                continue
            sides = base, (other, references[_key(other)]) if other else ()
            for measure in (_GAIN, LOSS_DISTANCE):
                claim = claim_beside(NAME, measure, group.base, other)
                yield Line(label_of(shown), measure, *sides, claim, _notes(measured, measure, [*sides[0], *sides[1]]))


def _key(cell: Repeats) -> tuple[object, ...]:
    """What two cells share that differ in their precision alone."""
    return (cell.model, cell.size, cell.framework, cell.mode, cell.batch, cell.sequence, cell.device_kind, cell.device)


def _notes(measured: Measured, measure: Measure, cells: Sequence[Repeats]) -> tuple[str, ...]:
    if measure is not LOSS_DISTANCE:
        return ()
    run_ids = [run_id for cell in cells for run_id in cell.run_ids]
    ((count,),) = measured.store.sql(_NOT_FINITE, params=[run_ids]).fetchall()
    return (f"{count} losses are not finite.",) if count else ()
