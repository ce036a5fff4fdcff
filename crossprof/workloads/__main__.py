"""`python -m crossprof.workloads SPEC`: run one cell and print what came of it as JSON."""

from __future__ import annotations

import json
import sys

import click

from crossprof.errors import CrossprofError
from crossprof.workloads.cell import Cell
from crossprof.workloads.run import run

__all__ = ["main"]


@click.command()
@click.argument("spec")
@click.option("--store", type=click.Path(file_okay=False), help="Directory of the store.")
def main(spec: str, store: str | None) -> None:
    """Run the cell that SPEC describes, and print what came of it.

    SPEC is a JSON object, such as '{"model": "bert", "size": "tiny", "framework": "pytorch"}'. Its keys: docs/workloads.md.
    """
    try:
        click.echo(json.dumps(run(Cell.from_json(spec), store=store), indent=1))
    except CrossprofError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
