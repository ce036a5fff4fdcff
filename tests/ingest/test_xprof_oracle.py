"""What xprof's converters say of a trace, against our tables: real captures of TPUs and GPUs, and traces recorded here and now.

The converters run on a copy in a process of their own: they are native code, and write cache files beside their input.
docs/peers.md lists the differences that are not ours.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crossprof.ingest.hlo_convert import _records

Ingested = Callable[[Path], duckdb.DuckDBPyConnection]
Told = dict[str, Any]

FOLDER = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces")
GPUS = ["xp_jax_mi300_conv08", "xp_jax_mi300_gemm"]
TPU = "xp_tpu_v6e_inference"
CPU = "xp_tf221_cpu"
RECORDED = {  # steps of products; each is waited for
    "tensorflow": """
import sys, tensorflow as tf
step = tf.function(lambda x: tf.reduce_sum(tf.tanh(tf.matmul(x, x))))
x = tf.ones((700, 700)); step(x)
tf.profiler.experimental.start(sys.argv[1])
for number in range(4):
    with tf.profiler.experimental.Trace("train", step_num=number, _r=1):
        step(x).numpy()
tf.profiler.experimental.stop()
""",
    "jax": """
import sys, jax, jax.numpy as jnp
step = jax.jit(lambda x: jnp.tanh(x @ x).sum())
x = jnp.ones((700, 700)); step(x).block_until_ready()
jax.profiler.start_trace(sys.argv[1])
for number in range(4):
    with jax.profiler.StepTraceAnnotation("train", step_num=number):
        step(x).block_until_ready()
