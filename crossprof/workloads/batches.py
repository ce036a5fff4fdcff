"""What the models work on: the same batches in every framework, made from a seed, with something in them to learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

__all__ = ["Batch", "Task", "batches"]

Task = Literal["next token", "label of a text", "label of an image"]


@dataclass(frozen=True)
class Batch:
    """Inputs and what is to be answered.

    `inputs` are tokens (samples, sequence) as int64, or pixels (samples, 3, height, width) as float32; `labels` are int64: one
    a token for the next token, else one a sample.
    """

    inputs: Array
    labels: Array


def batches(task: Task, *, count: int, shape: tuple[int, int], answers: int, seed: int) -> list[Batch]:
    """`count` batches of `shape`: samples, and tokens or pixels of a side. `answers`: size of the vocabulary, or classes."""
    import numpy

    generator = numpy.random.default_rng(seed)
    if task == "label of an image":
        return [_images(generator, shape, answers) for _ in range(count)]
    return [_tokens(generator, task, shape, answers) for _ in range(count)]


def _tokens(generator: numpy.random.Generator, task: Task, shape: tuple[int, int], vocabulary: int) -> Batch:
    """Every row counts: up for the next token; up or down, which is its label. Token 0, padding in BERT, does not occur."""
    import numpy

    samples, length = shape
    start = generator.integers(0, vocabulary, (samples, 1))
    if task == "next token":
        longer = (start + numpy.arange(length + 1)) % (vocabulary - 1) + 1
        return Batch(numpy.ascontiguousarray(longer[:, :-1]), numpy.ascontiguousarray(longer[:, 1:]))
    labels = generator.integers(0, 2, samples)
    rows = (start + numpy.where(labels, 1, -1)[:, None] * numpy.arange(length)) % (vocabulary - 1) + 1
    return Batch(rows, labels)


def _images(generator: numpy.random.Generator, shape: tuple[int, int], classes: int) -> Batch:
    """Noise, with a stripe where the label says."""
    samples, side = shape
    pixels = generator.standard_normal((samples, 3, side, side), dtype="float32")
    labels = generator.integers(0, classes, samples)
    pixels[range(samples), :, labels * side // classes] += 3
    return Batch(pixels, labels)


if TYPE_CHECKING:
    import numpy
