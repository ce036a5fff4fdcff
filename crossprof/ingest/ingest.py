"""Paths into a store: every rank becomes a part, and one publish makes them all seen."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from crossprof.errors import TraceError
from crossprof.ingest.categories import rules
from crossprof.ingest.crew import crew_size, read_jobs
from crossprof.ingest.discover import Discovery, discover
from crossprof.ingest.hlo import require_xprof
from crossprof.ingest.home import Home
from crossprof.ingest.job import Job, TraceJob
from crossprof.ingest.known import Holder, Known
from crossprof.ingest.landing import STDIN, Landing
from crossprof.ingest.late import joined, reunited
from crossprof.ingest.part import Request, present, write_failure
from crossprof.ingest.recording import rank_folders, read_recording
from crossprof.ingest.remote import is_url, shown_url
from crossprof.ingest.result import IngestResult, path_of, result_of_outcome
from crossprof.ingest.scratch import sweep
from crossprof.store.layout import Layout, create
from crossprof.store.publish import publish

__all__ = ["IngestResult", "Progress", "ingest", "pending"]

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Told what is read now, how many ranks are done, and how many there are."""

_Read = tuple[IngestResult, Home | None]


def ingest(  # noqa: PLR0913 - one keyword for each option of the command
    paths: Sequence[str | Path],
    *,
    store: Path,
    name: str | None = None,
    run: str | None = None,
    framework: str | None = None,
    tags: Mapping[str, str] | None = None,
    keep: bool = False,
    force: bool = False,
    xla: bool = False,
    jobs: int | None = None,
    on_progress: Progress | None = None,
) -> list[IngestResult]:
    """One result for each rank, and for each path that is none. What fails costs nothing else. A store is its recordings.

    Paths may be archives, URLs and `-`, standard input. With `run` the files become ranks of that run of the store. `jobs` is
    the number of processes that read ranks side by side; 1 reads them in this one, None decides by number and size.

    Reads every rank into a part of the store, publishes once, then moves the store's own recordings to its artifacts. In this
    order a kill at any moment leaves a recording where the next ingest finds it, sees that its part exists, and goes on.
    Raises StoreError where the store can't be written or the ranks can't join the run, CrossprofError where `xla` wants xprof
    and it is not installed, or where a line of CROSSPROF_CATEGORY_RULES is no rule.
    """
    rules()
    if xla:
        require_xprof()
    create(store)
    sweep(store)
    tell = on_progress or (lambda *_: None)
    with Landing(store) as landing:
        found, results = _found(paths, store, name, landing)
        found.jobs = _placed(found.jobs, store, run, is_forced=force)
        request = Request(
            store, name, framework, tags or {}, is_kept=keep, is_forced=force, is_xla=xla, crew=crew_size(found.jobs, jobs)
        )
        read = _read(found.jobs, request, tell)
        results += [result for result, _ in read]
        _note_failures(found.jobs, read, request)
    if read:
        tell("publishing", len(read), len(read))
    if any(result.status in {"added", "present"} for result in results):
        publish(store)
    for job, (_, home) in zip(found.jobs, read, strict=True):
        if home is not None and job.origin is None:
            _move(home, path_of(job))
    return results


def pending(store: Path) -> list[Path]:
    """The rank folders of a store that wait to be ingested: their recording has ended, or its process is gone."""
    return [folder for folder in rank_folders(Layout(store).recordings) if _is_waiting(folder)]


def _is_waiting(folder: Path) -> bool:
    try:
        return not read_recording(folder).is_alive()
    except (TraceError, OSError):
        return False  # an explicit ingest of the folder says what is wrong with it


