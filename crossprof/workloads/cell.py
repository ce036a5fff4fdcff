"""One cell of the tables: which work, in which framework, in which way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from crossprof.errors import CrossprofError
from crossprof.workloads.models import model_named
from crossprof.workloads.size import Size, size_of

__all__ = ["PHASES", "PRECISIONS", "Cell"]

PHASES = ("train", "infer")

PRECISIONS = ("float32", "bf16")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is run, once. Raises CrossprofError for what makes no sense, before anything is built.

    Attributes:
        framework: A file of `frameworks/`: pytorch, keras_tensorflow, ...
        mode: eager, or the compiler: one of the framework's modes. Empty: the first of them.
        precision: float32, without TF32; or bf16, mixed: parameters stay float32.
        batch: Samples of a step and rank. 0: what the size says.
        sequence: Tokens of a sample. 0: what the size says.
        steps: Steps that are recorded, after compilation and warm-up.
        warmup: Steps before them; the first compiles.
        strategy: How data parallel work is spread; `none` for one rank.
        world_size: Ranks: processes, or devices of one process where the strategy is of that sort.
        cores: Processors of each rank. 0: its share of what there are.
        changes: Numbers of the size that are others in this cell, such as {"layers": 4}.
        pause_ms: A sleep in each step: what a check of the comparison slows a framework by.
        tags: Whatever else tells this run from others.
    """

    model: str
    size: str
    framework: str
    mode: str = ""
    phase: str = "train"
    precision: str = "float32"
    batch: int = 0
    sequence: int = 0
    steps: int = 20
    warmup: int = 5
    strategy: str = "none"
    world_size: int = 1
    cores: int = 0
    seed: int = 0
    changes: Mapping[str, Any] = field(default_factory=dict)
    pause_ms: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from crossprof.workloads.frameworks import framework_named  # whose files know the cell

        model_named(self.model)
        size = self.shape
        object.__setattr__(self, "mode", self.mode or framework_named(self.framework).MODES[0])
        object.__setattr__(self, "batch", self.batch or size.batch)
        object.__setattr__(self, "sequence", self.sequence or size.sequence)
        self._check("phase", PHASES)
        self._check("precision", PRECISIONS)
        for name in ("batch", "steps", "warmup", "world_size"):
            if getattr(self, name) < 1:
                raise CrossprofError(f"A cell's {name} is {getattr(self, name)}: use 1 or more.")
        if self.sequence > max(size.positions, 0):
            raise CrossprofError(
                f"A cell's sequence is {self.sequence}: {self.model} {self.size} has {size.positions} positions."
            )
        if (self.strategy == "none") != (self.world_size == 1):
            raise CrossprofError(
                f"Strategy '{self.strategy}' with world_size {self.world_size}: one rank has none, several need one."
            )

    def _check(self, name: str, allowed: tuple[str, ...]) -> None:
        if getattr(self, name) not in allowed:
            raise CrossprofError(f"A cell's {name} is '{getattr(self, name)}': use {' or '.join(allowed)}.")

    @property
    def shape(self) -> Size:
        """The size of the model, with the changes of this cell in it."""
        size = size_of(self.model, self.size)
        return size.changed(dict(self.changes)) if self.changes else size

    @property
    def name(self) -> str:
        """The name of its run: the same for every repetition."""
        parts = [self.model, self.size, self.framework, self.mode, self.phase, self.precision, f"b{self.batch}"]
        parts += [f"s{self.sequence}"] if self.sequence else []
        parts += [f"{self.strategy}{self.world_size}"] if self.world_size > 1 else []
        parts += [f"c{self.cores}"] if self.cores else []
        parts += [f"{name}{value}" for name, value in self.changes.items()]
        parts += [f"pause{self.pause_ms:g}"] if self.pause_ms else []
        return "-".join(part.replace("_", "-") for part in parts if part)

    @property
    def facts(self) -> dict[str, str]:
        """What tells the cell from others, as the tags of its run."""
        left_out = {"tags", "changes", "pause_ms", "seed", "steps", "warmup", "cores"}
        tags = {name: str(value) for name, value in asdict(self).items() if name not in left_out}
        return {**tags, "cell": self.name, **self.tags}

    def to_json(self) -> str:
        """The cell as JSON, all of it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Cell:
        """The cell that a JSON object describes. Raises CrossprofError where it describes none."""
        try:
            given = json.loads(text)
        except ValueError as error:
            raise CrossprofError(f"A cell is a JSON object, and this is none: {error}.") from error
        known = {entry.name for entry in fields(cls)}
        if not isinstance(given, dict) or set(given) - known:
            unknown = ", ".join(sorted(set(given) - known)) if isinstance(given, dict) else text
            raise CrossprofError(f"A cell has no {unknown}. It has {', '.join(sorted(known))}.")
        if missing := sorted({"model", "size", "framework"} - set(given)):
            raise CrossprofError(f"The cell says no {missing[0]}.")
        return cls(**given)
