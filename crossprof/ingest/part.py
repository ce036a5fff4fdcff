"""One job into one part: stage, derive, write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import duckdb

from crossprof._version import __version__
from crossprof.errors import TraceError
from crossprof.ingest.categories import rules_version
from crossprof.ingest.derive import derive
from crossprof.ingest.hlo import add_hlo
from crossprof.ingest.home import Home, SourceFile, add_artifacts, content_of, hashes_of
from crossprof.ingest.job import RecordingJob, TraceJob
from crossprof.ingest.known import Known, SizeQuestion
from crossprof.ingest.lock import locked
from crossprof.ingest.reader import open_source, reader_for
from crossprof.ingest.recording import Recording, read_recording
from crossprof.ingest.run_folder import stage_recording
from crossprof.ingest.scratch import MEMORY_BYTES, scratch_database
from crossprof.ingest.statement import set_variables, sql_of
from crossprof.store.part_writer import part_writer, write_part
from crossprof.store.parts import part_exists, rank_exists
from crossprof.store.publish import prepare

__all__ = ["Outcome", "Request", "present", "write_failure", "write_recording", "write_trace"]


@dataclass(frozen=True)
class Request:
    """What the user said about the runs to be ingested, and how many processes read them."""

    root: Path
    name: str | None = None
    framework: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    is_kept: bool = False
    is_forced: bool = False
    is_xla: bool = False
    crew: int = 1
    memory_bytes: int = MEMORY_BYTES

    def prepare_to_publish(self) -> None:
        """Begin to, once Python idles while the threads of DuckDB work, where this process will do it."""
        if self.crew == 1:
            prepare(self.root)


@dataclass(frozen=True)
class Outcome:
    """What became of one job. `part` is None where nothing was written; then `reason` says why.

    `home` is where the folder of a recording belongs once the part is published.
    """

    run_id: str
    run: str
    rank: int
    part: Path | None = None
    n_events: int = 0
    reason: str | None = None
    is_skipped: bool = False
    home: Home | None = None


def write_trace(job: TraceJob, request: Request) -> Outcome:
    """A foreign trace as a part. Raises TraceError, StoreError."""
    root = request.root
    if job.rank is not None and (outcome := _known(job, job.rank, request)):
        return outcome
    is_new = job.digest is not None and not request.is_forced
    question = SizeQuestion(root, job.path) if is_new else None
    with scratch_database(root, crew=request.crew, memory_bytes=request.memory_bytes) as connection:
        if question and question.answer():
            job = job.identified()
            if holder := Known(root, [job]).holder(job):
                return present(holder.run_id, holder.run, holder.rank)
        source = open_source(job.path)
        reader = reader_for(source)
        request.prepare_to_publish()
        reader.stage(connection, source, capture=None)
        job = job.identified()
        run_id, rank = job.run_id, job.rank if job.rank is not None else _staged_rank(connection, job)
        if outcome := _known(job, rank, request):
            return outcome
        with part_writer(connection, root, run_id=run_id) as writer:
            describe = partial(_describe, job=job, rank=rank, request=request)
            derive(connection, run_id=run_id, rank=rank, on_final=writer.begin, describe=describe)
            if request.is_xla and reader.format == "xplane":
                add_hlo(connection, source, run_id=run_id, rank=rank)
            home = Home.of_trace(job.path, root=root, run_id=run_id, rank=rank, is_kept=request.is_kept)
            found = [SourceFile(job.path.name, reader.format, job.sha256, source.bytes_on_disk, origin=job.origin)]
            add_artifacts(connection, found, home=home, run_id=run_id, rank=rank)
            home.copy(job.path.parent, found)
            part = writer.finish(rank=rank, content_sha256=job.sha256, replace=request.is_forced)
        if part is None:
            return present(run_id, job.run, rank)
        return Outcome(run_id, job.run, rank, part=part, n_events=_staged_number(connection, "n_events"))


def _describe(connection: duckdb.DuckDBPyConnection, *, job: TraceJob, rank: int, request: Request) -> None:
    """Fill run and rank of a foreign trace."""
    set_variables(connection, run_id=job.run_id, rank=rank, run=job.run, rank_count=job.rank_count)
    set_variables(connection, crossprof_version=__version__, category_rules=rules_version())
    set_variables(connection, framework=request.framework, tags=json.dumps(dict(request.tags)))
    _run(connection, "trace_run.sql")
    _run(connection, "run_device.sql")


def write_failure(job: TraceJob, rank: int, reason: str, request: Request) -> None:
    """A part that holds nothing but the finding that a rank could not be read, unless the store has that rank.

    It gives way to the rank itself, should that be read later, as every part does to a newer one of its rank.
    """
    if rank_exists(request.root, job.run_id, rank):
        return
    detail = f"Rank {rank} could not be read: {Path(job.origin or job.path).name}: {reason}"
    effect = "Figures of the whole run cover the ranks at hand alone. A whole file, ingested with --run, completes it."
    with scratch_database(request.root) as connection:
        row = [job.run_id, rank, detail, effect]
        connection.execute("INSERT INTO finding BY NAME SELECT ? AS run_id, ? AS rank, 'rank_failed' AS code, "
            "'warning' AS severity, 1 AS count, ? AS detail, ? AS effect", row)  # fmt: skip
        write_part(connection, request.root, run_id=job.run_id, rank=rank, content_sha256=job.sha256, replace=True)


def _known(job: TraceJob, rank: int, request: Request) -> Outcome | None:
    """The outcome where the store has the file. Raises TraceError where the run has that rank from another one."""
    if request.is_forced or not job.sha256:
        return None
    if part_exists(request.root, job.run_id, rank, job.sha256):
        return present(job.run_id, job.run, rank)
    if job.is_late and rank_exists(request.root, job.run_id, rank):
        raise TraceError(job.path, f"run {job.run} has rank {rank} from another file. --force puts this one in its place.")
    return None


def _staged_rank(connection: duckdb.DuckDBPyConnection, job: TraceJob) -> int:
    """The rank that the whole file states, 0 where it states none and nothing depends on it."""
    states = connection.execute("SELECT count(*) FROM staged_fact WHERE key = 'rank'").fetchone()
    if job.is_late and not (states and states[0]):
        raise TraceError(job.path, "it does not say which rank it is of. Name the file rank<number>, as in rank1.json.")
    return _staged_number(connection, "rank")


def write_recording(job: RecordingJob, request: Request) -> Outcome:
    """A recording of our own as a part. Raises TraceError, StoreError."""
    try:
        with locked(job.folder) as is_ours:
            return _unless_busy(read_recording(job.folder), request, is_ours=is_ours, origin=job.origin)
    except FileNotFoundError:
        if job.folder.exists():
            raise
        raise TraceError(job.folder, "this recording is gone; another process has ingested it meanwhile.") from None


def _unless_busy(recording: Recording, request: Request, *, is_ours: bool, origin: str | None) -> Outcome:
    folder, run_id, rank, run = recording.folder, recording.run_id, recording.rank, request.name or recording.run
    if not is_ours:
        return Outcome(run_id, run, rank, reason="another process compresses or ingests it just now", is_skipped=True)
    if recording.is_alive():
        reason = f"process {recording.pid} is still recording it; ingest it when that has ended"
        return Outcome(run_id, run, rank, reason=reason, is_skipped=True)
    hashes = hashes_of(folder)
    content = content_of(hashes)
    home = Home.of_recording(folder, content, root=request.root, run_id=run_id, rank=rank, is_kept=request.is_kept)
    if not request.is_forced and part_exists(request.root, run_id, rank, content):
        outcome = present(run_id, run, rank)
    else:
        outcome = _written(recording, request, hashes=hashes, content=content, home=home, origin=origin)
    return replace(outcome, home=home)


def _written(
    recording: Recording, request: Request, *, hashes: dict[str, str], content: str, home: Home, origin: str | None
) -> Outcome:
    run_id, rank, run = recording.run_id, recording.rank, request.name or recording.run
    with scratch_database(request.root, crew=request.crew, memory_bytes=request.memory_bytes) as connection:
        request.prepare_to_publish()
        found = [
            SourceFile(name, format_, hashes[name], size, capture, origin and f"{origin}/{name}")
            for path, format_, capture in stage_recording(connection, recording)
            if (name := str(path.relative_to(recording.folder))) in hashes
            for size in [(recording.folder / name).stat().st_size]
        ]
        with part_writer(connection, request.root, run_id=run_id) as writer:
            describe = partial(_describe_recorded, request=request)
            derive(connection, run_id=run_id, rank=rank, on_final=writer.begin, describe=describe)
            for file in found if request.is_xla else ():
                if file.format == "xplane":
                    source = open_source(recording.folder / file.name)
                    add_hlo(connection, source, run_id=run_id, rank=rank, capture=file.capture)
            add_artifacts(connection, found, home=home, run_id=run_id, rank=rank)
            home.copy(recording.folder, found)
            part = writer.finish(rank=rank, content_sha256=content, replace=request.is_forced)
        if part is None:
            return present(run_id, run, rank)
        return Outcome(run_id, run, rank, part=part, n_events=_staged_number(connection, "n_events"))


def present(run_id: str, run: str, rank: int) -> Outcome:
    """The outcome of a job that the store has as that rank."""
    return Outcome(run_id, run, rank, reason=f"the store has this content already, as run {run_id}")


def _describe_recorded(connection: duckdb.DuckDBPyConnection, *, request: Request) -> None:
    """Add to the run of a recording what the trace knows. What the user says now wins over what the recording says."""
    set_variables(connection, category_rules=rules_version())
    _run(connection, "run_device.sql")
    connection.execute(
        """UPDATE run SET run = coalesce(?, run), framework = coalesce(?, framework),
            tags = map_concat(coalesce(tags, MAP {}), ?::JSON::MAP(VARCHAR, VARCHAR))""",
        [request.name, request.framework, json.dumps(dict(request.tags))],
    )


def _staged_number(connection: duckdb.DuckDBPyConnection, key: str) -> int:
    """The sum of a numeric fact over all files, 0 where none states it."""
    row = connection.execute("SELECT sum(try_cast(value AS BIGINT)) FROM staged_fact WHERE key = ?", [key]).fetchone()
    return int(row[0] or 0) if row else 0


def _run(connection: duckdb.DuckDBPyConnection, script: str) -> None:
    connection.execute(sql_of(script))
