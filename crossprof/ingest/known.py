"""What a store holds already, by the content of files: which of its runs was read from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from crossprof.errors import CrossprofError
from crossprof.ingest.discover import TraceJob
from crossprof.store.layout import Layout
from crossprof.store.store import Store

__all__ = ["Holder", "Known"]

_HOLDERS = """
    SELECT sha256, run_id, run.run, artifact.rank FROM artifact JOIN run USING (run_id)
    WHERE sha256 IN (SELECT unnest(?)) ORDER BY run.ingested_ns, run_id
"""


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
            if not job.sha256:
                continue  # the file of a lost rank
            self._files[job.run_id].add(job.sha256)
        if jobs and Layout(root).current() is not None:
            with suppress(CrossprofError):  # a catalog that can't be read knows nothing; the publish makes it anew
                self._ask(root, [job.sha256 for job in jobs])

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

    def _ask(self, root: Path, hashes: list[str]) -> None:
        with Store(root) as store:
            for row in store.arrow(_HOLDERS, [hashes]).to_pylist():
                self.note(row["sha256"], Holder(row["run_id"], row["run"], row["rank"]))
