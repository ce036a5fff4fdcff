"""`bench report`: what the survey says, what was measured here, and one word for how the two stand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from crossprof.cli.options import as_json, open_store, print_json, store_path

__all__ = ["report"]

_NAMES = ("training", "utilization", "memory", "precision", "scaling", "latency", "throughput")


@click.command()
@click.option("--bench", "bench", metavar="ID", help="One session alone. Default: of each cell the latest that has it.")
@click.option("--table", "tables", multiple=True, type=click.Choice(_NAMES), help="This table alone; may be repeated.")
@as_json
@store_path
def report(bench: str | None, tables: tuple[str, ...], is_json: bool, store: Path) -> None:
    """Show each table of the survey beside what `crossprof bench` measured here: intervals, reasons, and what they decide."""
    from crossprof.survey.report import report_of

    found = report_of(open_store(store), bench=bench)
    if tables:
        found = replace(found, tables=tuple(table for table in found.tables if table.name in tables))
    if is_json:
        print_json(found.to_json())
    else:
        from crossprof.cli.survey import print_report  # not for every command

        print_report(found)
