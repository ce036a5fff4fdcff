"""`bench report`: what the survey says, what was measured here, and one word for how the two stand."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crossprof.cli.options import as_json, open_store, print_json, store_path
from crossprof.cli.output import STDOUT, write_text
from crossprof.cli.terminal import print_line

if TYPE_CHECKING:
    from crossprof.survey.report import Report

__all__ = ["of_tables", "report"]

_NAMES = ("training", "utilization", "memory", "precision", "scaling", "latency", "throughput")


@click.command()
@click.option("--bench", "bench", metavar="ID", help="One session alone. Default: of each cell the latest that has it.")
@click.option("--table", "tables", multiple=True, type=click.Choice(_NAMES), help="This table alone; may be repeated.")
@click.option(
    "--html",
    "file",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE|-",
    help="Write the report as one HTML file with figures, which loads nothing.",
)
@as_json
@store_path
def report(bench: str | None, tables: tuple[str, ...], file: str | None, is_json: bool, store: Path) -> None:
    """Show each table of the survey beside what `crossprof bench` measured here: intervals, reasons, and what they decide."""
    from crossprof.survey.report import report_of

    if is_json and file is not None:
        raise click.UsageError("--json and --html are two answers: give one of them.")
    found = report_of(open_store(store), bench=bench)
    if tables:
        found = of_tables(found, tables)
    if file is not None:
        _write(found, file)
    elif is_json:
        print_json(found.to_json())
    else:
        from crossprof.cli.survey import print_report  # not for every command

        print_report(found)


def _write(found: Report, file: str) -> None:
    from crossprof.dashboard.survey.document import as_survey_html

    write_text(file, as_survey_html(found))
    if file != STDOUT:
        print_line(f"Wrote {file}")


def of_tables(found: Report, names: Container[str]) -> Report:
    """The report with these tables alone, and what they decide."""
    decided = [
        replace(one, statements=tuple(statement for statement in one.statements if statement.table in names))
        for one in found.decisions
    ]
    return replace(
        found,
        tables=tuple(table for table in found.tables if table.name in names),
        decisions=tuple(one for one in decided if one.statements),
    )
