"""The dependency graph of steps: instants on host threads and device streams, and what each of them had to wait for.

An edge says that its target comes at least `lag` after its source. Of the edges into an instant, the one whose source came last is
binding: all the time that passed is its lag. Of the others only the order is known, so their lag is nothing. Work (an operator's own
time, a kernel) keeps its duration. So every instant is the latest of its sources plus lag, as recorded. The view `dependency` says
what each edge means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossprof.store.intervals import dense, highest_cover

__all__ = ["EDGES", "KINDS", "Graph", "step_graph"]

Ints = NDArray[np.int64]
Table = Mapping[str, NDArray]

KINDS = (
    "kernel", "collective", "memcpy", "memset", "host", "call", "data_loading", "host_gap",
    "sync_wait", "thread_wait", "launch_wait", "stream_wait", "unknown_wait",
)  # fmt: skip
EDGES = (
    "step_start", "program_order", "execution", "handover", "synchronization", "launch", "stream_order", "stream_event", "collective",
)  # fmt: skip
_KIND = {name: code for code, name in enumerate(KINDS)}
_EDGE = {name: code for code, name in enumerate(EDGES)}
_SHIFT = 40  # an instant is less than 2^40 ns after the start of its component
_OF_SOURCE, _OF_KERNEL_END, _OF_HOST, _OF_RESUMPTION, _OF_KERNEL_START, _OF_BARRIER = range(6)


@dataclass(frozen=True)
class Graph:
    """Instants (`time`, `window`, `lane`) and the edges between them (`source`, `target`, `lag`, `kind`, `why`, `event`).

    `window` is the row of the windows that an instant belongs to, `lane` the hash of its thread or stream. `parent` is the binding edge of an
    instant, -1 for the start of a window. `order` sorts instants so that every edge leads forward. `sink` is the last instant of a window.
    `kind` and `why` are places in KINDS and EDGES; `event` is the id of an op, a call, a kernel or a named range, by kind, else -1.
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
    return _Builder(windows, spans, kernels, ranges).graph()


