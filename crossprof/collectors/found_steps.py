"""The steps of a script that marks none: the first source that shows a step is the one that is counted, until it is gone."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from crossprof.collectors import registry
from crossprof.collectors.recording import Recording
from crossprof.collectors.registry import Unrecorded
from crossprof.collectors.request import Request

__all__ = ["FoundSteps"]

logger = logging.getLogger(__name__)

_SURE_AFTER = 3
"""Calls after which a compiled function counts as the step: what is called once or twice sets something up."""
_MOST_CANDIDATES = 1000


class FoundSteps:
    """Records this process from its first step on. A process without one, such as a launcher, leaves no trace.

    Where the script records itself with crossprof, this stands back.
    """

    def __init__(self, request: Callable[[str], Request], *, named: str | None, on_start: Callable[[Path], None]) -> None:
        self._request = request
        self._named = named
        self._on_start = on_start
        self._calls: dict[int, int] = {}
        self._source: Callable[[], object] = lambda: None
        self._run: Recording | Unrecorded | None = None
        self._process = os.getpid()
        self._error: BaseException | None = None
        self._is_broken = False

    def __call__(self, source: object, name: str, *, framework: str, is_sure: bool) -> None:
        """Note the end of what may be a step. Never raises."""
        if self._is_broken:
            return
        try:
            if self._source() is source or self._is_chosen(source, name, is_sure=is_sure):
                self._border(framework)
        except Exception as error:
            self._is_broken = True
            logger.warning("Steps are found no more: %s", error)

    def _is_chosen(self, source: object, name: str, *, is_sure: bool) -> bool:
        """Whether this is the source of steps from now on: none was there before, or it is gone."""
        if self._source() is not None or (self._named is not None and name != self._named):
            return False
        if not is_sure and self._named is None:
            if len(self._calls) >= _MOST_CANDIDATES:
                self._calls.clear()
            self._calls[id(source)] = self._calls.get(id(source), 0) + 1
            if self._calls[id(source)] < _SURE_AFTER:
                return False
        self._source = _reference(source)
        return True

    def _border(self, framework: str) -> None:
        if self._process != os.getpid():  # a forked child trains by itself
            self._process, self._run = os.getpid(), None
        if self._run is None:
            if registry.current() is not None:
                return
            self._start(framework)
        if isinstance(self._run, Recording) and registry.current() is self._run:
            self._run.loop.border(self)

    def _start(self, framework: str) -> None:
        self._run = registry.enter(self._request(framework), vars(sys.modules["__main__"]))
        if isinstance(self._run, Recording):
            self._on_start(self._run.path)
        atexit.register(self._end)
        self._end_with_worker()
        self._catch_error()

    def _end_with_worker(self) -> None:
        """End with a worker of multiprocessing too: before Python 3.13 a forked one never gets to what atexit knows."""
        process, util = (sys.modules.get(f"multiprocessing.{name}") for name in ("process", "util"))
        if process is not None and util is not None and process.parent_process() is not None:
            util.Finalize(None, self._end, exitpriority=0)

    def _catch_error(self) -> None:
        """Learn what ends the script; who shows it stays the same."""
        show = sys.excepthook

        def note_and_show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
            self._error = error
            return show(kind, error, trace)

        sys.excepthook = note_and_show

    def _end(self) -> None:
        if self._run is not None and self._process == os.getpid():
            registry.leave(self._run, self._error or sys.exc_info()[1])  # a worker ends while its error is handled


def _reference(source: object) -> Callable[[], object]:
    try:
        return weakref.ref(source)
    except TypeError:
        return lambda: source
