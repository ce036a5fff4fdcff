"""`crossprof.profile`: the scope of a recording, as a decorator or a context manager."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast, overload

from crossprof.collectors import registry
from crossprof.collectors.registry import Run
from crossprof.collectors.request import Request
from crossprof.collectors.schedule import Schedule
from crossprof.collectors.scoped import scoped

__all__ = ["Profile", "profile", "script_name"]

Function = TypeVar("Function", bound=Callable[..., Any])


class Profile:
    """A scope to record: a decorator of functions, coroutines and generators, and a context manager that gives a run."""

    def __init__(self, request: Request, namespace: Mapping[str, Any]) -> None:
        self._request = request
        self._namespace = namespace
        self._entered: list[Any] = []

    def around(self, namespace: Mapping[str, Any]) -> Profile:
        """The same scope around code that can name what `namespace` holds."""
        return Profile(self._request, namespace)

    def __enter__(self) -> Run:
        request = self._request if self._request.name else replace(self._request, name=script_name())
        run = registry.enter(request, self._namespace)
        self._entered.append(run)
        return run

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        registry.leave(self._entered.pop(), error)

    def __call__(self, function: Function) -> Function:
        """The function, each call of which is a run."""
        request = self._request
        if not request.name:
            request = replace(request, name=getattr(function, "__qualname__", type(function).__name__).replace(".<locals>", ""))
        elsewhere = None if hasattr(inspect.unwrap(function), "__globals__") else self._namespace
        return cast(Function, scoped(function, partial(_scope_of, function, request, elsewhere)))


@overload
def profile(name: Function, /) -> Function: ...
@overload
def profile(
    name: str | None = None,
    *,
    framework: str | None = None,
    model: str | None = None,
    precision: str | None = None,
    phase: str | None = None,
    batch_size: int | None = None,
    tags: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    schedule: Schedule | Sequence[int] | str | None = "auto",
    store: str | os.PathLike[str] | None = None,
    ranks: str | int | Collection[int] = "all",
    every: int | None = None,
    every_seconds: float | None = None,
    after_seconds: float | None = None,
    slow_step: float | None = None,
    keep_bytes: int = 2**30,
    leave_out: Collection[str] = (),
    **options: Any,
) -> Profile: ...
def profile(name: Any = None, **settings: Any) -> Any:
    """A scope in which everything is recorded. Works bare, `@profile`, called, `@profile("name")`, and in a `with` statement.

    Args:
        name: Name of the run. Default: the function's qualified name, or the script's name. One that ends in `@all` is kept,
            but NAME@all means all runs of NAME: such a run is found by its id alone.
        framework: torch, tensorflow, jax or onnxruntime. Default: the one that the code's module uses.
        model: Name of the model.
        precision: Numeric precision of the work, such as float32 or bf16.
        phase: training or inference.
        batch_size: Samples per step and rank.
        tags: Whatever tells this run from others; values become text.
        config: The configuration of the run, any JSON.
        schedule: "auto" (2 steps unmeasured, 5 bare, 1 warm-up, 5 profiled, all later ones bare), a `Schedule`, its
            numbers, or None to profile the whole call.
        store: Directory of the store. Default: CROSSPROF_STORE.
        ranks: "all", or the ranks that record.
        every: A further window every so many steps. Each takes 1 warm-up and 5 profiled steps, once the schedule is through.
        every_seconds: A further window every so many seconds.
        after_seconds: One further window, so many seconds after the start.
        slow_step: A further window right after a step that took so many times the running median, such as 1.5.
        keep_bytes: Bytes of traces that further windows may keep before they are compressed; the oldest are dropped.
        leave_out: What not to collect: some of arguments, environment, errors, git, host, paths: `crossprof show --collected`.
        **settings: Any further names are options of the framework's profiler, such as with_stack=True.

    A scope inside another joins it. Exceptions of the body pass through unchanged; those of a profiler are noted in the run.
    """
    namespace = sys._getframe(1).f_globals
    if callable(name):
        return Profile(Request(name=""), namespace)(name)
    known = {key: settings.pop(key) for key in Request.__dataclass_fields__ if key in settings and key != "options"}
    return Profile(Request(name=name or "", options=settings, **known), namespace)


def _scope_of(function: Callable[..., Any], request: Request, elsewhere: Mapping[str, Any] | None) -> Profile:
    """The scope of a call. It looks up the function's names only now: a copy of them would have to be pickled with it."""
    return Profile(request, _namespace(function) if elsewhere is None else elsewhere)


def _namespace(function: Callable[..., Any]) -> dict[str, Any]:
    """What the names in a function may mean: those of its module, and those of the functions around it."""
    plain = inspect.unwrap(function)
    code, cells = getattr(plain, "__code__", None), getattr(plain, "__closure__", None) or ()
    around = {}
    for name, cell in zip(code.co_freevars if code else (), cells, strict=False):
        with suppress(ValueError):  # a name that has no value yet
            around[name] = cell.cell_contents
    return {**getattr(plain, "__globals__", {}), **around}


def script_name() -> str:
    """The name of the script that runs, for a scope without a name."""
    script = Path(getattr(sys.modules.get("__main__"), "__file__", None) or sys.argv[0] or "")
    return script.stem if script.suffix == ".py" else "run"
