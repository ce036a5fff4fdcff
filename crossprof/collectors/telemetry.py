"""The telemetry thread: readings of the process, its host and its GPUs beside the training."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

__all__ = ["Sampler", "Telemetry"]

logger = logging.getLogger(__name__)

_PATIENCE_S = 1.0
"""How long the training waits for a reading that is under way."""


class Sampler(Protocol):
    """One thing to read: a GPU, or the process with its host."""

    source: str

    def read(self) -> dict[str, float | None]:
        """One reading: metric to value."""
        ...


class Telemetry:
    """Reads all samplers five times a second in a daemon thread, and whenever asked; each reading becomes one line."""

    def __init__(self, samplers: Sequence[Sampler], *, write: Callable[[str], None], interval_s: float = 0.2) -> None:
        self.error: Exception | None = None
        self._samplers = list(samplers)
        self._write = write
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._readings = 0
        self._cpu_ns = 0
        self._ran_ns = 0
        self._thread = threading.Thread(target=self._run, name="crossprof-telemetry", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def read(self) -> None:
        """Take one reading now, in the calling thread. Whatever fails is dropped from then on, and kept in `error`.

        No reading where one is under way for a second: a driver may hang, and a signal may come in the midst of one.
        """
        if not self._lock.acquire(timeout=_PATIENCE_S):
            return
        try:
            for sampler in list(self._samplers):
                at_ns, began = time.time_ns(), time.perf_counter_ns()
                try:
                    values = sampler.read()
                    cost_ns = time.perf_counter_ns() - began
                    self._write(_line(sampler, values, at_ns=at_ns, perf_ns=began, cost_ns=cost_ns))
                except Exception as error:
                    self.error = error
                    self._samplers.remove(sampler)
                    logger.debug("Telemetry from %s ended.", sampler.source, exc_info=True)
            self._readings += 1
        finally:
            self._lock.release()

    def stop(self) -> dict[str, Any]:
        """End the thread after a last reading; what run.json says of the sampling. A thread that hangs is left behind."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=_PATIENCE_S)
        if self._thread.is_alive():
            self.error = self.error or TimeoutError("a reading did not return")
        else:
            self.read()
        sources = sorted({sampler.source for sampler in self._samplers})
        return {
            "interval_ns": int(self._interval_s * 1e9),
            "cpu_ratio": self._cpu_ns / self._ran_ns if self._ran_ns else None,
            "readings": self._readings,
            "source": "+".join(sources) or None,
        }

    def _run(self) -> None:
        began = time.monotonic()
        tick = 0
        while not self._stopped.is_set():
            self.read()
            self._cpu_ns, self._ran_ns = time.thread_time_ns(), int((time.monotonic() - began) * 1e9)
            # A late reading skips the missed beats: the schedule keeps its rhythm and never runs to catch up.
            tick = max(tick + 1, int((time.monotonic() - began) / self._interval_s))
            self._stopped.wait(began + tick * self._interval_s - time.monotonic())


def _line(sampler: Sampler, values: dict[str, float | None], *, at_ns: int, perf_ns: int, cost_ns: int) -> str:
    return json.dumps(
        {
            "at_ns": at_ns,
            "perf_ns": perf_ns,
            "cost_ns": cost_ns,
            "source": sampler.source,
            "device": getattr(sampler, "device", None),
            "values": values,
        }
    )
