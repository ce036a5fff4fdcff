"""The one recording of a process: profilers are process-wide, so scopes inside another join it."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from crossprof import settings
from crossprof.collectors import handoff
from crossprof.collectors.ranks import current_rank, is_wanted
from crossprof.collectors.recording import Recording
from crossprof.collectors.request import Request
from crossprof.errors import CollectorError

__all__ = ["MOST_RUNS", "Run", "Unrecorded", "current", "enter", "leave", "watch", "would_join"]

logger = logging.getLogger(__name__)

MOST_RUNS = 20
"""Recordings of one name in one process: a decorated function that is called more often is most likely a step."""


class Run(Protocol):
    """What a scope gives to the user."""

    @property
    def run_id(self) -> str | None:
        """Identity of the run; None where nothing is recorded."""
        ...

    def step(self, samples: int | None = None, tokens: int | None = None) -> None:
        """End a step here and start the next one."""
        ...

    def reading(self, metric: str, value: float, *, at_ns: int | None = None) -> None:
        """Keep a figure of the user's own, such as the loss, beside the telemetry."""
        ...


class Unrecorded:
    """A run of which nothing is kept."""

    run_id = None

    def step(self, samples: int | None = None, tokens: int | None = None) -> None:
        """Do nothing."""

    def reading(self, metric: str, value: float, *, at_ns: int | None = None) -> None:
        """Do nothing."""

    def close(self, error: BaseException | None, *, status: str | None = None) -> None:
        """Do nothing."""


_lock = threading.RLock()
_current: Recording | Unrecorded | None = None
_depth = 0
_is_over: Callable[[], bool] | None = None
_calls: Counter[str] = Counter()
_replaced_handler: Any = None


def current() -> Recording | None:
    """The recording that is on in this process."""
    return _current if isinstance(_current, Recording) else None


def enter(request: Request, namespace: Mapping[str, Any]) -> Recording | Unrecorded:
    """Start a recording, or join the one that is on. Never fails, except under CROSSPROF_STRICT=1."""
    global _current, _depth  # noqa: PLW0603 - this module is the registry
    with _lock:
        run = _current if would_join() else None
        if run is None:
            run = _current = Unrecorded() if settings.is_on("CROSSPROF_DISABLE") else _start(request, namespace)
        _depth += 1
        return run


def would_join() -> bool:
    """Whether a scope that is entered now joins one that is on. What `watch` says is over, is closed first."""
    with _lock:
        if _is_over is not None and _is_over():
            _interrupt()
        return _current is not None


def watch(run: Run, is_over: Callable[[], bool]) -> None:
    """Have a recording closed as failed by the next scope, or by the end of the process, once `is_over` says so.

    For a scope that something else opens and may forget to leave.
    """
    global _is_over  # noqa: PLW0603
    with _lock:
        if run is _current:
            _is_over = is_over


def leave(run: Recording | Unrecorded, error: BaseException | None) -> None:
    """Leave a scope; the last one out ends the recording and hands it over. Never fails, except under CROSSPROF_STRICT=1."""
    global _depth  # noqa: PLW0603
    with _lock:
        if run is not _current:  # ended already: by a signal, or in a forked child
            return
        _depth -= 1
        if _depth:
            return
        try:
            _end(run, error)
        finally:
            _forget_current()


def _start(request: Request, namespace: Mapping[str, Any]) -> Recording | Unrecorded:
    call = _calls[request.name] + 1
    if call > MOST_RUNS:
        if call == MOST_RUNS + 1:
            _calls[request.name] = call
            logger.warning("'%s' was recorded %d times in this process; further calls are not.", request.name, MOST_RUNS)
        return Unrecorded()
    try:
        rank = current_rank()
        if not is_wanted(rank, request.ranks):
            return Unrecorded()
        _calls[request.name] = call
        recording = Recording(request, rank=rank, call=call, namespace=namespace)
    except Exception as error:
        if settings.is_on("CROSSPROF_STRICT"):
            raise CollectorError(f"'{request.name}' can't be recorded: {error}") from error
        if call == 1:
            cure = (
                "Set CROSSPROF_STORE to a writable directory."
                if isinstance(error, OSError)
                else "CROSSPROF_STRICT=1 raises it."
            )
            logger.warning("'%s' runs unrecorded: %s. %s", request.name, str(error).rstrip("."), cure)
        return Unrecorded()
    _catch_termination()
    return recording


def _end(run: Recording | Unrecorded, error: BaseException | None, status: str | None = None) -> None:
    _release_termination()
    try:
        run.close(error, status=status)
    except Exception as failure:
        if error is None and settings.is_on("CROSSPROF_STRICT"):
            raise failure if isinstance(failure, CollectorError) else CollectorError(str(failure)) from failure
        logger.warning("The recording could not be completed: %s", failure)
    if isinstance(run, Recording):
        handoff.submit(run)


def _catch_termination() -> None:
    """End the recording on SIGTERM, then let it do what it does. A program with a handler of its own keeps it."""
    global _replaced_handler  # noqa: PLW0603
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        _replaced_handler = signal.signal(signal.SIGTERM, _on_termination)


def _release_termination() -> None:
    global _replaced_handler  # noqa: PLW0603
    is_ours = signal.getsignal(signal.SIGTERM) is _on_termination
    if is_ours and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _replaced_handler = None


def _on_termination(number: int, frame: object) -> None:
    del frame
    _interrupt()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _interrupt() -> None:
    """End a recording whose scope will not be left any more."""
    run, status = _current, "failed" if _is_over is not None and _is_over() else "interrupted"
    _forget_current()
    if run is not None:
        _end(run, getattr(sys, "last_value", None) if status == "failed" else None, status)


def _forget_current() -> None:
    global _current, _depth, _is_over
    _current, _depth, _is_over = None, 0, None


def _forget() -> None:
    """In a forked child: the recording, its threads and its files belong to the parent."""
    global _lock  # noqa: PLW0603
    _lock = threading.RLock()
    _forget_current()
    handoff.forget()


def _at_exit() -> None:
    _interrupt()
    with suppress(KeyboardInterrupt):  # who won't wait need not
        handoff.wait()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
