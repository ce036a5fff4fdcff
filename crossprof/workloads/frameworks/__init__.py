"""The frameworks. A file here is a framework: how it builds a model from our weights, and how it makes a step."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from crossprof.errors import CrossprofError
from crossprof.workloads.batches import Batch
from crossprof.workloads.cell import Cell
from crossprof.workloads.place import Place
from crossprof.workloads.strategy import Strategy

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

__all__ = ["Framework", "Ready", "framework_named", "frameworks"]


class Ready(Protocol):
    """A model that is built, holds our weights, and can work. What is asked of it is waited for, on every device.

    Attributes:
        facts: How it works, as its run keeps it: device, attention, optimizer, mathematics.
        parameter_count: Numbers that are trained; None where the framework holds them in a form of its own.
    """

    facts: Mapping[str, Any]

    @property
    def parameter_count(self) -> int | None:
        """See above."""
        ...

    def recording(self) -> None:
        """Do what is to be done once the recording is on, before its first step."""
        ...

    def train(self, batch: Batch) -> float:
        """One step of AdamW; the loss before it."""
        ...

    def infer(self, batch: Batch) -> Array:
        """The likeliest answers: one a token, or one a sample."""
        ...

    def forward(self, batch: Batch) -> Array:
        """The logits, in float32."""
        ...

    def gradients(self, batch: Batch) -> Mapping[str, Array]:
        """The gradient of the loss by canonical name. The model stays as it is."""
        ...

    def weights(self) -> Mapping[str, Array]:
        """What is trained, by canonical name, as it is now. All ranks must ask together."""
        ...


class Framework(Protocol):
    """What a file of this package offers. Only `build` imports the framework.

    Attributes:
        RECORDED: The framework whose profiler records it, as `crossprof.profile` names it; None where it has none.
        IS_PROFILED_FIRST: Whether its profiler is on from the start, so that the bare steps come after the profiled ones.
        MODES: Its modes, the usual one first.
        PHASES: What it can do: train, infer.
        PRECISIONS: In which precisions.
        STRATEGIES: How its ranks can work together, by name.
        PACKAGES: What must be installed.
        LARGEST_BYTES: What the weights may be in the file that it reads; None: no file, or no limit.
    """

    RECORDED: str | None
    IS_PROFILED_FIRST: bool
    MODES: tuple[str, ...]
    PHASES: tuple[str, ...]
    PRECISIONS: tuple[str, ...]
    STRATEGIES: Mapping[str, Strategy]
    PACKAGES: tuple[str, ...]
    LARGEST_BYTES: int | None

    def environment(self, cell: Cell, place: Place) -> Mapping[str, str]:
        """Variables that must be set before the framework is loaded, beside those of `Place.environment`."""
        ...

    def build(self, cell: Cell) -> Ready:
        """The model of a cell, ready to work. Variables of its rank (RANK, WORLD_SIZE, MASTER_ADDR, ...) are set."""
        ...


def frameworks() -> list[str]:
    """The names of all frameworks."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def framework_named(name: str) -> Framework:
    """The framework of a name. Raises CrossprofError for one that there is not."""
    if name not in frameworks():
        raise CrossprofError(f"There is no framework '{name}'. Frameworks: {', '.join(frameworks())}.")
    return cast(Framework, import_module(f"{__name__}.{name}"))
