"""`export`: a run as a file for another tool, or for a reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crossprof.cli import terminal
from crossprof.cli.options import as_json, open_store, print_json, store_path
from crossprof.dashboard.quantity import scale_for

if TYPE_CHECKING:
    from crossprof.store import Store
    from crossprof.store.export import Selection

__all__ = ["export"]

_SUFFIXES = {"perfetto": ".perfetto-trace.gz", "speedscope": ".speedscope.json", "parquet": "-parquet", "html": ".html"}
_OPENED = {
    "perfetto": "ui.perfetto.dev opens it (it stays on your machine)",
    "speedscope": "`crossprof serve` shows it from the page of the run; so does speedscope.app",
    "parquet": "select * from '{path}/kernel.parquet'",
    "html": "any browser opens it, with no network",
}
Progress = Callable[[str, int, int], None]
_IN_TIME = ("perfetto", "speedscope")


@click.command()
@click.argument("run")
@click.option("--format", "form", type=click.Choice(list(_SUFFIXES)), required=True, help="What to write.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write, replaced if it is there; for parquet a new folder, or a .zip. Default: named after the run.",
)
@click.option("--rank", type=click.IntRange(min=0), help="One rank only (not html).")
@click.option("--step", "steps", metavar="N|N-M", help="What starts in these steps only (perfetto, speedscope).")
@as_json
@store_path
def export(  # noqa: PLR0913, PLR0917
    run: str, form: str, output: Path | None, rank: int | None, steps: str | None, is_json: bool, store: Path
) -> None:
    """Write a run for Perfetto, speedscope, or as Parquet files, or as one HTML page to send on."""
    if steps and form not in _IN_TIME:
        raise click.UsageError(f"--step is for {' and '.join(_IN_TIME)}: {form} holds the whole run.")
    if rank is not None and form == "html":
        raise click.UsageError("--rank is not for html: the page is about the whole run.")
    from crossprof.store.export import Selection

    selection = Selection.parsed(rank, steps)
    with open_store(store) as opened:
        run_id = opened.resolve(run)[0]
        ((name,),) = opened.sql("SELECT run FROM run WHERE run_id = ?", [run_id]).fetchall()
        target = output or Path(_file_name(name) + _SUFFIXES[form])
        with terminal.progress(f"Exporting {name}:") as on_progress:
            _write(opened, run_id, form, target, selection, on_progress)
    size = sum(path.stat().st_size for path in (target.iterdir() if target.is_dir() else (target,)))
    if is_json:
        print_json({"run_id": run_id, "format": form, "path": str(target), "bytes": size})
    else:
        use = (
            "Parquet files, one a table" if target.suffix == ".zip" and form == "parquet" else _OPENED[form].format(path=target)
        )
        terminal.print_line(f"Wrote {target}, {scale_for('bytes', [size]).full(size)}: {use}")


def _write(store: Store, run_id: str, form: str, target: Path, selection: Selection, on_progress: Progress) -> None:
    from crossprof.store import export as formats

    if form == "html":
        from crossprof.dashboard.report import gather_run, run_as_html

        with formats.staged(target) as file:
            file.write(run_as_html(gather_run(store, run_id)).encode())
    elif form == "parquet":
        write = formats.write_parquet_archive if target.suffix == ".zip" else formats.write_parquet
        write(store, run_id, target, selection.rank, on_progress)
    else:
        if form == "perfetto":
            formats.write_perfetto(store, run_id, target, selection, on_progress)
            return
        taken = formats.bounded(store, run_id, selection)
        if taken != selection and taken.steps:
            terminal.print_note(
                f"speedscope takes a part of this run: steps {taken.steps[0]} to {taken.steps[1]}. --step chooses."
            )
        formats.write_speedscope(store, run_id, target, taken, on_progress)


def _file_name(run: str) -> str:
    """The run's name without what file systems refuse."""
    return re.sub(r"[^\w.-]+", "_", run).strip("._") or "run"
