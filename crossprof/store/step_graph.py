"""The dependency graph of steps: instants on host threads and device streams, and what each of them had to wait for.

An edge says that its target comes at least `lag` after its source. Of the edges into an instant, the one whose source came
last is binding: all the time that passed is its lag, and that of other edges of its sort. Of all others only the order is
known, so their lag is nothing. So every instant is the latest of its sources plus lag, as recorded. The view `dependency`
says what each sort of edge means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossprof.store.intervals import LONGEST, dense, last_one, latest
from crossprof.store.step_instants import Instants, Table

__all__ = ["EDGES", "KINDS", "Graph", "step_graph"]

Ints = NDArray[np.int64]

KINDS = (
    "kernel", "collective", "memcpy", "memset", "host", "call", "data_loading", "host_gap",
    "sync_wait", "queue_wait", "thread_wait", "launch_wait", "stream_wait", "unknown_wait",
)  # fmt: skip
EDGES = (
    "step_start", "program_order", "execution", "handover", "synchronization", "launch_queue", "launch", "stream_order",
    "stream_event", "collective",
)  # fmt: skip
_KIND = {name: code for code, name in enumerate(KINDS)}
_EDGE = {name: code for code, name in enumerate(EDGES)}
_QUEUED = 1022
"""Kernels of a stream that CUDA lets a host be ahead: the next launch returns 6 us after the first of them ends."""


@dataclass(frozen=True)
class Graph:
    """Instants (time, window, component, lane) and edges between them (source, target, lag, kind, why, event).

    `time` counts nanoseconds from the start of the component. `parent` is the binding edge of an instant, -1 for the source of
    a window; `sink` is the last instant of each window; `order` sorts instants so that every edge leads forward. `kind` and
    `why` are places in KINDS and EDGES, `event` is the id of an op, a call, a kernel or the row of a range, by kind, else -1.
    """

    time: Ints
    window: Ints
    component: Ints
    lane: Ints
    order: Ints
    parent: Ints
    source: Ints
    target: Ints
    lag: Ints
    kind: Ints
    why: Ints
    event: Ints
    sink: Ints


def step_graph(windows: Table, spans: Table, kernels: Table, ranges: Table) -> Graph:
    """The graph of some windows of time, from the rows of critical_path.sql."""
    instants = Instants(windows, spans, kernels, ranges)
    edges = _Edges(instants)
    edges.connect_threads()
    edges.connect_calls()
    edges.connect_handovers()
    edges.connect_kernels()
    source, target, kind, why, event = (np.concatenate(column) for column in zip(*edges.found, strict=True))
    by_target = np.lexsort((instants.time[source], target))
    source, target, kind, why, event = (column[by_target] for column in (source, target, kind, why, event))
    binding = np.flatnonzero(last_one(target))
    parent = np.full(len(instants.time), -1, np.int64)
    parent[target[binding]] = binding
    bound_by = parent[target]
    lag = np.where(why == why[bound_by], (instants.time[target] - instants.time[source])[bound_by], 0)
    return Graph(
        time=instants.time, window=instants.window, component=instants.component, lane=instants.lane,
        order=np.lexsort((instants.turn, instants.time)), parent=parent,
        source=source, target=target, lag=lag, kind=kind, why=why, event=event,
        sink=instants.at(instants.main, windows["end_ns"]),
    )  # fmt: skip


class _Edges:
    """Finds the edges between instants, one sort after the other."""

    def __init__(self, instants: Instants) -> None:
        self.of = instants
        self.found: list[tuple[Ints, Ints, Ints, Ints, Ints]] = []

    def _add(self, source: Ints, target: Ints, kind: Ints | str, why: str, event: Ints | None = None) -> None:
        kinds = np.full(len(source), _KIND[kind]) if isinstance(kind, str) else kind
        events = np.full(len(source), -1) if event is None else event
        self.found.append((source, target, kinds, np.full(len(source), _EDGE[why]), events))

    def connect_threads(self) -> None:
        """From each instant of a thread to the next one."""
        of, spans, ranges = self.of, self.of.spans, self.of.ranges
        first = of.at(np.arange(len(of.thread_window)), np.array(0))
        self._add(of.sources[of.window[first]], first, "unknown_wait", "step_start")
        inside = np.setdiff1d(np.arange(len(of.keys)), first, assume_unique=True) - 1
        busy, self.idle = inside[of.doing[inside] >= 0], inside[of.doing[inside] < 0]
        span, named = of.doing[busy], of.named[self.idle]
        kinds = np.array([_KIND["host"], _KIND["call"], _KIND["data_loading"]])[spans["kind"][span]]
        self._add(busy, busy + 1, kinds, "execution", spans["id"][span])
        kinds = np.where(np.append(ranges["is_loading"], False)[named], _KIND["data_loading"], _KIND["host_gap"])
        self._add(self.idle, self.idle + 1, kinds, "program_order", named)

    def connect_calls(self) -> None:
        """From the end of device work to the end of the call that waited for it."""
        of, spans, kernels = self.of, self.of.spans, self.of.kernels
        calls = np.flatnonzero(spans["waits"])
        streams = np.bincount(kernels["number"][last_one(of.stream)], minlength=len(of.every_window))
        count = streams[spans["number"][calls]]
        call, before = np.repeat(calls, count), np.cumsum(count) - count
        stream = np.arange(len(call)) + np.repeat((np.cumsum(streams) - streams)[spans["number"][calls]] - before, count)
        work = latest(
            of.finished, of.stream, kernels["end_ns"], of=stream, up_to=spans["end_ns"][call], after=spans["start_ns"][call]
        )
        call, work = call[work >= 0], work[work >= 0]
        launched_ns = np.append(spans["start_ns"], -1)[of.launch[work]]
        is_earlier = launched_ns < spans["start_ns"][call]
        copies = of.finished[(of.launch[of.finished] >= 0) & (kernels["kind"][of.finished] == KINDS.index("memcpy"))]
        copies = copies[kernels["is_pageable"][copies] | spans["is_blocking"][of.launch[copies]]]
        call, work = np.append(call[is_earlier], of.launch[copies]), np.append(work[is_earlier], copies)
        self._connect_waiting(call, work, "sync_wait", "synchronization")
        later = np.flatnonzero(of.launch >= 0)
        later = later[later >= _QUEUED]
        later = later[(of.stream[later - _QUEUED] == of.stream[later]) & ~kernels["is_cut"][later - _QUEUED]]
        self._connect_waiting(of.launch[later], later - _QUEUED, "queue_wait", "launch_queue")

    def _connect_waiting(self, call: Ints, work: Ints, kind: str, why: str) -> None:
        """From the end of work to the end of a call, where the one falls into the other."""
        of, end_ns = self.of, self.of.kernels["end_ns"][work]
        target = of.at(of.span_thread[call], of.spans["end_ns"][call])
        is_waiting = (of.doing[target - 1] == call) & (end_ns > of.time[target - 1]) & (end_ns <= of.time[target])
        self._add(of.starts[work[is_waiting]] + 1, target[is_waiting], kind, why, of.spans["id"][call[is_waiting]])

    def connect_handovers(self) -> None:
        """Into an instant before which a thread did nothing: from the last work elsewhere that began and ended meanwhile."""
        of, spans, kernels, idle = self.of, self.of.spans, self.of.kernels, self.idle
        is_first = np.append(True, idle[1:] != idle[:-1] + 1)[: len(idle)] | (of.time[idle] == 0)
        since = of.time[idle[np.maximum.accumulate(np.where(is_first, np.arange(len(idle)), 0))]]
        window, after, up_to = of.window[idle], of.time[idle], of.time[idle + 1]
        outermost = np.flatnonzero(spans["is_top"] & (spans["end_ns"] > spans["start_ns"]))
        span = _latest_inside(outermost, spans, of=window, up_to=up_to, after=after, since=since)
        source = of.at(of.span_thread[span[span >= 0]], spans["end_ns"][span[span >= 0]])
        self._add(source, idle[span >= 0] + 1, "thread_wait", "handover")
        calls = np.bincount(spans["number"][spans["kind"] == 1], minlength=len(of.every_window))
        unmarked = of.main[~of.is_marked]
        is_silent = (calls[window] == 0) | np.isin(of.thread_of(idle), unmarked)  # no call says when it waited for the device
        work = _latest_inside(
            of.finished, kernels, of=window, up_to=up_to, after=np.where(is_silent, after, up_to), since=since
        )
        self._add(of.starts[work[work >= 0]] + 1, idle[work >= 0] + 1, "sync_wait", "handover")

    def connect_kernels(self) -> None:
        """Into starts and ends of kernels."""
        of, spans, kernels, starts = self.of, self.of.spans, self.of.kernels, self.of.starts
        start_ns, event = kernels["start_ns"], kernels["id"]
        kinds = np.where(kernels["call_id"] >= 0, _KIND["launch_wait"], _KIND["unknown_wait"])
        self._add(of.sources[kernels["number"]], starts, kinds, "step_start", event)
        call_start, call_end = (np.append(spans[name], LONGEST)[of.launch] for name in ("start_ns", "end_ns"))
        launch_ns = np.where(call_end <= start_ns, call_end, call_start)
        launched = np.flatnonzero(launch_ns <= start_ns)
        thread = of.span_thread[of.launch[launched]]
        self._add(of.at(thread, launch_ns[launched]), starts[launched], "launch_wait", "launch", event[launched])
        before = latest(of.finished, of.stream, kernels["end_ns"], of=of.stream, up_to=start_ns, after=np.full(len(starts), -1))
        follows = np.flatnonzero(before >= 0)
        self._add(starts[before[follows]] + 1, starts[follows], "stream_wait", "stream_order", event[follows])
        known_ns = np.maximum(np.where(launch_ns <= start_ns, launch_ns, 0), np.append(kernels["end_ns"], 0)[before])
        self._connect_streams(known_ns)
        alone, joined = np.flatnonzero(~of.is_joined), np.flatnonzero(of.is_joined)
        barrier = of.barriers[of.barrier]
        self._add(starts[alone], starts[alone] + 1, kernels["kind"][alone], "execution", event[alone])
        self._add(starts[joined], barrier, "collective", "collective", event[joined])
        self._add(barrier, starts[joined] + 1, "collective", "execution", event[joined])

    def _connect_streams(self, known_ns: Ints) -> None:
        """From a later kernel of another stream, where the host told a stream to wait since it last launched on this one."""
        of, spans, kernels = self.of, self.of.spans, self.of.kernels
        launched = np.flatnonzero(of.launch >= 0)
        launched = launched[np.lexsort((spans["start_ns"][of.launch[launched]], of.stream[launched]))]
        launch_ns = spans["start_ns"][of.launch[launched]]
        is_next = np.append(False, of.stream[launched][1:] == of.stream[launched][:-1])[: len(launched)]
        last_ns = np.where(is_next, np.append(0, launch_ns)[: len(launched)], 0)
        orders = np.flatnonzero(spans["is_order"])
        thread = of.span_thread[of.launch[launched]]
        told = latest(orders, of.span_thread, spans["start_ns"], of=thread, up_to=launch_ns, after=last_ns - 1)
        waits = launched[told >= 0]
        device = dense(kernels["number"], kernels["device"])
        up_to, after = kernels["start_ns"][waits], known_ns[waits]
        work = latest(of.finished, device, kernels["end_ns"], of=device[waits], up_to=up_to, after=after)
        waits, work = waits[work >= 0], work[work >= 0]
        self._add(of.starts[work] + 1, of.starts[waits], "stream_wait", "stream_event", kernels["id"][waits])


def _latest_inside(rows: Ints, events: Table, *, of: Ints, up_to: Ints, after: Ints, since: Ints) -> Ints:
    """As `latest`, by the ends of events of a window, of those that began at `since` or later.

    What began before it is passed over: no more than one event a thread or stream, since these do one after the other.
    """
    while True:
        found = latest(rows, events["number"], events["end_ns"], of=of, up_to=up_to, after=after)
        is_early = (found >= 0) & (np.append(events["start_ns"], 0)[found] < since)
        if not is_early.any():
            return found
        up_to = np.where(is_early, np.append(events["end_ns"], 0)[found] - 1, up_to)
