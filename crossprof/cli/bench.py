"""`bench`: the survey's tables, measured on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crossprof.cli.bench_plan import print_plan
from crossprof.cli.bench_progress import progress_of
from crossprof.cli.bench_report import of_tables, report
from crossprof.cli.options import as_json, open_store, print_json, store_path
from crossprof.cli.terminal import print_line, print_note
from crossprof.errors import CrossprofError

if TYPE_CHECKING:
    from crossprof.bench.request import Request
    from crossprof.bench.runner import Runner
    from crossprof.bench.session import Session

__all__ = ["bench"]

_ALL = "all"
_NOTHING = "Nothing of this can be run here: name another --size, or other --models or --frameworks."
_COOLDOWN_S = 5.0
"""Of a GPU, whose clocks follow its temperature."""


def _words(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """The words of a list with commas; None where nothing was given."""
    return None if value is None else tuple(filter(None, (word.strip() for word in value.split(","))))


def _listed(name: str, help_text: str) -> Callable[[Any], Any]:
    return click.option(name, metavar="A,B", callback=_words, help=help_text)


@click.group(invoke_without_command=True)
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="NAME",
    help="training, utilization, memory, precision, scaling, latency, throughput, or all: the default. May be repeated.",
)
@click.option("--size", default=None, metavar="SIZE", help="tiny, small, base, or survey: the survey's own. Default: tiny.")
@_listed("--frameworks", "Frameworks, each with `:mode` for another than its first: pytorch,pytorch:compile,keras_jax.")
@_listed("--models", "Models, in place of those of each table.")
@_listed("--strategies", "How ranks work together, in the table of scaling. Default: ddp,multiworker,mirrored,sharding.")
@click.option("--repeats", type=click.IntRange(1), default=None, help="Runs of each cell. Default: 3; 2 give wide intervals.")
@click.option("--steps", type=click.IntRange(1), default=None, help="Steps that are recorded in each run. Default: 40.")
@click.option("--cooldown", type=click.FloatRange(0), help="Seconds to wait before each run. Default: 5 with a GPU, else 0.")
@click.option(
    "--cell-limit", type=click.FloatRange(0, min_open=True), metavar="MINUTES", help="After which a run is ended. Default: 60."
)
@click.option("--plan", "is_plan", is_flag=True, help="Show what would be run, how long that takes, and what can't be.")
@click.option("--new", "is_new", is_flag=True, help="Begin anew where an unfinished bench of the same request would go on.")
@as_json
@store_path
@click.pass_context
def bench(context: click.Context, /, **given: Any) -> None:
    """Measure the survey's tables: the same models in every framework, each run in processes of its own.

    An unfinished bench of the same request goes on: runs that are in the store are kept.
    """
    if context.invoked_subcommand is None:
        _measure(**given)


bench.add_command(report)


def _measure(
    *, cooldown: float | None, cell_limit: float | None, is_plan: bool, is_new: bool, is_json: bool, store: Path, **wish: Any
) -> None:
    from crossprof.bench.session import held

    request = _request(wish)
    open_store(store).close()  # takes in what a killed bench left
    with nullcontext() if is_plan else held(store):
        runner = _runner(request, store, cooldown_s=cooldown, is_new=is_new)
        if cell_limit is not None:
            runner.limit_s = cell_limit * 60
        if not is_json:
            print_plan(runner)
        if not runner.plan.items and not (is_plan and is_json):
            raise CrossprofError(_NOTHING)
        if not is_plan:
            _carry_out(runner)
    _tell(runner, is_json=is_json, is_plan=is_plan)
    if runner.failures:
        raise click.exceptions.Exit(1)


def _carry_out(runner: Runner) -> None:
    """Do what is planned; where somebody stops it, say that it can go on."""
    try:
        runner.carry_out()
    except KeyboardInterrupt:
        print_note("Stopped. The same command goes on from here.")
        raise


def _request(wish: Mapping[str, Any]) -> Request:
    """What the options ask for. Raises click.UsageError for what there is not."""
    from crossprof.bench.request import TABLES, Request

    given = {name: value for name, value in wish.items() if value not in (None, ())}
    if _ALL in given.get("tables", (_ALL,)):
        given["tables"] = TABLES
    try:
        return Request(**given)
    except CrossprofError as error:
        raise click.UsageError(str(error)) from error


def _runner(request: Request, store: Path, *, cooldown_s: float | None, is_new: bool) -> Runner:
    from crossprof.bench.estimate import Estimate
    from crossprof.bench.machine import Machine
    from crossprof.bench.plan import planned
    from crossprof.bench.runner import Runner
    from crossprof.bench.session import seconds_known, session_of

    machine = Machine.here()
    plan = planned(request, machine)
    wait_s = _COOLDOWN_S * bool(machine.gpus) if cooldown_s is None else cooldown_s
    estimate = Estimate(machine, [item.cell for item in plan.items], seconds_known(store), wait_s)
    return Runner(plan, session_of(store, request, is_new=is_new), estimate, progress_of(), wait_s)


def _tell(runner: Runner, *, is_json: bool, is_plan: bool) -> None:
    """Print what came of it: the survey's tables with what this bench has measured of them, and what failed."""
    left = runner.visits()
    if is_json:
        print_json(
            {
                "bench": runner.session.id if runner.session.is_begun else None,
                **runner.plan.to_json(),
                "seconds_left": round(runner.estimate.of((visit.cell for visit in left), proofs=len(runner.proofs(left))), 1),
                "near_the_limit": [cell.name for cell, _ in runner.estimate.near(runner.limit_s)],
                "lacking": [{"cell": visit.cell.name, "repeat": visit.repeat} for visit in left],
                "failed": [vars(failure) for failure in runner.failures],
            }
        )
        return
    if is_plan:
        return
    if len(left) < runner.plan.count:
        _report(runner.session)
    print_line()
    for failure in runner.failures:
        print_line(f"Failed: {failure.what}: {failure.reason}")
    print_line(
        f"Bench {runner.session.id}: {runner.plan.count - len(left)} of {runner.plan.count} runs are in {runner.session.store}."
    )


def _report(session: Session) -> None:
    from crossprof.cli.survey import print_report  # not for every command
    from crossprof.store import Store
    from crossprof.survey.report import report_of

    with Store(session.store) as opened:
        print_report(of_tables(report_of(opened, bench=session.id), session.asked["tables"]))
