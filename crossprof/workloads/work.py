"""The batches of a cell."""

from __future__ import annotations

from crossprof.workloads.batches import Batch, batches
from crossprof.workloads.cell import Cell
from crossprof.workloads.models import model_named

__all__ = ["batches_of", "rows_of"]


def batches_of(cell: Cell, *, count: int) -> list[Batch]:
    """`count` batches with the samples of all ranks: data parallel work on any number of ranks is the same work."""
    size = cell.shape
    shape = (cell.batch * cell.world_size, cell.sequence or size.image)
    answers = size.vocabulary or size.classes
    return batches(model_named(cell.model).TASK, count=count, shape=shape, answers=answers, seed=cell.seed)


def rows_of(cell: Cell, batch: Batch, rank: int) -> Batch:
    """The rows of one rank."""
    rows = slice(rank * cell.batch, (rank + 1) * cell.batch)
    return Batch(batch.inputs[rows].copy(), batch.labels[rows].copy())
