"""What somebody asked to have measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from crossprof.errors import CrossprofError
from crossprof.workloads import framework_named, model_named, sizes

__all__ = ["SIZES", "TABLES", "Request"]

TABLES = ("training", "utilization", "memory", "precision", "scaling", "latency", "throughput")

SIZES = ("tiny", "small", "base", "survey")

_SURVEY = {"bert": ("base",), "gpt2": ("1.5b",), "llama": ("7b", "13b", "70b"), "mistral": ("7b",)}
"""The sizes of the survey. A model that it does not speak of is taken at its base."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for. Raises CrossprofError for what there is not.

    Attributes:
        tables: Names of TABLES; kept in their order, so that a request is the same in whatever order it is typed.
        size: One of SIZES; `survey`: the survey's own size of each model.
        frameworks: Each a name, or `name:mode` for another mode than its first.
        models: Only these; empty: those of each table.
        strategies: How ranks work together, in the table of scaling.
        repeats: How often each cell is run.
        steps: Steps that are recorded of each.
    """

    tables: tuple[str, ...] = TABLES
    size: str = "tiny"
    frameworks: tuple[str, ...] = ("pytorch", "keras_tensorflow", "keras_jax", "onnx_runtime")
    models: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ("ddp", "multiworker", "mirrored", "sharding")
    repeats: int = 3
    steps: int = 40

    def __post_init__(self) -> None:
        _check("table", self.tables, TABLES)
        object.__setattr__(self, "tables", tuple(name for name in TABLES if name in self.tables))
        _check("size", (self.size,), SIZES)
        for model in self.models:
            model_named(model)
        for name, mode in self.ways():
            _check(f"mode of {name}", (mode,), framework_named(name).MODES)
        known = {strategy for name, _ in self.ways() for strategy in framework_named(name).STRATEGIES}
        if "scaling" in self.tables and not known & set(self.strategies):
            raise CrossprofError(
                f"No strategy of {', '.join(self.strategies) or 'none'} is one of {', '.join(self.frameworks)}: "
                f"use {', '.join(sorted(known)) or 'another framework'}."
            )

    def ways(self) -> list[tuple[str, str]]:
        """The frameworks that are asked for, each with the mode."""
        found = []
        for text in self.frameworks:
            name, _, mode = text.partition(":")
            found.append((name, mode or framework_named(name).MODES[0]))
        return found

    def cases(self, usual: Sequence[str]) -> Iterator[tuple[str, str]]:
        """The models that are asked for, else the usual ones of a table, each with its sizes."""
        for model in self.models or usual:
            for size in _SURVEY.get(model, ("base",)) if self.size == "survey" else (self.size,):
                if any((one.model, one.size) == (model, size) for one in sizes()):
                    yield model, size

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def _check(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise CrossprofError(f"There is no {what} '{name}': use {', '.join(known)}.")
