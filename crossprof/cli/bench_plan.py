"""The plan of a bench, as it is printed: what is run, what can't be, how long it takes, and what to know before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from crossprof.cli.bench_progress import told_time
from crossprof.cli.terminal import Column, print_line, print_table

if TYPE_CHECKING:
    from crossprof.bench.plan import Plan, Visit
    from crossprof.bench.runner import Runner

__all__ = ["print_plan"]

_WIDE = {
    1: "1 run of each cell tells nothing of how runs differ, and no claim of the survey is judged: --repeats 3 does both.",
    2: "2 runs of each cell give wide intervals: of 2 numbers Student's t at 95 % is 12.7, of 3 it is 4.3 (--repeats 3).",
}


def print_plan(runner: Runner) -> None:
    """Print what is run and what is not, and how long it takes."""
    visits = runner.visits()
    if runner.plan.items:
        print_table([Column("cell"), Column("runs"), Column("for the tables")], _rows(runner.plan, visits))
    _print_left_out(runner.plan)
    if not runner.plan.items:
        return
    print_line()
    for remark in _remarks(runner):
        print_line(remark)
    print_line(f"{_outlook(runner, visits)}.")


def _rows(plan: Plan, visits: Sequence[Visit]) -> list[list[str | None]]:
    left = [visit.cell.name for visit in visits]
    return [[item.cell.name, f"{left.count(item.cell.name)} of {plan.repeats}", ", ".join(item.tables)] for item in plan.items]


def _print_left_out(plan: Plan) -> None:
    """A line for each reason: at the survey's own size, most cells lack memory."""
    from crossprof.bench.left_out import grouped

    if groups := grouped(plan.left_out):
        print_line()
        columns = [Column("left out"), Column("cells", is_number=True), Column("because")]
        print_table(columns, [[group.name, str(group.count), group.reason] for group in groups])


def _remarks(runner: Runner) -> Iterator[str]:
    """What somebody may want to change before it is begun."""
    from crossprof.bench.devices import why_not_on_gpu

    if runner.plan.repeats in _WIDE:
        yield _WIDE[runner.plan.repeats]
    if runner.estimate.machine.gpus:
        for name in dict.fromkeys(item.cell.framework for item in runner.plan.items):
            if why := why_not_on_gpu(name):
                yield f"{name} leaves the GPU alone and works on the processors: {why}."
    if near := runner.estimate.near(runner.limit_s):
        longest, seconds = max(near, key=lambda one: one[1])
        yield (
            f"A run is ended after {told_time(runner.limit_s).removeprefix('about ')} (--cell-limit), which "
            f"{_count(len(near), 'cell')} may come near, foremost {longest.name}: {told_time(seconds)}."
        )


def _outlook(runner: Runner, visits: Sequence[Visit]) -> str:
    """How much is to be done, and how long that takes. A bench has no name before it is begun."""
    proofs = len(runner.proofs(visits))
    seconds = runner.estimate.of((visit.cell for visit in visits), proofs=proofs)
    guessed = sum(visit.cell.name not in runner.estimate.known for visit in visits)
    kept = runner.plan.count - len(visits)
    return (
        (f"Bench {runner.session.id} goes on: " if runner.session.is_begun else "")
        + f"{_count(len(visits), 'run')} and {_count(proofs, 'proof')}, {told_time(seconds)}"
        + (f" ({_count(guessed, 'run')} guessed, and corrected on the way)" if guessed else "")
        + (f"; {_count(kept, 'run')} kept from before" if kept else "")
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
