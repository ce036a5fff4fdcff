"""Paths into jobs: which files are traces or recordings, and which of them belong to one run. Content decides, never a name."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from crossprof.errors import TraceError
from crossprof.ingest.digest import Digest
from crossprof.ingest.job import Job, RecordingJob, TraceJob, run_id_of
from crossprof.ingest.reader import Source, open_source, reader_for
from crossprof.ingest.recording import rank_folders
from crossprof.store.layout import Layout

__all__ = ["Discovery", "discover", "named_rank"]

_TIMES_COMPRESSED = 10  # traces as gzip are a tenth
_ENDINGS = re.compile(r"(\.pt)?(\.trace)?(\.xplane)?(\.json|\.pb|\.pickle|\.sqlite)?(\.gz)?$", re.IGNORECASE)
_RANK_IN_NAME = re.compile(r"(?<![a-z0-9])rank[-_. ]?(\d+)", re.IGNORECASE)
_RANK_IN_HEAD = re.compile(rb'"distributedInfo"\s*:\s*\{[^{}]*?"rank"\s*:\s*(\d+)')


@dataclass
class Discovery:
    """What paths turned out to be: jobs in order, and the paths that are none."""

    jobs: list[Job] = field(default_factory=list)
    failures: list[TraceError] = field(default_factory=list)


@dataclass(frozen=True)
class _Files:
    """What lies in one folder: traces, and other files."""

    traces: list[Source]
    others: list[Path]


def discover(
    paths: Sequence[str | Path], *, name: str | None = None, unpacked: Callable[[Source], Path | None] = lambda _: None
) -> Discovery:
    """The jobs that paths stand for: files, directories, globs, run folders, TensorBoard log directories, stores.

    Files of one folder that are given together, one by one or by a pattern, are taken as the folder alone would be.
    A single file is hashed while it is read. `unpacked` says in which folder the members of an archive lie.
    """
    found = Discovery()
    files: dict[Path, _Files] = {}
    each = _each(paths, found.failures)
    for path in each:
        _add(found, path, name, files, unpacked)
    if len(each) == 1 and files:
        found.jobs += [_job_of(source, name or _stem(source.path)) for both in files.values() for source in both.traces]
        return found
    for folder, both in files.items():
        _hash(both, found.failures)
        alone = len(both.traces) == 1 and not _lost_ranks(both)
        jobs = _run_of(both.traces, name or _stem(both.traces[0].path)) if alone else _jobs_in(folder, both, name)
        found.jobs += jobs
        lost = {job.path for job in jobs if isinstance(job, TraceJob)}
        found.failures = [error for error in found.failures if error.path not in lost]  # its job says the same
    return found


def _add(
    found: Discovery,
    path: Path,
    name: str | None,
    files: dict[Path, _Files],
    unpacked: Callable[[Source], Path | None],
) -> None:
    """Note what a path stands for: the jobs of a directory or an archive, or one more file of its folder."""
    try:
        if path.is_dir():
            found.jobs += _jobs_of(path, name)
            return
        both = files.setdefault(path.parent, _Files([], []))
        both.others.append(path)
        source = open_source(path)
        if (folder := unpacked(source)) is not None:
            found.jobs += _jobs_of(folder, name)
            return
        reader_for(source)
        both.traces.append(source)
        both.others.remove(path)
    except TraceError as error:
        found.failures.append(TraceError(path, error.reason))
    except OSError as error:
        found.failures.append(TraceError(path, f"it can't be read ({error.strerror})."))


def _each(paths: Sequence[str | Path], failures: list[TraceError]) -> list[Path]:
    """What the paths name, each once."""
    found: dict[str, Path] = {}
    for given in paths:
        try:
            for path in _expanded(Path(os.path.expanduser(given))):  # noqa: PTH111 - Path's raises for an unknown user
                found.setdefault(os.path.realpath(path), path)
        except TraceError as error:
            failures.append(error)
    return list(found.values())


def _expanded(path: Path) -> list[Path]:
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not matches:
        raise TraceError(path, "no file matches this pattern. Check the path.")
    return [Path(match) for match in matches]


def _jobs_of(path: Path, name: str | None) -> list[Job]:
    """The jobs of a directory."""
    if folders := rank_folders(Layout(path).recordings if _is_store(path) else path):
        return [RecordingJob(folder) for folder in folders]
    if _is_store(path):
        raise TraceError(path, "this is a store in which no recording waits. What it holds already lies in its artifacts/.")
    jobs: list[Job] = []
    for folder, files in _files_by_folder(path):
        jobs += _jobs_in(folder, files, name)
    if not jobs:
        raise TraceError(path, "this holds no trace and no recording. Give the directory that the profiler wrote to.")
    return jobs


def _is_store(path: Path) -> bool:
    return Layout(path).runs.is_dir() and Layout(path).staging.is_dir()


def _files_by_folder(path: Path) -> Iterator[tuple[Path, _Files]]:
    """The files under a directory, folder by folder, where one of them is a trace. Hidden folders are passed over."""
    with ThreadPoolExecutor() as threads:  # hashing lets go of the interpreter
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            paths = [Path(folder) / name for name in sorted(names)]
            sources = list(threads.map(_trace_or_none, paths))
            if traces := [source for source in sources if source]:
                yield Path(folder), _Files(traces, [path for path, source in zip(paths, sources, strict=True) if not source])


def _trace_or_none(path: Path) -> Source | None:
    try:
        source = open_source(path)
        reader_for(source)
        source.sha256  # noqa: B018 - what can't be read to its end is found here, where it costs no other file
    except (TraceError, OSError):
        return None
    return source


def _hash(files: _Files, failures: list[TraceError]) -> None:
    """Hash the traces: what can't be read to its end is found here, where it costs no other file."""

    def error_of(source: Source) -> OSError | None:
        try:
            source.sha256  # noqa: B018 - kept there
        except OSError as error:
            return error
        return None

    with ThreadPoolExecutor() as threads:  # hashing lets go of the interpreter
        for source, error in zip(list(files.traces), threads.map(error_of, files.traces), strict=True):
            if error is not None:
                files.traces.remove(source)
                files.others.append(source.path)
                failures.append(TraceError(source.path, f"it can't be read ({error.strerror})."))


