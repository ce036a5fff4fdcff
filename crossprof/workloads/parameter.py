"""One parameter of a model, under the name and in the layout of transformers, and where Keras keeps the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Array", "Parameter", "convolution", "embedding", "from_keras", "linear", "norm", "to_keras"]

if TYPE_CHECKING:
    from typing import Any

    Array = NDArray[Any]

Layout = Literal["same", "linear", "convolution"]
"""How Keras lays the numbers out: in the same order, as (inputs, outputs), or as (height, width, inputs, outputs)."""

Start = Literal["weight", "bias", "gain", "mean", "variance"]
"""What the parameter is, which decides what it starts with."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter.

    Attributes:
        name: Its name in the state of the transformers model: the canonical one.
        shape: Its shape there.
        keras: Paths of the variables of keras-hub that hold it; several where PyTorch fuses along the last axis what Keras
            splits.
        layout: How Keras lays it out.
        start: What it is.
        fan_in: Inputs of each output: a weight starts with a deviation of 1 / sqrt(fan_in).
    """

    name: str
    shape: tuple[int, ...]
    keras: tuple[str, ...]
    layout: Layout = "same"
    start: Start = "weight"
    fan_in: int = 1

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    @property
    def is_trained(self) -> bool:
        """Whether the optimizer changes it. The statistics of batch norms are kept, not trained."""
        return self.start not in {"mean", "variance"}


def linear(name: str, keras: str, inputs: int, outputs: int, *, has_bias: bool = True) -> Iterator[Parameter]:
    """Weight and bias of a dense layer."""
    path = (f"{keras}/kernel",)
    yield Parameter(name=f"{name}.weight", shape=(outputs, inputs), keras=path, layout="linear", fan_in=inputs)
    if has_bias:
        yield Parameter(name=f"{name}.bias", shape=(outputs,), keras=(f"{keras}/bias",), start="bias")


def embedding(name: str, keras: str, rows: int, width: int) -> Iterator[Parameter]:
    """The table of an embedding."""
    yield Parameter(name=f"{name}.weight", shape=(rows, width), keras=(f"{keras}/embeddings",), fan_in=width)


def norm(name: str, keras: str, width: int) -> Iterator[Parameter]:
    """Gain and shift of a layer norm or a batch norm."""
    yield Parameter(name=f"{name}.weight", shape=(width,), keras=(f"{keras}/gamma",), start="gain")
    yield Parameter(name=f"{name}.bias", shape=(width,), keras=(f"{keras}/beta",), start="bias")


def convolution(name: str, keras: str, inputs: int, outputs: int, kernel: int) -> Iterator[Parameter]:
    """The weight of a convolution without a bias, and the batch norm after it."""
    shape, fan_in, path = (outputs, inputs, kernel, kernel), inputs * kernel * kernel, (f"{keras}_conv/kernel",)
    weight = f"{name}.convolution.weight"
    yield Parameter(name=weight, shape=shape, keras=path, layout="convolution", fan_in=fan_in)
    yield from norm(f"{name}.normalization", f"{keras}_bn", outputs)
    for kept, variable, start in (("running_mean", "moving_mean", "mean"), ("running_var", "moving_variance", "variance")):
        path = (f"{keras}_bn/{variable}",)
        yield Parameter(name=f"{name}.normalization.{kept}", shape=(outputs,), keras=path, start=start)  # type: ignore[arg-type]


def to_keras(parameter: Parameter, value: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """The values of the Keras variables, of those shapes, that hold a parameter's canonical value."""
    import numpy

    if parameter.layout == "linear":
        value = value.T
    if parameter.layout == "convolution":
        value = value.transpose(2, 3, 1, 0)
    return [part.reshape(shape) for part, shape in zip(numpy.split(value, len(shapes), axis=-1), shapes, strict=True)]


def from_keras(parameter: Parameter, values: Mapping[str, Array]) -> Array:
    """The canonical value of a parameter, or of its gradient, from the Keras variables by path."""
    import numpy

    *front, last = parameter.shape
    if parameter.layout == "convolution":
        return values[parameter.keras[0]].transpose(3, 2, 0, 1)
    if parameter.layout == "linear":
        return values[parameter.keras[0]].reshape(parameter.shape[::-1]).T
    parts = [values[path].reshape(*front, last // len(parameter.keras)) for path in parameter.keras]
    return numpy.concatenate(parts, axis=-1)
