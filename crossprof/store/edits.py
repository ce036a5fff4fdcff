"""What users change about a run: its name, tags, note, pin. The only rows of a store that change; publish shows them.

They lie in SQLite beside the parts, since several processes may write at once, and survive a rebuild of the catalog.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crossprof.errors import StoreError
from crossprof.store.layout import Layout, create

__all__ = ["Edits", "forget", "note", "parsed_tags", "pin", "read", "rename", "tag"]

_WAIT_S = 30.0
_TABLE = """
CREATE TABLE IF NOT EXISTS edit (
    run_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT, at_ns INTEGER NOT NULL, PRIMARY KEY (run_id, key)
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class Edits:
    """All edits as (run_id, key, value) and a number that grows with each change."""

    revision: int
    rows: tuple[tuple[str, str, str | None], ...]


def rename(root: Path, run_id: str, name: str) -> None:
    """Gives a run another name. An empty name brings back the recorded one."""
    if "@" in name or "\n" in name:
        raise StoreError(f"'{name}' can't be the name of a run: it may hold neither '@' nor a line break.")
    _write(root, run_id, {"name": name or None})


def tag(root: Path, run_id: str, tags: Mapping[str, str | None]) -> None:
    """Sets tags of a run; None takes one away, a recorded one too."""
    _write(root, run_id, {f"tag:{key}": value for key, value in tags.items()})


def parsed_tags(words: Iterable[str]) -> dict[str, str | None]:
    """Tags as people write them, key=value; None where the value is empty. Raises StoreError: a word is no tag."""
    pairs = [word.partition("=") for word in words]
    wrong = next(("".join(pair) for pair in pairs if not pair[0].strip() or not pair[1]), None)
    if wrong is not None:
        raise StoreError(f"'{wrong.strip()}' is no tag. Write key=value; key= takes a tag away.")
    return {key.strip(): value.strip() or None for key, _, value in pairs}


def note(root: Path, run_id: str, text: str) -> None:
    """Sets the note of a run. An empty text takes it away."""
    _write(root, run_id, {"note": text or None})


def pin(root: Path, run_id: str, *, is_pinned: bool = True) -> None:
    """Pins a run, or unpins it."""
    _write(root, run_id, {"pinned": "1" if is_pinned else None})


def forget(root: Path, run_ids: Iterable[str]) -> None:
    """Drops all edits of runs that are deleted."""
    if not Layout(root).edits.exists():
        return
    with _open(root) as connection:
        connection.executemany("DELETE FROM edit WHERE run_id = ?", [(run_id,) for run_id in run_ids])
        _grow(connection)


def read(root: Path) -> Edits:
    """All edits of a store."""
    if not Layout(root).edits.exists():
        return Edits(0, ())
    with _open(root) as connection:
        rows = connection.execute("SELECT run_id, key, value FROM edit ORDER BY run_id, key").fetchall()
        return Edits(_revision(connection), tuple(rows))


def _write(root: Path, run_id: str, values: Mapping[str, str | None]) -> None:
    create(root)
    with _open(root) as connection:
        rows = [(run_id, key, value, time.time_ns()) for key, value in values.items()]
        connection.executemany("INSERT OR REPLACE INTO edit VALUES (?, ?, ?, ?)", rows)
        _grow(connection)


def _revision(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _grow(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA user_version = {_revision(connection) + 1}")


@contextmanager
def _open(root: Path) -> Iterator[sqlite3.Connection]:
    path = Layout(root).edits
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
        _log_ahead(connection)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_TABLE)
        yield connection
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(f"Can't change {path}: {error}. Check that the store can be written.") from error
    finally:
        if connection is not None:
            connection.close()


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Turns on the write-ahead log. SQLite waits for no lock while it switches: the first writers of a store collide here."""
    end = time.monotonic() + _WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if time.monotonic() > end or "locked" not in str(error):
                raise
            time.sleep(0.01)
