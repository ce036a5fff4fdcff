"""XPlane that TensorFlow and JAX write here and now: operators, steps, times and options, against what the run itself knows."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest

Ingested = Callable[[Path], duckdb.DuckDBPyConnection]
STEPS = 4

# Each prints the unix time around every step. Large products, so that TensorFlow deems them worth a trace event.
COMMON = """
import json, sys, time
directory, marks = sys.argv[1], []
def loop(work, mark):
    for number in range({steps}):
        begin = time.time_ns()
        with mark(number):
            work()
        marks.append((begin, time.time_ns()))
"""
TENSORFLOW = """
import tensorflow as tf
@tf.function
def product(x):
    return tf.reduce_sum(tf.tanh(tf.matmul(x, x)))
x = tf.ones((700, 700)); product(x)
tf.profiler.experimental.start(directory)
loop(lambda: product(x).numpy(), lambda number: tf.profiler.experimental.Trace("train", step_num=number, _r=1))
tf.profiler.experimental.stop()
print(json.dumps(marks))
"""
JAX = """
import jax, jax.numpy as jnp
product = jax.jit(lambda x: jnp.tanh(x @ x).sum())
x = jnp.ones((700, 700)); product(x).block_until_ready()
jax.profiler.start_trace(directory)
loop(lambda: product(x).block_until_ready(), lambda number: jax.profiler.StepTraceAnnotation("train", step_num=number))
jax.profiler.stop_trace()
print(json.dumps(marks))
"""
SCRIPTS = {"tensorflow": TENSORFLOW, "jax": JAX}

pytestmark = pytest.mark.slow


@pytest.fixture(params=SCRIPTS)
def recorded(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, list[tuple[int, int]]]:
    """The framework, its trace, and the time around each step. In a process of its own: a profiler leaves threads behind."""
    framework = request.param
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    script = COMMON.format(steps=STEPS) + SCRIPTS[framework]
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    [path] = tmp_path.rglob("*.xplane.pb")
    return framework, path, [tuple(mark) for mark in json.loads(ran.stdout.splitlines()[-1])]


def test_a_capture_of_a_framework_says_what_the_run_knows(recorded: Any, ingested: Ingested) -> None:
    framework, path, marks = recorded
    connection = ingested(path)
    steps = connection.execute("SELECT step, start_ns, dur_ns FROM step ORDER BY step").fetchall()
    assert [step for step, _, _ in steps] == list(range(STEPS))
    for (begin, end), (_, start, _) in zip(marks, steps, strict=True):
        assert begin - 200_000 <= start <= end  # the profiler's anchor is tens of microseconds off
    facts = dict(connection.execute("SELECT key, value FROM staged_fact").fetchall())
    assert facts["framework"] == framework
    assert json.loads(facts["options_effective"])["host_tracer_level"] == 2
    ops = connection.execute("SELECT category, count(*), sum(dur_ns), min(step), max(step) FROM op GROUP BY ALL").fetchall()
    work = "gemm" if framework == "tensorflow" else "fusion"
    [(_, count, spent, first, last)] = [row for row in ops if row[0] == work]
    assert (count, first, last) == (STEPS, 0, STEPS - 1)
    assert spent <= sum(end - begin for begin, end in marks)
    assert connection.execute("SELECT count(*) FROM kernel").fetchall() == [(0,)]


def test_the_event_count_is_the_one_that_tensorflow_reads(recorded: Any, ingested: Ingested) -> None:
    _, path, _ = recorded
    if find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed")
    script = """
import sys
from tensorflow.tsl.profiler.protobuf import xplane_pb2
space = xplane_pb2.XSpace.FromString(open(sys.argv[1], "rb").read())
print(sum(len(line.events) for plane in space.planes for line in plane.lines))
"""
    ran = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=120, check=False)
    connection = ingested(path)
    assert connection.execute("SELECT value FROM staged_fact WHERE key = 'n_events'").fetchall() == [(ran.stdout.split()[-1],)]
