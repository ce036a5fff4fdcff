"""Profilers of torch that are not ours: a script's own, Lightning's, Accelerate's. They work on, and their trace is shared."""

from __future__ import annotations

import functools
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary

from crossprof.collectors.run_folder import RunFolder
from crossprof.collectors.schedule import State

__all__ = ["SharedTorch", "ours"]

logger = logging.getLogger(__name__)

_METHODS = ("_prepare_trace", "_start_trace", "__exit__", "export_chrome_trace")
_is_ours = False


@contextmanager
def ours() -> Iterator[None]:
    """What is done to torch's profiler in this context is done by crossprof itself."""
    global _is_ours  # noqa: PLW0603 - profilers are process-wide, and so is this
    _is_ours = True
    try:
        yield
    finally:
        _is_ours = False


class SharedTorch:
    """Watches torch's profiler class for a recording: when another one is on, and the trace that it writes.

    torch has no hook for that, so four methods of `torch.autograd.profiler.profile`, through which every profiler of torch
    goes, are wrapped until the recording ends. The one that is watched knows nothing of it.
    """

    def __init__(
        self, folder: RunFolder, *, give_way: Callable[[], None], next_number: Callable[[], int], keep_bytes: int
    ) -> None:
        self.captures: list[dict[str, Any]] = []
        self.opened = 0
        self._folder = folder
        self._give_way = give_way
        self._next_number = next_number
        self._keep_bytes = keep_bytes
        self._capture_of: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()
        self._state: Literal["off", "warming", "on"] = "off"
        self._changed_ns = 0
        self._original: dict[str, Any] = {}
        self._process_id = os.getpid()

    @property
    def was_seen(self) -> bool:
        """Whether another profiler is on or was: a second one would profile the first, and take its events."""
        return self._state != "off" or self.opened > 0

    def was_off_since(self, start_ns: int) -> bool:
        """Whether no other profiler came, went or was on since a moment of the monotonic clock."""
        return self._state == "off" and self._changed_ns <= start_ns

    def watch(self) -> None:
        """Begin to watch, where torch is loaded. Harmless if it is watched already."""
        torch = sys.modules.get("torch")
        kind = getattr(sys.modules.get("torch.autograd.profiler"), "profile", None)
        if self._original or kind is None or torch is None or not all(hasattr(kind, name) for name in _METHODS):
            return
        if torch.autograd._profiler_enabled():
            self._open(None)
        for name in _METHODS:
            self._original[name] = getattr(kind, name)
            setattr(kind, name, self._wrapped(name))

    def end(self) -> None:
        """Stop watching, and note what became of the other profilers."""
        kind = getattr(sys.modules.get("torch.autograd.profiler"), "profile", None)
        for name, original in self._original.items():
            if getattr(getattr(kind, name), "_crossprof", None) is self:
                setattr(kind, name, original)
        self._original = {}
        if self.was_seen:
            self._note()

    def judge(self, step: int, planned: State, *, lasted_ns: int) -> tuple[State, int | None]:
        """State and capture of a step that ends now, given when the other profiler came and went."""
        if time.monotonic_ns() - self._changed_ns < lasted_ns:
            return "unmeasured", None
        if self._state == "on":
            self.captures[-1].setdefault("first_step", step)
            self.captures[-1]["last_step"] = step
            return "profiled", self.captures[-1]["capture"]
        return ("unmeasured" if self._state == "warming" else planned), None

    def _wrapped(self, name: str) -> Callable[..., Any]:
        original = self._original[name]

        @functools.wraps(original)
        def call(profiler: Any, *arguments: Any, **named: Any) -> Any:
            is_foreign = not _is_ours and os.getpid() == self._process_id  # a forked child has no recording
            if is_foreign:
                self._contained(self._before, name)
            is_done = name == "__exit__"
            try:
                result = original(profiler, *arguments, **named)
                is_done = True
                return result
            finally:
                if is_foreign and is_done:
                    self._contained(self._after, name, profiler, *arguments[:1])

        call._crossprof = self  # type: ignore[attr-defined]
        return call

    def _contained(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call one of our own methods: whatever it raises stays here."""
        try:
            function(*arguments)
        except Exception:
            logger.debug("A profiler of the script's own could not be followed.", exc_info=True)

    def _before(self, name: str) -> None:
        if name in {"_prepare_trace", "_start_trace"}:
            self._give_way()

    def _after(self, name: str, profiler: Any, path: Any = None) -> None:
        if name == "_prepare_trace":
            self._state, self._changed_ns = "warming", time.monotonic_ns()
        elif name == "_start_trace":
            self._open(profiler)
        elif name == "__exit__":
            self._close(profiler)
        elif path is not None and profiler in self._capture_of:
            self._adopt(Path(path), self._capture_of[profiler])

    def _open(self, profiler: Any) -> None:
        """Note that a profiler is on; None: one that was before, and which is not known before it ends."""
        self._state, self._changed_ns = "on", time.monotonic_ns()
        why = {"trigger": "script", "reason": "a torch.profiler of the script's own"}
        facts = {"capture": self._next_number(), **why, "state": "recording", "started_ns": time.time_ns(), "files": []}
        self.captures.append({**facts, "is_shared": True})
        self.opened += 1
        if profiler is not None:
            self._capture_of[profiler] = self.captures[-1]

    def _close(self, profiler: Any) -> None:
        if self._state == "on":
            self.captures[-1] |= {"state": "complete", "stopped_ns": time.time_ns()}
            self._capture_of.setdefault(profiler, self.captures[-1])
        self._state, self._changed_ns = "off", time.monotonic_ns()

    def _adopt(self, path: Path, capture: dict[str, Any]) -> None:
        """Copy the trace just exported: torch exports one only once, and the file is the script's."""
        copy = self._folder.files_of(capture["capture"]) / "trace.json"
        try:
            shutil.copyfile(path, copy)
            (copy,) = self._folder.privacy.files([copy])
        except BaseException:
            copy.unlink(missing_ok=True)
            raise
        capture |= {"files": [self._folder.relative(copy)], "bytes": copy.stat().st_size}
        self._drop_oldest()
        self._changed_ns = time.monotonic_ns()

    def _drop_oldest(self) -> None:
        """Keep the latest copies, `keep_bytes` of them: a schedule may repeat for as long as the training lasts."""
        copied = [capture for capture in self.captures if capture["files"]]
        excess = sum(capture["bytes"] for capture in copied) - self._keep_bytes
        for capture in copied[:-1]:
            if excess <= 0:
                break
            excess -= capture["bytes"]
            self.captures.remove(capture)
            shutil.rmtree(self._folder.path / f"capture-{capture['capture']}", ignore_errors=True)
            detail = f"Traces of the script's own profiler went over keep_bytes={self._keep_bytes:,}: the oldest were dropped."
            self._folder.finding("captures_dropped", "info", detail, "Their steps count as unmeasured.")

    def _note(self) -> None:
        without = [capture for capture in self.captures if not capture["files"]]
        self.captures = [capture for capture in self.captures if capture["files"]]
        detail = (
            "A torch.profiler of the script's own was on: steps under it are profiled, and crossprof started none after it."
        )
        self._folder.finding("profiler_shared", "info", detail)
        if without:
            cure = "Ingest the file that it writes: crossprof ingest FILE."
            detail = f"A torch.profiler of the script's own wrote no Chrome trace while the recording was on. {cure}"
            self._folder.finding(
                "shared_trace_missing", "warning", detail, "There is no trace of its steps; step times are kept."
            )
