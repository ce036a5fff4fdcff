"""`rename`, `tag`, `note` and `pin`: what a user changes about a run. The dashboard's Runs page changes the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from crossprof.cli.options import open_store, store_path
from crossprof.errors import CrossprofError

__all__ = ["note", "pin", "rename", "tag"]


@click.command()
@click.argument("run")
@click.argument("name")
@store_path
def rename(run: str, name: str, store: Path) -> None:
    """Give a run another name. An empty name brings back the recorded one."""
    from crossprof.store import edits

    run_id = _changed(run, store, lambda run_id: edits.rename(store, run_id, name))
    click.echo(f"Run {run_id} is named '{name}'." if name else f"Run {run_id} has its recorded name again.")


@click.command()
@click.argument("run")
@click.argument("tags", nargs=-1, required=True, metavar="KEY=VALUE...")
@store_path
def tag(run: str, tags: tuple[str, ...], store: Path) -> None:
    """Set tags of a run. KEY= takes one away; NAME@all tags all runs of a name."""
    from crossprof.store import edits, publish

    values = edits.parsed_tags(tags)
    run_ids = _all(run, store)
    for run_id in run_ids:
        edits.tag(store, run_id, values)
    publish(store)
    click.echo(f"Tagged {len(run_ids)} run{'s' * (len(run_ids) > 1)}: {' '.join(tags)}.")


@click.command()
@click.argument("run")
@click.argument("text")
@store_path
def note(run: str, text: str, store: Path) -> None:
    """Set the note of a run. An empty text takes it away."""
    from crossprof.store import edits

    run_id = _changed(run, store, lambda run_id: edits.note(store, run_id, text))
    click.echo(f"The note of run {run_id} is {'set' if text else 'taken away'}.")


@click.command()
@click.argument("run")
@click.option("--off", "is_unpinned", is_flag=True, help="Take the pin off again.")
@store_path
def pin(run: str, is_unpinned: bool, store: Path) -> None:
    """Pin a run: the Runs page shows it above the others."""
    from crossprof.store import edits

    run_id = _changed(run, store, lambda run_id: edits.pin(store, run_id, is_pinned=not is_unpinned))
    click.echo(f"Run {run_id} is {'no longer ' * is_unpinned}pinned.")


def _all(run: str, store: Path) -> tuple[str, ...]:
    with open_store(store) as opened:
        return opened.resolve(run)


def _changed(run: str, store: Path, change: Callable[[str], None]) -> str:
    """The id of the one run that is meant, with the change published."""
    from crossprof.store import publish

    run_id, *more = _all(run, store)
    if more:
        raise CrossprofError(f"'{run}' are {len(more) + 1} runs. Name one, by its id or the beginning of it.")
    change(run_id)
    publish(store)
    return run_id
