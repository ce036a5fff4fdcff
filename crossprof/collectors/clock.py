"""One instant on the three clocks that a trace may use."""

from __future__ import annotations

import time

__all__ = ["anchor"]


def anchor(at: str) -> dict[str, int | str]:
    """An instant named `at` as unix time, performance counter and monotonic clock, in nanoseconds, read one after the other."""
    return {"at": at, "time_ns": time.time_ns(), "perf_counter_ns": time.perf_counter_ns(), "monotonic_ns": time.monotonic_ns()}
