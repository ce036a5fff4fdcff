"""The telemetry thread: readings of the process, its host and its accelerators beside the training."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

__all__ = ["Allocations", "Sampler", "Telemetry"]

logger = logging.getLogger(__name__)

_PATIENCE_S = 1.0
"""How long the training waits for a reading that is under way."""

Allocations = Callable[[], Iterable[tuple[int, dict[str, float | None]]]]
"""The memory of each device as its framework counts it, by the framework's number of the device."""


class Sampler(Protocol):
    """One thing to read: a GPU, a TPU, or the process with its host. Whatever `read` raises ends it."""

    @property
    def source(self) -> str:
        """What reads it; `fake` for a test double."""
        ...

    @property
    def device(self) -> str | None:
        """UUID of the device; None for the process and its host."""
        ...

    def read(self) -> dict[str, float | None]:
        """One reading: metric to value."""
        ...

    def facts(self) -> dict[str, dict[str, Any]]:
        """What became of each of its fields, and what one costs."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


class Telemetry:
    """Reads all samplers five times a second in a daemon thread, and whenever asked; each reading becomes one line."""

    def __init__(
        self,
        samplers: Sequence[Sampler],
        *,
        write: Callable[[str], None],
        allocations: Allocations = tuple,
        interval_s: float = 0.2,
    ) -> None:
        self.errors: dict[str, Exception] = {}
        self._all = tuple(samplers)
        self._samplers = list(samplers)
        self._write = write
        self._allocations = allocations
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._is_border_due = True
        self._readings = 0
        self._cpu_ns = 0
        self._ran_ns = 0
        self._thread = threading.Thread(target=self._run, name="crossprof-telemetry", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def read(self) -> None:
        """Take one reading now, in the calling thread. Whatever fails is dropped from then on, and kept in `errors`.

        No reading where one is under way for a second: a driver may hang, and a signal may come in the midst of one.
        """
        if not self._lock.acquire(timeout=_PATIENCE_S):
            return
        try:
            for sampler in list(self._samplers):
                at_ns, began = time.time_ns(), time.perf_counter_ns()
                try:
                    values = sampler.read()
                    self._line(at_ns, began, values, source=sampler.source, device=sampler.device)
                except Exception as error:
                    self.errors[_name(sampler)] = error
                    self._samplers.remove(sampler)
                    logger.debug("Telemetry of %s ended.", _name(sampler), exc_info=True)
            self._readings += 1
        finally:
            self._lock.release()

    def at_border(self) -> bool:
        """Between two steps: read the allocators, once in an interval. Whether that took time."""
        if not self._is_border_due:
            return False
        self._is_border_due = False
        at_ns, began = time.time_ns(), time.perf_counter_ns()
        try:
            for device_id, values in self._allocations():
                self._line(at_ns, began, values, source="framework", device_id=device_id)
        except Exception as error:
            self.errors["allocators"] = error
            self._allocations = tuple
            logger.debug("Telemetry of the allocators ended.", exc_info=True)
        return True

    def stop(self) -> dict[str, Any]:
        """End the thread after a last reading; what run.json says of the sampling. A thread that hangs is left behind."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=_PATIENCE_S)
        if self._thread.is_alive():
            self.errors.setdefault("a source", TimeoutError("a reading did not return"))
        else:
            self.read()
        return {
            "interval_ns": int(self._interval_s * 1e9),
            "cpu_ratio": self._cpu_ns / self._ran_ns if self._ran_ns else None,
            "readings": self._readings,
            "source": "+".join(sorted({sampler.source for sampler in self._samplers})) or None,
            "fields": {_name(sampler): sampler.facts() for sampler in self._all},
        }

    def close(self) -> None:
        """Release what the samplers hold."""
        for sampler in self._all:
            sampler.close()

    def _run(self) -> None:
        began = time.monotonic()
        tick = 0
        while not self._stopped.is_set():
            self.read()
            self._is_border_due = True
            self._cpu_ns, self._ran_ns = time.thread_time_ns(), int((time.monotonic() - began) * 1e9)
            # A late reading skips the missed beats: the schedule keeps its rhythm and never runs to catch up.
            tick = max(tick + 1, int((time.monotonic() - began) / self._interval_s))
            self._stopped.wait(began + tick * self._interval_s - time.monotonic())

    def _line(
        self,
        at_ns: int,
        began_ns: int,
        values: dict[str, float | None],
        *,
        source: str,
        device: str | None = None,
        device_id: int | None = None,
    ) -> None:
        line = {
            "at_ns": at_ns,
            "perf_ns": began_ns,
            "cost_ns": time.perf_counter_ns() - began_ns,
            "source": source,
            "device": device,
            "device_id": device_id,
            "values": values,
        }
        self._write(json.dumps(line))


def _name(sampler: Sampler) -> str:
    return f"{sampler.source} {sampler.device}" if sampler.device else sampler.source
