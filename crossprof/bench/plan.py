"""What will be run, in which order, and what can't be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from crossprof.bench.machine import Machine
from crossprof.bench.memory import why_too_large
from crossprof.bench.request import Request
from crossprof.bench.tables import Wish, wishes
from crossprof.errors import CrossprofError
from crossprof.workloads import Cell, check

__all__ = ["Item", "LeftOut", "Plan", "Visit", "planned"]


@dataclass(frozen=True)
class Item:
    """A cell, and the tables that need it."""

    cell: Cell
    tables: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """A cell that can't be run here, and why."""

    cell: Cell
    tables: tuple[str, ...]
    reason: str


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
        if reason := _against(wish, machine):
            left_out.append(LeftOut(wish.cell, tuple(tables), reason))
        else:
            items.append(Item(replace(wish.cell, tags=wish.tags), tuple(tables)))
    return Plan(tuple(items), tuple(left_out), request.repeats)


def _against(wish: Wish, machine: Machine) -> str:
    """Why a cell can't be run here; empty where it can."""
    try:
        check(wish.cell)
    except CrossprofError as error:
        return str(error)
    return wish.against or why_too_large(wish.cell, machine)
