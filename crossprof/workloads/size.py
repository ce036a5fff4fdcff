"""How large a model is: one row of sizes.csv."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from typing import Any

from crossprof.errors import CrossprofError

__all__ = ["Size", "size_of", "sizes"]


@dataclass(frozen=True, kw_only=True)
class Size:
    """The numbers that a model is built from; those that it has no use for are 0.

    Attributes:
        layers: Blocks, by stage for a convolutional network.
        inner: Width inside the feed-forward part.
        window: Positions that attention looks back; 0: all.
        image: Pixels of a side.
        batch: Samples of a step, where a cell does not say.
        sequence: Tokens of a sample, where a cell does not say.
        parameters: Numbers that are trained.
    """

    model: str
    size: str
    layers: tuple[int, ...]
    width: int
    inner: int
    heads: int
    kv_heads: int
    vocabulary: int
    positions: int
    window: int
    image: int
    classes: int
    batch: int
    sequence: int
    parameters: int
    about: str

    @property
    def depth(self) -> int:
        """Blocks in all."""
        return sum(self.layers)

    def changed(self, changes: dict[str, Any]) -> Size:
        """The size with other numbers in it, such as layers=4. Raises CrossprofError for a name that it has not."""
        known = {field.name for field in fields(self)} - {"model", "size", "about", "parameters"}
        if unknown := sorted(set(changes) - known):
            raise CrossprofError(f"A size has no {unknown[0]!r}: use {', '.join(sorted(known))}.")
        given = {**changes, "layers": _layers(str(changes["layers"]))} if "layers" in changes else dict(changes)
        return replace(self, **given, parameters=0)


def sizes() -> list[Size]:
    """All sizes of all models, in the order of the table."""
    return list(_table())


@cache
def _table() -> tuple[Size, ...]:
    text = files("crossprof.workloads").joinpath("sizes.csv").read_text(encoding="utf-8")
    return tuple(_size(row) for row in csv.DictReader(text.splitlines()))


def size_of(model: str, size: str) -> Size:
    """One size of one model. Raises CrossprofError for one that the table does not have."""
    known = [row for row in sizes() if row.model == model]
    for row in known:
        if row.size == size:
            return row
    names = ", ".join(row.size for row in known) or "none: it is no model here"
    raise CrossprofError(f"Model '{model}' has no size '{size}'. Its sizes: {names}.")


def _size(row: dict[str, str]) -> Size:
    text = {name: row[name] for name in ("model", "size", "about")}
    numbers = {name: int(value or 0) for name, value in row.items() if name not in {*text, "layers"}}
    given: dict[str, Any] = {**text, **numbers, "layers": _layers(row["layers"])}
    return Size(**given)


def _layers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("-"))
