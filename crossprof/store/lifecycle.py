"""The end of runs: deleted at once from what readers open, from the disk after a grace, so that nobody's snapshot breaks."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from crossprof.store import edits
from crossprof.store.layout import Layout, writing
from crossprof.store.parts import part_paths, retire
from crossprof.store.publish import Published, publish_locked, publishing

__all__ = ["Swept", "delete", "gc", "reindex"]

_GRACE_S = 3600.0
_ABANDONED_S = 24 * 3600.0


@dataclass(frozen=True)
class Swept:
    """What gc took: parts that no longer count, staging folders whose writer died, and the bytes of both."""

    parts: int
    staged: int
    bytes: int


def delete(root: Path, run_ids: Sequence[str], *, now: bool = False) -> Published:
    """Publishes a catalog without the runs. Their parts go an hour later, or at once with `now`, which may disturb readers."""
    with publishing(root) as layout:
        gone = {f"run_id={run_id}" for run_id in run_ids}
        for path in part_paths(root).values():
            if path.parent.name in gone:
                retire(path)
        edits.forget(root, run_ids)
        published = publish_locked(layout)
        if now:
            _sweep(layout, _GRACE_S, at_once=gone)
    return published


def reindex(root: Path) -> Published:
    """Publishes a catalog made from the parts alone: after the store was moved, or when a catalog was damaged."""
    with publishing(root) as layout:
        return publish_locked(layout, rebuild=True)


def gc(root: Path, *, now: bool = False) -> Swept:
    """Removes the files of parts that have not counted for an hour, and what writers that died left behind a day ago.

    With `now` the parts' hour is not waited for: a reader of an older catalog may find a file gone.
    """
    with publishing(root) as layout:
        publish_locked(layout)
        return _sweep(layout, 0.0 if now else _GRACE_S)


def _sweep(layout: Layout, grace_s: float, *, at_once: Collection[str] = ()) -> Swept:
    with writing(layout.root):
        retired = [path for path in _retired(layout) if path.parent.name in at_once or _age_s(path) >= grace_s]
        for marker in retired:
            _discard(layout, marker.with_suffix(""))
            marker.unlink(missing_ok=True)
        for folder in {marker.parent for marker in retired} - {layout.packs}:
            _leave(layout, folder)
        staged = [path for path in layout.staging.iterdir() if _age_s(path) >= _ABANDONED_S]
        for path in staged:
            _discard(layout, path)
        return Swept(len(retired), len(staged), _empty_trash(layout))


def _retired(layout: Layout) -> Iterator[Path]:
    yield from layout.runs.glob("run_id=*/part-*.retired")
    yield from layout.packs.glob("pack-*.retired")


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _discard(layout: Layout, path: Path) -> None:
    """By a rename first: nobody sees half a folder."""
    with suppress(FileNotFoundError):
        path.rename(layout.trash / uuid.uuid4().hex)


def _leave(layout: Layout, folder: Path) -> None:
    """Once a run's last part is gone, its folder and its kept trace files go too."""
    with suppress(OSError):  # another part is there, or arrives
        folder.rmdir()
        _discard(layout, layout.artifacts / folder.name.removeprefix("run_id="))


def _empty_trash(layout: Layout) -> int:
    size = 0
    for path in layout.trash.iterdir():
        size += sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else path.stat().st_size
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return size
