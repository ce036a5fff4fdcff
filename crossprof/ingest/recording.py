"""A run folder as the collectors wrote it: what run.json says, and whether its process still lives."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossprof.errors import TraceError
from crossprof.ingest.machine import is_process

__all__ = ["Recording", "is_recording", "rank_folders", "read_recording"]

_SILENT_SECONDS = 900
"""A process elsewhere, or in another container, counts as dead when its folder did not change for this long.

Telemetry comes 5 times a second.
"""
_TYPES = {"run_id": str, "status": str, "rank": int, "started_ns": int, "host": dict, "process": dict, "captures": list}


@dataclass(frozen=True)
class Recording:
    """One rank of one run, from its folder."""

    folder: Path
    document: dict[str, Any]

    @property
    def run_id(self) -> str:
        """Identity of the run."""
        return str(self.document["run_id"])

    @property
    def run(self) -> str:
        """Name of the run."""
        return str(self.document.get("run") or self.run_id)

    @property
    def rank(self) -> int:
        """Number of the rank."""
        return int(self.document.get("rank") or 0)

    @property
    def pid(self) -> int | None:
        """Number of the process that recorded it."""
        pid = (self.document.get("process") or {}).get("pid")
        return None if pid is None else int(pid)

    @property
    def has_ended(self) -> bool:
        """Whether the recording wrote its end."""
        return self.document.get("status") != "running"

    def is_alive(self) -> bool:
        """Whether a process still writes to the folder."""
        if self.has_ended:
            return False
        host = self.document.get("host") or {}
        if host.get("boot_id") and host["boot_id"] == _boot_id():
            if self._is_of_our_namespace():
                return is_process(self.pid, started_ns=self.document.get("started_ns"))
        elif host.get("name") == socket.gethostname():  # this host, but it was booted since
            return False
        return time.time() - max(path.stat().st_mtime for path in self.folder.iterdir()) < _SILENT_SECONDS

    def _is_of_our_namespace(self) -> bool:
        """Whether the number of its process means that process here: containers of one machine count anew."""
        namespace = (self.document.get("process") or {}).get("pid_namespace")
        return namespace is None or namespace == _pid_namespace()

    def lines(self, name: str) -> Path | None:
        """One of the .jsonl files, None where it is missing."""
        path = self.folder / name
        return path if path.is_file() else None


def is_recording(folder: Path) -> bool:
    """Whether a directory is the folder of one rank."""
    return (folder / "run.json").is_file()


def rank_folders(path: Path) -> list[Path]:
    """The rank folders that a directory is or holds: a rank, a run, or many runs. Empty for any other directory."""
    if is_recording(path):
        return [path]
    found = [*path.glob("rank-*/run.json"), *path.glob("*/rank-*/run.json")]
    return sorted((file.parent for file in found), key=_by_run_and_number)


def read_recording(folder: Path) -> Recording:
    """The recording in a folder. Raises TraceError where run.json can't be read."""
    try:
        text = (folder / "run.json").read_text(encoding="utf-8")
        document = json.loads(text, parse_constant=lambda _: None)  # NaN is Python's, not JSON's
    except (OSError, ValueError, RecursionError) as error:
        raise TraceError(folder, f"run.json can't be read ({error}). Nothing of this recording can be ingested.") from None
    if not isinstance(document, dict) or not document.get("run_id"):
        raise TraceError(folder, "run.json is not one of crossprof's: it names no run_id.")
    if (key := next(_odd_keys(document), None)) is not None:
        raise TraceError(folder, f"run.json is not one of crossprof's: the value of {key} is of another type.")
    return Recording(folder, document)


def _odd_keys(document: dict[str, Any]) -> Iterator[str]:
    """The keys whose values are not what the collectors write. Only of those keys that Python reads; SQL casts the others."""
    for key, kind in _TYPES.items():
        if not _is_a(document.get(key), kind):
            yield key
    process, captures = document.get("process"), document.get("captures")
    if isinstance(process, dict) and not _is_a(process.get("pid"), int):
        yield "process.pid"
    for capture in captures if isinstance(captures, list) else ():
        names = capture.get("files") if isinstance(capture, dict) else None
        if isinstance(capture, dict) and not _is_a(capture.get("capture"), int):
            yield "captures.capture"
        if not _is_a(names, list) or not all(isinstance(name, str) for name in names or ()):
            yield "captures.files"


def _is_a(value: object, kind: type) -> bool:
    """Whether a value is missing, or of a type; numbers count things here, and are none below zero."""
    if kind is int and (isinstance(value, bool) or (isinstance(value, int) and value < 0)):
        return False
    return value is None or isinstance(value, kind)


def _by_run_and_number(folder: Path) -> tuple[str, int, str]:
    number = folder.name.removeprefix("rank-")
    return folder.parent.name, int(number) if number.isdigit() else 0, folder.name


def _boot_id() -> str | None:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text(encoding="ascii").strip() if path.is_file() else None


def _pid_namespace() -> str | None:
    path = Path("/proc/self/ns/pid")
    return str(path.readlink()) if path.is_symlink() else None
