"""Latency of inference, one sample at a time."""

from __future__ import annotations

from crossprof.survey.measured import Measured
from crossprof.survey.pairs import pair_rows
from crossprof.survey.table import Table

__all__ = ["table"]

NAME = "latency"


def table(measured: Measured) -> Table:
    """The table, from the cells that infer one sample at a time."""
    measures = measured.measure("step_time"), measured.measure("step_time_p99")
    cells = [cell for cell in measured.cells if cell.phase == "infer" and cell.batch == 1 and cell.world_size == 1]
    return Table(
        name=NAME,
        title="Inference latency",
        question="How long does one sample take?",
        method="The time from a request to its answer on the host, one sample at a time, without a cache of keys: the "
        "median (step_time) and the 99th percentile, which is nearly the slowest of so few. The ratio is that of "
        "the other framework over PyTorch, so above 1 takes longer.",
        rows=pair_rows(measured, NAME, cells, lambda _: measures),
    )
