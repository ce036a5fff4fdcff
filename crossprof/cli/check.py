"""`check`: whether a run is worse than a base by more than is allowed, as an exit code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crossprof.cli.check_file import FLAGS, CheckFile, committed, read_file
from crossprof.cli.options import as_json, open_store, parsed_tags, print_json, store_path, tags_of
from crossprof.cli.output import STDOUT, write_text
from crossprof.errors import CrossprofError

if TYPE_CHECKING:
    from crossprof.store import Store
    from crossprof.store.threshold import Threshold

__all__ = ["check"]

_target = click.Path(dir_okay=False, allow_dash=True)


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="[BASE] OTHER")
@click.option(
    "--max-regression",
    "amounts",
    multiple=True,
    metavar="METRIC=AMOUNT",
    help="How much worse OTHER may be: step_time=3%, throughput=2%, peak_memory=100MiB. May be repeated.",
)
@click.option(
    "--base-tag",
    "tags",
    multiple=True,
    metavar="KEY=VALUE",
    callback=parsed_tags,
    help="BASE is the latest other run of OTHER's name with this tag; may be repeated.",
)
@click.option("--pool", is_flag=True, help="BASE is all runs with the tags, pooled.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with thresholds. Default: the nearest crossprof.toml or pyproject.toml with a table for check.",
)
@click.option("--strict", is_flag=True, help="Fail also where the interval covers the threshold.")
@click.option("--allow-missing", is_flag=True, help="Pass what was not measured, or too few times.")
@click.option("--allow-unlike", is_flag=True, help="Check also runs that differ in model, batch, precision or device.")
@click.option("--markdown", type=_target, metavar="FILE|-", help="Write the table as Markdown.")
@click.option("--junit", type=_target, metavar="FILE|-", help="Write JUnit XML, one test case a threshold.")
@as_json
@store_path
def check(runs: tuple[str, ...], store: Path, **options: Any) -> None:
    """Fail (exit code 1) where OTHER is surely worse than BASE by more than a threshold allows.

    A threshold fails only if the whole 95 % interval lies beyond it. What can't be compared fails too, and says why.
    """
    if [options["is_json"], options["markdown"] == STDOUT, options["junit"] == STDOUT].count(True) > 1:
        raise click.UsageError("Only one of --json, --markdown - and --junit - can have stdout.")
    if len(runs) > 2:
        raise click.UsageError(f"At most a base and one other run are checked, not {len(runs)}.")
    with _as_usage():
        said = read_file(options["config"]) if options["config"] else committed(Path.cwd())
    with open_store(store) as opened:
        _check(opened, runs, said, options)


def _check(store: Store, runs: Sequence[str], said: CheckFile, options: dict[str, Any]) -> None:
    from crossprof.store.check import Rules, check

    thresholds = _thresholds(store, said, options["amounts"])
    other = store.resolve(runs[-1])
    base = _base(store, runs, other, said, options)
    strict, missing, unlike = (options[flag.replace("-", "_")] or flag in said.flags for flag in FLAGS)
    found = check(store, base, other, thresholds, Rules(strict, missing, unlike))
    from crossprof.cli.check_output import as_junit, as_markdown, complain, print_check  # not for every command

    for form, write in (("markdown", as_markdown), ("junit", as_junit)):
        if options[form]:
            write_text(options[form], write(found))
    if not options["is_json"] and STDOUT not in (options["markdown"], options["junit"]):
        print_check(found)
    else:
        complain(found)
    if options["is_json"]:
        print_json(found.to_json())
    if not found.passes:
        raise click.exceptions.Exit(1)


def _thresholds(store: Store, said: CheckFile, flags: Sequence[str]) -> list[Threshold]:
    """Those of the file, but for metrics that a flag names, and those of the flags."""
    from crossprof.store.metrics import registry
    from crossprof.store.threshold import parse

    named = [(metric.strip(), amount) for metric, _, amount in (flag.partition("=") for flag in flags)]
    overruled = {metric for metric, _ in named}
    kept = [(metric, amount) for metric, amount in said.amounts.items() if metric not in overruled]
    if not named and not kept:
        raise click.UsageError(
            "No threshold: give --max-regression METRIC=AMOUNT, or a table max-regression under [tool.crossprof.check] "
            "in pyproject.toml."
        )
    known = registry(store)
    with _as_usage():
        return [parse(metric, amount, known) for metric, amount in (*kept, *named)]


def _base(store: Store, runs: Sequence[str], other: Sequence[str], said: CheckFile, options: dict[str, Any]) -> tuple[str, ...]:
    """The runs of the base: as named, else by the tags of the flags, else as the file says."""
    from crossprof.store.check import baseline

    if len(runs) == 2:
        if options["tags"] or options["pool"]:
            raise click.UsageError("BASE is named, so --base-tag and --pool have nothing to choose. NAME@all pools by name.")
        return store.resolve(runs[0])
    if said.base and not options["tags"]:
        return store.resolve(said.base)
    tags = options["tags"] or tags_of(said.tags)
    if not tags:
        raise click.UsageError("No base: name it before OTHER, give --base-tag KEY=VALUE, or set baseline in the file.")
    return baseline(store, other, tags, is_pooled=options["pool"] or said.is_pooled)


@contextmanager
def _as_usage() -> Iterator[None]:
    """A threshold or a file that says what can't be meant is wrong usage: exit code 2, where 1 is a run that fails."""
    try:
        yield
    except CrossprofError as error:
        raise click.UsageError(str(error)) from None
