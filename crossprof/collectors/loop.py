"""The steps of a recording: a state machine that borders drive.

    entered ──border──► step 0 ──border──► step 1 ──border──► ...      each border ends a step and starts the next
                           ▲                  │
                           └──── border ── between loops ◄── end       the loop that drove the borders is over

What is planned for the next step, by the schedule or by a trigger, decides at the border before it whether the profiler goes on
or off. That work lies between two steps and in neither.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from crossprof.collectors.clock import StepClock
from crossprof.collectors.fuse import one_line
from crossprof.collectors.profiler import Profiler
from crossprof.collectors.run_folder import RunFolder
from crossprof.collectors.schedule import PROFILED, WHOLE_CALL, Schedule, State, WholeCall
from crossprof.collectors.windows import Windows

__all__ = ["Loop", "Size"]

Size = int | Callable[[Any], int] | None
Sizes = tuple[int | None, int | None]
"""Samples and tokens of a step."""


class Loop:
    """Counts and times the steps. One source of borders drives it at a time: whoever comes first, until it ends."""

    def __init__(
        self,
        folder: RunFolder,
        windows: Windows,
        *,
        profiler: Profiler,
        metadata: dict[str, Any],
        at_border: Callable[[], bool],
    ) -> None:
        self.counts = {"count": 0, "bare": 0, "profiled": 0}
        self._folder = folder
        self._windows = windows
        self._profiler = profiler
        self._metadata = metadata
        self._clock = StepClock()
        self._at_border = at_border
        self._lock = threading.RLock()
        self._owner: object | None = None
        self._start_ns: int | None = None
        self._state: State = "unmeasured"
        self._exit_ns: int | None = None
        self._switched_ns = 0
        self._bare_ns = 0
        self._sizes: Sizes = (None, None)
        self._entered_ns = self._clock.now_ns()
        if self.schedule is WHOLE_CALL:
            self._begin(self._entered_ns)
            self._entered_ns = self._start_ns or self._entered_ns

    @property
    def schedule(self) -> Schedule | WholeCall:
        """The schedule, shrunk where the loop was known to be short."""
        return self._windows.schedule

    def border(self, owner: object, *, length: int | None = None) -> bool:
        """End the step at hand and start the next one; False, and nothing done, where another owner drives the steps.

        `length`: the steps that the owner knows it will make, to which the schedule is fitted before the first.
        """
        now = self._clock.now_ns()
        with self._lock:
            if self._owner is None:
                self._take(owner, length)
            elif self._owner is not owner:
                return False
            if self._start_ns is not None:
                self._finish(now)
            if length != 0:  # a loop known to be empty has no step to begin, nor a window for it
                self._begin(now + self._set_by())
            return True

    def mark(self, owner: object) -> bool:
        """A border that comes at the end of a step: the very first one also starts step 0, back where the recording started."""
        with self._lock:
            if self._owner is None and self.counts["count"] == 0:
                self._owner = owner
                if self._start_ns is None:
                    self._start_ns, self._state = self._entered_ns, "unmeasured"
            return self.border(owner)

    def leave(self, owner: object) -> None:
        """End the step at hand and start none: what follows, until the owner's next border, is in no step."""
        now = self._clock.now_ns()
        with self._lock:
            if self._owner is owner and self._start_ns is not None:
                self._finish(now)

    def beside(self, start_ns: int, end_ns: int, samples: int | None, tokens: int | None) -> None:
        """Note a step that ran beside another, by the monotonic clock, which nobody sets.

        Where a profiler was on, went on or went off meanwhile, it is none: its time is no latency, and traces can't tell it
        apart. Nor where the step at hand would take the number of one that is to be profiled.
        """
        with self._lock:
            step = self.counts["count"]
            at_hand = step if self._start_ns is None else step + 1
            state = self.schedule.state(step)
            unix_ns = self._clock.at_ns(start_ns)
            if self._profiler.window is not None or not PROFILED.isdisjoint({state, self.schedule.state(at_hand)}):
                return
            if start_ns <= self._switched_ns or not self._profiler.shared.was_off_since(start_ns):
                return
            dur_ns = end_ns - start_ns
            step = self._count(state, dur_ns)
            self._write(step, start_ns=unix_ns, end_ns=unix_ns + dur_ns, state=state, capture=None, sizes=(samples, tokens))

    def size(self, samples: Size, tokens: Size, item: object = None) -> None:
        """State what the step at hand handles: numbers, or functions of its item. What is neither is noted, and left out."""
        known = self._sizes
        try:
            self._sizes = (_number(samples, item, known[0]), _number(tokens, item, known[1]))
        except Exception as error:
            detail = f"samples or tokens of a step gave no number ({one_line(error)})."
            self._folder.finding("size_unknown", "warning", detail, "Throughput lacks these steps.")

    def exited(self, owner: object) -> None:
        """Note the end of a step's function: the end of the step, should no further call follow."""
        if self._owner is owner:
            self._exit_ns = self._clock.now_ns()

    def end(self, owner: object) -> None:
        """End the loop of an owner. What began at its last border was no step and is dropped."""
        with self._lock:
            if self._owner is not owner:
                return
            self._owner = None
            self._drop()
            if not self._windows.holds(self.counts["count"]):
                self._profiler.close()

    def close(self) -> None:
        """End the recording's steps and its window."""
        with self._lock:
            if self._start_ns is not None and self._exit_ns is not None:
                self._finish(self._exit_ns)
            elif (
                self._start_ns is not None and self._owner is None and self.schedule is WHOLE_CALL and not self.counts["count"]
            ):
                self._state = "profiled" if self._profiler.is_on else "bare"
                self._finish(self._clock.now_ns())
            else:
                self._drop()
            self._owner = self
            self._profiler.close(is_last=True)

    def _take(self, owner: object, length: int | None) -> None:
        self._owner = owner
        if self.counts["count"] == 0:
            self._drop()
            if length is not None:
                self._windows.schedule = self.schedule.fit(length)

    def _begin(self, now: int) -> None:
        step = self.counts["count"]
        plan = self._windows.state(step, after=self._state)
        has_read = self._at_border()
        is_switched = self._switch(plan)
        self._state = "bare" if plan in PROFILED and not self._profiler.is_on else plan
        if is_switched and plan == "bare":
            self._state = "unmeasured"  # caches and threads still settle from the profiler's end and its export
        self._start_ns = self._clock.now_ns() if is_switched or has_read else now
        self._exit_ns = None
        if self._profiler.window is not None:
            self._profiler.window.begin_step(step)

    def _switch(self, plan: State) -> bool:
        """Turn the profiler to what the next step wants; whether that took time."""
        is_open = self._profiler.window is not None
        is_new_cycle = plan == "warmup" and self._state == "profiled"
        if is_open and (plan not in PROFILED or is_new_cycle or self._profiler.fuse.is_blown):
            self._profiler.close()
        elif is_open or plan not in PROFILED:
            return False
        if plan in PROFILED:
            metadata = {**self._metadata, "first_step": self.counts["count"]}
            self._profiler.open(metadata, wish=self._windows.wish, bare_ns=self._bare_ns)
        self._switched_ns = time.monotonic_ns()
        return True

    def _finish(self, end_ns: int) -> None:
        step, start_ns = self.counts["count"], self._start_ns or end_ns
        window = self._profiler.window
        if window is not None:
            window.end_step(step)
        if self._state in PROFILED and not self._profiler.is_on:
            self._state = "unmeasured"  # the profiler broke in this step: it is neither bare nor profiled
        capture = window.number if window is not None and self._state in PROFILED else None
        if self._profiler.shared.was_seen:
            self._state, capture = self._profiler.shared.judge(step, self._state, lasted_ns=self._clock.now_ns() - start_ns)
        end_ns = max(start_ns, end_ns)
        step = self._count(self._state, end_ns - start_ns)
        self._write(step, start_ns=start_ns, end_ns=end_ns, state=self._state, capture=capture, sizes=self._sizes)
        self._start_ns, self._sizes = None, (None, None)

    def _count(self, state: State, dur_ns: int) -> int:
        """The number of the step that ended, given only here: the garbage collector may end a request in the midst of this."""
        step = self.counts["count"]
        self.counts["count"] += 1
        if state == "bare":
            self.counts["bare"] += 1
            self._bare_ns += dur_ns
            self._windows.timed(step, dur_ns)
        self.counts["profiled"] += state in PROFILED
        return step

    def _write(self, step: int, *, start_ns: int, end_ns: int, state: State, capture: int | None, sizes: Sizes) -> None:
        samples, tokens = (("null" if size is None else size) for size in sizes)
        line = (
            f'{{"step": {step}, "start_ns": {start_ns}, "end_ns": {end_ns}, "state": "{state}", '
            f'"capture": {"null" if capture is None else capture}, "samples": {samples}, "tokens": {tokens}}}'
        )
        try:
            self._folder.append_step(line)
        except OSError as error:
            self._folder.finding("steps_unwritten", "error", f"steps.jsonl: {error}", "Steps are missing.")

    def _set_by(self) -> int:
        """How far the host's clock was set during the step that just ended: the next one starts on it."""
        set_by = self._clock.follow()
        if set_by:
            detail = f"The host's clock was set by {set_by / 1e9:+.3f} s before step {self.counts['count']}."
            effect = "Durations hold; times before and after are on different clocks, as are trace and steps in that moment."
            self._folder.finding("clock_set", "warning", detail, effect)
        return set_by

    def _drop(self) -> None:
        if self._profiler.window is not None:
            self._profiler.window.end_step(None)
        self._start_ns = None


def _number(size: Size, item: object, known: int | None) -> int | None:
    return known if size is None else int(size(item) if callable(size) else size)
