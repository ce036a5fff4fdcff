"""The clocks that a trace may use, at one instant; and the one that times the steps."""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["StepClock", "anchor", "queued_ns"]

_SET_NS = 2_000_000
"""Less than that is how the two clocks are read one after the other, not how the host's clock was set."""
_SURE_NS = 200_000
_QUEUED = Path("/proc/thread-self/schedstat")


def anchor(at: str) -> dict[str, int | str]:
    """An instant named `at` as unix time, performance counter and monotonic clock, in nanoseconds, read one after the other."""
    return {"at": at, "time_ns": time.time_ns(), "perf_counter_ns": time.perf_counter_ns(), "monotonic_ns": time.monotonic_ns()}


def queued_ns() -> int:
    """How long this thread has been ready to run while others had the processors, in ns. 0 where Linux doesn't count it."""
    try:
        return int(_QUEUED.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0


class StepClock:
    """Unix time carried on by the monotonic clock, so that no step is longer or shorter for the host's clock being set."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """Unix time in nanoseconds. Two readings are as far apart as they were, unless `follow` came between."""
        return self.at_ns(time.monotonic_ns())

    def at_ns(self, monotonic_ns: int) -> int:
        """The unix time of a moment of the monotonic clock."""
        return monotonic_ns + self._offset_ns

    def follow(self) -> int:
        """Take over the host's clock, and tell by how many nanoseconds it was set since. 0 where it was not."""
        if abs(time.time_ns() - self.now_ns()) < _SET_NS:
            return 0
        for _ in range(5):  # another process may have run between the two readings
            before, wall, after = self.now_ns(), time.time_ns(), self.now_ns()
            if after - before < _SURE_NS:
                break
        else:
            return 0
        set_by = wall - (before + after) // 2
        if abs(set_by) < _SET_NS:
            return 0
        self._offset_ns += set_by
        return set_by
