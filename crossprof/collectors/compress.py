"""Compression of traces that a profiler left as plain JSON."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

from crossprof.collectors.run_folder import RunFolder

__all__ = ["compress_captures"]


def compress_captures(folder: RunFolder) -> None:
    """Compress every `.json` of a folder's captures. Each file is named in run.json at any moment, in one form or the other."""
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
