from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crossprof.collectors import handoff, recording, registry
from tests.collectors.fakes import FakeCollector

pytest.register_assert_rewrite("tests.collectors.suite")


@dataclass
class Recorded:
    """One run folder, read."""

    path: Path
    run: dict[str, Any]
    steps: list[dict[str, Any]]
    samples: list[dict[str, Any]]

    @property
    def states(self) -> str:
        """One letter a step."""
        return "".join(step["state"][0] for step in self.steps)

    @property
    def codes(self) -> set[str]:
        return {finding["code"] for finding in self.run["findings"]}


def read(path: Path) -> Recorded:
    lines = {
        name: [json.loads(line) for line in (path / f"{name}.jsonl").read_text().splitlines()] for name in ("steps", "samples")
    }
    return Recorded(path, json.loads((path / "run.json").read_text()), lines["steps"], lines["samples"])


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A store of the test's own, no child that ingests, no launcher around, and no recording left on."""
    monkeypatch.setenv("CROSSPROF_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("CROSSPROF_INGEST", "0")
    for name in ("CROSSPROF_RUN_ID", "CROSSPROF_DISABLE", "CROSSPROF_STRICT", "RANK", "WORLD_SIZE", "TF_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(registry, "_calls", type(registry._calls)())
    yield
    assert registry.current() is None


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[[], list[Recorded]]:
    """Reads all run folders of the test's store, in the order they started."""

    def read_all() -> list[Recorded]:
        handoff.wait()
        found = [read(path.parent) for path in (tmp_path / "store" / "recordings").glob("*/rank-*/run.json")]
        return sorted(found, key=lambda one: one.run["started_ns"])

    return read_all


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCollector:
    """A fake profiler that every recording of the test drives; no real framework is touched."""
    collector = FakeCollector()
    monkeypatch.setattr(recording, "make_collector", lambda framework, options: collector)
    monkeypatch.setattr(recording, "detect_framework", lambda namespace: ("torch", False))
    monkeypatch.setattr(recording, "framework_devices", lambda framework: [])
    return collector


@pytest.fixture
def python() -> str:
    return sys.executable
