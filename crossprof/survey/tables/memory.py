"""Memory of training."""

from __future__ import annotations

from crossprof.survey.measured import Measured
from crossprof.survey.pairs import pair_rows
from crossprof.survey.table import Table
from crossprof.survey.tables.training import cells_of

__all__ = ["table"]

NAME = "memory"
_ON_HOST = "Without a device it is the resident memory of the process, the framework itself included."


def table(measured: Measured) -> Table:
    """The table, from the same cells as that of training."""
    on_device = measured.measure("peak_memory", is_explained=False)
    on_host = measured.measure("peak_memory", is_explained=False, note=_ON_HOST)
    return Table(
        name=NAME,
        title="Training memory",
        question="How much memory does training take?",
        method="The most that the driver counts on the device during the run, caches of the allocator included; on a CPU "
        "the resident memory of the process, the framework itself included, which outweighs a small model. The "
        "ratio is that of the other framework over PyTorch, so above 1 takes more.",
        rows=pair_rows(measured, NAME, cells_of(measured), lambda group: (on_host if group.is_on_host else on_device,)),
    )
