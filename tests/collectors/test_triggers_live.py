"""Windows of a training job in another process: `crossprof trigger` is called, the run ingested and shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

TORCH = """
import torch
model = torch.nn.Linear(64, 64)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
def train_step():
    optimizer.zero_grad()
    model(torch.ones(16, 64)).sum().backward()
    optimizer.step()
"""
JAX = """
import jax
update = jax.jit(lambda w: w - 0.1 * jax.grad(lambda w: (w @ w).sum())(w))
weights = jax.numpy.ones((64, 64))
def train_step():
    update(weights).block_until_ready()
"""
TENSORFLOW = """
import tensorflow as tf
weights = tf.Variable(tf.ones((64, 64)))
@tf.function
def update():
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights @ weights)
    weights.assign_sub(0.1 * tape.gradient(loss, weights))
    return loss
def train_step():
    update().numpy()
"""
LOOP = """
import pathlib, sys, time, crossprof
with crossprof.profile("job", framework=sys.argv[1], schedule=(1, 2, 0, 1), every=70, slow_step=40.0) as run:
    for number in crossprof.steps(iter(int, 1)):
        began = time.perf_counter()
        train_step()
        time.sleep(60 * sorted(took)[25] if len(took) == 50 else 0.01)  # slow on a busy machine too
        took.append(time.perf_counter() - began)
        if pathlib.Path(sys.argv[2]).exists():
            break
print("trained")
"""


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "CROSSPROF_INGEST": "1", "TF_CPP_MIN_LOG_LEVEL": "3", **more}


def start(framework: str, body: str, stop: Path, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", f"{body}\ntook = []\n{LOOP}", framework, str(stop)]
    return subprocess.Popen(command, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def crossprof(*arguments: str) -> str:
    command = [sys.executable, "-m", "crossprof", *arguments]
    return subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, timeout=120, check=True).stdout


def steps_of(store: Path, rank: int) -> int:
    return sum(path.read_text().count("\n") for path in store.glob(f"recordings/*/rank-{rank}/steps.jsonl"))


def wait_for(condition: Any, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("framework", "body"), [("torch", TORCH), ("jax", JAX), ("tensorflow", TENSORFLOW)], ids=["torch", "jax", "tensorflow"]
)
def test_slow_periodic_and_asked_for_windows_are_windows_of_one_run(tmp_path, framework, body):
    pytest.importorskip(framework)
    store, stop = tmp_path / "store", tmp_path / "stop"
    process = start(framework, body, stop)
    try:
        wait_for(lambda: steps_of(store, 0) > 80)
        printed = crossprof("trigger", str(process.pid), "--steps", "3", "--wait", "60")
        assert "Asked rank 0 of job" in printed
        assert "The window is written" in printed
    finally:
        stop.touch()
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (0, "trained\n"), err
    shown = json.loads(crossprof("show", "job", "--json"))
    captures = {capture["trigger"]: capture for capture in shown["captures"]}
    assert [capture["capture"] for capture in shown["captures"]] == list(range(len(shown["captures"])))
    assert {"schedule", "slow_step", "every", "demand"} == set(captures)
    assert captures["slow_step"]["first_step"] == 51
    assert "times the median" in captures["slow_step"]["reason"]
    assert captures["every"]["reason"] == "every 70 steps"
    assert captures["demand"]["last_step"] - captures["demand"]["first_step"] == 3
    assert "crossprof trigger" in captures["demand"]["reason"]
    assert "times the median" in crossprof("show", "job")
    runs = json.loads(crossprof("runs", "--json"))
    assert [run["run"] for run in runs] == ["job"]
    assert_each_window_has_work(store)
    assert_the_dashboard_says_why(store, runs[0]["run_id"])


def assert_each_window_has_work(store: Path) -> None:
    query = """
        select count(*) as windows, min(work) as least
        from (select (select count(*) from op where op.start_ns between started_ns and stopped_ns) as work from capture)
    """
    (row,) = json.loads(crossprof("sql", query, "--format", "json", "--store", str(store)))
    assert row["windows"] >= 4
    assert row["least"] > 0


def assert_the_dashboard_says_why(store: Path, run_id: str) -> None:
    from crossprof.dashboard.run.windows import windows
    from crossprof.store import Store

    with Store(store) as opened:
        card = json.dumps(windows(opened, run_id), default=lambda part: part.to_plotly_json())
    assert "every 70 steps" in card
    assert "crossprof trigger" in card


@pytest.mark.slow
def test_all_ranks_of_a_job_take_the_same_steps(tmp_path):
    store, stop = tmp_path / "store", tmp_path / "stop"
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}
    ranks = [start("torch", TORCH, stop, RANK=str(rank), **shared) for rank in range(2)]
    try:
        wait_for(lambda: min(steps_of(store, 0), steps_of(store, 1)) > 60)
        assert "Asked 2 ranks of job" in crossprof("trigger", "job", "--wait", "60")
    finally:
        stop.touch()
        results = [process.communicate(timeout=120) for process in ranks]
    assert [out for out, _ in results] == ["trained\n"] * 2, results
    shown = json.loads(crossprof("show", "job", "--json"))
    asked = [capture for capture in shown["captures"] if capture["trigger"] == "demand"]
    assert [capture["rank"] for capture in asked] == [0, 1]
    assert len({(capture["first_step"], capture["last_step"]) for capture in asked}) == 1


def test_nobody_who_answers_is_one_line(tmp_path):
    command = [sys.executable, "-m", "crossprof", "trigger", "nothing", "--store", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"crossprof: No job that is being recorded in {tmp_path} answers to 'nothing'.")
    assert done.stderr.count("\n") == 1
