"""Which cells each table of the survey needs. A new table is a function here, and its name in TABLES of the request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from crossprof.bench.machine import Machine
from crossprof.bench.request import Request
from crossprof.workloads import Cell, framework_named

__all__ = ["Wish", "wishes"]

TRAINED = ("bert", "gpt2", "llama", "mistral")
SERVED = ("bert", "llama", "mistral")
MIXED = ("bert", "llama")
SPREAD = ("gpt2",)

SERVED_TOGETHER = {"bert": 32, "llama": 16, "mistral": 16}
"""Samples of a batch in the survey's table of throughput; another model takes the batch of its size."""


@dataclass(frozen=True)
class Wish:
    """One cell that a table needs, or why it can't be had: `against` is empty where nothing is known against it."""

    table: str
    cell: Cell
    against: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def wishes(table: str, request: Request, machine: Machine) -> Iterator[Wish]:
    """The cells of a table, those that are compared one after the other. What a framework never does is no wish."""
    for wish in _TABLES[table](table, request, machine):
        framework = framework_named(wish.cell.framework)
        if wish.cell.phase in framework.PHASES and wish.cell.precision in framework.PRECISIONS:
            yield wish


def _training(table: str, request: Request, machine: Machine) -> Iterator[Wish]:
    del machine
    for model, size in request.cases(TRAINED):
        for cell in _in_every_way(request, model=model, size=size):
            yield Wish(table, cell)


def _precision(table: str, request: Request, machine: Machine) -> Iterator[Wish]:
    del machine
    for model, size in request.cases(MIXED):
        for cell in _in_every_way(request, model=model, size=size):
            yield Wish(table, cell)
            if "bf16" in framework_named(cell.framework).PRECISIONS:
                yield Wish(table, replace(cell, precision="bf16"))


def _scaling(table: str, request: Request, machine: Machine) -> Iterator[Wish]:
    """One rank on its share of the processors, and more ranks: with a batch each (weak), and with shares of one (strong)."""
    for model, size in request.cases(SPREAD):
        for cell in _in_every_way(request, model=model, size=size):
            seen = machine.used_by(cell.framework)
            base = replace(cell, cores=max(1, seen.processors // seen.ranks()[-1]))
            strategies = [name for name in framework_named(base.framework).STRATEGIES if name in request.strategies]
            if strategies:
                yield Wish(table, base, tags={"scaling": "base"})
            for strategy in strategies:
                yield from _spread(table, base, strategy, seen)


def _spread(table: str, base: Cell, strategy: str, machine: Machine) -> Iterator[Wish]:
    for ranks in machine.ranks()[1:] or (2,):
        weak = replace(base, strategy=strategy, world_size=ranks)
        yield Wish(table, weak, machine.against_ranks(ranks), {"scaling": "weak"})
        if base.batch % ranks == 0:
            strong = replace(weak, batch=base.batch // ranks)
            yield Wish(table, strong, machine.against_ranks(ranks), {"scaling": "strong"})


def _latency(table: str, request: Request, machine: Machine) -> Iterator[Wish]:
    del machine
    for model, size in request.cases(SERVED):
        for cell in _in_every_way(request, model=model, size=size, phase="infer", batch=1):
            yield Wish(table, cell)


def _throughput(table: str, request: Request, machine: Machine) -> Iterator[Wish]:
    del machine
    for model, size in request.cases(SERVED):
        for cell in _in_every_way(request, model=model, size=size, phase="infer", batch=SERVED_TOGETHER.get(model, 0)):
            yield Wish(table, cell)


def _in_every_way(request: Request, **given: Any) -> Iterator[Cell]:
    """The cell in each framework and mode that is asked for."""
    for framework, mode in request.ways():
        yield Cell(framework=framework, mode=mode, steps=request.steps, **given)


_TABLES: Mapping[str, Callable[[str, Request, Machine], Iterator[Wish]]] = {
    "training": _training,
    "utilization": _training,
    "memory": _training,
    "precision": _precision,
    "scaling": _scaling,
    "latency": _latency,
    "throughput": _throughput,
}
