"""A function whose every call runs in a scope, and which stays what it is: function, coroutine or generator."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, aclosing
from typing import Any

__all__ = ["scoped"]

Scope = Callable[[], AbstractContextManager[Any]]


def scoped(function: Callable[..., Any], scope: Scope) -> Callable[..., Any]:
    """The function with each call in a new scope: a generator's lasts from its first item to its end."""
    if inspect.isasyncgenfunction(function):
        wrapper = _async_generator(function, scope)
    elif inspect.iscoroutinefunction(function):
        wrapper = _coroutine(function, scope)
    elif inspect.isgeneratorfunction(function):
        wrapper = _generator(function, scope)
    else:
        wrapper = _function(function, scope)
    return functools.wraps(function)(wrapper)


def _function(function: Callable[..., Any], scope: Scope) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        with scope():
            return function(*arguments, **named)

    return call


def _coroutine(function: Callable[..., Any], scope: Scope) -> Callable[..., Any]:
    async def call(*arguments: Any, **named: Any) -> Any:
        with scope():
            return await function(*arguments, **named)

    return call


def _generator(function: Callable[..., Any], scope: Scope) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        with scope():
            return (yield from function(*arguments, **named))

    return call


def _async_generator(function: Callable[..., Any], scope: Scope) -> Callable[..., Any]:
    """There is no `yield from` for asynchronous generators: what is sent and thrown in is handed on by hand."""

    async def call(*arguments: Any, **named: Any) -> Any:
        with scope():
            async with aclosing(function(*arguments, **named)) as inner:
                advance = inner.__anext__()
                while True:
                    try:
                        item = await advance
                    except StopAsyncIteration:
                        return
                    try:
                        advance = inner.asend((yield item))
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        advance = inner.athrow(error)

    return call
