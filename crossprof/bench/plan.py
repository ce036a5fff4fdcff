"""What will be run, in which order, and what can't be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crossprof.bench.left_out import LeftOut
from crossprof.bench.machine import Machine
from crossprof.bench.memory import Shortage, shortage
from crossprof.bench.request import Request
from crossprof.bench.tables import Wish, wishes
from crossprof.errors import CrossprofError
from crossprof.workloads import Cell, check

__all__ = ["Item", "Plan", "Visit", "planned"]


@dataclass(frozen=True)
class Item:
    """A cell, and the tables that need it."""

    cell: Cell
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Visit:
    """One run of a cell: its `repeat`, which counts from 1."""

    cell: Cell
    repeat: int

    @property
    def key(self) -> tuple[str, int]:
        """What it is found by among the runs of a session."""
        return self.cell.name, self.repeat


@dataclass(frozen=True)
class Plan:
    """Cells, each once, in the order in which they are run; and what is left out."""

    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...]
    repeats: int

    @property
    def count(self) -> int:
        """How many runs there are."""
        return len(self.items) * self.repeats

    def visits(self) -> Iterator[Visit]:
        """All runs: every cell once, then every cell again. What is compared stands side by side, its repeats minutes apart."""
        for repeat in range(1, self.repeats + 1):
            for item in self.items:
                yield Visit(item.cell, repeat)

    def to_json(self) -> dict[str, Any]:
        """As scripts read it."""
        return {
            "repeats": self.repeats,
            "cells": [{"cell": item.cell.name, "tables": list(item.tables)} for item in self.items],
            "left_out": [{"cell": one.cell.name, "tables": list(one.tables), "reason": one.reason} for one in self.left_out],
        }


def planned(request: Request, machine: Machine) -> Plan:
    """The plan for a request on a machine. Raises CrossprofError where nothing of it is work for those frameworks."""
    needed: dict[str, tuple[Wish, list[str]]] = {}
    for table in request.tables:
        for wish in wishes(table, request, machine):
            _, tables = needed.setdefault(wish.cell.name, (wish, []))
            if table not in tables:
                tables.append(table)
    if not needed:
        raise CrossprofError(
            f"{', '.join(request.frameworks)} do nothing that the tables {', '.join(request.tables)} ask for: name others."
        )
    items, left_out = [], []
    for wish, tables in needed.values():
        if against := _against(wish, machine):
            left_out.append(LeftOut(wish.cell, tuple(tables), against))
        else:
            items.append(Item(replace(wish.cell, tags=wish.tags), tuple(tables)))
    lone = _lone_bases(items)
    left_out += [LeftOut(item.cell, item.tables, "the several ranks that it is for can't be run here") for item in lone]
    return Plan(tuple(item for item in items if item not in lone), tuple(left_out), request.repeats)


def _lone_bases(items: Sequence[Item]) -> list[Item]:
    """The cells of one rank that are there to set several against, where none of those can be run."""

    def work(cell: Cell) -> tuple[str, ...]:
        return cell.model, cell.size, cell.framework, cell.mode

    spread = {work(item.cell) for item in items if item.cell.world_size > 1}
    return [item for item in items if item.cell.tags.get("scaling") == "base" and work(item.cell) not in spread]


def _against(wish: Wish, machine: Machine) -> Shortage | str | None:
    """Why a cell can't be run here; nothing where it can."""
    try:
        check(wish.cell)
    except CrossprofError as error:
        return str(error)
    return wish.against or shortage(wish.cell, machine.used_by(wish.cell.framework))
