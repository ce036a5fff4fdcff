"""Recordings of the real frameworks, as users write them: our steps against the loop's own clock and against the trace."""

from __future__ import annotations

import statistics
import subprocess
import time
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest

import crossprof
from tests.collectors.suite import assert_same_times

DUCKDB = pytest.importorskip("duckdb")


def steps_in_trace(path: Path) -> dict[int, tuple[int, int]]:
    """The profiler's own marks of steps, on the unix clock, as ingest reads them."""
    from crossprof.ingest.reader import open_source, reader_for

    with DUCKDB.connect() as connection:
        connection.execute(files("crossprof.store").joinpath("schema.sql").read_text())
        connection.execute(files("crossprof.ingest").joinpath("staging.sql").read_text())
        source = open_source(path)
        reader_for(source).stage(connection, source, capture=0)
        return {
            step: (start, end)
            for step, start, end in connection.execute("SELECT step, start_ns, end_ns FROM staged_step").fetchall()
        }


def assert_marks_agree(one) -> None:
    """The trace has just the profiled steps, under our numbers, on our clock: to 5 ms, since the machine is shared."""
    (name,) = one.run["captures"][0]["files"]
    marks = steps_in_trace(one.path / name)
    profiled = {step["step"]: step for step in one.steps if step["capture"] == 0}
    assert marks.keys() == profiled.keys()
    apart = [abs(marks[number][0] - step["start_ns"]) for number, step in profiled.items()]
    assert statistics.median(apart) < 5e6


def test_keras_fit_with_a_callback_of_the_users(recorded):
    tf = pytest.importorskip("tensorflow")
    import keras

    class Clock(keras.callbacks.Callback):
        """Its own clock, and the mark of a step, at the end of each batch."""

        def __init__(self, run):
            super().__init__()
            self.run, self.ends = run, []

        def on_train_batch_end(self, batch, logs=None):
            time.sleep(0.04)
            self.ends.append(time.perf_counter_ns())
            self.run.step(samples=4)

    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    model.compile("sgd", "mse")
    with crossprof.profile("keras", framework="tensorflow") as run:
        clock = Clock(run)
        model.fit(tf.ones((160, 8)), tf.ones((160, 4)), batch_size=4, verbose=0, callbacks=[clock])
    (one,) = recorded()
    own = [later - earlier for earlier, later in pairwise(clock.ends)]
    times = [step["end_ns"] - step["start_ns"] for step in one.steps[1:]]
    assert len(times) == 39
    assert_same_times(times, own)
    assert one.run["framework_version"] == tf.__version__
    assert_marks_agree(one)


def test_jax_loop(recorded):
    jax = pytest.importorskip("jax")

    @jax.jit
    def update(weights, batch):
        return weights - 0.1 * jax.grad(lambda w: ((batch @ w) ** 2).sum())(weights)

    own = []

    @crossprof.profile
    def train():
        weights = jax.numpy.ones((8, 8))
        for batch in crossprof.steps([jax.numpy.ones((4, 8))] * 30, samples=4):
            began = time.perf_counter_ns()
            weights = update(weights, batch).block_until_ready()
            time.sleep(0.04)
            own.append(time.perf_counter_ns() - began)
        return weights

    assert train().shape == (8, 8)
    (one,) = recorded()
    times = [step["end_ns"] - step["start_ns"] for step in one.steps]
    assert len(times) == 30
    assert_same_times(times, own)
    assert one.run["framework"] == "jax"
    assert one.codes == set()
    assert_marks_agree(one)


def test_torch_step_function(recorded):
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(8, 8)
    starts = []

    @crossprof.step(samples=4)
    def train_step(batch):
        starts.append(time.perf_counter_ns())
        model(batch).sum().backward()
        time.sleep(0.04)

    @crossprof.profile(framework="torch", with_flops=True)
    def train():
        for _ in range(30):
            train_step(torch.ones(4, 8))

    train()
    (one,) = recorded()
    own = [later - earlier for earlier, later in pairwise(starts)]
    times = [step["end_ns"] - step["start_ns"] for step in one.steps]
    assert len(times) == len(starts) == 30
    assert_same_times(times[:-1], own)
    assert one.run["options_effective"]["with_flops"]
    assert one.run["options_requested"]["with_flops"]
    assert_marks_agree(one)


THREADS = """
import sys, threading
import torch, crossprof

@crossprof.step
def serve():
    torch.ones(9, 9) @ torch.ones(9, 9)
    turns.wait(20)

turns = threading.Barrier(2)
with crossprof.profile("served", framework="torch", schedule=eval(sys.argv[1])):
    threads = [threading.Thread(target=lambda: [serve() for _ in range(20)]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["'auto'", "(0, 30, 1, 90)", "None"])
def test_torch_steps_of_several_threads_are_timed_and_do_no_harm(recorded, python, schedule):
    """In a process of its own: torch ends one that stops its profiler in another thread than started it."""
    subprocess.run([python, "-c", THREADS, schedule], check=True, timeout=120)
    (one,) = recorded()
    assert one.run["status"] == "completed"
    assert len(one.steps) == 40
    assert "profiler_failed" in one.codes
    assert [capture["state"] for capture in one.run["captures"]] == ["failed"]