class _Builder:
    """Adds one sort of edges after the other. Instants of threads come first, then starts and ends of kernels, barriers, and sources."""

    def __init__(self, windows: Table, spans: Table, kernels: Table, ranges: Table) -> None:
        order = np.lexsort((kernels["end_ns"], kernels["start_ns"], kernels["stream"], kernels["number"]))
        self.windows, self.spans, self.ranges = windows, spans, ranges
        self.kernels = {name: column[order] for name, column in kernels.items()}
        self.edges: list[tuple[Ints, ...]] = []
        self._place_threads()
        self._place_kernels()

    def graph(self) -> Graph:
        self._connect_threads()
        self._connect_waiting_calls()
        self._connect_handovers()
        self._connect_kernel_starts()
        self._connect_kernel_ends()
        source, target, kind, why, event = (np.concatenate(column) for column in zip(*self.edges, strict=True))
        by_target = np.lexsort((np.arange(len(source)), self.time[source], target))
        source, target, kind, why, event = (column[by_target] for column in (source, target, kind, why, event))
        is_binding = np.append(target[1:] != target[:-1], True)[: len(target)]
        parent = np.full(len(self.time), -1, np.int64)
        parent[target[is_binding]] = np.flatnonzero(is_binding)
        return Graph(
            self.time, self.window, self.component, self.lane, np.lexsort((self.rank, self.time)), parent, source, target,
            np.where(is_binding, self.time[target] - self.time[source], 0), kind, why, event,
            self._at(self.main, self.windows["end_ns"]),
        )  # fmt: skip

    def _place_threads(self) -> None:
        windows, spans, ranges = self.windows, self.spans, self.ranges
        every = np.arange(len(windows["component"]))
        main = -1 - every  # a thread of its own that does nothing, where no mark of a step tells the thread
        steps = np.flatnonzero(ranges["is_step"])
        steps = steps[np.argsort(ranges["end_ns"][steps] - ranges["start_ns"][steps], kind="stable")]
        main[ranges["number"][steps]] = ranges["thread"][steps].astype(np.int64)
        self.is_marked = main >= 0
        number = np.concatenate((spans["number"], ranges["number"], every))
        hashes = np.concatenate((spans["thread"].astype(np.int64), ranges["thread"].astype(np.int64), main))
        thread = dense(number, hashes)
        self.span_thread, range_thread, self.main = np.split(thread, np.cumsum((len(spans["number"]), len(ranges["number"]))))
        self.thread_window, self.thread_hash = np.zeros((2, int(thread.max(initial=-1)) + 1), np.int64)
        self.thread_window[thread], self.thread_hash[thread] = number, hashes
        self.threads = len(self.thread_window)
        whole = np.arange(self.threads) << _SHIFT
        borders = (
            whole, whole + windows["length_ns"][self.thread_window], (self.main << _SHIFT) + windows["end_ns"],
            (self.span_thread << _SHIFT) + spans["start_ns"], (self.span_thread << _SHIFT) + spans["end_ns"],
        )  # fmt: skip
        self.keys = np.unique(np.concatenate(borders))
        self._label(range_thread)

    def _label(self, range_thread: Ints) -> None:
        """What a thread does from each of its instants to the next: the innermost span, or none, and the innermost named range."""
        spans, ranges = self.spans, self.ranges
        order = np.lexsort((spans["id"], spans["kind"], -spans["end_ns"], spans["start_ns"]))
        inner = np.empty(len(order), np.int64)
        inner[order] = np.arange(len(order))
        low, high = self._at(self.span_thread, spans["start_ns"]), self._at(self.span_thread, spans["end_ns"])
        covered = highest_cover(low, high, inner, len(self.keys))
        starts, ends = ((range_thread << _SHIFT) + ranges[name] for name in ("start_ns", "end_ns"))
        borders = np.concatenate((starts, ends))
        is_idle = covered[np.searchsorted(self.keys, borders, "right") - 1] < 0
        old, self.keys = self.keys, np.unique(np.concatenate((self.keys, borders[is_idle])))
        covered = covered[np.searchsorted(old, self.keys, "right") - 1]
        self.doing = np.where(covered >= 0, order[covered] if len(order) else -1, -1)
        by_start = np.lexsort((-ends, starts))
        place = np.empty(len(by_start), np.int64)
        place[by_start] = np.arange(len(by_start))
        named = highest_cover(np.searchsorted(self.keys, starts), np.searchsorted(self.keys, ends), place, len(self.keys))
        self.named = np.where(named >= 0, by_start[named] if len(by_start) else -1, -1)

    def _place_kernels(self) -> None:
        kernels, windows = self.kernels, self.windows
        hosts, works = len(self.keys), len(kernels["id"])
        self.stream = dense(kernels["number"], kernels["stream"])
        self.starts = hosts + 2 * np.arange(works)
        self.launch = self._launches()
        self.has_finished = np.flatnonzero(~kernels["is_cut"])
        instance = dense(windows["component"][kernels["number"]], kernels["instance"])
        latest, earliest = np.zeros(works, np.int64), np.full(works, 1 << _SHIFT)
        np.maximum.at(latest, instance, kernels["start_ns"])
        np.minimum.at(earliest, instance, np.where(kernels["is_cut"], 0, kernels["end_ns"]))
        ranks = np.bincount(instance, minlength=works)
        self.is_joined = (kernels["instance"] > 0) & (ranks[instance] > 1) & (latest[instance] < earliest[instance])
        shared, self.barrier = np.unique(instance[self.is_joined], return_inverse=True)
        member = np.zeros(works, np.int64)
        member[instance[self.is_joined]] = np.flatnonzero(self.is_joined)
        member = member[shared]
        self.barriers = hosts + 2 * works
        self.sources = self.barriers + len(shared)
        thread = self.keys >> _SHIFT
        every = np.arange(len(windows["component"]))
        both = np.column_stack((kernels["start_ns"], kernels["end_ns"])).ravel()
        self.time = np.concatenate((self.keys & ((1 << _SHIFT) - 1), both, latest[shared], 0 * every))
        self.window = np.concatenate(
            (self.thread_window[thread], np.repeat(kernels["number"], 2), kernels["number"][member], every)
        )
        self.component = windows["component"][self.window]
        streams = kernels["stream"].astype(np.int64)
        self.lane = np.concatenate((self.thread_hash[thread], np.repeat(streams, 2), streams[member], -1 - every))
        is_gap_before = np.append(True, self.doing[:-1] < 0)[:hosts]
        self.rank = np.concatenate((
            np.where(is_gap_before, _OF_RESUMPTION, _OF_HOST), np.tile((_OF_KERNEL_START, _OF_KERNEL_END), works),
            np.full(len(shared), _OF_BARRIER), np.full(len(every), _OF_SOURCE),
        ))  # fmt: skip

    def _launches(self) -> Ints:
        """The row of the call that launched each kernel, -1 where it is not in the window."""
        calls = np.flatnonzero(self.spans["kind"] == 1)
        keys = (self.spans["number"][calls] << _SHIFT) + self.spans["id"][calls]
        order = np.argsort(keys, kind="stable")
        found = _last(keys[order], (self.kernels["number"] << _SHIFT) + np.maximum(self.kernels["call_id"], 0), at_least=None)
        is_found = (found >= 0) & (self.kernels["call_id"] >= 0)
        is_found[is_found] = (
            keys[order][found[is_found]] == ((self.kernels["number"] << _SHIFT) + self.kernels["call_id"])[is_found]
        )
        return np.where(is_found, calls[order][found] if len(calls) else -1, -1)

    def _add(self, source: Ints, target: Ints, kind: Ints | str, why: str, event: Ints | int = -1) -> None:
        kinds = np.full(len(source), _KIND[kind]) if isinstance(kind, str) else kind
        self.edges.append((source, target, kinds, np.full(len(source), _EDGE[why]), np.broadcast_to(event, len(source))))

    def _at(self, thread: Ints, instant: Ints) -> Ints:
        return np.searchsorted(self.keys, (thread << _SHIFT) + instant)

    def _connect_threads(self) -> None:
        thread = self.keys >> _SHIFT
        first = np.flatnonzero(np.append(True, thread[1:] != thread[:-1]))
        self._add(self.sources + self.window[first], first, "unknown_wait", "step_start")
        inside = np.flatnonzero(thread[1:] == thread[:-1])
        busy, idle = inside[self.doing[inside] >= 0], inside[self.doing[inside] < 0]
        span = self.doing[busy]
        kinds = np.array([_KIND["host"], _KIND["call"], _KIND["data_loading"]])
        self._add(busy, busy + 1, kinds[self.spans["kind"][span]], "execution", self.spans["id"][span])
        named = self.named[idle]
        is_loading = (named >= 0) & (self.ranges["is_loading"][named] if len(self.ranges["is_loading"]) else False)
        self._add(idle, idle + 1, np.where(is_loading, _KIND["data_loading"], _KIND["host_gap"]), "program_order", named)
        self.idle = idle

    def _connect_waiting_calls(self) -> None:
        """From the end of device work to the end of the call that waited for it."""
        spans, kernels = self.spans, self.kernels
        calls = np.flatnonzero(spans["waits"])
        streams = np.bincount(self.kernels["number"][_firsts(self.stream)], minlength=len(self.windows["component"]))
        before = np.cumsum(streams) - streams
        count = streams[spans["number"][calls]]
        call = np.repeat(calls, count)
        stream = (
            np.repeat(before[spans["number"][calls]], count) + np.arange(len(call)) - np.repeat(np.cumsum(count) - count, count)
        )
        done = self.has_finished[
            np.argsort((self.stream[self.has_finished] << _SHIFT) + kernels["end_ns"][self.has_finished], kind="stable")
        ]
        found = _last(
            (self.stream[done] << _SHIFT) + kernels["end_ns"][done],
            (stream << _SHIFT) + spans["end_ns"][call],
            at_least=stream << _SHIFT,
        )
        call, work = call[found >= 0], done[found[found >= 0]]
        launched = np.where(self.launch[work] >= 0, spans["start_ns"][self.launch[work]] if len(spans["id"]) else 0, -1)
        is_before = launched < spans["start_ns"][call]
        copies = self.has_finished[self.launch[self.has_finished] >= 0]
        copies = copies[
            (kernels["kind"][copies] == 2) & (kernels["is_pageable"][copies] | spans["is_blocking"][self.launch[copies]])
        ]
        call, work = np.append(call[is_before], self.launch[copies]), np.append(work[is_before], copies)
        target = self._at(self.span_thread[call], spans["end_ns"][call])
        is_waiting = (
            (self.doing[target - 1] == call)
            & (kernels["end_ns"][work] > self.time[target - 1])
            & (kernels["end_ns"][work] <= self.time[target])
        )
        self._add(
            self.starts[work[is_waiting]] + 1, target[is_waiting], "sync_wait", "synchronization", spans["id"][call[is_waiting]]
        )

    def _connect_handovers(self) -> None:
        """Into an instant before which a thread did nothing: from the last work elsewhere that began and ended meanwhile."""
        spans, kernels, idle = self.spans, self.kernels, self.idle
        is_first = np.append(True, idle[1:] != idle[:-1] + 1)[: len(idle)] | (self.time[idle] == 0)
        since = (
            self.time[idle[np.maximum.accumulate(np.where(is_first, np.arange(len(idle)), 0))]] if len(idle) else self.time[:0]
        )
        number, until = self.window[idle], self.time[idle + 1]
        tops = np.flatnonzero(spans["is_top"] & (spans["end_ns"] > spans["start_ns"]))
        tops = tops[np.argsort((spans["number"][tops] << _SHIFT) + spans["end_ns"][tops], kind="stable")]
        found = _last(
            (spans["number"][tops] << _SHIFT) + spans["end_ns"][tops],
            (number << _SHIFT) + until,
            at_least=(number << _SHIFT) + self.time[idle] + 1,
        )
        found[found >= 0] = np.where(spans["start_ns"][tops[found[found >= 0]]] >= since[found >= 0], found[found >= 0], -1)
        span = tops[found[found >= 0]]
        self._add(self._at(self.span_thread[span], spans["end_ns"][span]), idle[found >= 0] + 1, "thread_wait", "handover")
        calls = np.bincount(spans["number"][spans["kind"] == 1], minlength=len(self.windows["component"]))
        is_unmarked = np.zeros(self.threads, bool)
        is_unmarked[self.main[~self.is_marked]] = True
        is_deaf = (calls[number] == 0) | is_unmarked[self.keys[idle] >> _SHIFT]  # no call says when it waited for the device
        done = self.has_finished[
            np.argsort((kernels["number"][self.has_finished] << _SHIFT) + kernels["end_ns"][self.has_finished], kind="stable")
        ]
        found = _last(
            (kernels["number"][done] << _SHIFT) + kernels["end_ns"][done],
            (number << _SHIFT) + until,
            at_least=(number << _SHIFT) + self.time[idle] + 1,
        )
        found[~is_deaf] = -1
        found[found >= 0] = np.where(kernels["start_ns"][done[found[found >= 0]]] >= since[found >= 0], found[found >= 0], -1)
        self._add(self.starts[done[found[found >= 0]]] + 1, idle[found >= 0] + 1, "sync_wait", "handover")

    def _connect_kernel_starts(self) -> None:
        spans, kernels, starts = self.spans, self.kernels, self.starts
        begin = kernels["start_ns"]
        self._add(
            self.sources + kernels["number"],
            starts,
            np.where(kernels["call_id"] >= 0, _KIND["launch_wait"], _KIND["unknown_wait"]),
            "step_start",
            kernels["id"],
        )
        launched = np.flatnonzero(self.launch >= 0)
        call = self.launch[launched]
        from_end = spans["end_ns"][call] <= begin[launched]
        from_ns = np.where(from_end, spans["end_ns"][call], spans["start_ns"][call])
        is_after = from_ns <= begin[launched]
        launched, call, from_ns = launched[is_after], call[is_after], from_ns[is_after]
        self._add(self._at(self.span_thread[call], from_ns), starts[launched], "launch_wait", "launch", kernels["id"][launched])
        last_ns = np.zeros(len(starts), np.int64)
        last_ns[launched] = from_ns
        done = self.has_finished[
            np.argsort((self.stream[self.has_finished] << _SHIFT) + kernels["end_ns"][self.has_finished], kind="stable")
        ]
        found = _last(
            (self.stream[done] << _SHIFT) + kernels["end_ns"][done],
            (self.stream << _SHIFT) + begin,
            at_least=self.stream << _SHIFT,
        )
        follows = np.flatnonzero(found >= 0)
        before = done[found[follows]]
        self._add(starts[before] + 1, starts[follows], "stream_wait", "stream_order", kernels["id"][follows])
        last_ns[follows] = np.maximum(last_ns[follows], kernels["end_ns"][before])
        self._connect_streams(last_ns)

    def _connect_streams(self, last_ns: Ints) -> None:
        """From a kernel of another stream, where the host made a stream wait since it last launched on this one."""
        spans, kernels = self.spans, self.kernels
        told = np.flatnonzero(self.launch >= 0)
        call_ns = spans["start_ns"][self.launch[told]]
        order = np.lexsort((call_ns, self.stream[told]))
        told, call_ns = told[order], call_ns[order]
        is_same = np.append(False, self.stream[told][1:] == self.stream[told][:-1])[: len(told)]
        previous = np.where(is_same, np.append(0, call_ns)[: len(told)], 0)
        thread = self.span_thread[self.launch[told]] << _SHIFT
        orders = np.flatnonzero(spans["is_order"])
        keys = np.sort((self.span_thread[orders] << _SHIFT) + spans["start_ns"][orders])
        told = told[_last(keys, thread + call_ns, at_least=thread + previous) >= 0]
        device = dense(kernels["number"], kernels["device"]) << _SHIFT
        done = self.has_finished[np.argsort(device[self.has_finished] + kernels["end_ns"][self.has_finished], kind="stable")]
        begin = device[told] + kernels["start_ns"][told]
        found = _last(device[done] + kernels["end_ns"][done], begin, at_least=device[told] + last_ns[told] + 1)
        told, before = told[found >= 0], done[found[found >= 0]]
        self._add(self.starts[before] + 1, self.starts[told], "stream_wait", "stream_event", kernels["id"][told])

    def _connect_kernel_ends(self) -> None:
        kernels, starts = self.kernels, self.starts
        alone, joined = np.flatnonzero(~self.is_joined), np.flatnonzero(self.is_joined)
        self._add(starts[alone], starts[alone] + 1, kernels["kind"][alone], "execution", kernels["id"][alone])
        self._add(starts[joined], self.barriers + self.barrier, "collective", "collective", kernels["id"][joined])
        self._add(self.barriers + self.barrier, starts[joined] + 1, "collective", "execution", kernels["id"][joined])


def _last(keys: Ints, wanted: Ints, *, at_least: Ints | None) -> Ints:
    """The place of the last of the sorted keys up to each wanted one, -1 where there is none or it lies under `at_least`."""
    found = np.searchsorted(keys, wanted, "right") - 1
    if at_least is not None and len(keys):
        found[(found >= 0) & (keys[found] < at_least)] = -1
    return found


def _firsts(numbers: Ints) -> Ints:
    """A place of each number in an array of sorted numbers."""
    return np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1])[: len(numbers)])
