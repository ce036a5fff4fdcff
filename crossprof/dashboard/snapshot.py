"""The store as the serving process sees it: always the catalog last published."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from crossprof.store import Store

__all__ = ["Snapshot", "frame", "rows_of"]


class Snapshot:
    """A store that follows its catalog. Each thread holds its own connection; a new catalog is opened at the next use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held = threading.local()
        self._open: list[Store] = []
        self._opening = threading.Lock()
        self._closing: list[Callable[[], None]] = []

    @property
    def version(self) -> str:
        """The name of the current catalog; empty before the first publish."""
        try:
            return str((self.path / "crossprof.duckdb").readlink())
        except OSError:
            return ""

    def store(self) -> Store:
        """The store at its current catalog, for the calling thread alone.

        What a thread got before stays open until the next change: an answer that is half made goes on with what it began with.
        """
        version = self.version
        held: Store | None = getattr(self._held, "store", None)
        if held is None or self._held.version != version:
            fresh = Store(self.path)
            former: Store | None = getattr(self._held, "former", None)
            with self._opening:
                self._open.append(fresh)
                if former is not None:
                    self._open.remove(former)
            if former is not None:
                former.close()
            self._held.former = held
            held = self._held.store = fresh
            self._held.version = version
        return held

    def on_close(self, end: Callable[[], None]) -> None:
        """Have something else end with this."""
        self._closing.append(end)

    def close(self) -> None:
        """Close the stores of all threads. Connections that the interpreter's end finds open abort the process."""
        for end in self._closing:
            end()
        with self._opening:
            for store in self._open:
                store.close()
            self._open.clear()


def frame(store: Store, query: str, *params: object) -> pl.DataFrame:
    """The rows of a query with bound parameters, as a frame. Raises QueryError."""
    found = pl.from_arrow(store.arrow(query, list(params)))
    assert isinstance(found, pl.DataFrame)
    return found


def rows_of(store: Store, query: str, run_ids: Sequence[str]) -> pl.DataFrame:
    """The rows of a query with one parameter, the run id, for each of the runs: one run a query prunes the others' files."""
    return pl.concat([frame(store, query, run_id) for run_id in run_ids], how="vertical_relaxed")
