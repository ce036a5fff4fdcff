"""Training speed, TensorFlow relative to PyTorch."""

from __future__ import annotations

from crossprof.survey.measured import Measured
from crossprof.survey.pairs import pair_rows
from crossprof.survey.repeats import Repeats
from crossprof.survey.table import Table

__all__ = ["cells_of", "table"]

NAME = "training"


def table(measured: Measured) -> Table:
    """The table, from the training cells of one rank in float32."""
    speed = measured.measure("throughput")
    return Table(
        name=NAME,
        title="Training speed",
        question="How fast does each framework train the same model?",
        method="Samples a second of training steps that the profiler does not slow, in float32; the ratio is that of the "
        "other framework over PyTorch, so below 1 is slower.",
        rows=pair_rows(measured, NAME, cells_of(measured), lambda _: (speed,)),
    )


def cells_of(measured: Measured) -> tuple[Repeats, ...]:
    """The cells that train on one rank in float32, outside the table of scaling."""
    return tuple(
        cell
        for cell in measured.cells
        if cell.phase == "train" and cell.precision == "float32" and cell.world_size == 1 and not cell.scaling
    )
