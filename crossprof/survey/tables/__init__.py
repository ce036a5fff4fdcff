"""The tables of the survey, one file each, in the survey's order."""

from __future__ import annotations

from collections.abc import Callable

from crossprof.survey.measured import Measured
from crossprof.survey.table import Table
from crossprof.survey.tables import latency, memory, precision, scaling, throughput, training, utilization

__all__ = ["TABLES"]

TABLES: tuple[Callable[[Measured], Table], ...] = (
    training.table,
    utilization.table,
    memory.table,
    precision.table,
    scaling.table,
    latency.table,
    throughput.table,
)
