"""What a step costs, in counts that no busy machine changes: system calls, blocks of memory, files, threads."""

from __future__ import annotations

import gc
import sys
import threading
from pathlib import Path

import pytest

import crossprof
from crossprof.collectors import recording

STEPS = 2000


def calls():
    """Reads and writes that this process made so far, by the kernel's count."""
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counts["syscr"]), int(counts["syscw"])


def counted(step):
    """Reads, writes and blocks of memory that many steps take, once they run smoothly."""
    for _ in range(100):
        step()
    gc.collect()
    gc.disable()
    try:
        blocks, (reads, writes) = sys.getallocatedblocks(), calls()
        for _ in range(STEPS):
            step()
        reads_after, writes_after = calls()
        return reads_after - reads, writes_after - writes, sys.getallocatedblocks() - blocks
    finally:
        gc.enable()


@pytest.fixture(scope="module")
def opened():
    """The names of files opened while the second list is not empty. An audit hook stays for good, so there is one."""
    names: list[str] = []
    watched: list[bool] = []
    sys.addaudithook(lambda event, arguments: names.append(str(arguments[0])) if event == "open" and watched else None)
    return names, watched


@pytest.fixture
def quiet(monkeypatch):
    """Neither telemetry nor git: what threads and processes that ended did is counted too."""
    monkeypatch.setattr(recording.Telemetry, "start", lambda self: None)
    monkeypatch.setattr(recording, "git_state", lambda folder: None)


pytestmark = pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="asks Linux for its counts")


def test_a_step_is_one_write_and_keeps_no_memory(fake, quiet, recorded):
    with crossprof.profile("run", schedule=(0, 10**6, 0, 1)) as run:
        reads, writes, blocks = counted(lambda: run.step(samples=8))
    assert writes == STEPS
    assert reads <= 3  # those that count
    assert blocks < 50
    assert len(recorded()[0].steps) == STEPS + 100


@pytest.mark.parametrize("way", ["disabled", "another rank", "no recording"])
def test_where_nothing_is_recorded_nothing_happens(monkeypatch, tmp_path, opened, way):
    names, watched = opened
    if way == "disabled":
        monkeypatch.setenv("CROSSPROF_DISABLE", "1")
    marked = crossprof.step(lambda: None)
    threads = threading.active_count()
    watched.append(True)
    if way == "no recording":
        reads, writes, blocks = counted(marked)
    else:
        with crossprof.profile("run", ranks=[5]) as run:
            reads, writes, blocks = counted(lambda: (run.step(samples=8), marked()))
    watched.clear()
    assert set(names) <= {"/proc/self/io"}
    assert (reads <= 3, writes, blocks < 50) == (True, 0, True)
    assert threading.active_count() == threads
    assert not (tmp_path / "store").exists()
