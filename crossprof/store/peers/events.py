"""What other tools find in a trace file, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from crossprof.store.arrays import columns

__all__ = ["Bools", "File", "Ints", "Table", "read_files", "statements"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Table = Mapping[str, NDArray[Any]]
_FILES = "SELECT process, run_id, rank, capture, is_xplane, since_ns, until_ns FROM peer_file ORDER BY run_id, rank, capture"
_EVENTS = ("work", "calls", "host")


@dataclass(frozen=True)
class File:
    """One profiling window of one rank: XPlane, or Kineto JSON with host events too. All times are nanoseconds of the trace.

    `work` has what ran on devices, in order of its start, with the start and end of its launch (`is_launched`: whether that
    call is there, `is_launched_by_driver`: whether it is one of the driver). `calls` are those of the runtime and the driver,
    `host` operators and annotations: of users, of programs, marks of steps. `reach` is from the first start to the last end of
    all operators, where nothing marks steps.
    """

    run_id: str
    rank: int
    capture: int
    is_xplane: bool
    work: Table
    calls: Table
    host: Table
    reach: tuple[int, int] | None


def read_files(connection: duckdb.DuckDBPyConnection) -> Iterator[File]:
    """The files of all runs of the connection that some tool reads, one after the other."""
    make, *queries, reach, _ = statements()
    connection.execute(make)
    if windows := connection.execute(_FILES).fetchall():
        events = {name: _by(columns(connection, query), "process") for name, query in zip(_EVENTS, queries, strict=True)}
        reaches = cache(lambda: {row[:2]: row[2:] for row in connection.execute(reach).fetchall()})
        for process, run_id, rank, capture, is_xplane, since_ns, until_ns in windows:
            held = {table: _of_process(rows, process) for table, rows in events.items()}
            held["work"] = _launched(_by(held["work"], "start_ns"), _by(held["calls"], "call_id"))
            held = {table: _within(rows, since_ns, until_ns) for table, rows in held.items()}
            is_marked = is_xplane or held["host"]["is_numbered"].any()
            reached = None if is_marked else reaches().get((process, capture))
            yield File(run_id, rank, capture, is_xplane, **held, reach=reached)
    connection.execute("DROP TABLE peer_process; DROP TABLE peer_file")


@cache
def statements() -> list[str]:
    """The statements of events.sql."""
    return files("crossprof.store.peers").joinpath("events.sql").read_text("utf-8").split("\n---\n")


def _by(table: Table, name: str) -> Table:
    """The rows in the order of a column, and as they were where it is the same."""
    values = table[name]
    if np.all(values[1:] >= values[:-1]):
        return table
    order = np.argsort(values, kind="stable")
    return {name: values[order] for name, values in table.items()}


def _of_process(table: Table, process: int) -> Table:
    first, last = np.searchsorted(table["process"], [process, process + 1])
    return {name: values[first:last] for name, values in table.items()}


def _launched(work: Table, calls: Table) -> Table:
    """The work with the call that launched it: one of all of the process, in this window or not."""
    none = {"process": -1, "call_id": -2, "start_ns": 0, "end_ns": 0, "is_of_driver": False}
    place = np.searchsorted(calls["call_id"], work["call_id"])
    call = {name: np.append(values, np.array(none[name], values.dtype))[place] for name, values in calls.items()}
    is_launched = call["call_id"] == work["call_id"]
    launch = {"is_launched": is_launched, "is_launched_by_driver": is_launched & call["is_of_driver"]}
    return {**work, **launch, "launch_start_ns": call["start_ns"], "launch_end_ns": call["end_ns"]}


def _within(table: Table, since_ns: int, until_ns: int) -> Table:
    is_inside = (table["start_ns"] >= since_ns) & (table["start_ns"] < until_ns)
    return table if is_inside.all() else {name: values[is_inside] for name, values in table.items()}
