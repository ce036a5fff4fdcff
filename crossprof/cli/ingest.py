"""`ingest`: traces, log directories and recordings into the store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crossprof.cli import terminal
from crossprof.cli.options import parsed_tags, store_path

if TYPE_CHECKING:
    from crossprof.ingest import IngestResult

__all__ = ["ingest", "ingest_paths"]

_SHOWN = ("status", "run", "run id", "rank", "events", "seconds", "path")


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--name", help="Name of the run. Default: from the file, else from its path.")
@click.option("--run", help="Run of the store that the traces are further ranks of: its name, its id or a prefix of one.")
@click.option("--framework", help="Framework of the run, where the trace does not tell: torch, tensorflow, jax, ...")
@click.option(
    "--tag", "tags", multiple=True, metavar="KEY=VALUE", callback=parsed_tags, help="A tag of the run; may be repeated."
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Ranks read side by side, each in a process. Default: by processors.",
)
@click.option("--keep", is_flag=True, help="Copy the trace files into the store.")
@click.option("--force", is_flag=True, help="Ingest again what the store already holds; replace a rank of --run.")
@click.option(
    "--xla",
    is_flag=True,
    help="Add what xprof computes of XPlane files: view hlo_summary, tables hlo_op, hlo_module. Needs crossprof[xprof]; slow.",
)
@store_path
@click.pass_context
def ingest(context: click.Context, /, paths: tuple[str, ...], store: Path, **options: Any) -> None:
    """Read traces, TensorBoard log directories, recordings and archives of them, by what they hold.

    A PATH may be a glob, quoted or not, a URL (s3://, gs://, https://, ... as fsspec knows them), or -, standard input.
    """
    if options["run"] and options["name"]:
        raise click.UsageError("--name names a new run, --run an old one: give one of them.")
    if "-" in paths and not (options["run"] or options["name"]):
        raise click.UsageError("Standard input has no name: give the run one with --name.")
    results = ingest_paths(paths, store=store, **options)
    if any(result.status == "failed" for result in results):
        context.exit(1)


def ingest_paths(paths: Sequence[str | Path], *, store: Path, **options: Any) -> list[IngestResult]:
    """Ingest under a progress line and print one row a rank; what failed goes to stderr, one line each."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # nothing here is linear algebra; NumPy's threads for it spin at first
    from crossprof.ingest import ingest as run_ingest

    with terminal.progress("Ingesting") as on_progress:
        results = run_ingest(paths, store=store, on_progress=on_progress, **options)
    _print_results([result for result in results if result.status != "failed"])
    if not results:
        terminal.print_note("No recording waits to be ingested.")
    for result in results:
        if result.status == "failed":
            terminal.print_error(f"{result.shown_path}: {result.reason}")
    return results


def _print_results(results: Sequence[IngestResult]) -> None:
    columns = [terminal.Column(name, is_number=name in ("events", "seconds")) for name in _SHOWN]
    rows = [
        (
            *(result.status, result.run, result.run_id, None if result.rank is None else str(result.rank)),
            *(f"{result.n_events:,}", f"{result.seconds:.2f}", result.shown_path),
        )
        for result in results
    ]
    if rows:
        terminal.print_table(columns, rows)
    for result in results:
        if result.reason:
            terminal.print_note(f"{result.shown_path}: {result.status}: {result.reason}")
