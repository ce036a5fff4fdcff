"""One request to a model, as a step: what an inference loop or a server answers."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from types import TracebackType
from typing import Any, TypeVar, cast

from crossprof.collectors import registry
from crossprof.collectors.recording import Recording
from crossprof.collectors.scoped import scoped

__all__ = ["request"]

Function = TypeVar("Function", bound=Callable[..., Any])

_OVERLAP = "Their latencies hold; throughput is that of single requests, so that of the whole is higher."
_lock = threading.RLock()
"""Reentrant: the garbage collector may end a request that was given up while its thread holds this for another."""
_within: ContextVar[request | None] = ContextVar("crossprof_request", default=None)
"""The request that the code at hand answers, or did: a request inside one that is under way is a part of it."""


class _Source:
    """All requests of one recording. Together they are one source of steps: the first of those that overlap drives them."""

    recording: Callable[[], Recording | None] = staticmethod(lambda: None)
    leading: request | None = None


_source = _Source()


class request:  # noqa: N801 - reads as a verb, like profile and step
    """A request as a step of the recording that is on, so that `step_time` is its latency: in `with`, or as a decorator.

    `samples` and `tokens` are what it handles. The time between two requests belongs to none. Decorates functions, coroutines
    and generators: that of a generator lasts until its last item. Requests may overlap, in threads and in asynchronous tasks;
    while the profiler is on, only one of those that do is a step.
    """

    def __init__(self, samples: int | None = None, tokens: int | None = None) -> None:
        self._sizes = (samples, tokens)
        self._recording: Recording | None = None
        self._start_ns = 0

    def __enter__(self) -> None:
        recording, outer = registry.current(), _within.get()
        if recording is None or (outer is not None and outer._recording is recording):
            return
        with _lock:
            if _source.recording() is not recording:
                _source.recording, _source.leading = weakref.ref(recording), None
            if _source.leading is None:
                if not recording.loop.border(_source):  # a loop marks the steps: what it calls is a part of them
                    return
                _source.leading = self
                recording.loop.size(*self._sizes)
            self._recording, self._start_ns = recording, time.monotonic_ns()  # only now: a window that closes is no latency
            _within.set(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        end_ns = time.monotonic_ns()
        recording, self._recording = self._recording, None
        if recording is None:
            return
        if _within.get() is self:  # a generator may end in another context, whose own request goes on
            _within.set(None)
        with _lock:
            if _source.leading is self:
                _source.leading = None
                recording.loop.leave(_source)
            elif _source.recording() is recording:
                recording.loop.beside(self._start_ns, end_ns, *self._sizes)
                recording.note("requests_overlap", "info", "Requests began while another was under way.", _OVERLAP)

    def __call__(self, function: Function) -> Function:
        """The function, each call of which is a request."""
        return cast(Function, scoped(function, partial(request, *self._sizes)))


def _forget() -> None:
    """In a forked child: the requests under way, and the lock that another thread may hold, belong to the parent."""
    global _lock, _source
    _lock, _source = threading.RLock(), _Source()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
