"""One recording: from the entry of the outermost scope to its end."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from crossprof import settings
from crossprof._version import __version__
from crossprof.collectors import host, sources
from crossprof.collectors.allocator import allocations
from crossprof.collectors.clock import anchor
from crossprof.collectors.collector import Collector, detect_framework, framework_version, make_collector
from crossprof.collectors.devices import framework_devices
from crossprof.collectors.fuse import one_line
from crossprof.collectors.links import links
from crossprof.collectors.loop import Loop
from crossprof.collectors.on_demand import OnDemand
from crossprof.collectors.privacy import Privacy
from crossprof.collectors.profiler import Profiler
from crossprof.collectors.provenance import environment, git_state, process_facts, versions
from crossprof.collectors.ranks import Rank
from crossprof.collectors.request import Request
from crossprof.collectors.run_folder import RunFolder
from crossprof.collectors.run_id import run_id
from crossprof.collectors.schedule import PROFILE_FIRST, Schedule, as_schedule
from crossprof.collectors.step_annotations import StepAnnotations
from crossprof.collectors.telemetry import Sampler, Telemetry
from crossprof.collectors.windows import Windows

__all__ = ["Recording"]

logger = logging.getLogger(__name__)


class Recording:
    """A run in the making. Raises OSError where its folder can't be made; after that, nothing of it reaches the user's code.

    Attributes:
        run_id: Identity of the run, shared by all its ranks.
        path: The run folder of this rank.
    """

    def __init__(self, request: Request, *, rank: Rank, call: int, namespace: Mapping[str, Any]) -> None:
        self.store = settings.store_path(request.store)
        self.run_id = run_id(request.name, call, rank=rank, store=self.store)
        self.path = self.store / "recordings" / self.run_id / f"rank-{rank.rank}"
        self._request = request
        self._namespace = namespace
        self._is_closed = False
        self._process_id = os.getpid()
        self._folder = RunFolder(self.path, self._first_facts(rank), Privacy(request.leave_out, store=self.store))
        self._devices = sources.device_samplers(framework_devices("torch"))
        rows = [sampler.device_row(index) for index, sampler in enumerate(self._devices)]
        self._folder.update(devices=[*self._folder.facts["devices"], *rows])
        samplers: list[Sampler] = [host.HostSampler(), *self._devices]
        self._telemetry = Telemetry(samplers, write=self._folder.append_sample, allocations=self._allocations)
        self._telemetry.start()
        self._git = threading.Thread(target=self._note_git, name="crossprof-git", daemon=True)
        self._git.start()
        self._on_demand = OnDemand(self.path)
        self._on_demand.start()
        profiler = Profiler(
            self._folder, find_collector=self._find_collector, at_edge=self._telemetry.read, keep_bytes=request.keep_bytes
        )
        metadata = {"run_id": self.run_id, "run": request.name, "rank": rank.rank}
        try:
            is_profiled_first = request.schedule == "auto" and self.framework == "onnxruntime"
            schedule = PROFILE_FIRST if is_profiled_first else as_schedule(request.schedule)
            windows = Windows(schedule, [self._on_demand, *request.triggers()])
            self.loop = Loop(self._folder, windows, profiler=profiler, metadata=metadata, at_border=self._telemetry.at_border)
        except Exception as error:
            self._abandon(profiler, error)
            raise
        self._annotations = StepAnnotations(self.loop)
        self._annotations.watch()

    @property
    def framework(self) -> str | None:
        """The framework that is recorded, as far as it is known by now."""
        framework: str | None = self._folder.facts["framework"]
        return framework

    def step(self, samples: int | None = None, tokens: int | None = None) -> None:
        """End a step here and start the next one. Inside `crossprof.steps` it only states what the step handles.

        Nothing happens in a forked child: the files are its parent's.
        """
        if self._process_id != os.getpid():
            return
        self.loop.size(samples, tokens)
        self.loop.mark(self)

    def link(self, tracker: str, place: str) -> None:
        """State the run of another tracker that goes with this one, as `links` does."""
        self._folder.update(links={**self._folder.facts["links"], tracker: place})

    def note(self, code: str, severity: str, detail: str, effect: str | None = None) -> None:
        """Note one thing notable of the run; the same code again only raises its count."""
        self._folder.finding(code, severity, detail, effect)

    def reading(self, metric: str, value: float, *, at_ns: int | None = None) -> None:
        """Keep a figure of the user's own, such as the loss, beside the telemetry: of now, or of a moment in unix time."""
        if self._process_id != os.getpid():
            return
        line = {"at_ns": time.time_ns() if at_ns is None else at_ns, "source": "user", "values": {metric: float(value)}}
        with suppress(OSError):
            self._folder.append_sample(json.dumps(line))

    def close(self, error: BaseException | None, *, status: str | None = None) -> None:
        """End the recording: its folder is complete when this returns. `error` is what ended the user's code."""
        if self._is_closed:
            return
        self._is_closed = True
        self._on_demand.stop()
        self._annotations.end()
        try:
            self.loop.close()
        finally:
            try:
                self._note_shortfall(error)
                self._git.join(timeout=2)
                self._write_end(error, status or _status(error))
            finally:
                self._release()

    def compress(self) -> None:
        """Compress the traces of a closed recording. Takes long: not for the training's thread."""
        from crossprof.collectors.compress import compress_captures

        compress_captures(self._folder)

    def _release(self) -> None:
        self._namespace = {}  # whoever keeps the recording keeps none of the user's objects alive
        try:
            self._telemetry.close()
        finally:
            self._folder.close()

    def _abandon(self, profiler: Profiler, error: Exception) -> None:
        """End what was started of a recording that can't be: its first window broke under CROSSPROF_STRICT=1."""
        self._is_closed = True
        self._on_demand.stop()
        self._telemetry.stop()
        self._telemetry.close()
        with suppress(Exception):  # the first error is the one to raise
            profiler.close(is_last=True)
        self._folder.update(status="failed", error=one_line(error), ended_ns=time.time_ns())
        self._folder.close()

    def _first_facts(self, rank: Rank) -> dict[str, Any]:
        framework, _ = self._detect()
        facts = host.host_facts()
        return {
            "crossprof_version": __version__,
            "run_id": self.run_id,
            **self._request.facts(),
            "status": "running",
            "error": None,
            "rank": rank.rank,
            "local_rank": rank.local_rank,
            "world_size": rank.world_size,
            **_framework_facts(framework),
            "started_ns": time.time_ns(),
            "ended_ns": None,
            "host": facts,
            "process": process_facts(),
            "devices": [host.cpu_device(facts)],
            "git": None,
            "links": links(self._namespace),
            "environment": environment(),
            "options_effective": {},
            "units": sources.UNITS,
            "clock": [anchor("start")],
            "captures": [],
            "steps": {"count": 0, "bare": 0, "profiled": 0},
            "sampler": None,
            "findings": [],
        }

    def _detect(self) -> tuple[str | None, bool]:
        return (self._request.framework, False) if self._request.framework else detect_framework(self._namespace)

    def _find_collector(self) -> Collector | None:
        """The collector of the framework, looked for again here: a training function may import it itself."""
        framework, is_guess = self._detect()
        if framework is None:
            return None
        if is_guess:
            detail = f"Several frameworks are in use and {framework} was profiled. Pass framework=... to name another."
            self._folder.finding("framework_guessed", "info", detail)
        self._folder.update(**_framework_facts(framework))
        collector = make_collector(framework, self._request.options)
        if collector.caveat:
            self._folder.finding("profiler_limited", "info", collector.caveat, "The trace has less than it could.")
        return collector

    def _allocations(self) -> Iterable[tuple[int, dict[str, float | None]]]:
        return allocations(self._folder.facts["framework"])

    def _note_git(self) -> None:
        with suppress(OSError):  # the directory, or a folder that was ingested meanwhile, may be gone
            state = git_state(Path.cwd())
            if state is not None and not self._is_closed:
                self._folder.update(git=state)

    def _note_shortfall(self, error: BaseException | None) -> None:
        """State what is missing of the schedule, and how to get it."""
        steps, schedule = self.loop.counts["count"], self.loop.schedule
        if not isinstance(schedule, Schedule) or error is not None or steps >= schedule.length:
            return
        if not steps:
            cure = "Mark steps (crossprof.steps, run.step, @crossprof.step), or pass schedule=None to profile the whole call."
            self._folder.finding(
                "no_steps", "warning", f"The call made no steps. {cure}", "There are no step times and no trace."
            )
            return
        cure = f"Pass schedule={schedule.fit(steps).numbers}, or wrap a loader of known length in crossprof.steps."
        detail = f"The loop ended after {steps} of the schedule's {schedule.length} steps. {cure}"
        self._folder.finding("ended_early", "warning", detail, "The trace is short or missing; step times are kept.")

    def _write_end(self, error: BaseException | None, status: str) -> None:
        sampler = self._telemetry.stop()
        self._note_telemetry(sampler["fields"])
        framework = self._folder.facts["framework"]
        self._folder.update(
            status=status,
            error=None if error is None or status == "completed" else one_line(error),
            ended_ns=time.time_ns(),
            versions=versions(),
            framework_version=framework_version(framework),
            devices=self._device_rows(framework),
            clock=[*self._folder.facts["clock"], anchor("stop")],
            steps=self.loop.counts,
            sampler=sampler,
            links={**self._folder.facts["links"], **links(self._namespace)},
        )

    def _note_telemetry(self, fields: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        """State which sources ended early, and which fields cost too much to be read."""
        for source, error in self._telemetry.errors.items():
            detail = f"Telemetry of {source} ended: {one_line(error)}"
            self._folder.finding("telemetry_failed", "warning", detail, "Its readings from then on are missing.")
        for source, told in fields.items():
            costly = [f"{name} ({fact['cost_ns'] / 1e6:.1f} ms)" for name, fact in told.items() if fact["state"] == "costly"]
            if costly:
                detail = f"Readings of {source} took too long: {', '.join(costly)}. A field may take 2 ms."
                self._folder.finding("telemetry_costly", "info", detail, "They were left out after five readings.")

    def _device_rows(self, framework: str | None) -> list[dict[str, Any]]:
        """The CPU, and the accelerators: as the framework knows them if it tells which they are, else as their drivers do."""
        rows: list[dict[str, Any]] = []
        try:
            rows = sources.named_alike(framework_devices(framework), self._devices)
        except Exception:
            logger.debug("The devices of %s are unknown.", framework, exc_info=True)
        if self._devices and not any(row["uuid"] for row in rows):
            rows = [sampler.device_row(index) for index, sampler in enumerate(self._devices)]
        return [host.cpu_device(self._folder.facts["host"]), *rows]


def _framework_facts(framework: str | None) -> dict[str, Any]:
    return {"framework": framework, "framework_version": framework_version(framework), "versions": versions()}


def _status(error: BaseException | None) -> str:
    if error is None or isinstance(error, GeneratorExit):
        return "completed"
    if isinstance(error, SystemExit):
        return "completed" if error.code in {None, 0} else "failed"
    is_stopped = isinstance(error, KeyboardInterrupt) or type(error).__name__ == "CancelledError"
    return "interrupted" if is_stopped else "failed"
