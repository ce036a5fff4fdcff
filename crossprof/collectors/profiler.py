"""All windows of a recording: the framework's profiler, switched on and off between steps."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import Any

from crossprof.collectors.capture import Capture
from crossprof.collectors.clock import anchor
from crossprof.collectors.collector import Collector
from crossprof.collectors.fuse import Fuse
from crossprof.collectors.run_folder import RunFolder
from crossprof.collectors.shared_torch import SharedTorch
from crossprof.collectors.trigger import SCHEDULE, Wish

__all__ = ["Profiler"]

_SHORTEST_LAG_NS = 3_000_000
_LAG_RATIO = 0.1
"""Waiting for idle devices takes time too: the host ran ahead if it took more, and more than this share of the bare steps."""


class Profiler:
    """Opens and closes the windows of a recording, and lists them in run.json. Fails safe: see Fuse.

    Of the windows that triggers ask for it keeps `keep_bytes` of traces, the latest, and the very last in any case.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        find_collector: Callable[[], Collector | None],
        at_edge: Callable[[], None],
        keep_bytes: int,
    ) -> None:
        self.fuse = Fuse(folder.finding)
        self.window: Capture | None = None
        self._folder = folder
        self._find_collector = find_collector
        self._at_edge = at_edge
        self._keep_bytes = keep_bytes
        self._collector: Collector | None = None
        self._closed: list[dict[str, Any]] = []
        self._opened = 0
        self._wish: Wish | None = None
        self.shared = SharedTorch(folder, give_way=self.close, next_number=self._next_number, keep_bytes=keep_bytes)
        self.shared.watch()

    @property
    def is_on(self) -> bool:
        """Whether a step that starts now runs under the profiler."""
        return self.window is not None and not self.fuse.is_blown

    def open(self, metadata: Mapping[str, Any], *, wish: Wish, bare_ns: int = 0) -> None:
        """Start a window, if there is a profiler. `bare_ns`, the time of all bare steps, tells whether the host ran ahead."""
        if wish is not self._wish:
            self._wish = wish
            self.fuse.mend()
            if self.shared.was_seen and wish.trigger != SCHEDULE:
                detail = f"A window was not taken ({wish.reason}): a torch.profiler of the script's own is on, or was."
                self._folder.finding("profiler_busy", "warning", detail, "crossprof takes no trace in this run.")
        self.shared.watch()  # again: the recorded code may have imported torch itself
        if self.shared.was_seen or self.fuse.is_blown or not self._has_collector():
            return
        assert self._collector is not None
        number = self._next_number()
        self._at_edge()
        directory = None
        with self.fuse.guard("making the directory of the trace"):
            directory = self._folder.files_of(number)
        if directory is None:
            return
        self._opened += 1
        self.window = Capture(
            number, self._collector, directory=directory, fuse=self.fuse, wish=wish, privacy=self._folder.privacy
        )
        try:
            self.window.start({**metadata, "capture": number})
        finally:
            self._record(f"capture-{number}-start")
        if bare_ns and self.window.drain_dur_ns > max(_SHORTEST_LAG_NS, _LAG_RATIO * bare_ns):
            self._note_host_ahead(self.window.drain_dur_ns, bare_ns)

    def close(self, *, is_last: bool = False) -> None:
        """End the window, if there is one: its files are written when this returns.

        A window of another thread stays, broken, until that thread comes by; the last call gives it up.
        """
        if is_last:
            self.shared.end()
            self._folder.facts["captures"] = self._captures()
        window = self.window
        if window is None:
            return
        if not is_last and not window.may_stop():
            with self.fuse.guard("stopping the profiler"):
                raise RuntimeError("it was started in another thread; mark the steps in one thread")
            return
        try:
            window.stop()
        finally:
            self.window = None
            facts = window.facts()
            is_empty = facts["trigger"] != SCHEDULE and facts["state"] == "complete" and "last_step" not in facts
            dropped = [window.number] if is_empty else self._excess(facts)
            self._at_edge()
            self._record(f"capture-{window.number}-stop", options=window.options)
            for number in dropped:
                shutil.rmtree(self._folder.path / f"capture-{number}", ignore_errors=True)

    def _excess(self, closed: dict[str, Any]) -> list[int]:
        """The windows that go now that another is kept: the oldest of those that were triggered, down to `keep_bytes`."""
        self._closed.append(closed)
        triggered = [facts for facts in self._closed if facts["trigger"] != SCHEDULE]
        excess = sum(facts.get("bytes", 0) for facts in triggered) - self._keep_bytes
        dropped = []
        for facts in triggered[:-1]:
            if excess <= 0:
                break
            excess -= facts.get("bytes", 0)
            self._closed.remove(facts)
            dropped.append(facts["capture"])
            detail = f"Traces of triggered windows went over keep_bytes={self._keep_bytes:,}: the oldest were dropped."
            self._folder.finding("captures_dropped", "info", detail, "Their steps count as unmeasured.")
        return dropped

    def _has_collector(self) -> bool:
        if self._collector is None:
            with self.fuse.guard("finding the profiler"):
                self._collector = self._find_collector()
        if self._collector is None and not self.fuse.is_blown:
            detail = "No framework was loaded when the profiled part began. Pass framework='torch', 'tensorflow' or 'jax'."
            self._folder.finding("no_framework", "warning", detail, "There is no trace; step times are kept.")
        return self._collector is not None

    def _next_number(self) -> int:
        return self._opened + self.shared.opened

    def _captures(self) -> list[dict[str, Any]]:
        own = [*self._closed, *([self.window.facts()] if self.window else [])]
        return sorted([*own, *self.shared.captures], key=lambda capture: int(capture["capture"]))

    def _record(self, at: str, options: Mapping[str, Any] | None = None) -> None:
        captures = self._captures()
        kept = {f"capture-{facts['capture']}-{edge}" for facts in captures for edge in ("start", "stop")} | {"start"}
        clock = [one for one in [*self._folder.facts.get("clock", []), anchor(at)] if one["at"] in kept]
        effective = {**self._folder.facts.get("options_effective", {}), **(options or {})}
        with self.fuse.guard("writing run.json"):
            self._folder.update(captures=captures, clock=clock, options_effective=effective)

    def _note_host_ahead(self, drained_ns: int, bare_ns: int) -> None:
        detail = (
            f"After bare steps of {bare_ns / 1e6:.1f} ms in all, the device still had {drained_ns / 1e6:.1f} ms of work. "
            "Wait for a result in each step (jax.block_until_ready(loss), loss.item())."
        )
        self._folder.finding("host_ran_ahead", "error", detail, "Step times are those of handing work out, not of doing it.")
