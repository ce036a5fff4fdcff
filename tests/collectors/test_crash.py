"""What a process leaves behind that ends before its recording does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LOOP = """
import time, crossprof
with crossprof.profile("endless", schedule=(1, 2, 0, 1)) as run:
    for number in crossprof.steps(iter(int, 1)):
        time.sleep(0.01)
"""


def start(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], env=os.environ.copy(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def folder_with_steps(store: Path, steps: int) -> Path:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for path in store.glob("recordings/*/rank-0/steps.jsonl"):
            if path.read_text().count("\n") >= steps:
                return path.parent
        time.sleep(0.02)
    raise AssertionError("the recording never got that far")


def test_kill_leaves_a_folder_that_reads(tmp_path):
    process = start(LOOP)
    folder = folder_with_steps(tmp_path / "store", 30)
    process.kill()
    process.communicate(timeout=10)
    run = json.loads((folder / "run.json").read_text())
    steps = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
    samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    assert run["status"] == "running"
    assert run["process"]["pid"] == process.pid
    assert [step["step"] for step in steps] == list(range(len(steps)))
    assert samples
    assert {name for step in steps for name in step} == {"step", "start_ns", "end_ns", "state", "capture", "samples", "tokens"}


def test_termination_ends_the_recording_and_still_terminates(tmp_path):
    process = start(LOOP)
    folder = folder_with_steps(tmp_path / "store", 5)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    run = json.loads((folder / "run.json").read_text())
    assert run["status"] == "interrupted"
    assert run["steps"]["count"] >= 5
    assert run["clock"][-1]["at"] == "stop"


def test_a_handler_of_the_users_own_stays(tmp_path):
    mine = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
    process = start(mine + LOOP)
    folder = folder_with_steps(tmp_path / "store", 5)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 7
    assert json.loads((folder / "run.json").read_text())["status"] == "failed"


def test_a_scope_that_is_never_left_ends_with_the_process(tmp_path):
    process = start("import crossprof\nrun = crossprof.profile('open').__enter__()\nrun.step(samples=2)\n")
    assert process.communicate(timeout=60) == (b"", b"")
    (path,) = (tmp_path / "store").glob("recordings/*/rank-0/run.json")
    assert json.loads(path.read_text())["status"] == "interrupted"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_steps_of_a_forked_child_are_none_of_its_parents(tmp_path):
    code = """
import os, crossprof
with crossprof.profile("parent") as run:
    for _ in range(3):
        run.step()
    if not (child := os.fork()):
        for _ in range(5):
            run.step()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    run.step()
"""
    assert start(code).communicate(timeout=60)[1] == b""
    (path,) = (tmp_path / "store").glob("recordings/*/rank-0/steps.jsonl")
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [0, 1, 2, 3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_leaves_the_recording_to_its_parent(tmp_path):
    code = """
import os, crossprof
with crossprof.profile("parent", schedule=(0, 9, 0, 1)) as run:
    for number in crossprof.steps(range(4)):
        if number == 1 and not (child := os.fork()):
            assert list(crossprof.steps(range(50))) == list(range(50))
            raise SystemExit(0)
        if number == 1:
            assert os.waitpid(child, 0)[1] == 0
"""
    process = start(code)
    assert process.communicate(timeout=60)[1] == b""
    (path,) = (tmp_path / "store").glob("recordings/*/rank-0/run.json")
    document = json.loads(path.read_text())
    assert document["status"] == "completed"
    assert document["steps"]["count"] == 4
