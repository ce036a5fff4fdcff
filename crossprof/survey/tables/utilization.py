"""Utilization of the device."""

from __future__ import annotations

from crossprof.survey.measure import Measure
from crossprof.survey.measured import Measured
from crossprof.survey.pairs import Group, pair_rows
from crossprof.survey.table import Table
from crossprof.survey.tables.training import cells_of

__all__ = ["table"]

NAME = "utilization"
_ON_DEVICE = ("device_busy", "device_utilization")
_ON_HOST = "cpu_utilization"
_NOTE = "No figure of a device: it is the share of all cores of the host that the process used."


def table(measured: Measured) -> Table:
    """The table, from the same cells as that of training."""

    def measures(group: Group) -> tuple[Measure, ...]:
        metric = next((metric for metric in _ON_DEVICE if measured.has(metric, group.cells)), _ON_HOST)
        return (measured.measure(metric, note=_NOTE if metric == _ON_HOST else ""),)

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
