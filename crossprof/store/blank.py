"""The catalog without runs: what a store's first catalog begins as, and what the roll-ups of new runs are computed in."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from threading import Lock

import duckdb

from crossprof.store import contents
from crossprof.store.layout import Layout, sync

__all__ = ["blank", "discard", "made"]

_BLOCK_BYTES = 16_384
"""DuckDB's least. Tables of a catalog are small, and each has blocks of its own: of 256 KiB they take 9 MB for one run."""
_making = Lock()


def blank(layout: Layout) -> Path:
    """The store's file with a catalog without runs, never to be written to. The caller holds the lock of the publisher.

    Its hundreds of views and comments take most of a second: it is made once, and anew when what they say has changed.
    """
    file = layout.blank(contents.definitions())
    if not file.exists():
        staged = layout.staged()
        staged.write_bytes(made())
        sync(staged)
        discard(layout)
        staged.rename(file)
    return file


def discard(layout: Layout) -> None:
    """Removes the file, whatever it is of, so that it is made anew."""
    for file in layout.blanks():
        file.unlink()


def made() -> bytes:
    """A catalog without runs, as a file; once a process, whichever thread asks first."""
    with _making:
        return _made()


@cache
def _made() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "blank.duckdb"
        with duckdb.connect(str(file), config={"default_block_size": _BLOCK_BYTES}) as connection:
            connection.execute("BEGIN")  # each comment would be written and synced alone
            contents.create(connection)
            connection.execute("COMMIT")
        return file.read_bytes()
