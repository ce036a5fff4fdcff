"""The models. A file here is a model: what it is made of, and how each library builds it."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from crossprof.errors import CrossprofError
from crossprof.workloads.batches import Task
from crossprof.workloads.parameter import Parameter
from crossprof.workloads.size import Size

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

__all__ = ["Model", "model_named", "models"]


class Model(Protocol):
    """What a file of this package offers. Builders import their library; the rest imports none."""

    TASK: Task

    def parameters(self, size: Size) -> Iterator[Parameter]:
        """Its parameters: the canonical ones, and where Keras keeps them."""
        ...

    def transformers_model(self, size: Size) -> Any:
        """The model of transformers, without dropout, whose answer has `logits`."""
        ...

    def transformers_inputs(self, inputs: Array) -> Mapping[str, Array]:
        """What that model is called with."""
        ...

    def keras_model(self, size: Size) -> Any:
        """The model of keras-hub, without dropout, whose answer is the logits."""
        ...

    def keras_inputs(self, inputs: Array) -> Any:
        """What that model is called with."""
        ...


def models() -> list[str]:
    """The names of all models."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def model_named(name: str) -> Model:
    """The model of a name. Raises CrossprofError for one that there is not."""
    if name not in models():
        raise CrossprofError(f"There is no model '{name}'. Models: {', '.join(models())}.")
    return cast(Model, import_module(f"{__name__}.{name}"))
