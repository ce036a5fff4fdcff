"""The marks of steps: an iterable whose items are steps, and a function whose calls are."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar, overload

from crossprof.collectors import registry
from crossprof.collectors.loop import Size

__all__ = ["Steps", "step", "steps"]

Item = TypeVar("Item")
Function = TypeVar("Function", bound=Callable[..., Any])


_under_way: ContextVar[tuple[object, ...]] = ContextVar("crossprof_steps_under_way", default=())
"""The step functions that the code at hand was called by. Each thread and each asynchronous task has its own."""


class Steps(Generic[Item]):
    """An iterable, each item of which is a step: from the request for it to the request for the next."""

    def __init__(self, iterable: Iterable[Item] | AsyncIterable[Item], samples: Size, tokens: Size) -> None:
        self._iterable = iterable
        self._samples = samples
        self._tokens = tokens

    def __len__(self) -> int:
        return len(self._iterable)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Item]:
        owner, length = object(), _length(self._iterable)
        iterator = iter(self._iterable)  # type: ignore[arg-type]
        try:
            while True:
                is_step = _border(owner, length)
                try:
                    item = next(iterator)
                except StopIteration:
                    return
                if is_step:
                    self._size(item)
                yield item
        finally:
            _end(owner)

    async def __aiter__(self) -> AsyncIterator[Item]:
        owner, length = object(), _length(self._iterable)
        iterator = aiter(self._iterable)  # type: ignore[arg-type]
        try:
            while True:
                is_step = _border(owner, length)
                try:
                    item = await anext(iterator)
                except StopAsyncIteration:
                    return
                if is_step:
                    self._size(item)
                yield item
        finally:
            _end(owner)

    def _size(self, item: Item) -> None:
        recording = registry.current()
        if recording is not None and (self._samples is not None or self._tokens is not None):
            recording.loop.size(self._samples, self._tokens, item)


def steps(iterable: Iterable[Item] | AsyncIterable[Item], samples: Size = None, tokens: Size = None) -> Steps[Item]:
    """The same items, each a step of the recording that is on, the time to fetch it included. Without a recording: the items.

    `samples` and `tokens` are what a step handles: a number, or a function of the item. A length that `len()` tells
    shrinks the schedule to fit.
    """
    return Steps(iterable, samples, tokens)


@overload
def step(function: Function, /) -> Function: ...
@overload
def step(*, samples: int | None = None, tokens: int | None = None) -> Callable[[Function], Function]: ...
def step(function: Any = None, /, *, samples: int | None = None, tokens: int | None = None) -> Any:
    """The function, with each call starting a step: it lasts until the next call, the last one until its return.

    Calls of itself, and other step functions, start none; calls in other threads and tasks meanwhile do. Works bare and with
    arguments, on functions and coroutines. Put it outermost, above jax.jit, tf.function and torch.compile: inside, it would
    run only while they trace.
    """
    if function is None:
        return functools.partial(_as_step, samples=samples, tokens=tokens)
    return _as_step(function, samples=samples, tokens=tokens)


def _as_step(function: Callable[..., Any], *, samples: int | None, tokens: int | None) -> Callable[..., Any]:
    calls = _Calls(samples, tokens)

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        if registry.current() is None:
            return function(*arguments, **named)
        with calls.one():
            return function(*arguments, **named)

    @functools.wraps(function)
    async def call_async(*arguments: Any, **named: Any) -> Any:
        if registry.current() is None:
            return await function(*arguments, **named)
        with calls.one():
            return await function(*arguments, **named)

    return call_async if inspect.iscoroutinefunction(function) else call


class _Calls:
    """The calls of one step function. A class of the module, so that the function can be pickled by value."""

    def __init__(self, samples: int | None, tokens: int | None) -> None:
        self._samples = samples
        self._tokens = tokens

    @contextmanager
    def one(self) -> Iterator[None]:
        """The time of one call."""
        around = _under_way.get()
        recording = None if self in around else registry.current()
        _under_way.set((*around, self))
        try:
            if recording is not None and recording.loop.border(self):
                recording.loop.size(self._samples, self._tokens)
            yield
            if recording is not None:
                recording.loop.exited(self)
        finally:
            _under_way.set(around)


def _border(owner: object, length: int | None) -> bool:
    recording = registry.current()
    return recording is not None and recording.loop.border(owner, length=length)


def _end(owner: object) -> None:
    recording = registry.current()
    if recording is not None:
        recording.loop.end(owner)


def _length(iterable: object) -> int | None:
    try:
        return len(iterable)  # type: ignore[arg-type]
    except Exception:  # some loaders raise errors of their own where they can't tell
        return None
