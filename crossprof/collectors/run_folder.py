"""The run folder: all that a training process hands to the rest of crossprof. Its form is in docs/architecture.md."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from crossprof.collectors.privacy import Privacy

__all__ = ["RunFolder"]


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
        self._steps = (path / "steps.jsonl").open("ab", buffering=0)
        self._samples = (path / "samples.jsonl").open("ab", buffering=0)

    def update(self, **facts: Any) -> None:
        """Change facts of run.json and replace it in one rename."""
        with self._lock:
            self.facts.update(facts)
            text = self.privacy.document(self.facts)
            temporary = self.path / "run.json.new"
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self.path / "run.json")

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
        file.write(line.encode() + b"\n")
