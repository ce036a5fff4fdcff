"""Runs the cells of one script: each once unrecorded and once recorded, and tells what came of both.

A cell is a function of a run's name that trains or answers in one way and gives a result, or raises.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import crossprof

BATCHES, SIZE = 20, 4
STEP_SECONDS = 0.03
"""A step of work that is next to nothing lasts so long: what a busy machine takes from it is then no large part of it."""
CELLS: dict[str, dict[str, Any]] = {}


def cell(
    *, steps: int = BATCHES, fails: bool = False, **expected: Any
) -> Callable[[Callable[[str], Any]], Callable[[str], Any]]:
    """A cell, under its function's name, and what the run that it records must hold."""

    def add(function: Callable[[str], Any]) -> Callable[[str], Any]:
        CELLS[function.__name__] = {"run": function, "steps": steps, "fails": fails, **expected}
        return function

    return add


def forms(
    prefix: str,
    record: Callable[[str], Any],
    batches: Callable[[], Iterable[Any]],
    train: Callable[[Any], float],
    **expected: Any,
) -> None:
    """Cells for each form of a decorated function, returning and raising: `train` is given each of the batches."""
    for form in (called, awaited, iterated, iterated_asynchronously):
        for fails in (False, True):
            losses = functools.partial(_losses, batches, train, fails)
            # A step that raises has not ended, and is none.
            of_form = {"run": functools.partial(_recorded, form, record, losses), "steps": BATCHES - fails, "fails": fails}
            CELLS[f"{prefix}_{form.__name__}" + ("_fails" if fails else "")] = {**of_form, **expected}


def _recorded(form: Callable[..., Any], record: Callable[[str], Any], losses: Callable[[], Iterator[float]], name: str) -> Any:
    return form(record(name), losses)


def _losses(batches: Callable[[], Iterable[Any]], train: Callable[[Any], float], fails: bool) -> Iterator[float]:
    for number, batch in enumerate(crossprof.steps(batches(), samples=SIZE)):
        if fails and number == BATCHES - 1:
            raise ValueError("the batch is bad")
        yield train(batch)
        time.sleep(STEP_SECONDS)


def called(recorded: Any, losses: Callable[[], Iterator[float]]) -> list[float]:
    """A function."""

    @recorded
    def run() -> list[float]:
        return list(losses())

    return run()


def awaited(recorded: Any, losses: Callable[[], Iterator[float]]) -> list[float]:
    """A coroutine that lets others run between its steps."""

    @recorded
    async def run() -> list[float]:
        found = []
        for loss in losses():
            found.append(loss)
            await asyncio.sleep(0)
        return found

    return asyncio.run(run())


def iterated(recorded: Any, losses: Callable[[], Iterator[float]]) -> list[float]:
    """A generator."""

    @recorded
    def run() -> Iterator[float]:
        yield from losses()

    return list(run())


def iterated_asynchronously(recorded: Any, losses: Callable[[], Iterator[float]]) -> list[float]:
    """An asynchronous generator."""

    @recorded
    async def run() -> AsyncIterator[float]:
        for loss in losses():
            yield loss

    async def gather() -> list[float]:
        return [loss async for loss in run()]

    return asyncio.run(gather())


def outcomes(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What came of cells, unrecorded and recorded, and how long the recorded one took, beside what is expected of them."""
    report = {}
    for name in names:
        expected = dict(CELLS[name])
        run = expected.pop("run")
        for kind, disabled in (("bare", "1"), ("recorded", "0")):
            os.environ["CROSSPROF_DISABLE"] = disabled
            began = time.perf_counter_ns()
            try:
                expected[kind] = {"returned": run(name)}
            except ValueError as error:
                expected[kind] = {"raised": str(error)}
            expected["wall_ns"] = time.perf_counter_ns() - began
        report[name] = expected
    return report


def main() -> None:
    """Run the cells that the arguments name, or all, and write what came of them into $REPORT."""
    Path(os.environ["REPORT"]).write_text(json.dumps(outcomes(sys.argv[1:] or list(CELLS))))


def rounded(numbers: Any) -> list[float]:
    """Numbers as they can be compared: two runs of one training may differ in the last bits."""
    return [round(float(number), 4) for number in numbers]
