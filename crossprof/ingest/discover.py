"""Paths into jobs: which files are traces or recordings, and which of them belong to one run. Content decides, never a name."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crossprof.errors import TraceError
from crossprof.ingest.reader import Source, open_source, reader_for
from crossprof.ingest.recording import rank_folders
from crossprof.store.layout import Layout

__all__ = ["Discovery", "RecordingJob", "TraceJob", "discover"]

_ENDINGS = re.compile(r"(\.pt)?(\.trace)?(\.xplane)?(\.json|\.pb|\.pickle|\.sqlite)?(\.gz)?$", re.IGNORECASE)
_RANK_IN_NAME = re.compile(r"(?<![a-z0-9])rank[-_. ]?(\d+)", re.IGNORECASE)
_RANK_IN_HEAD = re.compile(rb'"distributedInfo"\s*:\s*\{[^{}]*?"rank"\s*:\s*(\d+)')


@dataclass(frozen=True)
class RecordingJob:
    """One rank folder of a recording of our own."""

    folder: Path


@dataclass(frozen=True)
class TraceJob:
    """One foreign trace file: one rank of a run. `rank` is None where only the whole file may tell."""

    path: Path
    run: str
    run_id: str
    sha256: str
    rank: int | None
    rank_count: int


@dataclass
class Discovery:
    """What paths turned out to be: jobs in order, and the paths that are none."""

    jobs: list[RecordingJob | TraceJob] = field(default_factory=list)
    failures: list[TraceError] = field(default_factory=list)


def discover(paths: Sequence[str | Path], *, name: str | None = None) -> Discovery:
    """The jobs that paths stand for: files, directories, globs, run folders, TensorBoard log directories, stores.

    Files of one folder that are given together, one by one or by a pattern, are taken as the folder alone would be.
    """
    found = Discovery()
    seen: set[str] = set()
    files: dict[Path, list[Source]] = {}
    for given in paths:
        try:
            paths_given = _expanded(Path(os.path.expanduser(given)))  # noqa: PTH111 - Path's raises for an unknown user
        except TraceError as error:
            found.failures.append(error)
            continue
        for path in paths_given:
            if (real := os.path.realpath(path)) not in seen:
                seen.add(real)
                _add(found, path, name, files)
    for folder, sources in files.items():
        alone = len(sources) == 1
        found.jobs += _run_of(sources, name or _stem(sources[0].path)) if alone else _jobs_in(folder, sources, name)
    return found


def _add(found: Discovery, path: Path, name: str | None, files: dict[Path, list[Source]]) -> None:
    """Note what a path stands for: the jobs of a directory, or one more file of its folder."""
    try:
        if path.is_dir():
            found.jobs += _jobs_of(path, name)
        else:
            source = open_source(path)
            reader_for(source)
            source.sha256  # noqa: B018 - what can't be read to its end is found here, where it costs no other file
            files.setdefault(path.parent, []).append(source)
    except TraceError as error:
        found.failures.append(error)
    except OSError as error:
        found.failures.append(TraceError(path, f"it can't be read ({error.strerror})."))


def _expanded(path: Path) -> list[Path]:
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not matches:
        raise TraceError(path, "no file matches this pattern. Check the path.")
    return [Path(match) for match in matches]


def _jobs_of(path: Path, name: str | None) -> list[RecordingJob | TraceJob]:
    """The jobs of a directory."""
    if folders := rank_folders(Layout(path).recordings if _is_store(path) else path):
        return [RecordingJob(folder) for folder in folders]
    if _is_store(path):
        raise TraceError(path, "this is a store in which no recording waits. What it holds already lies in its artifacts/.")
    jobs: list[RecordingJob | TraceJob] = []
    for folder, sources in _traces_by_folder(path):
        jobs += _jobs_in(folder, sources, name)
    if not jobs:
        raise TraceError(path, "this directory holds no trace and no recording. Give the directory that the profiler wrote to.")
    return jobs


def _is_store(path: Path) -> bool:
    return Layout(path).runs.is_dir() and Layout(path).staging.is_dir()


def _traces_by_folder(path: Path) -> Iterator[tuple[Path, list[Source]]]:
    """The trace files under a directory, folder by folder. Other files and hidden folders are passed over."""
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        sources = [source for name in sorted(names) if (source := _trace_or_none(Path(folder) / name))]
        if sources:
            yield Path(folder), sources


def _trace_or_none(path: Path) -> Source | None:
    try:
        source = open_source(path)
        reader_for(source)
        source.sha256  # noqa: B018 - what can't be read to its end is found here, where it costs no other file
    except (TraceError, OSError):
        return None
    return source


def _jobs_in(folder: Path, sources: list[Source], name: str | None) -> list[RecordingJob | TraceJob]:
    """The runs in one folder: a session of the TensorBoard profiler, the ranks of one job, or a run for each file."""
    if folder.parent.name == "profile" and folder.parent.parent.name == "plugins":
        # JAX writes the same events twice; a Chrome trace of them has no stats.
        planes = [source for source in sources if reader_for(source).format == "xplane"] or sources
        log_directory = folder.resolve().parents[2].name
        return _run_of(planes, name or log_directory or folder.name, ranks=list(range(len(planes))))
    if ranks := _ranks_of(sources):
        return _run_of(sources, name or folder.resolve().name, ranks=ranks)
    return [job for source in sources for job in _run_of([source], name or _stem(source.path))]


def _run_of(sources: list[Source], name: str, *, ranks: Sequence[int | None] = ()) -> list[RecordingJob | TraceJob]:
    """The jobs of one run. Its id comes from the content, so that the same files are the same run wherever they lie."""
    numbers = ranks or [_peeked_rank(source) for source in sources]
    run_id = hashlib.sha256("".join(sorted(source.sha256 for source in sources)).encode()).hexdigest()[:12]
    return [
        TraceJob(path=source.path, run=name, run_id=run_id, sha256=source.sha256, rank=rank, rank_count=len(sources))
        for source, rank in zip(sources, numbers, strict=True)
    ]


def _ranks_of(sources: list[Source]) -> list[int]:
    """The ranks of files that are one job together, empty where they are not.

    Names count only where they make the ranks whole, 0 to n-1: other numbers behind the word are ranks of LoRA.
    """
    stated = [_peeked_rank(source) for source in sources]
    matches = [_RANK_IN_NAME.search(source.path.name) for source in sources]
    named = [int(match[1]) if match else None for match in matches]
    ranks = [name if head is None else head for head, name in zip(stated, named, strict=True)]
    known = sorted({rank for rank in ranks if rank is not None})
    is_job = len(sources) > 1 and len(known) == len(ranks) and (None not in stated or known == list(range(len(ranks))))
    return [rank for rank in ranks if rank is not None] if is_job else []


def _peeked_rank(source: Source) -> int | None:
    """The rank that the head of the file states."""
    match = _RANK_IN_HEAD.search(source.head)
    return int(match[1]) if match else None


def _stem(path: Path) -> str:
    """The name of a file without what only says its format."""
    return _ENDINGS.sub("", path.name) or path.name
