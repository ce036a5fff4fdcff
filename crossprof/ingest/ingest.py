"""Paths into a store: every rank becomes a part, and one publish makes them all seen."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from crossprof.errors import CrossprofError, TraceError
from crossprof.ingest.categories import rules
from crossprof.ingest.discover import RecordingJob, TraceJob, discover
from crossprof.ingest.hlo import require_xprof
from crossprof.ingest.home import Home
from crossprof.ingest.known import Holder, Known
from crossprof.ingest.part import Outcome, Request, present, write_recording, write_trace
from crossprof.ingest.recording import rank_folders, read_recording
from crossprof.ingest.scratch import sweep
from crossprof.store.layout import Layout, create
from crossprof.store.publish import publish

__all__ = ["IngestResult", "Progress", "ingest", "pending"]

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Told what is read now, how many ranks are done, and how many there are."""


@dataclass(frozen=True)
class IngestResult:
    """What became of one rank. `reason` says why it was not added; a path that holds no run has neither run nor rank."""

    path: Path
    status: Literal["added", "present", "skipped", "failed"]
    run_id: str | None = None
    run: str | None = None
    rank: int | None = None
    reason: str | None = None
    part: Path | None = None
    seconds: float = 0.0
    n_events: int = 0


def ingest(  # noqa: PLR0913 - one keyword for each option of the command
    paths: Sequence[str | Path],
    *,
    store: Path,
    name: str | None = None,
    framework: str | None = None,
    tags: Mapping[str, str] | None = None,
    keep: bool = False,
    force: bool = False,
    xla: bool = False,
    on_progress: Progress | None = None,
) -> list[IngestResult]:
    """One result for each rank, and for each path that is none. What fails costs nothing else. A store is its recordings.

    Reads every rank into a part of the store, publishes once, then moves the store's own recordings to its artifacts. In this
    order a kill at any moment leaves a recording where the next ingest finds it, sees that its part exists, and goes on.
    Raises StoreError where the store can't be written, CrossprofError where `xla` wants xprof and it is not installed, or where
    a line of CROSSPROF_CATEGORY_RULES is no rule.
    """
    rules()
    if xla:
        require_xprof()
    create(store)
    sweep(store)
    request = Request(store, name, framework, tags or {}, is_kept=keep, is_forced=force, is_xla=xla)
    found = discover([path for path in paths if not _is_drained(Path(path), store)], name=name)
    results = [IngestResult(error.path, "failed", reason=error.reason) for error in found.failures]
    moves: list[tuple[Home, Path]] = []
    known = Known(store, [job for job in found.jobs if isinstance(job, TraceJob) and not force])
    for number, job in enumerate(found.jobs):
        if on_progress is not None:
            on_progress(_path_of(job).name, number, len(found.jobs))
        result, home = _result_of(job, request, known)
        results.append(result)
        if home is not None:
            moves.append((home, _path_of(job)))
    if on_progress is not None and found.jobs:
        on_progress("publishing", len(found.jobs), len(found.jobs))
    if any(result.status in {"added", "present"} for result in results):
        publish(store)
    for home, folder in moves:
        try:
            home.move(folder)
        except OSError as error:
            logger.warning("%s was ingested, but can't be moved into the store (%s).", folder, error.strerror)
    return results


def pending(store: Path) -> list[Path]:
    """The rank folders of a store that wait to be ingested: their recording has ended, or its process is gone."""
    return [folder for folder in rank_folders(Layout(store).recordings) if _is_waiting(folder)]


def _is_waiting(folder: Path) -> bool:
    try:
        return not read_recording(folder).is_alive()
    except (TraceError, OSError):
        return False  # an explicit ingest of the folder says what is wrong with it


def _is_drained(path: Path, store: Path) -> bool:
    """Whether the path is the store, or its recordings/, and nothing waits there, which is no error."""
    recordings = Layout(store).recordings
    real = os.path.realpath(os.path.expanduser(path))  # noqa: PTH111 - pathlib's raise for unknown users and loops of links
    return Path(real) in (store.resolve(), recordings.resolve()) and not rank_folders(recordings)


def _result_of(job: RecordingJob | TraceJob, request: Request, known: Known) -> tuple[IngestResult, Home | None]:
    """What became of a job, and where its folder belongs after the publish."""
    started = time.perf_counter()
    path = _path_of(job)
    try:
        outcome = _trace_outcome(job, request, known) if isinstance(job, TraceJob) else write_recording(job, request)
    except Exception as error:  # whatever is wrong with one file, it costs no other
        logger.debug("%s was not ingested.", path, exc_info=True)
        run, run_id, rank = (job.run, job.run_id, job.rank) if isinstance(job, TraceJob) else (None, None, None)
        return IngestResult(path, "failed", run_id=run_id, run=run, rank=rank, reason=_reason(error)), None
    result = IngestResult(
        path,
        _status(outcome),
        run_id=outcome.run_id,
        run=outcome.run,
        rank=outcome.rank,
        reason=outcome.reason,
        part=outcome.part,
        seconds=time.perf_counter() - started,
        n_events=outcome.n_events,
    )
    return result, outcome.home


def _trace_outcome(job: TraceJob, request: Request, known: Known) -> Outcome:
    """A trace as a part, unless its content was read before, as whatever run."""
    if (holder := known.holder(job)) is not None:
        return present(holder.run_id, holder.run, holder.rank)
    outcome = write_trace(job, request)
    if not request.is_forced:
        known.note(job.sha256, Holder(outcome.run_id, outcome.run, outcome.rank))
    return outcome


def _status(outcome: Outcome) -> Literal["added", "present", "skipped"]:
    if outcome.part is not None:
        return "added"
    return "skipped" if outcome.is_skipped else "present"


def _reason(error: Exception) -> str:
    """What went wrong, on one line."""
    if isinstance(error, TraceError):
        return error.reason
    lines = str(error).strip().splitlines() or [""]
    is_foreseen = lines[0] and isinstance(error, CrossprofError | OSError | duckdb.Error)
    return lines[0] if is_foreseen else f"it can't be ingested ({type(error).__name__}: {lines[0]})."


def _path_of(job: RecordingJob | TraceJob) -> Path:
    return job.path if isinstance(job, TraceJob) else job.folder
