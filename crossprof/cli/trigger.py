"""`trigger`: a window of a job that runs, on all its ranks, over the same steps."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path

import click
import psutil

from crossprof.cli import terminal
from crossprof.cli.options import store_path
from crossprof.collectors.on_demand import REQUEST_FILE
from crossprof.errors import CrossprofError, TraceError
from crossprof.ingest.recording import Recording, rank_folders, read_recording

__all__ = ["trigger"]

_LEAD_S = 1.5
"""In this time every rank has seen a request: each looks four times a second, and a shared file system takes a while."""
_MOST_LEAD = 10_000
_TAIL_BYTES = 4096


@click.command()
@click.argument("job", metavar="PID|RUN")
@click.option("--steps", type=click.IntRange(1, 1000), help="Profiled steps of the window. Default: 5, after 1 warm-up.")
@click.option("--wait", "wait_s", type=float, default=0.0, metavar="SECONDS", help="Wait until the window is written.")
@store_path
def trigger(job: str, steps: int | None, wait_s: float, store: Path) -> None:
    """Have a running job take a window now, on every rank. The job is named by a process id, or by its run's name or id.

    The process may also be the launcher of the job's ranks, such as torchrun.
    """
    ranks = _ranks_of(job, store)
    if (ranks[0].document.get("options_requested") or {}).get("schedule", "auto") is None:
        raise CrossprofError(f"All of {ranks[0].run} is one window already: it is recorded with schedule=None.")
    asked_ns = time.time_ns()
    at_step = _common_step(ranks) if len(ranks) > 1 else None
    for rank in ranks:
        _ask(rank.folder, at_step=at_step, steps=steps)
    named = "rank 0" if len(ranks) == 1 else f"{len(ranks)} ranks"
    begins = "the next step" if at_step is None else f"step {at_step:,}"
    terminal.print_line(f"Asked {named} of {ranks[0].run} ({ranks[0].run_id}) for a window from {begins} on.")
    if wait_s > 0:
        _await(ranks, asked_ns, wait_s)


def _ranks_of(job: str, store: Path) -> list[Recording]:
    """All ranks of the job that are being recorded. Raises CrossprofError where there is none."""
    alive = [recording for recording in _recordings(store) if recording.is_alive()]
    processes = _family(int(job)) if job.isdigit() else set()
    found = [recording for recording in alive if recording.pid in processes]
    if not found:  # a run may be named by a number too
        by_name = ([one for one in alive if one.run_id == job], [one for one in alive if one.run == job])
        found = next(filter(None, by_name), [one for one in alive if one.run_id.startswith(job)])
    if not found:
        under_way = ", ".join(sorted({f"{one.run} (process {one.pid})" for one in alive})[:5])
        cure = f"Recorded just now: {under_way}." if alive else "Nothing is recorded there just now; --store names another."
        raise CrossprofError(f"No job that is being recorded in {store} answers to '{job}'. {cure}")
    latest = max(found, key=lambda one: one.document.get("started_ns") or 0).run_id
    return [recording for recording in alive if recording.run_id == latest]


def _recordings(store: Path) -> list[Recording]:
    found = []
    for folder in rank_folders(store / "recordings"):
        try:
            found.append(read_recording(folder))
        except TraceError:  # a folder that was moved meanwhile, or is none
            continue
    return found


def _family(pid: int) -> set[int]:
    """A process and all that it started."""
    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.Error:
        return {pid}


def _common_step(ranks: Sequence[Recording]) -> int:
    """A step that no rank will have come to when all have seen the request."""
    last, shortest_s = -1, math.inf
    for rank in ranks:
        for line in _last_steps(rank.folder / "steps.jsonl"):
            last = max(last, line["step"])
            shortest_s = min(shortest_s, (line["end_ns"] - line["start_ns"]) / 1e9)
    lead = 0 if last < 0 else min(_MOST_LEAD, math.ceil(_LEAD_S / max(shortest_s, 1e-6)))
    return last + 1 + lead


def _last_steps(path: Path) -> list[dict[str, int]]:
    """The last whole lines of a file of steps."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().splitlines(keepends=True)[size > _TAIL_BYTES :]
    except OSError:
        return []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def _ask(folder: Path, *, at_step: int | None, steps: int | None) -> None:
    request = {"at_step": at_step, "steps": steps, "asked_by": f"crossprof trigger, process {os.getpid()}"}
    new = folder / f"{REQUEST_FILE}.{os.getpid()}.new"
    new.write_text(json.dumps(request), encoding="utf-8")
    new.replace(folder / REQUEST_FILE)


def _await(ranks: Sequence[Recording], asked_ns: int, wait_s: float) -> None:
    """Wait until every rank has the window. Raises CrossprofError after the time, and for a rank that has none to come."""
    deadline = time.monotonic() + wait_s
    told: dict[int, str] = {}
    while len(told) < len(ranks) and time.monotonic() < deadline:
        time.sleep(0.1)
        told |= {rank.rank: word for rank in ranks if rank.rank not in told and (word := _outcome(rank.folder, asked_ns))}
    told = {rank.rank: told.get(rank.rank, "late") for rank in ranks}
    for word, why in {
        "failed": "it failed, and the run's findings say why",
        "ended": "the job ended before it",
        "late": f"none came in {wait_s:g} s; a step may take that long, or the schedule's own comes first",
    }.items():
        if numbers := ", ".join(str(rank) for rank, found in told.items() if found == word):
            raise CrossprofError(f"No window on rank {numbers}: {why}.")
    if "ingested" in told.values():
        terminal.print_line(f"The job has ended and was ingested: `crossprof show {ranks[0].run_id}` lists its windows.")
    else:
        terminal.print_line("The window is written; it is ingested with the run, when that ends.")


def _outcome(folder: Path, asked_ns: int) -> str | None:
    """What became of the window on a rank: `written`, `failed`, `ended` or `ingested` with the run. None: not known yet."""
    try:
        recording = read_recording(folder)
    except TraceError:  # the recording has ended, and was ingested meanwhile
        return "ingested"
    for capture in recording.document["captures"]:
        if capture.get("trigger") == "demand" and capture.get("started_ns", 0) > asked_ns and capture["state"] != "recording":
            return "failed" if capture["state"] == "failed" else "written"
    return None if recording.is_alive() else "ended"
