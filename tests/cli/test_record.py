"""`crossprof record -- COMMAND`: scripts that know nothing of crossprof, run as ever."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from crossprof.cli import main
from crossprof.cli.record import _as_python

TORCH = """
import sys, torch
model = torch.nn.Linear(8, 8)
optimizer, other = torch.optim.SGD(model.parameters(), lr=0.1), torch.optim.Adam(model.parameters())
for _ in range(40):
    model(torch.ones(4, 8)).sum().backward()
    optimizer.step()
    other.step()
print("trained", sys.argv[1:])
sys.exit(3)
"""
JAX = """
import jax
start = jax.jit(lambda key: jax.random.normal(key, (32, 32)))
update = jax.jit(lambda w: w - 0.1 * jax.grad(lambda w: (w @ w).sum())(w))
weights = start(jax.random.key(0))
for _ in range(43):
    weights = update(weights).block_until_ready()
"""
KERAS = """
import keras, numpy
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
model.compile("sgd", "mse")
data = numpy.ones((160, 8)), numpy.ones((160, 4))
model.fit(*data, batch_size=4, verbose=0, validation_data=data)
"""
TENSORFLOW = """
import tensorflow as tf
weights = tf.Variable(tf.ones((32, 32)))
@tf.function
def train():
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights @ weights)
    weights.assign_sub(0.01 * tape.gradient(loss, weights))
    return loss
for _ in range(42):
    train().numpy()
"""


def record(*command: str, store: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "crossprof", "record", "--store", str(store), *command],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def rows(store: Path, query: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "crossprof", "sql", query, "--format", "json", "--store", str(store)]
    found: list[dict[str, Any]] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, timeout=120, check=True).stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("framework", "module", "script"),
    [("torch", "torch", TORCH), ("jax", "jax", JAX), ("tensorflow", "keras", KERAS), ("tensorflow", "tensorflow", TENSORFLOW)],
    ids=["torch", "jax", "keras", "tensorflow"],
)
def test_steps_are_found_in_an_unchanged_script(tmp_path: Path, framework: str, module: str, script: str) -> None:
    pytest.importorskip(module)
    path, store = tmp_path / "train.py", tmp_path / "store"
    path.write_text(script)
    done = record("--tag", "by=record", "--", sys.executable, str(path), "--epochs", "3", store=store)
    assert "crossprof: recorded train (" in done.stderr
    expected = (3, "trained ['--epochs', '3']\n") if module == "torch" else (0, "")
    assert (done.returncode, done.stdout) == expected, done.stderr
    (run,) = rows(store, "select run, framework, status, tags::json->>'by' as tag from run")
    assert run == {"run": "train", "framework": framework, "status": "completed", "tag": "record"}
    (steps,) = rows(
        store, "select count(*) as steps, count(*) filter (is_profiled) as profiled, (select count(*) from op) as ops from step"
    )
    assert steps["steps"] == 39
    assert steps["profiled"] == 6
    assert steps["ops"] > 0


@pytest.mark.slow
def test_both_ranks_of_torchrun_are_one_run_and_the_launcher_is_none(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    path, store = tmp_path / "train.py", tmp_path / "store"
    path.write_text(TORCH.replace("sys.exit(3)", ""))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29513"]
    done = record("--name", "both", "--step", "Adam", "--", *torchrun, str(path), store=store)
    assert done.returncode == 0, done.stderr
    assert "recorded both (" in done.stderr
    assert "2 ranks" in done.stderr
    found = rows(store, "select run, rank, count(*) as steps from step join run using (run_id) group by all order by rank")
    assert found == [{"run": "both", "rank": rank, "steps": 39} for rank in range(2)]


@pytest.mark.slow
def test_an_error_of_the_script_is_its_own_and_noted(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    path, store = tmp_path / "train.py", tmp_path / "store"
    path.write_text(TORCH.replace("sys.exit(3)", "raise LookupError('user')"))
    done = record(str(path), store=store)
    assert done.returncode == 1
    assert "LookupError: user\n" in done.stderr
    assert "crossprof/" not in done.stderr.partition("Traceback")[2].partition("LookupError")[0]
    assert rows(store, "select status from run") == [{"status": "failed"}]


def test_what_has_no_steps_runs_untouched(tmp_path: Path) -> None:
    code = "import sys, os; print(sys.argv[1:], 'CROSSPROF_RECORD' in os.environ); sys.stderr.write('mine\\n'); sys.exit(5)"
    done = record("--", sys.executable, "-c", code, "--name", "x", store=tmp_path)
    assert done.returncode == 5
    assert done.stdout == "['--name', 'x'] True\n"
    assert done.stderr.splitlines()[0] == "mine"
    assert done.stderr.splitlines()[1].startswith("crossprof: nothing was recorded, since no step was seen.")
    assert not (tmp_path / "recordings").exists()


def test_a_sitecustomize_of_the_environment_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.customized = __file__")
    code = "import sys; print(customized, any('startup' in entry for entry in sys.path))"
    done = record("--", sys.executable, "-c", code, store=tmp_path, PYTHONPATH=f"{tmp_path}{os.pathsep}{Path.cwd()}")
    assert done.stdout == f"{tmp_path / 'sitecustomize.py'} False\n"


def test_a_module_needs_no_python_before_it(tmp_path: Path) -> None:
    done = record("-m", "platform", store=tmp_path, CROSSPROF_DISABLE="1")
    assert done.stdout == f"{platform.platform()}\n"
    assert done.stderr == "crossprof: nothing was recorded, since CROSSPROF_DISABLE is set.\n"


@pytest.mark.parametrize(
    ("command", "run"),
    [
        (["train.py", "-x"], [sys.executable, "train.py", "-x"]),
        (["-m", "package"], [sys.executable, "-m", "package"]),
        (["torchrun", "train.py"], ["torchrun", "train.py"]),
    ],
)
def test_a_script_runs_in_this_python_and_a_program_as_it_is(command: list[str], run: list[str]) -> None:
    assert _as_python(command) == run


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 7),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, 137, marks=pytest.mark.slow),
    ],
)
def test_signals_reach_the_script_and_its_end_is_told(tmp_path: Path, number: int, code: int) -> None:
    script = (
        "import signal, sys, time, os; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); "
        "print(os.getpid(), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-m", "crossprof", "record", "--store", str(tmp_path), "--", sys.executable, "-c", script]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    time.sleep(0.2)
    os.kill(child if number == signal.SIGKILL else process.pid, number)
    process.communicate(timeout=30)
    assert process.returncode == code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--", "/no/such/program"], "crossprof: /no/such/program: No such file"),
        (["--slow-step", "0.5", "--", "true"], "slow_step=0.5: use a number over 1"),
        (["--schedule", "many", "--", "true"], "give numbers: unmeasured,bare,warmup,profiled"),
    ],
)
def test_wrong_use_is_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["record", "--store", str(tmp_path), *arguments]) in (1, 2)
    assert said in capsys.readouterr().err
