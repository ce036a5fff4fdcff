"""The profiling of ONNX Runtime's sessions as a collector."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from crossprof.errors import CollectorError

__all__ = ["OnnxRuntimeCollector", "ProfiledSession", "register"]


class Recording(Protocol):
    """What sessions are profiled for."""

    run_id: str


class ProfiledSession(Protocol):
    """A session whose profiling is on since it was made."""

    profiling_started_ns: int

    def end_profiling(self) -> str:
        """Switch its profiling off; the path of the file that was written."""
        ...


_sessions: WeakKeyDictionary[Recording, list[ProfiledSession]] = WeakKeyDictionary()


def register(session: ProfiledSession, recording: Recording) -> None:
    """Have the next window of a recording end the profiling of a session, and take its file."""
    _sessions.setdefault(recording, []).append(session)


class OnnxRuntimeCollector:
    """Records the operators that sessions run. A session profiles from its making on, and never again once that has ended."""

    framework = "onnxruntime"
    caveat: str | None = None

    def __init__(self, options: Mapping[str, Any]) -> None:
        del options  # those of a session are given where it is made
        self._directory = Path()
        self._sessions: list[ProfiledSession] = []
        self._ended: list[ProfiledSession] = []
        self._profiled = 0

    def start(self, directory: Path, metadata: Mapping[str, Any]) -> None:
        """See that a session is profiled."""
        of_run = (sessions for recording, sessions in _sessions.items() if recording.run_id == metadata["run_id"])
        self._sessions = next(of_run, [])
        if not self._sessions:
            cure = (
                "Make it with crossprof.onnxruntime.Session once the recording is on; it is profiled once, from its start, "
                "so the schedule's profiled steps must come before its bare ones"
            )
            raise CollectorError(f"no session of ONNX Runtime is profiled. {cure}")
        self._directory = directory

    def begin_step(self, step: int) -> None:
        """Nothing: a profile marks the runs of its session."""

    def end_step(self) -> None:
        """Nothing."""

    def drain(self) -> None:
        """Nothing: a session's run returns when its outputs are there."""

    def may_stop(self) -> bool:
        """Always: a session belongs to no thread."""
        return True

    def stop(self) -> None:
        """Switch the profiling of all sessions off; each writes its file."""
        self._ended, self._sessions[:] = list(self._sessions), []
        self._profiled = len(self._ended)
        for session in self._ended:
            session.end_profiling()

    def export(self) -> list[Path]:
        """Copies of the files, each with the moment from which its times count, which ONNX Runtime leaves out."""
        sessions, self._ended = self._ended, []  # until here they are held: a file goes with its session
        return [
            _dated(Path(session.end_profiling()), session.profiling_started_ns, self._directory / f"session-{number}.json")
            for number, session in enumerate(sessions)
        ]

    def effective_options(self) -> Mapping[str, Any]:
        """What is known: that sessions were profiled."""
        return {"profiled_sessions": self._profiled}


def _dated(path: Path, started_ns: int, copy: Path) -> Path:
    clock = f'{{"cat": "Session", "name": "crossprof_clock", "ph": "M", "args": {{"start_ns": "{started_ns}"}}}},\n'
    with path.open("rb") as source, copy.open("wb") as target:
        target.write(source.read(1) + clock.encode())
        shutil.copyfileobj(source, target, 1 << 20)
    return copy
