"""A store with three recordings that a person can check: alpha, beta a fifth slower, and gamma with three steps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crossprof.cli import main
from crossprof.ingest import ingest

BASE = 1_700_000_000_000_000_000
MS = 1_000_000


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def write_recording(folder: Path, name: str, *, framework: str, step_ms: int, count: int) -> Path:
    """A run folder as the collectors leave it, without a trace: bare steps of step_ms, up to 4 % longer in a fixed pattern."""
    rank = folder / f"20261123-{name}" / "rank-0"
    rank.mkdir(parents=True)
    at, lines = BASE, []
    for step in range(count):
        end = at + step_ms * MS + step_ms * MS * (step * 7 % 5) // 100
        facts = {"step": step, "start_ns": at, "end_ns": end, "state": "bare", "capture": None, "samples": 8, "tokens": None}
        lines.append(json.dumps(facts))
        at = end
    (rank / "steps.jsonl").write_text("\n".join(lines) + "\n")
    (rank / "samples.jsonl").write_text("")
    document = {
        "schema": 1, "crossprof_version": "0.1.0", "run_id": f"20261123-{name}", "run": name, "status": "completed",
        "error": None, "rank": 0, "local_rank": 0, "world_size": 1, "framework": framework, "framework_version": "1.0",
        "versions": {framework: "1.0"}, "model": "tiny", "precision": "float32", "phase": "training", "batch_size": 8,
        "config": {"layers": 2}, "tags": {"node": "a"}, "started_ns": BASE, "ended_ns": at,
        "host": {"name": "here", "boot_id": "none", "os": "Linux", "cpu_model": "CPU", "cpu_count": 2, "memory_bytes": 2**30},
        "process": {"pid": 2**22 + 1, "python_version": "3.11.7", "argv": ["train.py"]},
        "devices": [{
            "device_id": -1, "kind": "cpu", "vendor": "AMD", "model": "EPYC", "uuid": None, "memory_bytes": 2**30,
            "compute_units": 2, "compute_capability": None, "source": "framework",
        }],
        "git": None, "links": {"mlflow": "b2"},
        "environment": {}, "options_requested": {"schedule": "auto"}, "options_effective": {}, "units": {},
        "clock": [], "captures": [], "steps": {"count": count, "bare": count, "profiled": 0},
        "sampler": {"interval_ns": 200 * MS, "cpu_ratio": 0.0, "readings": 0, "source": "psutil"}, "findings": [],
    }  # fmt: skip
    (rank / "run.json").write_text(json.dumps(document))
    return rank


def fill_store(store: Path) -> Path:
    """The store at that path, with the three runs."""
    recordings = store / "recordings"
    write_recording(recordings, "alpha", framework="torch", step_ms=100, count=30)
    write_recording(recordings, "beta", framework="jax", step_ms=120, count=30)
    write_recording(recordings, "gamma", framework="jax", step_ms=120, count=3)
    results = ingest([recordings], store=store)
    assert [result.status for result in results] == ["added"] * 3
    return store


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store, for tests that only read it."""
    return fill_store(tmp_path_factory.mktemp("cli") / "store")


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Path:
    """A store of its own, with the three runs, for a test that changes it."""
    return shutil.copytree(filled, tmp_path / "store", symlinks=True)


@pytest.fixture(scope="session")
def record() -> Callable[..., Path]:
    """Writes a run folder: see write_recording."""
    return write_recording


@pytest.fixture
def crossprof(capsys: pytest.CaptureFixture[str], filled: Path) -> Callable[..., Answer]:
    """Runs a command in this process, on the shared store unless another is named."""

    def run(*arguments: str | Path, store: Path = filled) -> Answer:
        capsys.readouterr()
        code = main([*map(str, arguments), "--store", str(store)])
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return run


@pytest.fixture
def document(crossprof: Callable[..., Answer]) -> Callable[..., Any]:
    """The one JSON document that a command prints with --json."""

    def run(*arguments: str | Path, **keys: Path) -> Any:
        answer = crossprof(*arguments, "--json", **keys)
        assert answer.code == 0, answer.err
        return json.loads(answer.out)

    return run


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., Answer]:
    """Runs `python -m crossprof` as a shell would, away from any store of the user."""

    def run(*arguments: str | Path, timeout: float = 60, **environment: str) -> Answer:
        command = [sys.executable, "-m", "crossprof", *map(str, arguments)]
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("CROSSPROF_")}
        inherited["CROSSPROF_STORE"] = str(tmp_path / "default-store")
        done = subprocess.run(
            command, env=inherited | environment, capture_output=True, text=True, timeout=timeout, cwd=tmp_path, check=False
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run
