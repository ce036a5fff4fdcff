"""Late ranks: files that join a run which the store has, because the user says so or because they come with a rank of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from crossprof.errors import CrossprofError, StoreError
from crossprof.ingest.discover import named_rank
from crossprof.ingest.job import Job, RecordingJob, TraceJob
from crossprof.store.layout import Layout
from crossprof.store.store import Store

__all__ = ["joined", "reunited"]

_HELD = """
    SELECT sha256, run_id, run.run, artifact.rank, (SELECT list(rank.rank) FROM rank WHERE rank.run_id = run.run_id) AS ranks
    FROM artifact JOIN run USING (run_id)
    WHERE run.source = 'trace' AND sha256 IN (SELECT unnest(?))
"""


def joined(jobs: Sequence[Job], root: Path, name: str) -> list[Job]:
    """The jobs as ranks of the run of that name. Raises RunNotFound, and StoreError where they can't be that."""
    with Store(root) as store:
        run_id, *others = store.resolve(name)
        if others:
            raise StoreError(f"'{name}' means {len(others) + 1} runs. Name one of them with --run, such as {run_id}.")
        [row] = store.arrow("SELECT run_id, run FROM run WHERE run_id = ?", [run_id]).to_pylist()
    late: list[Job] = []
    for job in jobs:
        if isinstance(job, RecordingJob):
            raise StoreError(f"{job.folder} is a recording: it knows its run. Ingest it without --run.")
        rank = job.rank if job.rank is not None else named_rank(job.path)
        late.append(replace(job, run_id=row["run_id"], run=row["run"], rank=rank, rank_count=1, is_late=True))
    ranks = [job.rank for job in late if isinstance(job, TraceJob) and job.rank is not None]
    if twice := sorted({rank for rank in ranks if ranks.count(rank) > 1}):
        raise StoreError(f"Several files are of rank {twice[0]}: a run has one. Name those that belong to {row['run']}.")
    return late


def reunited(jobs: Sequence[Job], root: Path) -> list[Job]:
    """The jobs, those of a run with late ranks as ranks of the earlier run.

    That is so where exactly one run of the store was read from some of the files given together, and lacks the ranks of all
    others.
    """
    groups: dict[str, list[TraceJob]] = defaultdict(list)
    for job in jobs:
        if isinstance(job, TraceJob) and job.rank_count > 1:
            groups[job.run_id].append(job)
    earlier = _earlier(groups.values(), root)
    return [
        replace(job, run_id=run[0], run=run[1], is_late=True)
        if isinstance(job, TraceJob) and (run := earlier.get(job.run_id))
        else job
        for job in jobs
    ]


def _earlier(groups: Iterable[list[TraceJob]], root: Path) -> dict[str, tuple[str, str]]:
    """For each run of late ranks the id and the name of the run that it joins."""
    groups = list(groups)
    if not groups or Layout(root).current() is None:
        return {}
    try:
        with Store(root) as store:
            rows = store.arrow(_HELD, [[job.sha256 for jobs in groups for job in jobs]]).to_pylist()
    except CrossprofError:  # a catalog that can't be read knows nothing; the publish makes it anew
        return {}
    found = {}
    for jobs in groups:
        files = {job.sha256: job.rank for job in jobs}
        held = [row for row in rows if row["sha256"] in files]
        new = {job.rank for job in jobs if job.sha256} - {row["rank"] for row in held}
        is_one = len({row["run_id"] for row in held}) == 1 and all(files[row["sha256"]] == row["rank"] for row in held)
        if is_one and new.isdisjoint(held[0]["ranks"]):
            found[jobs[0].run_id] = (held[0]["run_id"], held[0]["run"])
    return found
