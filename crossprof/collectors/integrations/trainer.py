"""The recording around a trainer's loop: what all callbacks have in common."""

from __future__ import annotations

import functools
import logging
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypeVar

from crossprof import settings as environment
from crossprof.collectors import registry
from crossprof.collectors.profile import Profile, profile

__all__ = ["TrainerScope", "contained"]

logger = logging.getLogger(__name__)
Class = TypeVar("Class", bound=type)


def contained(callback: Class) -> Class:
    """The class of a callback, none of whose own `on_...` methods raises: a failure is logged. CROSSPROF_STRICT=1 raises it."""
    for name, method in list(vars(callback).items()):
        if name.startswith("on_") and callable(method):
            setattr(callback, name, _contained(name, method))
    return callback


def _contained(name: str, method: Callable[..., object]) -> Callable[..., None]:
    @functools.wraps(method)
    def call(*arguments: Any, **named: Any) -> None:
        try:
            method(*arguments, **named)
        except Exception as error:
            if environment.is_on("CROSSPROF_STRICT"):
                raise
            logger.warning("%s of crossprof's callback failed: %s. The training goes on.", name, error)

    return call


class TrainerScope:
    """A recording that callbacks enter and leave, and its steps, from the start of one batch to the start of the next.

    A trainer that fails may never call back. The recording is then over as soon as the trainer's function is: the next scope of
    the process, or its end, closes it. Within a scope of the user's own it marks steps alone. `library` is the package that
    calls back.
    """

    def __init__(self, name: str | None, settings: dict[str, Any], *, library: str) -> None:
        self._arguments = (name, settings)
        self._library = library
        self._scope: Profile | None = None
        self.is_on = False
        self._length: int | None = None
        self._samples: int | None = None
        profile(name, **settings)  # an argument that makes no sense is refused here, not in the midst of the training

    def begin(self, *, length: int | None = None, samples: int | None = None, **facts: Any) -> None:
        """Enter a recording. `facts` are arguments of `profile` that the user's own win over.

        `length`: steps that will come; `samples`: those of each. What is not known is None.
        """
        registry.would_join()  # closes what an earlier training left open, as failed
        self.end()
        name, settings = self._arguments
        config = {**(facts.pop("config", None) or {}), **(settings.get("config") or {})}
        known = {key: value for key, value in facts.items() if value is not None}
        self._length, self._samples = length, settings.get("batch_size") if samples is None else samples
        self.is_on = True
        if registry.would_join():
            return
        frame = _outermost(sys._getframe(1), self._library)
        caller = None if frame is None else frame.f_back
        scope = profile(name, **{**known, **settings, "config": config})
        self._scope = scope if caller is None else scope.around(caller.f_globals)
        run = self._scope.__enter__()
        if frame is not None:
            registry.watch(run, _end_of(frame))

    def step(self) -> None:
        """A batch begins, and the one before ends."""
        recording = registry.current()
        if self.is_on and recording is not None and recording.loop.border(self, length=self._length):
            recording.loop.size(self._samples, None)

    def pause(self) -> None:
        """The batch at hand is over, and what follows is none."""
        recording = registry.current()
        if self.is_on and recording is not None:
            recording.loop.leave(self)

    def link(self, tracker: str, place: object) -> None:
        """State where another tracker keeps the same run."""
        recording = registry.current()
        if self.is_on and recording is not None and place:
            recording.link(tracker, str(place))

    def finish(self) -> None:
        """Leave the recording: the batch at hand was the last, and is over."""
        self.pause()
        self.end()

    def end(self, error: BaseException | None = None) -> None:
        """Leave the recording; the batch at hand is none. `error` is what ended the training."""
        is_on, self.is_on = self.is_on, False
        scope, self._scope = self._scope, None
        recording = registry.current()
        if is_on and recording is not None:
            recording.loop.end(self)
        if scope is not None:
            scope.__exit__(None if error is None else type(error), error, None)


def _outermost(frame: FrameType | None, library: str) -> FrameType | None:
    """The library's function above all its others on the stack, such as `fit`: it lasts as long as the training."""
    found = None
    while frame is not None and (found is None or _is_of(frame, library)):
        found = frame if _is_of(frame, library) else found
        frame = frame.f_back
    return found


class _Mark:
    """Lives as long as the frame that it is put into."""


def _end_of(frame: FrameType) -> Callable[[], bool]:
    """Tells whether a function of this thread is over. Holds nothing of it: a model of a training that failed is freed."""
    mark, number, thread = _Mark(), id(frame), threading.get_ident()
    frame.f_locals["<crossprof>"] = mark
    lives = weakref.ref(mark)
    return lambda: lives() is None or all(id(running) != number for running in _stack(thread))


def _is_of(frame: FrameType, library: str) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == library


def _stack(thread: int) -> Iterator[FrameType]:
    frame = sys._current_frames().get(thread)
    while frame is not None:
        yield frame
        frame = frame.f_back
