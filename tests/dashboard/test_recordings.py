"""What training leaves in recordings/ is ingested while the dashboard serves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crossprof.dashboard.service import recordings
from crossprof.store import Store

_TRAIN = """
import time, crossprof
@crossprof.profile("left-over")
def train():
    for _ in crossprof.steps(range(9), samples=2):
        time.sleep(0.005)
train()
"""


@pytest.fixture
def store_with_recording(tmp_path: Path) -> Path:
    """A store with a finished recording that nobody ingested; no framework is loaded, so it holds steps alone."""
    environment = {**os.environ, "CROSSPROF_STORE": str(tmp_path), "CROSSPROF_INGEST": "0"}
    subprocess.run([sys.executable, "-c", _TRAIN], env=environment, check=True, timeout=120, capture_output=True)
    return tmp_path


def test_a_left_over_recording_becomes_a_run(store_with_recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "_EVERY_SECONDS", 0.1)
    watcher = recordings.Watcher(store_with_recording)
    watcher.start()
    try:
        end = time.monotonic() + 60
        while not (store_with_recording / "crossprof.duckdb").exists():
            assert time.monotonic() < end, "the recording was not ingested"
            time.sleep(0.1)
    finally:
        watcher.close()
        watcher.join(timeout=30)
    with Store(store_with_recording) as store:
        assert store.sql("select run from run").fetchall() == [("left-over",)]


def test_what_can_not_be_ingested_is_left_alone_after_three_tries(
    store_with_recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    class Child:
        returncode = 1

        def __init__(self, command: list[str], **_: object) -> None:
            started.append(command)

        def communicate(self) -> tuple[None, bytes]:
            return None, b"Error: broken\n"

        def poll(self) -> int:
            return 1

    monkeypatch.setattr(recordings, "_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(recordings.subprocess, "Popen", Child)
    watcher = recordings.Watcher(store_with_recording)
    watcher.start()
    time.sleep(1.0)
    watcher.close()
    watcher.join(timeout=10)
    assert len(started) == 3
    assert started[0][1:4] == ["-m", "crossprof", "ingest"]
    assert "left-over" in started[0][-1]
