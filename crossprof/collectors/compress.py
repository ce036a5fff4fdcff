"""Compression of traces that a profiler left as plain JSON."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crossprof.collectors.run_folder import RunFolder

__all__ = ["compress_captures"]


def compress_captures(folder: RunFolder) -> None:
    """Compress every `.json` of a folder's captures. Each file is named in run.json at any moment, in one form or the other.

    A folder that another command ingests just now is left as it is.
    """
    with _locked(folder.path) as is_ours:
        if is_ours:
            _compress_all(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether no ingest works on the folder. It takes the same lock, and so leaves the folder alone while the body runs."""
    try:
        import fcntl
    except ImportError:  # a platform on which no ingest runs either
        yield True
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(descriptor)
    finally:
        with suppress(OSError):  # closing alone would leave it to a child that was forked meanwhile
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems lock no directory
        return True
    return True


def _compress_all(folder: RunFolder) -> None:
    captures = []
    packed: dict[Path, Path] = {}
    for capture in folder.facts.get("captures", []):
        files: list[Path] = [folder.path / name for name in capture.get("files", ())]
        packed |= {path: _compress(path) for path in files if path.suffix == ".json"}
        kept = [packed.get(path, path) for path in files]
        size = sum(path.stat().st_size for path in kept)
        captures.append({**capture, "files": [folder.relative(path) for path in kept], "bytes": size})
    if packed:
        folder.update(captures=captures)
    for path in packed:
        path.unlink()


def _compress(path: Path) -> Path:
    """The path of the compressed copy. Level 1: a trace shrinks to a fifteenth with it, and higher levels cost seconds."""
    packed = path.with_name(path.name + ".gz")
    with path.open("rb") as source, gzip.open(packed, "wb", compresslevel=1) as target:
        shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
    os.utime(packed, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    return packed
