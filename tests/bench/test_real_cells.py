"""The command as a user types it, on real cells: killed, continued, and with ranks that speak with each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import psutil
import pytest

from crossprof.workloads import is_installed

# A process each of a proof, a cell and a rank: minutes.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(is_installed, ("pytorch", "keras_jax", "keras_tensorflow"))),
        reason="needs pip install 'crossprof[workloads]'",
    ),
]

LATENCY = ("--table", "latency", "--models", "bert,llama", "--frameworks", "pytorch", "--steps", "1500", "--repeats", "2")
SCALING = ("--table", "scaling", "--frameworks", "pytorch,keras_jax,keras_tensorflow", "--repeats", "1", "--steps", "20")
PATIENCE_S = 900
"""Seconds on a machine that does much else."""


def command(store: Path, arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "crossprof", "bench", *arguments, "--store", os.fspath(store)]


def rows(store: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(os.fspath(store / "crossprof.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def await_recording(store: Path, name: str) -> None:
    """Wait until a run of that name is being recorded."""
    deadline = time.monotonic() + PATIENCE_S
    while not list(store.glob(f"recordings/*{name}*/rank-0/run.json")):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def one_processor():
    """Binds what the test starts to one processor: PyTorch's threads wait for each other at any price where others work too."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("one_processor")
def test_a_killed_bench_leaves_no_process_and_goes_on_where_it_was(tmp_path):
    bench = subprocess.Popen(command(tmp_path, LATENCY), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_recording(tmp_path, "llama")
        children = psutil.Process(bench.pid).children(recursive=True)
        names = [" ".join(child.cmdline()) for child in children]
    finally:
        os.kill(bench.pid, signal.SIGKILL)
        bench.wait()
    assert any("crossprof.workloads.rank" in name for name in names)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []

    done = subprocess.run(command(tmp_path, LATENCY), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 run kept from before" in done.stdout
    assert "4 of 4 runs are in" in done.stdout
    counted = "SELECT tags['model'], tags['repeat'], status FROM run WHERE tags['bench'] IS NOT NULL ORDER BY ALL"
    assert rows(tmp_path, counted) == [(model, repeat, "completed") for model in ("bert", "llama") for repeat in ("1", "2")]
    assert rows(tmp_path, "SELECT count(DISTINCT tags['bench']) FROM run WHERE tags['bench'] IS NOT NULL") == [(1,)]
    assert rows(tmp_path, "SELECT tags['model'], status FROM run WHERE tags['bench'] IS NULL") == [("llama", "killed")]


def test_ranks_work_together_and_what_shows_it_is_noted(tmp_path):
    done = subprocess.run(command(tmp_path, SCALING), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = rows(
        tmp_path,
        """SELECT tags['framework'], tags['strategy'], tags['scaling'], tags['collectives'],
            config ->> '$.ranks_hold_the_same_parameters'
        FROM run WHERE tags['scaling'] <> 'base' ORDER BY ALL""",
    )
    seen, withheld = "in the traces of 2 of 2 processes", "not recorded: the profiler is off where it may end a worker"
    strategies = (
        ("keras_jax", "sharding", seen),
        ("keras_tensorflow", "mirrored", "in the traces of 1 of 1 processes"),
        ("keras_tensorflow", "multiworker", withheld),
        ("pytorch", "ddp", seen),
    )
    assert found == [
        (framework, strategy, scaling, how, "true") for framework, strategy, how in strategies for scaling in ("strong", "weak")
    ]
    bound = "SELECT DISTINCT tags['strategy'], json_array_length(config -> '$.processors') FROM run ORDER BY ALL"
    assert rows(tmp_path, bound) == [("ddp", 1), ("mirrored", 2), ("multiworker", 1), ("none", 1), ("sharding", 2)]
    shares = rows(
        tmp_path,
        """SELECT tags['framework'], tags['strategy'] FROM run_metric JOIN run USING (run_id)
        WHERE metric = 'communication_share' AND value > 0 AND ci_low > 0 AND rank IS NULL ORDER BY ALL""",
    )
    told = [("keras_jax", "sharding"), ("keras_tensorflow", "mirrored"), ("pytorch", "ddp")]
    assert [*dict.fromkeys(shares)] == told
