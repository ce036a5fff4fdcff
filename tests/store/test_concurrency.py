from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_run

from crossprof.store import Layout, Store, gc, publish

WORKER = Path(__file__).with_name("store_worker.py")
WAIT_S = 300


def start(role: str, root: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WORKER), role, str(root), *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def said(process: subprocess.Popen[str]) -> list[str]:
    """What a process that ended well said."""
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err
    return out.split()


def whole_runs(root: Path) -> set[str]:
    with Store(root) as store:
        kernels = dict(store.sql("SELECT run_id, count(*) FROM kernel GROUP BY run_id").fetchall())
        listed = {run_id for (run_id,) in store.sql("SELECT run_id FROM run").fetchall()}
        summed = {run_id for (run_id,) in store.sql("SELECT run_id FROM kernel_summary").fetchall()}
    assert set(kernels.values()) <= {small_run.KERNELS}
    assert set(kernels) == listed == summed
    return listed


@pytest.mark.parametrize("runs", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_writers_a_deleter_readers_and_a_foreign_holder_at_once(root: Path, runs: int) -> None:
    doomed = [f"old-{number}" for number in range(runs)]
    for run_id in [*doomed, "kept"]:
        small_run.write(root, run_id)
    first = publish(root).path
    first.chmod(0o644)  # a catalog that anybody may write: the worst case
    holder = start("hold", root)
    assert holder.stdout is not None
    assert int(holder.stdout.readline()) == (runs + 1) * small_run.KERNELS
    reader = start("read", root)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    writers = [start("ingest", root, f"writer{number}", runs) for number in range(4)]
    remover = start("remove", root, *doomed)

    written = [run_id for writer in writers for run_id in said(writer)]
    assert said(remover) == doomed
    (root.parent / "stop").touch()
    (reads,) = said(reader)
    assert int(reads) > 0
    assert said(holder) == []

    assert len(written) == 4 * runs
    assert whole_runs(root) == {*written, "kept"}
    gc(root, now=True)
    assert whole_runs(root) == {*written, "kept"}


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_writer_killed_at_any_moment_costs_no_earlier_run(root: Path, rounds: int) -> None:
    moments = random.Random(rounds)
    known = {"first"}
    small_run.write(root, "first")
    publish(root)
    for number in range(rounds):
        writer = start("ingest", root, f"round{number}", 0)
        assert writer.stdout is not None
        done = {writer.stdout.readline().strip()}
        time.sleep(moments.uniform(0, 2))
        writer.kill()
        out, _ = writer.communicate(timeout=WAIT_S)
        # a line cut short by the kill names no run; each whole line was said after its publish
        done |= set(out[: out.rfind("\n") + 1].split())
        assert known | done <= whole_runs(root)
        small_run.write(root, f"after{number}")
        publish(root)
        known = known | done | {f"after{number}"}
        assert known <= whole_runs(root)
    staging = Layout(root).staging
    for path in staging.iterdir():
        os.utime(path, (0, 0))
    gc(root)
    assert list(staging.iterdir()) == []
    publish(root, rebuild=True)
    assert known <= whole_runs(root)