jax.profiler.stop_trace()
""",
}
CONVERT = """
import json, sys
from xprof.convert import raw_to_tool_data as converter
tools = ("kernel_stats", "hlo_stats", "overview_page", "framework_op_stats", "memory_profile")
print(json.dumps({tool: json.loads(converter.xspace_to_tool_data([sys.argv[1]], tool, {})[0]) for tool in tools}))
"""

pytestmark = pytest.mark.skipif(find_spec("xprof") is None, reason="xprof is not installed")
needs_corpus = pytest.mark.skipif(not FOLDER.is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")


def run(script: str, argument: Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", script, str(argument)], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


def told(path: Path, folder: Path) -> Told:
    """The answers of five converters."""
    answers: Told = json.loads(run(CONVERT, shutil.copy(path, folder / "copy.xplane.pb")).splitlines()[-1])
    return answers


def capture(name: str) -> Path:
    [path] = (FOLDER / name).glob("*.pb")
    return path


@pytest.fixture(params=RECORDED)
def recorded(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """The framework and its trace."""
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    run(RECORDED[request.param], tmp_path / "logs")
    [path] = tmp_path.rglob("*.xplane.pb")
    return request.param, path


@needs_corpus
@pytest.mark.parametrize("name", GPUS)
def test_kernels_of_a_gpu(name: str, ingested: Ingested, tmp_path: Path) -> None:
    answers, connection = told(capture(name), tmp_path), ingested(capture(name))
    theirs: defaultdict[tuple[str, ...], list[float]] = defaultdict(lambda: [0, 0])
    for row in _records(answers["kernel_stats"]):
        sums = theirs[row["kernel_name"], row["grid_dim"], row["block_dim"]]
        sums[0] += row["occurrences"]
        sums[1] += row["total_duration_us"]
    query = "SELECT name, grid, block, count(*), sum(dur_ns) / 1000 FROM kernel WHERE kind = 'kernel' GROUP BY ALL"
    ours = {row[:3]: list(row[3:]) for row in connection.execute(query).fetchall()}
    assert ours == {key: pytest.approx(sums) for key, sums in theirs.items()}
    assert ours


@needs_corpus
@pytest.mark.parametrize("name", GPUS)
def test_work_of_hlo_operations_on_a_gpu(name: str, ingested: Ingested, tmp_path: Path) -> None:
    answers, connection = told(capture(name), tmp_path), ingested(capture(name))
    [(count, total)] = connection.execute("SELECT count(*), sum(dur_ns) / 1000 FROM kernel WHERE module IS NOT NULL").fetchall()
    operations = _records(answers["hlo_stats"])
    assert (count, total) == (sum(row["occurrences"] for row in operations), pytest.approx(sum_of(operations, "total_time")))
    assert total == pytest.approx(sum_of(of_device(answers), "total_self_time"))  # framework_op_stats is of the same work
    query = (
        "SELECT op_name, count(*), sum(dur_ns) / 1000 FROM kernel WHERE module IS NOT NULL AND op_name IS NOT NULL GROUP BY ALL"
    )
    by_op = {row["operation"]: (row["occurrences"], row["total_time"]) for row in of_device(answers)}
    for op, times, spent in connection.execute(query).fetchall():
        assert (times, spent) == (by_op[op][0], pytest.approx(by_op[op][1]))


@needs_corpus
def test_operations_of_a_tpu(ingested: Ingested, tmp_path: Path) -> None:
    """xprof adds up the clock of the core, we the timeline: operations differ by 13 %, their sum by 15 millionths."""
    answers, connection = told(capture(TPU), tmp_path), ingested(capture(TPU))
    query = "SELECT name, count(*), sum(dur_ns) / 1000 FROM kernel WHERE kind <> 'async' GROUP BY ALL"
    ours = {name: (count, total) for name, count, total in connection.execute(query).fetchall()}
    theirs, spent = Counter[str](), Counter[str]()
    for row in _records(answers["hlo_stats"]):
        theirs[row["hlo_op_name"]] += row["occurrences"]
        spent[row["hlo_op_name"]] += row["total_time"]
    assert {name: count for name, (count, _) in ours.items()} == theirs
    assert ours["copy-done.2"][1] / spent["copy-done.2"] == pytest.approx(1.13, abs=0.01)
    total = sum(total for _, total in ours.values())
    assert total == pytest.approx(sum_of(_records(answers["hlo_stats"]), "total_time"), rel=2e-5)
    assert total == pytest.approx(sum_of(of_device(answers), "total_self_time"), rel=2e-5)
    assert _records(answers["kernel_stats"]) == []


@needs_corpus
@pytest.mark.parametrize("name", [*GPUS, TPU, CPU])
def test_peaks_of_allocators(name: str, ingested: Ingested, tmp_path: Path) -> None:
    answers, connection = told(capture(name), tmp_path), ingested(capture(name))
    check_memory(answers, connection)


@needs_corpus
def test_operators_and_steps_of_a_cpu(ingested: Ingested, tmp_path: Path) -> None:
    answers, connection = told(capture(CPU), tmp_path), ingested(capture(CPU))
    assert check_operators(answers, connection) == 10
    check_steps(answers, connection)


@pytest.mark.slow
def test_a_trace_recorded_here(recorded: tuple[str, Path], ingested: Ingested, tmp_path: Path) -> None:
    framework, path = recorded
    answers, connection = told(path, tmp_path), ingested(path)
    check_steps(answers, connection)
    check_memory(answers, connection)
    assert _records(answers["kernel_stats"]) == _records(answers["hlo_stats"]) == []
    # xprof knows operators of a CPU by TensorFlow's names: of JAX it lists none, and we its HLO operations.
    assert check_operators(answers, connection) == {"tensorflow": 3, "jax": 0}[framework]
    assert connection.execute("SELECT count(*) >= 4 FROM op").fetchall() == [(True,)]


def check_operators(answers: Told, connection: duckdb.DuckDBPyConnection) -> int:
    """Total and self time of each operator of the host, by its node and type."""
    query = "SELECT count(*), sum(dur_ns) / 1000, sum(self_ns) / 1000 FROM op WHERE module = ? AND name = ?"
    rows = of_framework(answers, "Host")
    for row in rows:
        [(count, total, own)] = connection.execute(query, [row["operation"], row["type"]]).fetchall()
        assert (total, own) == (pytest.approx(row["total_time"]), pytest.approx(row["total_self_time"]))
        # A node that is called MatMul occurs twice to xprof for each event of the file; its time counts once.
        assert row["occurrences"] == count * (2 if row["operation"].split("/")[-1] == "MatMul" else 1)
    return len(rows)


def check_steps(answers: Told, connection: duckdb.DuckDBPyConnection) -> None:
    """The spans of the marks, which xprof tells in tenths of a millisecond: a step of ours reaches to the next one."""
    page = {name: value for table in answers["overview_page"] for name, value in (table.get("p") or {}).items()}
    query = "SELECT avg(dur_ns) / 1e6, min(dur_ns) / 1e6, max(dur_ns) / 1e6 FROM annotation WHERE kind = 'step'"
    told = [float(page[f"steptime_ms_{name}"]) for name in ("average", "minimum", "maximum")]
    assert list(connection.execute(query).fetchall()[0]) == pytest.approx(told, abs=0.051)
    assert told[0] > 0


def check_memory(answers: Told, connection: duckdb.DuckDBPyConnection) -> None:
    """The allocators' own peaks, and the most that was in use while the trace ran."""
    query = """
        SELECT allocator, max(peak_bytes), max(allocated_bytes), max(allocated_bytes + coalesce(reserved_bytes, 0))
        FROM memory_event
        GROUP BY ALL
    """
    ours = {name.removeprefix("TPU_"): figures for name, *figures in connection.execute(query).fetchall()}
    theirs = answers["memory_profile"].get("memoryProfilePerAllocator", {})
    assert ours.keys() == theirs.keys()
    for name, told in theirs.items():
        at_peak = told["profileSummary"]["peakStats"]
        lifetime, allocated, held = ours[name]
        assert lifetime == int(told["profileSummary"]["peakBytesUsageLifetime"])
        # A TPU reserves the stack of a program beside its heap; what a pool of a GPU holds is no use to xprof.
        has_stack = at_peak["stackReservedBytes"] != "0"
        assert (held if has_stack else allocated) == int(at_peak["peakBytesInUse"])


def of_framework(answers: Told, where: str) -> list[dict[str, Any]]:
    """The operators of framework_op_stats on the host or the device, idle time left out."""
    rows = _records(answers["framework_op_stats"])
    return [row for row in rows if row["host_or_device"] == where and row["type"] not in ("IDLE", "XlaModule")]


def of_device(answers: Told) -> list[dict[str, Any]]:
    return of_framework(answers, "Device")


def sum_of(rows: list[dict[str, Any]], column: str) -> float:
    return sum(float(row[column]) for row in rows)
