"""One window of a recording in which the profiler is on."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from crossprof.collectors.clock import queued_ns
from crossprof.collectors.collector import Collector
from crossprof.collectors.fuse import Fuse
from crossprof.collectors.privacy import Privacy
from crossprof.collectors.trigger import Wish

__all__ = ["Capture"]


class Capture:
    """Drives a collector through one window. No failure of it leaves this class, except under CROSSPROF_STRICT=1.

    A first failure blows the fuse: from then on the profiler is only switched off, and the window counts as failed.
    """

    def __init__(self, number: int, collector: Collector, *, directory: Path, fuse: Fuse, wish: Wish, privacy: Privacy) -> None:
        self.number = number
        self.drain_dur_ns = 0
        self._collector = collector
        self._directory = directory
        self._fuse = fuse
        self._privacy = privacy
        self._marks_step = False
        self._facts: dict[str, Any] = {
            "capture": number,
            "trigger": wish.trigger,
            "reason": wish.reason,
            "state": "recording",
            "files": [],
        }
        self.options: Mapping[str, Any] = {}

    @property
    def state(self) -> Literal["recording", "complete", "failed"]:
        """How far the window has come."""
        return "failed" if self._fuse.is_blown else self._facts["state"]

    def facts(self) -> dict[str, Any]:
        """The window as run.json states it."""
        return {**self._facts, "state": self.state}

    def start(self, metadata: Mapping[str, Any]) -> None:
        """Let the devices finish what was handed to them before, and switch the profiler on."""
        began, queued = time.perf_counter_ns(), queued_ns()
        with self._fuse.guard("waiting for the devices"):
            self._collector.drain()
            # on a busy machine most of a short wait is the wait for a processor, which says nothing of the devices
            self.drain_dur_ns = time.perf_counter_ns() - began - (queued_ns() - queued)
        if self._fuse.is_blown:
            return
        drained = time.perf_counter_ns()
        with self._fuse.guard("starting the profiler"):
            self._collector.start(self._directory, metadata)
        self._facts |= {"started_ns": time.time_ns(), "start_dur_ns": time.perf_counter_ns() - drained}

    def begin_step(self, step: int) -> None:
        """Mark the start of a step in the trace."""
        if self._fuse.is_blown:
            return
        with self._fuse.guard("marking a step"):
            self._collector.begin_step(step)
            self._marks_step = True
            self._facts.setdefault("first_step", step)

    def end_step(self, step: int | None) -> None:
        """Mark its end. None: the range was no step after all."""
        if not self._marks_step:
            return
        self._marks_step = False
        with self._fuse.guard("marking a step"):
            self._collector.end_step()
        if step is not None:
            self._facts["last_step"] = step

    def may_stop(self) -> bool:
        """Whether this thread may switch the profiler off."""
        return self._collector.may_stop()

    def stop(self) -> None:
        """Let the devices finish the last step, switch the profiler off and have it write its files."""
        self.end_step(None)
        if not self._fuse.is_blown:
            with self._fuse.guard("waiting for the devices"):
                self._collector.drain()
        began = time.perf_counter_ns()
        self._facts["stopped_ns"] = time.time_ns()
        with self._fuse.guard("stopping the profiler"):
            self._collector.stop()
        stopped = time.perf_counter_ns()
        sizes: dict[Path, int] = {}
        if not self._fuse.is_blown:
            with self._fuse.guard("exporting the trace"):
                sizes = {path: path.stat().st_size for path in self._privacy.files(self._collector.export())}
                self.options = self._collector.effective_options()
        if self._fuse.is_blown and self._privacy.cleans_files:  # what is left there was not cleaned
            shutil.rmtree(self._directory, ignore_errors=True)
        self._facts |= {
            "state": "complete",
            "stop_dur_ns": stopped - began,
            "export_dur_ns": time.perf_counter_ns() - stopped,
            "bytes": sum(sizes.values()),
            "files": [f"{self._directory.name}/{path.relative_to(self._directory)}" for path in sizes],
        }
        if "last_step" not in self._facts:
            self._facts.pop("first_step", None)
