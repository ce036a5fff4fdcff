"""`runs`, `show` and `doctor`: what the store holds, what one run measured, and whether its numbers may be trusted."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click

from crossprof.cli import terminal
from crossprof.cli.collected import print_collected
from crossprof.cli.description import (
    VERDICTS,
    described,
    peer_numbers,
    print_advice,
    print_capture,
    print_facts,
    print_findings,
    print_metrics,
    print_peers,
    print_runs,
    print_windows,
    run_documents,
)
from crossprof.cli.options import as_json, open_store, print_json, store_path
from crossprof.errors import CrossprofError, RunNotFound

__all__ = ["doctor", "runs", "show"]


@click.command()
@as_json
@store_path
def runs(is_json: bool, store: Path) -> None:
    """List the runs of the store, the latest first."""
    found = run_documents(open_store(store))
    if is_json:
        print_json(found)
    elif found:
        print_runs(found)
    else:
        terminal.print_note(f"The store {store} is empty: `crossprof ingest PATH` adds runs, `crossprof demo` makes some.")


@click.command()
@click.argument("run", required=False)
@click.option(
    "--collected", "is_about_collecting", is_flag=True, help="List what recordings collect, why, and how to leave it out."
)
@click.option(
    "--peers",
    "has_peers",
    is_flag=True,
    help="Add what HTA, TraceLens, the TensorBoard plugin and xprof say of the same files.",
)
@as_json
@store_path
def show(run: str | None, is_about_collecting: bool, has_peers: bool, is_json: bool, store: Path) -> None:
    """Show what a run is, what bounds it, its metrics with 95 % intervals, advice, and the findings about it."""
    if is_about_collecting == bool(run):
        raise click.UsageError("Name a run, or ask with --collected what every recording holds.")
    if not run:
        print_collected(store, is_json=is_json)
        return
    opened = open_store(store)
    run_id = opened.resolve(run)[0]
    document = described(opened, run_id)
    if has_peers:
        document["peers"] = peer_numbers(opened, run_id)
    if is_json:
        print_json(document)
        return
    print_facts(document["run"])
    if bound := document["bottleneck"]:
        terminal.print_line(bound["sentence"])
    print_metrics(document["metrics"])
    if document["capture"] and (bound or {}).get("scope") != "steps":
        print_capture(document["capture"])
    print_windows(document["captures"])
    if has_peers:
        print_peers(document["peers"])
    print_advice(document["advice"])
    print_findings(document["findings"])


@click.command()
@click.argument("run", metavar="RUN|PATH")
@as_json
@store_path
def doctor(run: str, is_json: bool, store: Path) -> None:
    """Say whether the numbers of a run, or of files that are not in the store, may be trusted."""
    judged = _judged(run, store)
    verdict = max((each["run"]["verdict"] for each in judged), key=list(VERDICTS).index)
    findings = [finding for each in judged for finding in each["findings"]]
    if is_json:
        print_json({"verdict": verdict, "findings": findings})
        return
    terminal.print_card(f"{run}: {verdict}", [VERDICTS[verdict]], style=terminal.STYLES[verdict])
    print_findings(findings)


def _judged(run: str, store: Path) -> list[dict[str, Any]]:
    """The documents of the run of that name, else of the runs that the files at that path hold."""
    opened = open_store(store)
    try:
        return [described(opened, opened.resolve(run)[0])]
    except RunNotFound:
        if not Path(run).exists():
            raise
    return _judged_files(run)


def _judged_files(path: str) -> list[dict[str, Any]]:
    from crossprof.ingest import ingest
    from crossprof.store import Store

    with tempfile.TemporaryDirectory(prefix="crossprof-doctor-") as folder:
        with terminal.progress("Reading") as on_progress:
            results = ingest([path], store=Path(folder), on_progress=on_progress)
        failed = [result for result in results if result.status == "failed"]
        with Store(folder) as temporary:
            judged = [described(temporary, run["run_id"]) for run in run_documents(temporary)]
    if not judged:
        raise CrossprofError(
            f"{failed[0].shown_path}: {failed[0].reason}" if failed else f"{path}: nothing in it can be judged."
        )
    for result in failed:
        terminal.print_warning(f"{result.shown_path} was left out: {result.reason}")
    return judged
