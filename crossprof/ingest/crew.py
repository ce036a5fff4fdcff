"""The crew that reads many ranks: as many processes as the machine has processors and memory for, or this one alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING

from crossprof.ingest import machine
from crossprof.ingest.home import Home
from crossprof.ingest.job import Job
from crossprof.ingest.part import Request
from crossprof.ingest.result import IngestResult, path_of, result_of
from crossprof.store.publish import prepare

if TYPE_CHECKING:
    from crossprof.ingest.worker import Worker

__all__ = ["crew_size", "read_jobs"]

_WORTHWHILE_BYTES = 16 << 20
"""Less than this, all files together, is read sooner than a process starts."""
_BYTES_FOR_EACH = 1 << 30

Done = tuple[int, tuple[IngestResult, Home | None]]


def crew_size(jobs: Sequence[Job], wanted: int | None = None) -> int:
    """How many processes read the jobs: as many as wanted, else one a processor, a job and 2 GiB of memory. 1: this one.

    Ranks that are small together are read here.
    """
    if wanted is not None:
        return max(1, min(wanted, len(jobs)))
    if len(jobs) < 2 or sum(job.bytes for job in jobs) < _WORTHWHILE_BYTES:
        return 1
    return max(1, min(len(jobs), machine.processor_count(), machine.memory_bytes() // 2 // _BYTES_FOR_EACH))


def read_jobs(jobs: Mapping[int, Job], request: Request, on_progress: Callable[[str], None]) -> Generator[Done, None, None]:
    """The number of each job with what became of it, as they end. The largest comes first, so that none is left over.

    `request.crew` processes read them. `on_progress` is told the name of each file when it is begun.
    """
    numbers = sorted(jobs, key=lambda number: -jobs[number].bytes)
    if min(request.crew, len(jobs)) > 1:
        yield from _read_by_workers(jobs, numbers, request, on_progress)
        return
    for number in sorted(jobs):
        on_progress(path_of(jobs[number]).name)
        yield number, result_of(jobs[number], request)


def _read_by_workers(
    jobs: Mapping[int, Job], numbers: Sequence[int], request: Request, on_progress: Callable[[str], None]
) -> Generator[Done, None, None]:
    # One rank needs no crew, and need not wait for these imports.
    from multiprocessing.connection import wait

    from crossprof.ingest.worker import Worker, end

    prepare(request.root)
    waiting = deque(numbers)
    busy: list[Worker] = []

    def give(worker: Worker) -> None:
        number = waiting.popleft()
        on_progress(path_of(jobs[number]).name)
        worker.give(number, jobs[number])

    try:
        while waiting or busy:
            while waiting and len(busy) < request.crew:
                busy.append(Worker(request))
                give(busy[-1])
            ready = wait([worker.connection for worker in busy])
            for worker in [worker for worker in busy if worker.connection in ready]:
                yield worker.result()
                if waiting and worker.is_alive:
                    give(worker)
                else:
                    busy.remove(worker)
                    end([worker])
    finally:
        end(busy)
