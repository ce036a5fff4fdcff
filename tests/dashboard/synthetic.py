"""A synthetic store: made-up runs written as real parts and published. No figure in it was measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

SECOND = 1_000_000_000
STARTED_NS = 1_780_000_000 * SECOND

_OPERATORS = {
    "torch": (("aten::addmm", "gemm", 0.42), ("aten::bmm", "gemm", 0.16), ("aten::gelu", "elementwise", 0.09),
              ("aten::native_layer_norm", "norm", 0.07), ("aten::_softmax", "softmax", 0.06), ("aten::copy_", "copy", 0.04)),
    "tensorflow": (("MatMul", "gemm", 0.45), ("BatchMatMulV2", "gemm", 0.13),
                   ("Erf", "elementwise", 0.12), ("Softmax", "softmax", 0.05)),
    "jax": (("dot_general", "gemm", 0.5), ("loop_multiply_fusion", "fusion", 0.2), ("reduce-window", "reduce", 0.06)),
}  # fmt: skip

_KERNELS = (
    ("ampere_sgemm_128x64_tn", "kernel", "gemm", 0.46),
    ("void at::native::vectorized_elementwise_kernel<4, at::native::GeluFunctor<float>, Array<char*, 2ul>>(int, char*)",
     "kernel", "elementwise", 0.18),
    ("void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float>>(float)", "kernel", "reduce", 0.08),
    ("Memcpy HtoD (Pinned -> Device)", "memcpy", "memcpy", 0.03),
)  # fmt: skip


@dataclass(frozen=True)
class SyntheticRun:
    run_id: str
    run: str
    framework: str
    version: str
    step_ns: int
    device: str = "cpu"
    batch_size: int = 32
    precision: str = "float32"
    at: int = 0


DEMO = (
    SyntheticRun("syn-torch-0001", "tiny-transformer", "torch", "2.13.0", 52_000_000, at=0),
    SyntheticRun("syn-tensorflow-1", "tiny-transformer-tf", "tensorflow", "2.21.0", 71_000_000, at=60),
    SyntheticRun("syn-jax-00000001", "tiny-transformer-jax", "jax", "0.10.2", 41_000_000, at=120),
    SyntheticRun("syn-torch-0002", "tiny-transformer", "torch", "2.13.0", 52_100_000, at=180),
    SyntheticRun("syn-torch-gpu-1", "bert-base", "torch", "2.13.0", 21_000_000, device="gpu", precision="bf16", at=240),
    SyntheticRun("syn-torch-gpu-2", "bert-base-fp32", "torch", "2.13.0", 33_000_000, device="gpu", at=300),
)


def fill(connection: duckdb.DuckDBPyConnection, run: SyntheticRun) -> None:
    """Insert one run into the tables of schema.sql of a connection."""
    started = STARTED_NS + run.at * SECOND
    is_gpu = run.device == "gpu"
    _run(connection, run, started)
    _steps(connection, run, started)
    for place, (name, category, share) in enumerate(_OPERATORS[run.framework]):
        _ops(connection, run, place, name=name, category=category, share=share * (0.6 if is_gpu else 1.0))
    if is_gpu:
        for place, (name, kind, category, share) in enumerate(_KERNELS):
            _kernels(connection, run, place, name=name, kind=kind, category=category, share=share)
    _samples(connection, run, started, is_gpu=is_gpu)


def _run(connection: duckdb.DuckDBPyConnection, run: SyntheticRun, started: int) -> None:
    is_gpu = run.device == "gpu"
    model = "NVIDIA H100 80GB HBM3" if is_gpu else "AMD EPYC 9654 96-Core Processor"
    ended = started + run.step_ns * 60
    connection.execute(
        """INSERT INTO run BY NAME SELECT ? AS run_id, ? AS run, ? AS framework, ? AS framework_version, 'transformer' AS model,
        ? AS precision, 'training' AS phase, ? AS batch_size, 1 AS world_size, ? AS device_kind, ? AS device_model,
        1 AS device_count, ? AS started_ns, ? AS ended_ns, 'completed' AS status, 'recording' AS source,
        'synthetic-host' AS host, '3.11.9' AS python_version, '0123456789abcdef0123' AS git_commit, true AS git_is_dirty,
        MAP {'tensorboard': '/logs/first', 'wandb': 'https://wandb.ai/us/transformer/runs/a1'} AS links,
        MAP {'precision': ?} AS tags, '{"layers": 2, "width": 128}' AS config, MAP {'numpy': '2.1.0', ?: ?} AS versions,
        MAP {'OMP_NUM_THREADS': '2'} AS environment, '{"schedule": "auto", "shapes": true}' AS options_requested,
        '{"schedule": "auto", "shapes": false}' AS options_effective, '0.1.0' AS crossprof_version""",
        [run.run_id, run.run, run.framework, run.version, run.precision, run.batch_size, run.device, model, started, ended,
         run.precision, run.framework, run.version],
    )  # fmt: skip
    connection.execute(
        """INSERT INTO rank BY NAME SELECT ? AS run_id, 0 AS rank, 0 AS local_rank, 'synthetic-host' AS host, 'boot' AS boot_id,
        4242 AS pid, 0 AS clock_offset_ns, ? AS started_ns, ? AS ended_ns, 'completed' AS status, 60 AS step_count,
        6 AS profiled_step_count, 1 AS capture_count, 0.004 AS sampler_cpu_ratio""",
        [run.run_id, started, ended],
    )
    connection.execute(
        """INSERT INTO device BY NAME SELECT ? AS run_id, 0 AS rank, ? AS device_id, ? AS kind, ? AS model,
        85899345920 AS memory_bytes, 'fake' AS source""",
        [run.run_id, 0 if is_gpu else -1, run.device, model],
    )
    connection.execute(
        """INSERT INTO finding VALUES (?, 0, 'synthetic', 'info', 1, 'These figures were made up for a test.', 'No meaning.'),
        (?, 0, 'ops_hidden', 'warning', 3, 'Cheap operators are missing after warm-up.', 'Coverage is low.')""",
        [run.run_id, run.run_id],
    )
    connection.execute(
        "INSERT INTO artifact VALUES (?, 0, ?, 'kineto', sha256(?), 1234567, 'moved', 0)",
        [run.run_id, f"artifacts/{run.run_id}/rank-0/capture-0/trace.json.gz", run.run_id],
    )


def _steps(connection: duckdb.DuckDBPyConnection, run: SyntheticRun, started: int) -> None:
    """Steps 0-1 unmeasured, 2-6 bare, 7-12 profiled (7 is warm-up), 13-59 bare; 2 % of even noise."""
    connection.execute(
        """INSERT INTO step BY NAME
        SELECT ? AS run_id, 0 AS rank, n AS step, ? + n * ?::BIGINT AS start_ns,
            (? * (CASE WHEN n < 2 THEN 3.0 WHEN n BETWEEN 7 AND 12 THEN 1.06 ELSE 1.0 END)
                * (0.98 + 0.04 * (hash(n * 7919 + ?) % 1000) / 1000.0))::BIGINT AS dur_ns,
            n BETWEEN 7 AND 12 AS is_profiled, n < 2 OR n = 7 AS is_warmup, CASE WHEN n BETWEEN 7 AND 12 THEN 0 END AS capture,
            ?::BIGINT AS samples, 'crossprof' AS source
        FROM range(60) AS steps(n)""",
        [run.run_id, started, run.step_ns, run.step_ns, run.at, run.batch_size],
    )


def _ops(
    connection: duckdb.DuckDBPyConnection, run: SyntheticRun, place: int, *, name: str, category: str, share: float
) -> None:
    connection.execute(
        """INSERT INTO op BY NAME
        SELECT run_id, 0 AS rank, step * 100 + ? AS op_id, 0 AS depth, ? AS name, ? AS category,
            start_ns + ? * 1000000 AS start_ns, (dur_ns * ?)::BIGINT AS dur_ns, (dur_ns * ?)::BIGINT AS self_ns,
            'main' AS thread, step
        FROM step WHERE run_id = ? AND is_profiled""",
        [place, name, category, place, share, share, run.run_id],
    )


def _kernels(
    connection: duckdb.DuckDBPyConnection, run: SyntheticRun, place: int, *, name: str, kind: str, category: str, share: float
) -> None:
    connection.execute(
        """INSERT INTO kernel BY NAME
        SELECT run_id, 0 AS rank, 0 AS device_id, step * 10 + ? AS kernel_id, ? AS name, ? AS kind, ? AS category,
            start_ns + (dur_ns * ?)::BIGINT AS start_ns, (dur_ns * ?)::BIGINT AS dur_ns, '7' AS stream, step,
            step AS device_step
        FROM step WHERE run_id = ? AND is_profiled""",
        [place, name, kind, category, place * 0.25, min(share, 0.25), run.run_id],
    )


def _samples(connection: duckdb.DuckDBPyConnection, run: SyntheticRun, started: int, *, is_gpu: bool) -> None:
    rows = [("process.cpu.utilization", -1, 1.6, 0.3, "1"), ("process.memory.usage", -1, 1.4e9, 2e8, "By")]
    if is_gpu:
        rows += [("hw.gpu.utilization", 0, 0.82, 0.1, "1"), ("hw.gpu.memory.usage", 0, 3.1e10, 2e9, "By")]
        rows += [(f"hw.gpu.{part}.activity", 0, 0.4, 0.05, "1") for part in ("sm", "tensor", "dram")]
        rows += [("hw.gpu.power", 0, 350.0, 20.0, "W"), ("hw.gpu.energy", 0, 1e6, 10.0, "J")]
    for metric, device_id, value, spread, unit in rows:
        connection.execute(
            """INSERT INTO sample BY NAME
            SELECT ? AS run_id, 0 AS rank, ? AS device_id, ? + n * 200000000 AS at_ns, ? AS metric,
                ? + ? * ((hash(n + ?) % 1000) / 1000.0 - 0.5) AS value, ? AS unit, true AS is_valid, 'fake' AS source
            FROM range(?) AS readings(n)""",
            [run.run_id, device_id, started, metric, value, spread, run.at, unit, max(3, run.step_ns * 60 // 200_000_000)],
        )


def write_store(path: Path, runs: tuple[SyntheticRun, ...] = DEMO) -> Path:
    """Write the runs as parts of a new store and publish it."""
    from importlib.resources import files

    from crossprof.store.part_writer import write_part
    from crossprof.store.publish import publish

    for run in runs:
        with duckdb.connect() as connection:
            connection.execute(files("crossprof.store").joinpath("schema.sql").read_text("utf-8"))
            fill(connection, run)
            write_part(connection, path, run_id=run.run_id, rank=0, content_sha256=run.run_id)
    publish(path)
    return path
