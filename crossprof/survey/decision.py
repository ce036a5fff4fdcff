"""What the measured rows say to somebody who has to choose, in sentences that rest on one row each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crossprof.survey.names import title_of
from crossprof.survey.row import Figure, Row, Side
from crossprof.survey.table import Table

__all__ = ["Decision", "Statement", "decisions"]

_PURPOSES = (
    ("training", "Training", (("training", "throughput"),)),
    ("production", "Production", (("latency", "step_time"), ("throughput", "throughput"))),
    ("scaling", "Scaling", (("scaling", "efficiency"),)),
    ("memory", "Memory", (("memory", "peak_memory"),)),
)
"""Name and title of each purpose, and the tables and metrics that speak of it."""

_QUANTITIES = {
    ("training", "throughput"): "speed of training",
    ("latency", "step_time"): "latency",
    ("throughput", "throughput"): "throughput of inference",
    ("scaling", "efficiency"): "efficiency",
    ("memory", "peak_memory"): "peak memory",
}
_LOWER = {"step_time", "peak_memory"}
_TOLD = ("better", "worse", "indistinguishable")


@dataclass(frozen=True)
class Statement:
    """A sentence that rests on one measured row: its table and its place in it."""

    text: str
    table: str
    row: int


@dataclass(frozen=True)
class Decision:
    """What the measured rows say to somebody who has to choose, for one purpose: training, production, scaling or memory.

    Without a measured row there is no statement, and `lacking` says what to measure.
    """

    purpose: str
    title: str
    statements: tuple[Statement, ...]
    lacking: str


def decisions(tables: Sequence[Table]) -> tuple[Decision, ...]:
    """One for each purpose. Rows without a comparison, or without an interval, are not cited."""
    by_name = {table.name: table for table in tables}
    return tuple(_decision(purpose, title, asked, by_name) for purpose, title, asked in _PURPOSES)


def _decision(purpose: str, title: str, asked: Sequence[tuple[str, str]], tables: Mapping[str, Table]) -> Decision:
    statements = tuple(statement for name, metric in asked for statement in _statements(tables[name], metric))
    options = " ".join(f"--table {name}" for name, _ in asked)
    lacking = "" if statements else f"Nothing that can be compared was measured. `crossprof bench {options}` measures it."
    return Decision(purpose, title, statements, lacking)


def _statements(table: Table, metric: str) -> Iterator[Statement]:
    """One for each work and machine: of the row that decides it."""
    by_work: dict[tuple[str, str], list[tuple[int, Row, Figure, Side]]] = defaultdict(list)
    for number, row in enumerate(table.rows):
        if row.metric == metric and row.verdict in _TOLD and row.ratio and row.other:
            by_work[row.label, row.hardware].append((number, row, row.ratio, row.other))
    for (label, hardware), held in by_work.items():
        held.sort(key=lambda one: one[2].value, reverse=metric not in _LOWER)
        number, row, ratio, other = next((one for one in held if one[1].verdict == "better"), held[0])
        open_rows = [one for one in held if one[1].verdict == "indistinguishable"]
        if row.verdict != "better" and open_rows:
            number, row, ratio, other = open_rows[0]
        text = _text(row.verdict, title_of(other), _QUANTITIES[table.name, metric], ratio)
        yield Statement(f"{label}, on {hardware}: {text}", table.name, number)


def _text(verdict: str, other: str, quantity: str, ratio: Figure) -> str:
    interval = f"{_number(ratio.ci_low)} to {_number(ratio.ci_high)}"
    told = f"{_number(ratio.value)} times PyTorch's {quantity} (95 % interval {interval})"
    if verdict == "better":
        return f"{other} is ahead of PyTorch, with {told}."
    if verdict == "worse":
        return f"PyTorch is ahead; the closest to it, {other}, has {told}."
    return f"no sure difference between PyTorch and {other}, which has {told}."


def _number(value: float | None) -> str:
    """Three significant digits."""
    return "unknown" if value is None else f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