def _found(
    paths: Sequence[str | Path], store: Path, name: str | None, landing: Landing
) -> tuple[Discovery, list[IngestResult]]:
    """What the paths hold, fetched and unpacked where need be, and the results of those that hold nothing."""
    local: list[Path] = []
    results: list[IngestResult] = []
    for given in map(str, paths):
        if not (is_url(given) or given == STDIN) and _is_drained(Path(given), store):
            continue
        try:
            local.append(landing.bring(given, name=name))
        except TraceError as error:
            results.append(IngestResult(error.path, "failed", reason=error.reason, origin=shown_url(given)))
    found = discover(local, name=name, unpacked=landing.unpacked)
    found.jobs = [replace(job, origin=landing.origin(path_of(job))) for job in found.jobs]
    results += [
        IngestResult(failure.path, "failed", reason=failure.reason, origin=landing.origin(failure.path))
        for failure in found.failures
    ]
    results += [IngestResult(Path(member), "skipped", reason=reason, origin=member) for member, reason in landing.skipped]
    return found, results


def _placed(jobs: list[Job], store: Path, run: str | None, *, is_forced: bool) -> list[Job]:
    """The jobs as ranks of the runs that they belong to."""
    if run is not None:
        jobs = joined(jobs, store, run)
    elif not is_forced:
        jobs = reunited(jobs, store)
    return jobs if is_forced else list(map(_identified, jobs))


def _identified(job: Job) -> Job:
    """The job, its file hashed first where the store may have another one of its rank: then it need not be read."""
    if isinstance(job, TraceJob) and job.is_late:
        with suppress(TraceError, OSError):  # reading the file says what is wrong with it
            return job.identified()
    return job


def _is_drained(path: Path, store: Path) -> bool:
    """Whether the path is the store, or its recordings/, and nothing waits there, which is no error."""
    recordings = Layout(store).recordings
    real = os.path.realpath(os.path.expanduser(path))  # noqa: PTH111 - pathlib's raise for unknown users and loops of links
    return Path(real) in (store.resolve(), recordings.resolve()) and not rank_folders(recordings)


def _read(jobs: Sequence[Job], request: Request, tell: Progress) -> list[_Read]:
    """What became of each job, in their order."""
    traces = [job for job in jobs if isinstance(job, TraceJob) and not job.is_late and not request.is_forced]
    known = Known(request.root, traces)
    done: dict[int, _Read] = {}
    for numbers in _rounds(jobs):
        for number in numbers:
            if holder := _holder(jobs[number], known, request):
                outcome = present(holder.run_id, holder.run, holder.rank)
                done[number] = result_of_outcome(jobs[number], outcome), None
        waiting = {number: jobs[number] for number in numbers if number not in done}
        with closing(read_jobs(waiting, request, lambda name: tell(name, len(done), len(jobs)))) as reading:
            for number, read in reading:
                done[number] = read
                _note(jobs[number], read[0], known)
    return [done[number] for number in range(len(jobs))]


def _rounds(jobs: Sequence[Job]) -> tuple[list[int], list[int]]:
    """The numbers of the jobs: each content once, then what comes a second time, when it is known what the first became."""
    seen: set[str] = set()
    rounds: tuple[list[int], list[int]] = ([], [])
    for number, job in enumerate(jobs):
        content = (isinstance(job, TraceJob) and job.sha256) or str(path_of(job))
        rounds[content in seen].append(number)
        seen.add(content)
    return rounds


def _holder(job: Job, known: Known, request: Request) -> Holder | None:
    """The rank that was read from a trace before, in whatever run."""
    return known.holder(job) if isinstance(job, TraceJob) and not job.is_late and not request.is_forced else None


def _note(job: Job, result: IngestResult, known: Known) -> None:
    if isinstance(job, TraceJob) and result.status in {"added", "present"} and result.run_id and result.rank is not None:
        known.note(job.sha256, Holder(result.run_id, result.run or result.run_id, result.rank))


def _note_failures(jobs: Sequence[Job], read: Sequence[_Read], request: Request) -> None:
    """A finding for each rank that failed, in the run of those that did not."""
    shown = {result.run_id for result, _ in read if result.status in {"added", "present"}}
    for job, (result, _) in zip(jobs, read, strict=True):
        if result.status == "failed" and isinstance(job, TraceJob) and job.rank is not None and job.run_id in shown:
            write_failure(job, job.rank, result.reason or "", request)


def _move(home: Home, folder: Path) -> None:
    try:
        home.move(folder)
    except OSError as error:
        logger.warning("%s was ingested, but can't be moved into the store (%s).", folder, error.strerror)
