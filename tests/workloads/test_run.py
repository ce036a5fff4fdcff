"""Cells, run as a user runs them: in processes of their own, into a store that SQL then finds them in."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import duckdb
import psutil
import pytest

import crossprof
from crossprof.errors import CrossprofError
from crossprof.workloads import Cell, framework_named, frameworks, is_installed, run

# One process a framework, a rank and a cell: minutes.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not all(map(is_installed, frameworks())), reason="needs pip install 'crossprof[workloads]'"),
]

COLLECTIVES = {
    ("pytorch", "ddp"): "gloo:all_reduce",
    ("pytorch", "fsdp"): "gloo:all_gather",
    ("keras_tensorflow", "multiworker"): None,
    ("keras_tensorflow", "mirrored"): "CollectiveReduce",
    ("keras_tensorflow", "parameter_server"): "to /job:worker/replica:0/task:1/",
    ("keras_jax", "sharding"): "all-reduce",
}
"""What in a trace shows that the ranks spoke with each other. None: no trace, as the profiler may end such a worker.

Of a parameter server the coordinator's trace alone is there: what it sends to the second worker.
"""

WHOLE = {"model": "gpt2", "size": "tiny", "steps": 14}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def alone(store):
    """One rank with all samples."""
    return run(Cell(**WHOLE, framework="pytorch", batch=8), store=store)


def rows(store, query, *values):
    with duckdb.connect(str(store / "crossprof.duckdb"), read_only=True) as connection:
        return connection.execute(query, values).fetchall()


def test_a_cell_is_a_run_that_its_tags_find(store, alone):
    assert alone["is_stored"]
    found = rows(
        store,
        """SELECT run_id, run, framework, model, phase, precision, batch_size, tags['strategy'],
            (config->>'$.parameters')::BIGINT, config->>'$.workload.attention'
        FROM run WHERE tags['cell'] = ? AND tags['framework'] = 'pytorch'""",
        alone["run"],
    )
    name = "gpt2-tiny-pytorch-eager-train-float32-b8-s32"
    assert found == [(alone["run_id"], name, "torch", "gpt2-tiny", "training", "float32", 8, "none", 103_936, "sdpa")]
    steps = rows(store, "SELECT count(*), sum(samples), sum(is_profiled::INT) FROM step_time WHERE run_id = ?", alone["run_id"])
    assert steps == [(14, 14 * 8, 6)]


def test_its_loss_curve_is_kept(store, alone):
    query = "SELECT value FROM sample WHERE run_id = ? AND metric = 'workload.loss' ORDER BY at_ns"
    kept = [value for (value,) in rows(store, query, alone["run_id"])]
    assert kept == [*alone["warm_up"]["losses"], *alone["losses"]]
    assert len(kept) == 5 + 14


def test_compilation_and_warm_up_are_apart(store, alone):
    query = (
        "SELECT metric, value FROM sample WHERE run_id = ? AND starts_with(metric, 'workload.') AND metric <> 'workload.loss'"
    )
    assert dict(rows(store, query, alone["run_id"])) == {
        "workload.build_seconds": alone["warm_up"]["build_s"],
        "workload.first_step_seconds": alone["warm_up"]["first_step_s"],
        "workload.warm_up_step_seconds": alone["warm_up"]["step_s"],
    }


def ranks_that_name(store, run_id, collective):
    """The ranks whose traces name a collective; without one, those whose profiler was left off."""
    if collective is None:
        query = "SELECT rank FROM finding WHERE run_id = ? AND code = 'profiler_unsafe' ORDER BY rank"
        return [rank for (rank,) in rows(store, query, run_id)]
    query = """SELECT DISTINCT rank FROM (
        SELECT run_id, rank, name FROM op UNION ALL SELECT run_id, rank, name FROM annotation
        UNION ALL SELECT run_id, rank, name FROM kernel)
    WHERE run_id = ? AND contains(name, ?) ORDER BY rank"""
    return [rank for (rank,) in rows(store, query, run_id, collective)]


@pytest.mark.parametrize(("framework", "strategy"), COLLECTIVES)
def test_ranks_train_as_one_and_speak_with_each_other(store, alone, framework, strategy):
    cell = Cell(**WHOLE, framework=framework, strategy=strategy, world_size=2, batch=4)
    told = run(cell, store=store)
    assert told["is_stored"]
    assert told["ranks_hold_the_same_parameters"] is True
    assert ranks_that_name(store, told["run_id"], COLLECTIVES[framework, strategy]) == (
        [0, 1] if framework_named(framework).STRATEGIES[strategy].is_spread else [0]
    )
    losses = rows(
        store,
        "SELECT avg(value) FROM sample WHERE run_id = ? AND metric = 'workload.loss' GROUP BY rank",
        told["run_id"],
    )
    mean, whole = sum(loss for (loss,) in losses) / len(losses), [*alone["warm_up"]["losses"], *alone["losses"]]
    assert mean == pytest.approx(sum(whole) / len(whole), rel=1e-5), "two ranks are one with all samples"


@pytest.mark.parametrize(
    "changes",
    [
        {"framework": "pytorch", "precision": "bf16"},
        {"framework": "keras_tensorflow", "precision": "bf16", "mode": "xla"},
        {"framework": "keras_jax", "precision": "bf16"},
        {"framework": "pytorch", "phase": "infer", "mode": "compile"},
        {"framework": "keras_jax", "phase": "infer"},
        {"framework": "onnx_runtime", "phase": "infer"},
        {"framework": "litert", "phase": "infer"},
    ],
    ids=lambda changes: "-".join(changes.values()),
)
def test_cells_of_every_sort_are_stored(store, alone, changes):
    told = run(Cell(**WHOLE, **changes), store=store)
    assert told["is_stored"]
    phase = "inference" if changes.get("phase") == "infer" else "training"
    query = "SELECT phase, precision, tags['mode'] FROM run WHERE run_id = ?"
    assert rows(store, query, told["run_id"]) == [(phase, changes.get("precision", "float32"), told["cell"]["mode"])]
    (counted,) = rows(store, "SELECT count(*) FROM step_time WHERE run_id = ?", told["run_id"])
    assert counted == (14,)
    if changes["framework"] == "keras_jax":
        query = "SELECT versions['tensorflow'] FROM run WHERE run_id = ?"
        assert rows(store, query, told["run_id"]) == [(None,)], "keras-hub brings none along into the figures of memory"
    if changes["framework"] == "onnx_runtime":
        assert rows(store, "SELECT count(*) > 0 FROM op WHERE run_id = ?", told["run_id"]) == [(True,)]
    if phase == "training":
        assert told["warm_up"]["losses"] == pytest.approx(alone["warm_up"]["losses"], rel=0.02), "bf16 learns what float32 does"
        assert told["warm_up"]["losses"] != alone["warm_up"]["losses"]


def test_a_pause_slows_a_cell(store, alone):
    told = run(Cell(**WHOLE, framework="pytorch", pause_ms=200), store=store)
    comparison = crossprof.open(store).compare(alone["run"], told["run"]).to_json()
    (step_time,) = [row for row in comparison["others"][0]["metrics"] if row["metric"] == "step_time"]
    assert step_time["other"] - step_time["base"] > 0.15e9
    assert any("pause_ms" in difference for difference in comparison["others"][0]["differences"])


def test_a_process_that_fails_is_one_line_with_its_last_words(store):
    with pytest.raises(CrossprofError) as raised:
        run(Cell(**WHOLE, framework="pytorch", changes={"heads": 7}), store=store)
    assert str(raised.value).startswith("gpt2-tiny-pytorch-eager-train-float32-b8-s32-heads7 failed: ")
    assert "\n" not in str(raised.value)


HELD = """
import jax, sys
from crossprof.workloads import Cell
from crossprof.workloads.frameworks.keras_jax import build
ready = build(Cell(model="llama", size="tiny", framework="keras_jax", phase=sys.argv[1]))
print(sum(array.nbytes for array in jax.live_arrays()) / ready.parameter_count / 4)
"""


@pytest.mark.parametrize(("phase", "copies"), [("train", 3), ("infer", 1)])
def test_jax_holds_parameters_and_moments_once(phase, copies):
    """Keras's variables let go of what the state of a step holds; who only infers has no moments."""
    environment = os.environ | {"KERAS_BACKEND": "jax", "CROSSPROF_DISABLE": "1"}
    done = subprocess.run([sys.executable, "-c", HELD, phase], env=environment, check=True, capture_output=True, timeout=300)
    assert float(done.stdout) == pytest.approx(copies, rel=0.01)


def test_a_worker_of_a_parameter_server_that_is_killed_ends_the_cell(store):
    """Its coordinator would wait for it to come back."""
    cell = Cell(**{**WHOLE, "steps": 100_000}, framework="keras_tensorflow", strategy="parameter_server", world_size=2, batch=4)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run, cell, store=store, timeout_s=300)
        worker = awaited_worker(running)
        of_the_cell = psutil.Process(worker.ppid()).children(recursive=True)
        worker.kill()
        with pytest.raises(CrossprofError, match=r"^gpt2-\S+ failed: A process of the parameter server ended: .* SIGKILL"):
            running.result()
    _, alive = psutil.wait_procs(of_the_cell, timeout=10)
    assert alive == []


def awaited_worker(running):
    """A worker of the cell that is running, once there is one."""
    while not running.done():
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                if '"job": "worker", "index": 1' in " ".join(process.cmdline()):
                    return process
        time.sleep(0.1)
    return running.result()
