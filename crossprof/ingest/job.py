"""What an ingest is to read: a recording of our own, or a trace file, each one rank of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crossprof.ingest.digest import Digest

__all__ = ["Job", "RecordingJob", "TraceJob", "run_id_of"]


@dataclass(frozen=True)
class RecordingJob:
    """One rank folder of a recording of our own. `origin` is what the user knows it by where it lies elsewhere for a while."""

    folder: Path
    origin: str | None = None

    @property
    def bytes(self) -> int:
        """Size of its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


@dataclass(frozen=True)
class TraceJob:
    """One foreign trace file: one rank of a run. `rank` is None where only the whole file may tell.

    `sha256` is empty for a file that is no trace, though it should be, and while `digest` looks for it, as the `run_id` of a
    new run is. `bytes` is about what it holds, decompressed. `is_late` says that the run was in the store before.
    """

    path: Path
    run: str
    run_id: str
    sha256: str
    rank: int | None
    rank_count: int
    bytes: int = 0
    is_late: bool = False
    origin: str | None = None
    digest: Digest | None = None

    def identified(self) -> TraceJob:
        """The job with its hash and the id of its run. Raises TraceError where the file can't be read to its end."""
        if self.digest is None:
            return self
        sha256 = self.digest.wait()
        return replace(self, sha256=sha256, run_id=self.run_id or run_id_of([sha256]), digest=None)


Job = RecordingJob | TraceJob


def run_id_of(hashes: Sequence[str]) -> str:
    """The id of the run that files with these hashes are."""
    return hashlib.sha256("".join(sorted(hashes)).encode()).hexdigest()[:12]
