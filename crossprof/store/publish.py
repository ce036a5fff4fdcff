"""Publishing: from parts to the catalog that readers open. One publisher at a time takes all that waits, in one pass."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Timer

import duckdb

from crossprof.errors import StoreError
from crossprof.store import contents, edits, packs
from crossprof.store.blank import blank, discard, made
from crossprof.store.catalog import import_fillings, rollups_before
from crossprof.store.evaluation import evaluate
from crossprof.store.layout import Layout, create, sync, writing
from crossprof.store.parts import Part, part_paths, read_part, retire
from crossprof.store.tables import SCHEMA_VERSION

__all__ = ["Published", "prepare", "publish", "publish_locked", "publishing"]

_log = logging.getLogger(__name__)
_KEPT_CATALOGS = 3
_KEPT_S = 3600.0
_BATCH_ROWS = 10_000_000
_BATCH_PARTS = 500
_SOON_S = 0.06


@dataclass(frozen=True)
class Published:
    """What a publish did. `added` are the run ids that are new or changed, `skipped` says why a run is not shown."""

    path: Path
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Difference:
    """The parts on disk against a catalog: which runs to take out, which parts to put in instead, which are superseded."""

    stale: tuple[str, ...]
    fresh: tuple[Part, ...]
    superseded: tuple[Path, ...]
    skipped: tuple[tuple[str, str], ...]


def publish(root: Path, *, rebuild: bool = False) -> Published:
    """The catalog that shows every part, published anew if anything changed. With `rebuild` it is made from the parts alone.

    Waits for another publisher, which may leave nothing to do. Raises StoreError: the store can't be written.
    """
    with publishing(root) as layout:
        return publish_locked(layout, rebuild=rebuild)


def prepare(root: Path) -> None:
    """Has ready for a publish to come what needs no lock, in a thread of its own: imports, statements, a catalog without runs.

    For a caller that is about to leave Python idle, as one does whose time DuckDB takes: it is given the time to begin.
    """
    Timer(_SOON_S, _prepare, [Layout(root)]).start()


def _prepare(layout: Layout) -> None:
    import_fillings()
    rollups_before()
    if not layout.blank(contents.definitions()).exists():
        with suppress(OSError, duckdb.Error):  # the publish tries again, and says so
            made()


@contextmanager
def publishing(root: Path) -> Iterator[Layout]:
    """The store's layout, while no other process publishes. The kernel frees the lock of a process that dies."""
    layout = create(root)
    with writing(root):
        descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield layout
        finally:
            os.close(descriptor)


