"""What each of the two pages is about: its levels of naming, its columns, and what runs can be set side by side in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["KERNELS", "OPERATORS", "Column", "Scope", "Subject"]

MOST_RUNS = 4


@dataclass(frozen=True)
class Column:
    """A column of figures of the view operation_summary: its title, its unit, how wide it is, what it means."""

    field: str
    title: str
    unit: str
    width: int
    meaning: str


_CALLS = Column("calls", "Calls", "count", 100, "How many in the capture.")
_MEAN = Column("mean_ns", "Mean", "ns", 100, "Mean duration of a call.")
_MIN = Column("min_ns", "Min", "ns", 100, "Shortest duration.")
_MAX = Column("max_ns", "Max", "ns", 100, "Longest duration.")
_STEP_CALLS = Column("per_step_calls", "Calls per step", "count", 104, "Calls of a measured step on one device or rank.")


@dataclass(frozen=True)
class Subject:
    """One of the two pages. The first level and the first measure are shown unless the address names others."""

    key: str
    title: str
    one: str
    """What a row is, in a sentence."""
    levels: Mapping[str, str]
    """Level of the view operation_summary, and its title."""
    columns: tuple[Column, ...]
    sort: str
    """The column that rows are ordered by at first."""
    measures: tuple[str, ...]
    """Columns that runs may be compared in."""
    reading: str
    lack: str
    """Why a run may have none, and what to do: finishes 'None, because ...'."""

    def column(self, field: str) -> Column:
        """The column of that field. Raises StopIteration for a field that the subject does not have."""
        return next(column for column in self.columns if column.field == field)


@dataclass(frozen=True)
class Scope:
    """What a page shows: runs, the baseline first; the level of naming; what several runs are compared in."""

    subject: Subject
    run_ids: tuple[str, ...]
    level: str
    measure: str


KERNELS = Subject(
    key="kernels",
    title="Kernels",
    one="kernel",
    levels={"name": "Name", "family": "Family"},
    columns=(
        Column("total_ns", "Total", "ns", 100, "Sum of the durations over the whole capture, all ranks and devices together."),
        Column("share_ratio", "Share", "ratio", 90, "Total over the sum of all device work but asynchronous copies of a TPU."),
        _CALLS,
        Column("per_step_ns", "Per step", "ns", 104, "Time of a measured step on one device."),
        _STEP_CALLS,
        _MEAN,
        _MIN,
        _MAX,
    ),
    sort="total_ns",
    measures=("per_step_ns", "total_ns", "mean_ns", "calls", "per_step_calls"),
    reading="Device work of the whole capture, ranks and devices together. Sums: kernels that overlap count in full.",
    lack="the run holds no work on a device: it ran on the CPU, or its profiler did not watch the device.",
)
OPERATORS = Subject(
    key="operators",
    title="Operators",
    one="operator",
    levels={"operator": "Operator", "operator and shape": "Operator and shape"},
    columns=(
        Column("self_ns", "Self", "ns", 100, "Host time less what is inside: adds up over operators."),
        Column("share_ratio", "Share", "ratio", 90, "Self time over that of all operators."),
        Column("total_ns", "Host", "ns", 100, "Host time with all that is inside. Operators within others count again."),
        Column("device_ns", "Device", "ns", 100, "Kernels launched right under it."),
        _CALLS,
        Column("per_step_ns", "Self per step", "ns", 104, "Self time of a measured step on one rank."),
        _STEP_CALLS,
        _MEAN,
        _MIN,
        _MAX,
    ),
    sort="self_ns",
    measures=("per_step_ns", "self_ns", "total_ns", "device_ns", "mean_ns", "calls", "per_step_calls"),
    reading="Operators of the framework on the host over the whole capture, ranks together. Self times add up.",
    lack="the trace holds no operators of the framework on the host.",
)
