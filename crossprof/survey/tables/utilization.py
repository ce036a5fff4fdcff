"""Utilization of the device."""

from __future__ import annotations

from crossprof.survey.measure import Measure
from crossprof.survey.measured import Measured
from crossprof.survey.pairs import Group, pair_rows
from crossprof.survey.table import Table
from crossprof.survey.tables.training import cells_of

__all__ = ["table"]

NAME = "utilization"
_METRICS = ("device_busy", "device_utilization", "cpu_utilization")


def table(measured: Measured) -> Table:
    """The table, from the same cells as that of training."""

    def measures(group: Group) -> tuple[Measure, ...]:
        metric = next((metric for metric in _METRICS if measured.has(metric, group.cells)), _METRICS[-1])
        return (measured.measure(metric),)

    return Table(
        name=NAME,
        title="Device utilization",
        question="How busy does each framework keep the device while it trains?",
        method="The share of the measured steps in which the device worked (device_busy); without a trace of the device "
        "the driver's count (device_utilization). A machine without accelerator has the share of all its cores "
        "that the process used (cpu_utilization), where more is neither better nor worse. The survey does not say "
        "which of these it means.",
        rows=pair_rows(measured, NAME, cells_of(measured), measures),
    )