def publish_locked(layout: Layout, *, rebuild: bool = False) -> Published:
    """As `publish`, for a caller that holds the lock."""
    folder = layout.staged()
    folder.mkdir()
    if rebuild:
        discard(layout)
    try:
        current = None if rebuild else layout.current()
        if current is not None:
            try:
                return _update(layout, folder, current)
            except (duckdb.Error, FileNotFoundError) as error:  # derived data: what can't be read is made anew
                _log.warning("%s can't be carried on, the catalog is built anew: %s", current, error)
        return _build(layout, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _update(layout: Layout, folder: Path, current: Path) -> Published:
    file = folder / "updated.duckdb"
    shutil.copyfile(current, file)
    file.chmod(0o644)
    with _opened(file) as connection:
        (built,) = connection.execute("SELECT root, definitions, edits_revision FROM store.catalog").fetchall()
        if built[1] != contents.definitions():
            return _build(layout, folder)
        known = dict(connection.execute("SELECT part, run_id FROM store.part").fetchall())
        edited = edits.read(layout.root)
        difference = _compare(layout, known)
        is_current = built == (str(_home(layout)), contents.definitions(), edited.revision)
        if is_current and not difference.stale:
            return Published(current)
        published = _fill(layout, connection, difference, edited)
        named = packs.named(connection)
    if is_current and not published.added and not published.removed:  # all that waits is skipped
        return replace(published, path=current)
    return _release(layout, file, replace(published, path=_next(layout)), difference.superseded, named)


def _build(layout: Layout, folder: Path) -> Published:
    file = folder / "built.duckdb"
    difference = _compare(layout, {})
    shutil.copyfile(blank(layout), file)
    with _opened(file) as connection:
        published = _fill(layout, connection, difference, edits.read(layout.root))
        named = packs.named(connection)
    return _release(layout, file, replace(published, path=_next(layout)), difference.superseded, named)


@contextmanager
def _opened(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a catalog that nobody reads yet: no log is kept, it is written by a checkpoint."""
    with duckdb.connect(config={"temp_directory": f"{file}.spill"}) as connection:
        name = str(file).replace("'", "''")
        connection.execute("SET checkpoint_on_detach = 'DISABLED'")  # for the catalog that new runs are evaluated in
        connection.execute(f"ATTACH '{name}' AS catalog (RECOVERY_MODE no_wal_writes); USE catalog")
        yield connection


def _compare(layout: Layout, known: dict[str, str]) -> _Difference:
    """Only runs with a part that is new or gone are looked into: a store of many runs is not read to add one."""
    paths = part_paths(layout.root)
    stale = {known[name] for name in known.keys() - paths.keys()}
    stale |= {path.parent.name.removeprefix("run_id=") for name, path in paths.items() if name not in known}
    skipped: list[tuple[str, str]] = []
    newest: dict[tuple[str, int], list[Part]] = defaultdict(list)
    for path in paths.values():
        run_id = path.parent.name.removeprefix("run_id=")
        if run_id in stale and (part := _readable(path, run_id, skipped)) is not None:
            newest[run_id, part.rank].append(part)
    ranked = [sorted(parts, key=lambda part: (part.created_ns, part.name), reverse=True) for parts in newest.values()]
    fresh = tuple(sorted((parts[0] for parts in ranked), key=lambda part: (part.run_id, part.rank)))
    superseded = tuple(paths[part.name] for parts in ranked for part in parts[1:])
    return _Difference(tuple(sorted(stale)), fresh, superseded, tuple(skipped))


def _readable(path: Path, run_id: str, skipped: list[tuple[str, str]]) -> Part | None:
    """The part, unless it vanished or there is a reason to skip it."""
    try:
        part = read_part(path)
    except StoreError as error:
        _log.warning("Run %s is not shown whole: %s", run_id, error)
        skipped.append((run_id, str(error)))
        return None
    if part is not None and part.schema_version > SCHEMA_VERSION:
        skipped.append((run_id, "it was written by a newer crossprof: upgrade this one"))
        return None
    return part


def _fill(layout: Layout, connection: duckdb.DuckDBPyConnection, difference: _Difference, edited: edits.Edits) -> Published:
    home = _home(layout)
    shown = {run_id for (run_id,) in connection.execute("SELECT DISTINCT run_id FROM store.part").fetchall()}
    packs.dissolve(connection, difference.stale)
    contents.remove(connection, sorted(shown & set(difference.stale)))
    added: list[str] = []
    skipped = list(difference.skipped)
    for batch in _batches(difference.fresh):
        done, failed = _add(layout, connection, batch)
        added += done
        skipped += failed
    packs.gather(connection, layout)
    contents.point(connection, home)
    contents.settle(connection, home, edited)
    connection.execute("CHECKPOINT")
    removed = (shown & set(difference.stale)) - set(added)
    return Published(Path(), tuple(added), tuple(sorted(removed)), tuple(skipped))


def _add(layout: Layout, connection: duckdb.DuckDBPyConnection, parts: list[Part]) -> tuple[list[str], list[tuple[str, str]]]:
    """Adds runs together; where that fails, one by one, so that a damaged part hides its own run alone."""
    run_ids = sorted({part.run_id for part in parts})
    try:
        evaluate(connection, layout, parts)
    except duckdb.Error as error:
        contents.remove(connection, run_ids)
        if len(run_ids) == 1:
            _log.warning("Run %s is not shown: %s", run_ids[0], error)
            return [], [(run_ids[0], str(error).splitlines()[0])]
        each = [_add(layout, connection, [part for part in parts if part.run_id == run_id]) for run_id in run_ids]
        return [run_id for done, _ in each for run_id in done], [reason for _, failed in each for reason in failed]
    return run_ids, []


def _batches(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Whole runs, in batches that bound the memory of their evaluation."""
    batch: list[Part] = []
    rows = 0
    for part in parts:
        is_full = rows > _BATCH_ROWS or len(batch) >= _BATCH_PARTS
        if is_full and batch[-1].run_id != part.run_id:
            yield batch
            batch, rows = [], 0
        batch.append(part)
        rows += sum(part.tables.values())
    if batch:
        yield batch


def _next(layout: Layout) -> Path:
    return layout.catalog(max((version for version, _ in layout.catalogs()), default=0) + 1)


def _release(layout: Layout, file: Path, published: Published, superseded: Iterable[Path], named: set[str]) -> Published:
    """Swaps the link to the finished file. Read-only, since a client that writes would shut all others out."""
    file.chmod(0o444)
    sync(file)
    file.rename(published.path)
    link = layout.staged(".link")
    link.symlink_to(published.path.name)
    link.replace(layout.link)
    sync(layout.root)
    for path in superseded:
        retire(path)
    packs.retire_others(layout, named)
    _prune(layout)
    return published


def _prune(layout: Layout) -> None:
    oldest = time.time() - _KEPT_S
    for _, path in layout.catalogs()[:-_KEPT_CATALOGS]:
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
            path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def _home(layout: Layout) -> Path:
    return layout.root.resolve()
