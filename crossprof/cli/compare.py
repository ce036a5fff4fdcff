"""`compare`: how runs differ from a base, and how sure that is."""

from __future__ import annotations

from pathlib import Path

import click

from crossprof.cli.comparison import print_comparison
from crossprof.cli.options import as_json, open_store, print_json, store_path

__all__ = ["compare"]


@click.command()
@click.argument("base")
@click.argument("others", nargs=-1, required=True, metavar="OTHER...")
@click.option(
    "--metric", "metrics", multiple=True, help="Compare this metric alone; may be repeated. `crossprof metrics` lists them."
)
@as_json
@store_path
def compare(base: str, others: tuple[str, ...], metrics: tuple[str, ...], is_json: bool, store: Path) -> None:
    """Compare runs with a base: verdict, intervals, and where the difference sits. NAME@all pools all runs of a name."""
    comparison = open_store(store).compare(base, *others, metrics=metrics or None)
    if is_json:
        print_json(comparison.to_json())
    else:
        print_comparison(comparison)
