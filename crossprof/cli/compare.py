"""`compare`: how runs differ from a base, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from crossprof.cli.options import as_json, open_store, print_json, store_path

if TYPE_CHECKING:
    from crossprof.store.alignment import LevelName
    from crossprof.store.step_unit import StepUnit

__all__ = ["compare"]


@click.command()
@click.argument("base")
@click.argument("others", nargs=-1, required=True, metavar="OTHER...")
@click.option(
    "--metric", "metrics", multiple=True, help="Compare this metric alone; may be repeated. `crossprof metrics` lists them."
)
@click.option(
    "--by",
    type=click.Choice(["name", "operator-and-shape", "operator", "family"]),
    help="Level at which kernels or operators are set side by side. Default: the finest that all runs share.",
)
@click.option(
    "--per",
    type=click.Choice(["step", "sample", "token"]),
    default="step",
    help="What the parts of a step and the kernels or operators are told for. Default: step.",
)
@as_json
@store_path
def compare(
    base: str,
    others: tuple[str, ...],
    metrics: tuple[str, ...],
    is_json: bool,
    store: Path,
    **work: str,
) -> None:
    """Compare runs with a base: verdict, intervals, and where the difference sits. NAME@all pools all runs of a name."""
    comparison = open_store(store).compare(
        base, *others, metrics=metrics or None, by=_level(work["by"]), per=cast("StepUnit", work["per"])
    )
    if is_json:
        print_json(comparison.to_json())
    else:
        from crossprof.cli.comparison import print_comparison  # not for every command

        print_comparison(comparison)


def _level(by: str | None) -> LevelName | None:
    return cast("LevelName", by.replace("-", " ")) if by else None