def _job_of(source: Source, name: str) -> TraceJob:
    """The job of a file that is the only one."""
    return TraceJob(source.path, name, "", "", _peeked_rank(source), 1, bytes=_bytes_in(source), digest=Digest(source.path))


def _jobs_in(folder: Path, files: _Files, name: str | None) -> list[Job]:
    """The runs in one folder: a session of the TensorBoard profiler, the ranks of one job, or a run for each file."""
    sources = files.traces
    if folder.parent.name == "profile" and folder.parent.parent.name == "plugins":
        # JAX writes the same events twice; a Chrome trace of them has no stats.
        planes = [source for source in sources if reader_for(source).format == "xplane"] or sources
        log_directory = folder.resolve().parents[2].name
        return _run_of(planes, name or log_directory or folder.name, ranks=list(range(len(planes))))
    lost = _lost_ranks(files)
    if ranks := _ranks_of(sources, lost):
        return _run_of(sources, name or folder.resolve().name, ranks=ranks, lost=lost)
    return [job for source in sources for job in _run_of([source], name or _stem(source.path))]


def _run_of(
    sources: list[Source], name: str, *, ranks: Sequence[int | None] = (), lost: Mapping[int, Path] = MappingProxyType({})
) -> list[Job]:
    """The jobs of one run. Its id comes from the content, so that the same files are the same run wherever they lie.

    Lost ranks have a job too, which says what is wrong with the file.
    """
    numbers = ranks or [_peeked_rank(source) for source in sources]
    run_id = run_id_of([source.sha256 for source in sources])
    count = len(sources) + len(lost)
    jobs: list[Job] = [
        TraceJob(source.path, name, run_id, source.sha256, rank, count, bytes=_bytes_in(source))
        for source, rank in zip(sources, numbers, strict=True)
    ]
    return jobs + [TraceJob(path, name, run_id, "", rank, count) for rank, path in lost.items()]


def _ranks_of(sources: list[Source], lost: Mapping[int, Path]) -> list[int]:
    """The ranks of files that are one job together, empty where they are not.

    Names count only where they make the ranks whole, 0 to n-1: other numbers behind the word are ranks of LoRA.
    """
    stated = [_peeked_rank(source) for source in sources]
    named = [named_rank(source.path) for source in sources]
    ranks = [name if head is None else head for head, name in zip(stated, named, strict=True)]
    known = sorted({rank for rank in ranks if rank is not None})
    is_whole = sorted({*known, *lost}) == list(range(len(ranks) + len(lost)))
    is_job = len(sources) + len(lost) > 1 and len(known) == len(ranks) and (None not in stated or is_whole)
    return [rank for rank in ranks if rank is not None] if is_job and lost.keys().isdisjoint(known) else []


def _lost_ranks(files: _Files) -> dict[int, Path]:
    """The files beside traces that are none, though they are named like them but for the number of the rank."""
    patterns = {_RANK_IN_NAME.sub("rank", source.path.name) for source in files.traces if named_rank(source.path) is not None}
    taken = {named_rank(source.path) for source in files.traces}
    numbered = [(named_rank(path), path) for path in files.others if _RANK_IN_NAME.sub("rank", path.name) in patterns]
    return {rank: path for rank, path in numbered if rank is not None and rank not in taken}


def named_rank(path: Path) -> int | None:
    """The rank that the name of a file tells."""
    match = _RANK_IN_NAME.search(path.name)
    return int(match[1]) if match else None


def _peeked_rank(source: Source) -> int | None:
    """The rank that the head of the file states."""
    match = _RANK_IN_HEAD.search(source.head)
    return int(match[1]) if match else None


def _bytes_in(source: Source) -> int:
    return source.bytes_on_disk * (_TIMES_COMPRESSED if source.is_compressed else 1)


def _stem(path: Path) -> str:
    """The name of a file without what only says its format."""
    return _ENDINGS.sub("", path.name) or path.name
