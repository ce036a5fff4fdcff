"""Throughput of inference, several samples at a time."""

from __future__ import annotations

from crossprof.survey.measured import Measured
from crossprof.survey.pairs import pair_rows
from crossprof.survey.table import Table

__all__ = ["table"]

NAME = "throughput"


def table(measured: Measured) -> Table:
    """The table, from the cells that infer several samples at a time."""
    speed = measured.measure("throughput")
    cells = [cell for cell in measured.cells if cell.phase == "infer" and cell.batch > 1 and cell.world_size == 1]
    return Table(
        name=NAME,
        title="Inference throughput",
        question="How many samples a second are answered?",
        method="Samples a second of whole requests, the survey's number of samples in each. The ratio is that of the "
        "other framework over PyTorch, so below 1 is slower.",
        rows=pair_rows(measured, NAME, cells, lambda _: (speed,)),
    )
