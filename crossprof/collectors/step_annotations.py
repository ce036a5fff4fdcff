"""Steps that a script marks for JAX's own profiler: `jax.profiler.StepTraceAnnotation`."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from crossprof.collectors.loop import Loop

__all__ = ["StepAnnotations", "unseen"]

_MARK = "_crossprof"


class StepAnnotations:
    """Has each annotation, from its entry to the next one's, count as a step of a loop that nothing else marks."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._process_id = os.getpid()

    def watch(self) -> None:
        """Begin, where JAX is loaded."""
        kind = _annotation()
        if kind is not None and not hasattr(kind.__enter__, _MARK):
            kind.__enter__ = self._wrapped(kind.__enter__, self._loop.border)
            kind.__exit__ = self._wrapped(kind.__exit__, self._loop.exited)

    def end(self) -> None:
        """Stop."""
        kind = _annotation()
        for name in ("__enter__", "__exit__"):
            if kind is not None and getattr(getattr(kind, name), _MARK, None) is self:
                delattr(kind, name)  # the class of JAX inherits its own

    def _wrapped(self, original: Callable[..., Any], mark: Callable[[object], object]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(annotation: Any, *arguments: Any) -> Any:
            if not hasattr(annotation, _MARK) and os.getpid() == self._process_id:
                mark(self)
            return original(annotation, *arguments)

        setattr(call, _MARK, self)
        return call


def unseen(annotation: Any) -> Any:
    """An annotation of our own, which marks no step of the script's."""
    setattr(annotation, _MARK, True)
    return annotation


def _annotation() -> Any:
    return getattr(sys.modules.get("jax.profiler"), "StepTraceAnnotation", None)
