"""The numbers that a model starts with: drawn from its parameters' names, the same in every framework."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from crossprof.workloads.parameter import Parameter

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

__all__ = ["draw", "drawn"]


def drawn(parameters: Iterable[Parameter], seed: int) -> Iterator[tuple[Parameter, Array]]:
    """Each parameter with its value, one after the other: a large model need not be held twice."""
    for parameter in parameters:
        yield parameter, draw(parameter, seed)


def draw(parameter: Parameter, seed: int) -> Array:
    """The value of a parameter, float32, of its canonical shape.

    No parameter starts with zeros or ones: two that were swapped, or one that was lost, would not show in any output.
    """
    import numpy

    generator = numpy.random.default_rng([seed, zlib.crc32(parameter.name.encode())])
    value = generator.standard_normal(parameter.shape, dtype=numpy.float32)
    if parameter.start == "weight":
        return value * numpy.float32(parameter.fan_in**-0.5)
    if parameter.start == "variance":
        return numpy.abs(value) * numpy.float32(0.1) + numpy.float32(1)
    return value * numpy.float32(0.1) + numpy.float32(parameter.start == "gain")
