"""Where the time of devices goes, held in `rollup._device_time` and `rollup.idle_cause`: one sweep over their work for both.

The views of these names define what is held. DuckDB would sort both ends of every interval for them; a part holds the starts in
order already, and a running maximum of the ends tells what is covered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crossprof.store.arrays import columns, packed
from crossprof.store.idle_sweep import UNKNOWN, idle_by_cause, states
from crossprof.store.intervals import distinct, last_one

__all__ = ["fill__device_time"]

Ints = NDArray[np.int64]
Table = dict[str, NDArray[Any]]
_COVERED = {
    "busy_ns": (0, 1, 2), "kernel_busy_ns": (0, 1), "compute_ns": (0,), "communication_ns": (1,), "copy_ns": (2,)
}  # fmt: skip
"""Which kinds of work each time is covered by: kernels, collectives, copies."""


@dataclass(frozen=True)
class _Line:
    """One device: its work in order of its start; the spans of its work, one a window; steps and waits of its process."""

    process: int
    device: int
    work: Table
    spans: tuple[Ints, Ints]
    steps: Table
    waits: Table

    @property
    def lasting(self) -> Ints:
        """The places of the steps that take time."""
        return np.flatnonzero(self.steps["end_ns"] > self.steps["start_ns"])


def fill__device_time(connection: duckdb.DuckDBPyConnection) -> None:
    """Fills `rollup._device_time` and `rollup.idle_cause` with the time of all devices of the connection."""
    make, *queries, fill_times, fill_causes = _statements()
    connection.execute(make)
    lines = list(_lines(*(columns(connection, query) for query in queries)))
    if lines:
        _insert(connection, fill_times, [_time(line) for line in lines])
        _insert(connection, fill_causes, [_causes(line) for line in lines])
    connection.execute("DROP TABLE sweep_process; DROP TABLE sweep_window")


def _lines(windows: Table, steps: Table, work: Table, waits: Table) -> Iterator[_Line]:
    work = _in_order(work)
    lasts = np.flatnonzero(last_one(work["process"]) | last_one(work["device_id"]))
    for first, last in zip([0, *(lasts[:-1] + 1).tolist()], (lasts + 1).tolist(), strict=False):
        process = int(work["process"][first])
        own = {name: values[first:last] for name, values in work.items()}
        spans = _spans(own, _of_process(windows, process))
        yield _Line(process, int(own["device_id"][0]), own, spans, _of_process(steps, process), _of_process(waits, process))


def _in_order(work: Table) -> Table:
    """The work by process, device and start: the order of parts, of which there may be several."""
    keys = work["start_ns"], work["device_id"], work["process"]
    is_later = np.zeros(max(len(keys[0]) - 1, 0), bool)
    for key in keys:
        is_later = (key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & (is_later if key is not keys[0] else True))
    if is_later.all():
        return work
    order = np.lexsort(keys)
    return {name: values[order] for name, values in work.items()}


def _of_process(table: Table, process: int) -> Table:
    first, last = np.searchsorted(table["process"], [process, process + 1])
    return {name: values[first:last] for name, values in table.items()}


def _spans(work: Table, windows: Table) -> tuple[Ints, Ints]:
    """From the first start to the last end of the work of each window."""
    start, end = work["start_ns"], work["end_ns"]
    since, until = np.searchsorted(start, windows["since_ns"]), np.searchsorted(start, windows["until_ns"])
    held = [(first, last) for first, last in zip(since.tolist(), until.tolist(), strict=True) if first < last]
    return np.array([start[first] for first, _ in held]), np.array([end[first:last].max() for first, last in held])


def _time(line: _Line) -> Table:
    """The rows of `_device_time`: the steps that take time, then what is outside of them."""
    work, steps = line.work, line.steps
    start, end, kind = work["start_ns"], work["end_ns"], work["kind"]
    first, last = np.append(start[:1], steps["start_ns"]).min(), np.append(end.max(), steps["end_ns"]).max()
    found: dict[str, Ints] = {}
    length = (steps["end_ns"] - steps["start_ns"])[line.lasting]
    found["window_ns"] = np.append(length, last - first - length.sum())
    found["span_ns"] = _covered(*line.spans, line)
    present = [number for number in range(3) if (kind == number).any()]
    unions: dict[tuple[int, ...], Ints] = {}
    for name, kinds in _COVERED.items():
        among = tuple(number for number in present if number in kinds)
        if among not in unions:
            is_among = np.array([number in among for number in range(4)])[kind]
            unions[among] = _covered(start[is_among], end[is_among], line)
        found[name] = unions[among]
    found["exposed_communication_ns"] = found["kernel_busy_ns"] - found["compute_ns"]
    found["exposed_copy_ns"] = found["busy_ns"] - found["kernel_busy_ns"]
    found["spill_ns"] = _covered(*_spilled(line), line)
    return _identified(line, found)


def _covered(start: Ints, end: Ints, line: _Line) -> Ints:
    """How much intervals, in order of their start, cover of each step that takes time, and outside of them.

    Before an instant lies what the intervals that start before it cover, but for what the farthest of them reaches beyond it.
    """
    borders = np.concatenate((line.steps["start_ns"][line.lasting], line.steps["end_ns"][line.lasting]))
    if not len(start):
        return np.zeros(len(line.lasting) + 1, np.int64)
    reach = np.maximum.accumulate(end)
    total = np.append(0, np.cumsum(reach - np.maximum(start, np.append(start[0], reach[:-1]))))
    place = np.searchsorted(start, borders)
    beyond = np.where(place > 0, np.maximum(reach[place - 1] - borders, 0), 0)
    since, until = np.split(total[place] - beyond, 2)
    return np.append(until - since, total[-1] - (until - since).sum())


def _spilled(line: _Line) -> tuple[Ints, Ints]:
    """The parts of the work that the last measured step of each window launched which lie after it."""
    work, steps = line.work, line.steps
    parts = []
    for capture in distinct(steps["capture"][~steps["is_warmup"]]).tolist():
        own = np.flatnonzero((steps["capture"] == capture) & ~steps["is_warmup"])
        until = steps["end_ns"][own].max()
        after = (work["step"] == steps["step"][own[-1]]) & (work["end_ns"] > until)
        parts.append((np.maximum(work["start_ns"][after], until), work["end_ns"][after]))
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(start, kind="stable")
    return start[order], end[order]


def _causes(line: _Line) -> Table:
    """The rows of `idle_cause`: the steps that take time, then the spans."""
    work, steps, waits, lasting = line.work, line.steps, line.waits, line.lasting
    starts, ends = line.spans
    start = np.concatenate((starts, steps["start_ns"], waits["start_ns"]))
    end = np.concatenate((ends, steps["end_ns"], waits["end_ns"]))
    kinds = np.zeros((4, len(start)), np.int64)
    spans, waiting = slice(None, len(starts)), slice(len(starts) + len(steps["step"]), None)
    kinds[0, len(starts) : waiting.start] = np.arange(1, len(steps["step"]) + 1)
    kinds[1, spans] = 1
    kinds[2, waiting], kinds[3, waiting] = waits["sync"], waits["input"]
    found = idle_by_cause(work["start_ns"], work["end_ns"], work["launch_ns"], states(start, end, kinds), len(steps["step"]))
    found = {name: np.append(values[:-1][lasting], values[-1]) for name, values in found.items()}
    found["window_ns"] = np.append((steps["end_ns"] - steps["start_ns"])[lasting], (ends - starts).sum())
    found["is_launched"] = np.full(len(lasting) + 1, (work["launch_ns"] != UNKNOWN).any(), np.int64)
    return _identified(line, found)


def _identified(line: _Line, found: dict[str, Ints]) -> Table:
    """The rows with whose they are; the last one is of no step."""
    rows = len(line.lasting) + 1
    return {
        "process": np.full(rows, line.process), "device_id": np.full(rows, line.device),
        "step": np.append(line.steps["step"][line.lasting], 0), "is_step": np.arange(rows) < rows - 1,
        "is_measured": np.append(~line.steps["is_warmup"][line.lasting], False), **found,
    }  # fmt: skip


def _insert(connection: duckdb.DuckDBPyConnection, statement: str, tables: Sequence[Table]) -> None:
    joined = {name: np.concatenate([table[name] for table in tables]).astype(np.int64) for name in tables[0]}
    connection.register("swept", pa.table({name: packed(values) for name, values in joined.items()}))
    connection.execute(statement)
    connection.unregister("swept")


@cache
def _statements() -> list[str]:
    return files("crossprof.store").joinpath("device_sweep.sql").read_text("utf-8").split("\n---\n")
