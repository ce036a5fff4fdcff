"""The critical path of steps: found when a run is published, held in `rollup.critical_path`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crossprof.store.arrays import columns, packed, packed_texts
from crossprof.store.path_walk import critical_paths, gains
from crossprof.store.step_graph import EDGES, KINDS, Graph, step_graph
from crossprof.store.step_instants import Table

__all__ = ["Steps", "fill_critical_path", "read_steps"]

Ints = NDArray[np.int64]
_WINDOWS = "SELECT component, start_ns, end_ns, length_ns FROM path_window ORDER BY number"
_SPANS = "SELECT * EXCLUDE (thread_name) FROM path_span"
_KERNELS = "FROM path_kernel"
_RANGES = "SELECT * EXCLUDE (id, name, thread_name) FROM path_range ORDER BY id"
_HAS_STEPS = "SELECT count(*) > 0 FROM path_window"


@dataclass(frozen=True)
class Steps:
    """The steps that have a path: their windows and the graph of all of them."""

    windows: Table
    graph: Graph


def fill_critical_path(connection: duckdb.DuckDBPyConnection) -> None:
    """Fills `rollup.critical_path` with the paths of the steps chosen of all runs of the connection."""
    connection.execute("DELETE FROM rollup.critical_path")
    steps = read_steps(connection)
    if steps is None:
        return
    connection.register("path_found", _segments(steps))
    connection.execute(_statements()[-1])
    connection.unregister("path_found")
    connection.execute("DROP TABLE path_range; DROP TABLE path_kernel; DROP TABLE path_span; DROP TABLE path_window")


def read_steps(connection: duckdb.DuckDBPyConnection) -> Steps | None:
    """The graph of the steps chosen of all runs of the connection; what it was made from stays in temporary tables."""
    first, *others, _ = _statements()
    connection.execute(first)
    if connection.execute(_HAS_STEPS).fetchall() == [(False,)]:
        return None
    for statement in others:
        connection.execute(statement)
    windows, *events = (columns(connection, query) for query in (_WINDOWS, _SPANS, _KERNELS, _RANGES))
    return Steps(windows, step_graph(windows, *events))


def _segments(steps: Steps) -> pa.Table:
    """One row a segment of a path, from the start to the end of its window."""
    graph, start_ns = steps.graph, steps.windows["start_ns"]
    paths = critical_paths(graph, start_ns)
    gain = np.concatenate(gains(graph, paths))
    number = np.repeat(np.arange(len(paths)), [len(path) for path in paths])
    edge = np.concatenate(paths)
    start = np.maximum(graph.time[graph.source[edge]], start_ns[number])
    dur = graph.time[graph.target[edge]] - start
    lasts = dur > 0
    number, edge, start, dur, gain = number[lasts], edge[lasts], start[lasts], dur[lasts], gain[lasts]
    target = graph.target[edge]
    first = np.searchsorted(number, number)
    segments = {
        "number": number, "segment": np.arange(len(number)) - first, "start_ns": start, "dur_ns": dur,
        "gain_ns": np.minimum(dur, gain), "place": graph.window[target], "event": graph.event[edge],
        "thread": graph.lane[target],
    }  # fmt: skip
    named = {"kind": (graph.kind[edge], KINDS), "why": (graph.why[edge], EDGES)}
    texts = {name: pa.DictionaryArray.from_arrays(packed(codes), packed_texts(names)) for name, (codes, names) in named.items()}
    return pa.table({name: packed(values) for name, values in segments.items()} | texts)


@cache
def _statements() -> list[str]:
    return files("crossprof.store").joinpath("critical_path.sql").read_text("utf-8").split("\n---\n")
