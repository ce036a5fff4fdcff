"""What asks for a window beyond the schedule's own: a count of steps, the clock, a slow step, or somebody at a terminal."""

from __future__ import annotations

import statistics
import time
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass

__all__ = ["SCHEDULE", "AfterSeconds", "EverySeconds", "EverySteps", "SlowStep", "Trigger", "Wish"]

SCHEDULE = "schedule"
"""The name of what is no trigger: the schedule's own windows."""

_WARM_UP = 20
"""Bare steps that must be known before one can be called slow."""
_COOLDOWN = 100
"""Steps after a slow one in which no other is looked at: a course that has changed for good is one event, not a hundred."""
_REMEMBERED = 101
_REFRESHED = 10
"""The running median is that of the last 101 bare steps, computed anew after every tenth."""


@dataclass(frozen=True)
class Wish:
    """A window that is asked for: by which trigger, why in a sentence, and over how many profiled steps (None: the usual)."""

    trigger: str
    reason: str
    steps: int | None = None


class Trigger(ABC):
    """Asked before each step that could begin a window."""

    @abstractmethod
    def due(self, step: int) -> Wish | None:
        """The window that should begin with this step."""

    @abstractmethod
    def taken(self, step: int) -> None:
        """Note that its window begins with this step."""

    def timed(self, step: int, dur_ns: int) -> None:
        """Note the duration of a bare step that just ended. To most triggers it doesn't matter."""
        del step, dur_ns


class EverySteps(Trigger):
    """A window every so many steps."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._next = steps

    def due(self, step: int) -> Wish | None:
        """From each multiple on, until it is taken."""
        return Wish("every", f"every {self._steps} steps") if step >= self._next else None

    def taken(self, step: int) -> None:
        """Wait for the next multiple."""
        self._next = (step // self._steps + 1) * self._steps


class EverySeconds(Trigger):
    """A window every so many seconds, by a clock that nobody sets."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = time.monotonic() + seconds

    def due(self, step: int) -> Wish | None:
        """From the time on, until it is taken."""
        del step
        return Wish("every_seconds", f"every {self._seconds:g} s") if time.monotonic() >= self._next else None

    def taken(self, step: int) -> None:
        """Count anew from here: a window that came late is not made up for."""
        del step
        self._next = time.monotonic() + self._seconds


class AfterSeconds(Trigger):
    """One window, so many seconds after the recording began."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = time.monotonic() + seconds

    def due(self, step: int) -> Wish | None:
        """From the time on, until it is taken."""
        del step
        return Wish("after_seconds", f"{self._seconds:g} s after the start") if time.monotonic() >= self._at else None

    def taken(self, step: int) -> None:
        """Never again."""
        del step
        self._at = float("inf")


class SlowStep(Trigger):
    """A window right after a bare step that took longer than a multiple of the running median."""

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self._recent: deque[int] = deque(maxlen=_REMEMBERED)
        self._known = 0
        self._median_ns = 0.0
        self._slow: tuple[int, int] | None = None
        self._quiet_until = 0

    def timed(self, step: int, dur_ns: int) -> None:
        """Compare a step with those before it, then count it among them."""
        is_slow = self._known >= _WARM_UP and dur_ns > self._ratio * self._median_ns
        self._slow = (step, dur_ns) if is_slow else None
        self._recent.append(dur_ns)
        self._known += 1
        if self._known >= _WARM_UP and self._known % _REFRESHED == 0:
            self._median_ns = statistics.median(self._recent)

    def due(self, step: int) -> Wish | None:
        """Right after the slow step, and at no later time: what made it slow would be over."""
        if self._slow is None or step != self._slow[0] + 1 or step < self._quiet_until:
            return None
        slow_ns = self._slow[1]
        times = slow_ns / self._median_ns
        took = f"step {step - 1} took {slow_ns / 1e6:.2f} ms, {times:.2f} times the median of {self._median_ns / 1e6:.2f} ms"
        return Wish("slow_step", took)

    def taken(self, step: int) -> None:
        """Look away for a while."""
        self._quiet_until = step + _COOLDOWN
