"""crossprof: which framework is faster, by how much, how sure are we, and where does the difference sit.

@crossprof.profile("bert")                    record a training script: as a decorator,
with crossprof.profile("bert") as run: ...    or as a scope with run.step()
for batch in crossprof.steps(loader): ...     mark its steps
with crossprof.request(): ...                 mark a request to a model
crossprof.keras.Callback("bert")              a callback; so for lightning and transformers, see collectors/integrations
crossprof.open().sql("select ...")            ask what was recorded
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from crossprof import errors
from crossprof._version import __version__

if TYPE_CHECKING:
    from crossprof.collectors.profile import profile
    from crossprof.collectors.schedule import Schedule
    from crossprof.collectors.serving import request
    from crossprof.collectors.steps import step, steps
    from crossprof.store import Store

__all__ = ["Schedule", "__version__", "errors", "open", "profile", "request", "step", "steps"]

_INTEGRATIONS = ("accelerate", "keras", "lightning", "onnxruntime", "transformers")  # collectors/integrations says the same


def open(path: str | os.PathLike[str] | None = None) -> Store:
    """The store at a path, ready for `.sql()` and `.compare()`. Default: CROSSPROF_STORE, else ~/.crossprof."""
    from crossprof.store import Store  # DuckDB stays out of the training process

    return Store(path)


def __getattr__(name: str) -> Any:
    """What records, or the integration of a library, loaded now: commands need neither, and the latter imports that library."""
    if name in __all__:
        return getattr(import_module("crossprof.collectors"), name)
    if name in _INTEGRATIONS:
        return import_module(f"crossprof.collectors.integrations.{name}")
    raise AttributeError(f"module 'crossprof' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What a notebook offers to complete."""
    return [*globals(), *__all__, *_INTEGRATIONS]
