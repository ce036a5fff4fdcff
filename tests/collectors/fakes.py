"""A collector whose profiler is a list of calls, and which fails where a test wants it to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossprof.collectors.collector import ProfilerBusy


class FakeCollector:
    framework = "torch"
    caveat: str | None = None

    def __init__(
        self, options: Mapping[str, Any] | None = None, *, fail_at: str | None = None, error: Exception | None = None
    ) -> None:
        self.options = dict(options or {})
        self.fail_at = fail_at
        self.error = error or RuntimeError("the profiler broke")
        self.calls: list[str] = []
        self.steps: list[int] = []
        self.is_on = False
        self.directory = Path()

    def start(self, directory: Path, metadata: Mapping[str, Any]) -> None:
        self._call("start")
        if self.is_on:
            raise ProfilerBusy("The fake profiler is already on.")
        self.is_on = True
        self.directory = directory

    def begin_step(self, step: int) -> None:
        self._call("begin_step")
        self.steps.append(step)

    def end_step(self) -> None:
        self._call("end_step")

    def drain(self) -> None:
        self._call("drain")

    def may_stop(self) -> bool:
        return True

    def stop(self) -> None:
        self.is_on = False
        self._call("stop")

    def export(self) -> list[Path]:
        self._call("export")
        path = self.directory / "trace.json"
        path.write_text('{"traceEvents": []}')
        return [path]

    def effective_options(self) -> Mapping[str, Any]:
        return {"fake": True}

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name == self.fail_at:
            raise self.error
