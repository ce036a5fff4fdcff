"""What a store holds already, by the content of files: which of its runs was read from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb

from crossprof.errors import CrossprofError
from crossprof.ingest.job import TraceJob
from crossprof.store.layout import Layout
from crossprof.store.store import Store

__all__ = ["Holder", "Known", "SizeQuestion"]

_HOLDERS = """
    SELECT sha256, run_id, run.run, artifact.rank FROM artifact JOIN run USING (run_id)
    WHERE sha256 IN (SELECT unnest(?)) ORDER BY run.ingested_ns, run_id
"""


_AS_LARGE = "SELECT 1 FROM base.artifact WHERE bytes = ? LIMIT 1"


@dataclass(frozen=True)
class Holder:
    """One rank of a run of the store."""

    run_id: str
    run: str
    rank: int


class Known:
    """The runs that files of some jobs were read into: those published when this was made, and those noted since."""

    def __init__(self, root: Path, jobs: Sequence[TraceJob]) -> None:
        self._holders: dict[str, dict[str, Holder]] = defaultdict(dict)
        self._files: dict[str, set[str]] = defaultdict(set)
        for job in jobs:
            if job.sha256:  # else it is the file of a lost rank, or one that the store has not
                self._files[job.run_id].add(job.sha256)
        for sha256, run_id, run, rank in _asked(root, _HOLDERS, list(chain.from_iterable(self._files.values()))):
            self.note(sha256, Holder(run_id, run, rank))

    def note(self, sha256: str, holder: Holder) -> None:
        """Note that a rank was read from the file with that hash."""
        self._holders[sha256].setdefault(holder.run_id, holder)

    def holder(self, job: TraceJob) -> Holder | None:
        """The rank that was read from a job's file, in a run that has all files of the job's run. None without such a run.

        Ranks that were read one by one and now come as the job that they are, make a run of their own.
        """
        each = [self._holders[sha256].keys() for sha256 in self._files[job.run_id]]
        holders = self._holders[job.sha256]
        return next((holders[run_id] for run_id in holders if all(run_id in runs for runs in each)), None)


class SizeQuestion:
    """Whether a run of the store was read from a file as large as this one, perhaps from this one: its hash says so.

    It is asked when this is made, in a thread of its own. The catalog answers as it lies there, in half the time that a Store
    takes to see that it is up to date.
    """

    def __init__(self, root: Path, path: Path) -> None:
        self._root, self._path = root, path
        self._answer = False
        self._thread = Thread(target=self._ask, name=f"size of {path.name}", daemon=True)
        self._thread.start()

    def answer(self) -> bool:
        """Wait for the answer."""
        self._thread.join()
        return self._answer

    def _ask(self) -> None:
        current = Layout(self._root).current()
        if current is None or not current.exists():
            return
        try:
            with duckdb.connect(str(current), read_only=True) as connection:
                self._answer = bool(connection.execute(_AS_LARGE, [self._path.stat().st_size]).fetchall())
        except (duckdb.Error, OSError):  # someone else has it open, or it is damaged
            self._answer = True


def _asked(root: Path, query: str, wanted: list[str]) -> list[tuple[Any, ...]]:
    """What the store answers to a query for any of the values. Nothing where it has no runs yet."""
    if wanted and Layout(root).current() is not None:
        with suppress(CrossprofError), Store(root) as store, store.scratch() as cursor:
            return cursor.execute(query, [wanted]).fetchall()
    return []  # a catalog that can't be read knows nothing; the publish makes it anew
