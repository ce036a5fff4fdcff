"""The run folder: all that a training process hands to the rest of crossprof. Its form is in docs/architecture.md."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from crossprof.collectors.privacy import Privacy

__all__ = ["RunFolder"]

_PIECES, _PIECE_BYTES = 4, 32 * 1024
"""What is set aside for run.json, in pieces: on a disk that stays full, each gives way to one more change of it."""


class RunFolder:
    """The files of one rank of one run, written so that a crash at any moment leaves them readable.

    `run.json` is replaced whole; the two `.jsonl` files are unbuffered, one write a line.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any], privacy: Privacy | None = None) -> None:
        self.path = path
        self.privacy = privacy or Privacy()
        self.facts: dict[str, Any] = {"schema": 1, **facts}
        self._lock = threading.RLock()
        path.mkdir(parents=True, exist_ok=False)
        self.update()
        with suppress(OSError):
            for piece in self._reserve():
                piece.write_bytes(bytes(_PIECE_BYTES))
        self._steps = (path / "steps.jsonl").open("ab", buffering=0)
        self._samples = (path / "samples.jsonl").open("ab", buffering=0)

    def update(self, **facts: Any) -> None:
        """Change facts of run.json and replace it in one rename."""
        with self._lock:
            self.facts.update(facts)
            try:
                self._replace()
            except OSError:
                if not self._gives_up_reserve():
                    raise
                self._replace()

    def _replace(self) -> None:
        temporary = self.path / "run.json.new"
        temporary.write_text(self.privacy.document(self.facts), encoding="utf-8")
        temporary.replace(self.path / "run.json")

    def _reserve(self) -> list[Path]:
        return [self.path / f"reserve-{number}" for number in range(_PIECES)]

    def _gives_up_reserve(self) -> bool:
        """Whether a piece of the reserve was left; it is free now. So that run.json can name a full disk, and the end."""
        piece = next((piece for piece in self._reserve() if piece.exists()), None)
        if piece is None:
            return False
        piece.unlink()
        self.finding(
            "disk_full", "error", "The store's disk was full, or could no longer be written.", "What came later is missing."
        )
        return True

    def finding(self, code: str, severity: str, detail: str, effect: str | None = None) -> None:
        """Note one thing wrong or notable; the same code again only raises its count. Written with the next update."""
        with self._lock:
            findings = self.facts.setdefault("findings", [])
            for known in findings:
                if known["code"] == code:
                    known["count"] += 1
                    return
            findings.append({"code": code, "severity": severity, "count": 1, "detail": detail, "effect": effect})

    def append_step(self, line: str) -> None:
        """Add one line to steps.jsonl."""
        _append(self._steps, line)

    def append_sample(self, line: str) -> None:
        """Add one line to samples.jsonl."""
        with self._lock:
            _append(self._samples, line)

    def close(self) -> None:
        """Close the two line files. More lines are dropped."""
        with self._lock:
            self._steps.close()
            self._samples.close()
            for piece in self._reserve():
                with suppress(OSError):
                    piece.unlink()

    def files_of(self, capture: int) -> Path:
        """The directory of a capture, made."""
        directory = self.path / f"capture-{capture}"
        directory.mkdir(exist_ok=True)
        return directory

    def relative(self, path: Path) -> str:
        """A path as run.json names it."""
        return os.fspath(path.relative_to(self.path))


def _append(file: IO[bytes], line: str) -> None:
    if not file.closed:
        data = line.encode() + b"\n"
        if file.write(data) < len(data):  # the last bytes that fit: the line is torn
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
