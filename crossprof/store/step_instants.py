"""The instants of steps: where host threads begin or end anything, and the starts and ends of kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossprof.store.intervals import LONGEST, dense, distinct, highest_cover, joint, latest, split

__all__ = ["Instants", "Table"]

Ints = NDArray[np.int64]
Table = Mapping[str, NDArray[Any]]
_SOURCE, _KERNEL_END, _HOST, _RESUMPTION, _KERNEL_START, _BARRIER, _NO_TIME_END = range(7)


class Instants:
    """The instants of some windows, numbered: those of threads by thread and time, two a kernel, barriers, one source a window.

    Of each instant: `time`, `window`, `component`, `lane` (the hash of its thread or stream) and `turn`, by which instants of
    one time are sorted so that every dependency leads forward. `doing` and `named` are the span and the range from an instant
    of a thread to the next one, -1 where there is none.
    """

    time: Ints
    window: Ints
    component: Ints
    lane: Ints
    turn: Ints

    def __init__(self, windows: Table, spans: Table, kernels: Table, ranges: Table) -> None:
        order = np.lexsort((kernels["id"], kernels["stream"], kernels["number"]))
        self.windows, self.spans, self.ranges = windows, spans, ranges
        self.kernels = {name: column[order] for name, column in kernels.items()}
        self.every_window = np.arange(len(windows["component"]))
        self.is_marked, self.main, self.span_thread, self.range_thread = self._threads()
        self._label()
        self.launch = self._launches()
        self.stream = dense(self.kernels["number"], self.kernels["stream"])
        self.finished = np.flatnonzero(~self.kernels["is_cut"])
        self.is_joined, self.barrier = self._collectives()
        self._place()

    def at(self, thread: Ints, time: Ints) -> Ints:
        """The instant of a thread at a time that something on it begins or ends."""
        return np.searchsorted(self.keys, joint(thread, time))

    def thread_of(self, instant: Ints) -> Ints:
        """The thread of an instant of a thread."""
        return split(self.keys[instant])[0]

    def _threads(self) -> tuple[NDArray[np.bool_], Ints, Ints, Ints]:
        """Whether the mark of a step tells the thread of a window, and the threads of windows, spans and ranges, numbered."""
        spans, ranges, every = self.spans, self.ranges, self.every_window
        main = -1 - every  # a thread of its own that does nothing, where no mark tells
        marks = np.flatnonzero(ranges["is_step"])
        marks = marks[np.argsort(ranges["end_ns"][marks] - ranges["start_ns"][marks], kind="stable")]
        main[ranges["number"][marks]] = ranges["thread"][marks].astype(np.int64)
        window = np.concatenate((spans["number"], ranges["number"], every))
        hashes = np.concatenate((spans["thread"].astype(np.int64), ranges["thread"].astype(np.int64), main))
        thread = dense(window, hashes)
        self.thread_window, self.thread_hash = np.zeros((2, int(thread.max(initial=-1)) + 1), np.int64)
        self.thread_window[thread], self.thread_hash[thread] = window, hashes
        of_spans, of_ranges, of_windows = np.split(thread, np.cumsum((len(spans["number"]), len(ranges["number"]))))
        return main >= 0, of_windows, of_spans, of_ranges

    def _label(self) -> None:
        """Finds the instants of threads, and what each thread does in between: the innermost span, else the innermost range."""
        spans, ranges, windows = self.spans, self.ranges, self.windows
        threads = np.arange(len(self.thread_window))
        starts, ends = (joint(self.span_thread, spans[name]) for name in ("start_ns", "end_ns"))
        of_thread = joint(threads, 0 * threads), joint(threads, windows["length_ns"][self.thread_window])
        keys = distinct(np.concatenate((starts, ends, *of_thread, joint(self.main, windows["end_ns"]))))
        doing = _innermost(keys, starts, ends, (spans["kind"] == 1) * LONGEST + spans["id"])
        starts, ends = (joint(self.range_thread, ranges[name]) for name in ("start_ns", "end_ns"))
        borders = np.concatenate((starts, ends))
        is_idle = doing[np.searchsorted(keys, borders, "right") - 1] < 0
        self.keys = distinct(np.concatenate((keys, borders[is_idle])))
        self.doing = doing[np.searchsorted(keys, self.keys, "right") - 1]
        self.named = _innermost(self.keys, starts, ends, np.arange(len(starts)))

    def _launches(self) -> Ints:
        """The row of the call that launched each kernel, -1 where it is not in the window."""
        spans, kernels = self.spans, self.kernels
        calls = np.flatnonzero(spans["kind"] == 1)
        found = latest(
            calls, spans["number"], spans["id"], of=kernels["number"], up_to=kernels["call_id"], after=kernels["call_id"] - 1
        )
        return np.where(kernels["call_id"] >= 0, found, -1)

    def _collectives(self) -> tuple[NDArray[np.bool_], Ints]:
        """Which kernels are one collective with others, all begun before the first of them ended, and its number."""
        kernels = self.kernels
        instance = dense(self.windows["component"][kernels["number"]], kernels["instance"])
        first_end = np.full(len(instance), LONGEST)
        last_start = np.zeros(len(instance), np.int64)
        np.maximum.at(last_start, instance, kernels["start_ns"])
        np.minimum.at(first_end, instance, np.where(kernels["is_cut"], 0, kernels["end_ns"]))
        ranks = np.bincount(instance, minlength=len(instance))
        is_joined = (kernels["instance"] > 0) & (ranks[instance] > 1) & (last_start[instance] < first_end[instance])
        return is_joined, dense(instance[is_joined])

    def _place(self) -> None:
        kernels, every = self.kernels, self.every_window
        thread, time = split(self.keys)
        works = len(kernels["id"])
        self.starts = len(self.keys) + 2 * np.arange(works)
        self.barriers = len(self.keys) + 2 * works + np.arange(int(self.barrier.max(initial=-1)) + 1)
        self.sources = len(self.keys) + 2 * works + len(self.barriers) + every
        last = np.zeros(len(self.barriers), np.int64)  # the kernel that came last to a barrier
        joined = np.flatnonzero(self.is_joined)
        by_start = np.argsort(kernels["start_ns"][joined], kind="stable")
        last[self.barrier[by_start]] = joined[by_start]
        both = np.column_stack((kernels["start_ns"], kernels["end_ns"])).ravel()
        stream = kernels["stream"].astype(np.int64)
        number = kernels["number"]
        self.time = np.concatenate((time, both, kernels["start_ns"][last], 0 * every))
        self.window = np.concatenate((self.thread_window[thread], np.repeat(number, 2), number[last], every))
        self.component = self.windows["component"][self.window]
        self.lane = np.concatenate((self.thread_hash[thread], np.repeat(stream, 2), stream[last], -1 - every))
        of_thread = np.where(np.append(True, self.doing < 0)[: len(thread)], _RESUMPTION, _HOST)
        of_ends = np.where(kernels["end_ns"] > kernels["start_ns"], _KERNEL_END, _NO_TIME_END)
        of_kernels = np.column_stack((np.full(works, _KERNEL_START), of_ends)).ravel()
        others = np.repeat((_BARRIER, _SOURCE), (len(self.barriers), len(every)))
        self.turn = np.concatenate((of_thread, of_kernels, others))


def _innermost(keys: Ints, starts: Ints, ends: Ints, tie: Ints) -> Ints:
    """From each key to the next, which of the spans that cover it started last; -1 where there is none."""
    order = np.lexsort((tie, -ends, starts))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    covering = highest_cover(np.searchsorted(keys, starts), np.searchsorted(keys, ends), place, len(keys))
    return np.append(order, -1)[covering]
