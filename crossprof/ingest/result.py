"""What became of one rank, or of one path that holds none."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import duckdb

from crossprof.errors import CrossprofError, TraceError
from crossprof.ingest.home import Home
from crossprof.ingest.job import Job, RecordingJob, TraceJob
from crossprof.ingest.part import Outcome, Request, write_recording, write_trace
from crossprof.ingest.scratch import with_enough_memory

__all__ = ["IngestResult", "failed", "path_of", "result_of", "result_of_outcome"]

logger = logging.getLogger(__name__)

_DUCKDB_INTERRUPTED = "Query interrupted"  # a RuntimeError: what Ctrl-C is while a query runs


@dataclass(frozen=True)
class IngestResult:
    """What became of one rank. `reason` says why it was not added; a path that holds no run has neither run nor rank.

    `origin` is what the user knows a file by that came from elsewhere: the member of an archive, a URL, standard input.
    """

    path: Path
    status: Literal["added", "present", "skipped", "failed"]
    run_id: str | None = None
    run: str | None = None
    rank: int | None = None
    reason: str | None = None
    part: Path | None = None
    seconds: float = 0.0
    n_events: int = 0
    origin: str | None = None

    @property
    def shown_path(self) -> str:
        """The path as the user knows it."""
        return self.origin or str(self.path)


def result_of(job: Job, request: Request) -> tuple[IngestResult, Home | None]:
    """What became of a job, read here and now, and where its folder belongs after the publish. What is wrong is its reason."""
    started = time.perf_counter()
    try:
        outcome = with_enough_memory(
            lambda memory_bytes: _written(job, replace(request, memory_bytes=memory_bytes)), crew=request.crew
        )
    except Exception as error:  # whatever is wrong with one file, it costs no other
        if str(error) == _DUCKDB_INTERRUPTED:
            raise KeyboardInterrupt from error
        logger.debug("%s was not ingested.", path_of(job), exc_info=True)
        return failed(job, _reason(error)), None
    return result_of_outcome(job, outcome, seconds=time.perf_counter() - started), outcome.home


def _written(job: Job, request: Request) -> Outcome:
    return write_trace(job, request) if isinstance(job, TraceJob) else write_recording(job, request)


def result_of_outcome(job: Job, outcome: Outcome, *, seconds: float = 0.0) -> IngestResult:
    """The result that an outcome is."""
    return IngestResult(
        path_of(job),
        _status(outcome),
        run_id=outcome.run_id,
        run=outcome.run,
        rank=outcome.rank,
        reason=outcome.reason,
        part=outcome.part,
        seconds=seconds,
        n_events=outcome.n_events,
        origin=job.origin,
    )


def failed(job: Job, reason: str) -> IngestResult:
    """The result of a job that was not ingested for a reason."""
    with suppress(TraceError):  # which the reason tells
        job = job.identified() if isinstance(job, TraceJob) else job
    run, run_id, rank = (job.run, job.run_id or None, job.rank) if isinstance(job, TraceJob) else (None, None, None)
    return IngestResult(path_of(job), "failed", run_id=run_id, run=run, rank=rank, reason=reason, origin=job.origin)


def path_of(job: Job) -> Path:
    """The file of a trace, the folder of a recording."""
    return job.folder if isinstance(job, RecordingJob) else job.path


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
