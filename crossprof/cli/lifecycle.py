"""`delete`, `reindex` and `gc`: what leaves the store, and what is built anew."""

from __future__ import annotations

from pathlib import Path

import click

from crossprof.cli.options import open_store, store_path
from crossprof.errors import StoreError

__all__ = ["delete", "gc", "reindex"]


@click.command()
@click.argument("run")
@click.option("--now", is_flag=True, help="Remove the files at once, though a reader may still want them.")
@store_path
def delete(run: str, now: bool, store: Path) -> None:
    """Take a run out of the store. NAME@all takes all runs of a name. The files go after an hour."""
    from crossprof.store.lifecycle import delete as delete_runs

    with open_store(store) as opened:
        run_ids = opened.resolve(run)
    delete_runs(store, run_ids, now=now)
    when = "now" if now else "in an hour"
    click.echo(f"Deleted {len(run_ids)} run{'s' * (len(run_ids) > 1)} of '{run}' ({', '.join(run_ids)}); the files go {when}.")


@click.command()
@store_path
def reindex(store: Path) -> None:
    """Build the catalog anew from the parts: after moving a store, or when the catalog is damaged."""
    from crossprof.store.lifecycle import reindex as rebuild

    published = rebuild(_existing(store))
    click.echo(f"Indexed {len(published.added)} runs of {store}.")
    for run_id, reason in published.skipped:
        click.echo(f"crossprof: warning: run {run_id} is left out: {reason}", err=True)


@click.command()
@click.option("--now", is_flag=True, help="Take also what was deleted within the last hour.")
@store_path
def gc(now: bool, store: Path) -> None:
    """Remove the files of deleted runs, and what writers that died have left."""
    from crossprof.store.lifecycle import gc as sweep

    swept = sweep(_existing(store), now=now)
    click.echo(f"Removed {swept.parts} parts and {swept.staged} abandoned folders, {swept.bytes / 2**20:,.1f} MiB.")


def _existing(store: Path) -> Path:
    if not store.is_dir():
        raise StoreError(f"There is no store at {store}. Name one with --store PATH or CROSSPROF_STORE.")
    return store
