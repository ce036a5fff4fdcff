"""The store as the serving process sees it: always the catalog last published."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TypeVar

import polars as pl

from crossprof.store import Store

__all__ = ["Snapshot", "frame", "rows_of"]

_MOST_REMEMBERED = 256
"""Answers that are kept: figures of some ten kilobytes each."""

T = TypeVar("T")


class Snapshot:
    """A store that follows its catalog. Each thread holds its own connection; a new catalog is opened at the next use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held = threading.local()
        self._open: list[Store] = []
        self._opening = threading.Lock()
        self._closing: list[Callable[[], None]] = []
        self._answers: OrderedDict[Hashable, object] = OrderedDict()

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

    def remembered(self, make: Callable[[Store], T], *key: Hashable) -> T:
        """What is made of the store, which is made again only for another catalog or key. An error is not remembered.

        For what depends on nothing else and is not changed afterwards. Two threads may make the same at once.
        """
        place = (self.version, *key)
        with self._opening:
            if place in self._answers:
                self._answers.move_to_end(place)
                return self._answers[place]  # type: ignore[return-value]
        made = make(self.store())
        with self._opening:
            self._answers[place] = made
            while len(self._answers) > _MOST_REMEMBERED:
                self._answers.popitem(last=False)
        return made

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
