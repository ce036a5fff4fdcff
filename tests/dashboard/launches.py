"""A store of two small runs whose kernels know their launches, every time of which a person can check. Nothing was measured.

Each run has a warm-up step and two measured ones, of 1 ms. In each: an operator `aten::mm` from 100 µs for 200 µs; inside it,
at 150 µs, the call that launches a gemm, which runs on stream 7 from 400 µs; then a copy on stream 8, and a call that waits for
both. In the second run the gemm takes 300 µs, in the first 200 µs; everything else is the same.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import duckdb

ZERO_NS = 1_780_000_000_000_000_000
US = 1_000
RUNS = {"launch-a": ("first", 200 * US), "launch-b": ("second", 300 * US)}
GEMM = "void cutlass::Kernel2<cutlass_80_tensorop_f16_s16816gemm_64x64>(Params)"

_STEPS = """
    INSERT INTO step BY NAME SELECT $run_id AS run_id, 0 AS rank, n + 3 AS step, $zero + n * 1000000 AS start_ns,
        1000000 AS dur_ns, true AS is_profiled, n = 0 AS is_warmup, 0 AS capture, 'crossprof' AS source
    FROM range(3) AS steps(n);
"""
_OPS = """
    INSERT INTO op BY NAME SELECT $run_id AS run_id, 0 AS rank, n * 10 AS op_id, 0 AS depth, 'aten::mm' AS name,
        'gemm' AS category, $zero + n * 1000000 + 100000 AS start_ns, 200000 AS dur_ns, 150000 AS self_ns, '11' AS thread,
        n + 3 AS step,
        '[[64, 64]]' AS shapes FROM range(3) AS steps(n);
"""
_CALLS = """
    INSERT INTO runtime_call BY NAME SELECT $run_id AS run_id, 0 AS rank, n * 10 + place AS call_id, name, kind,
        $zero + n * 1000000 + offset_ns AS start_ns, dur AS dur_ns, '11' AS thread, n * 10 + place AS correlation_id,
        if(place = 0, n * 10, NULL) AS op_id, n + 3 AS step
    FROM range(3) AS steps(n), (VALUES (0, 'cudaLaunchKernel', 'launch', 150000, 20000),
        (1, 'cudaMemcpyAsync', 'memcpy', 320000, 10000), (2, 'cudaStreamSynchronize', 'sync', 350000, 400000))
        AS calls(place, name, kind, offset_ns, dur);
"""
_KERNELS = """
    INSERT INTO kernel BY NAME SELECT $run_id AS run_id, 0 AS rank, 0 AS device_id, n * 10 + place AS kernel_id, name, kind,
        category, $zero + n * 1000000 + offset_ns AS start_ns, dur AS dur_ns, stream, n * 10 + place AS correlation_id,
        n * 10 + place AS call_id,
        if(place = 0, n * 10, NULL) AS op_id, n + 3 AS step, n + 3 AS device_step, if(place = 0, 'aten::mm', NULL) AS op_name,
        if(place = 0, '8,1,1', NULL) AS grid, if(place = 0, '128,1,1', NULL) AS block,
        $zero + n * 1000000 + if(place = 0, 150000, 320000) AS launch_ns
    FROM range(3) AS steps(n), (VALUES (0, $gemm, 'kernel', 'gemm', 400000, $gemm_ns, '7'),
        (1, 'Memcpy HtoD (Pinned -> Device)', 'memcpy', 'copy', 450000, 100000, '8'))
        AS work(place, name, kind, category, offset_ns, dur, stream);
"""


def write_store(path: Path) -> Path:
    """Write the two runs as parts of a new store and publish it; and a third that recorded no event."""
    from crossprof.store import publish, write_part

    for run_id, (name, gemm_ns) in {**RUNS, "launch-none": ("silent", 0)}.items():
        with duckdb.connect() as connection:
            connection.execute(files("crossprof.store").joinpath("schema.sql").read_text("utf-8"))
            _describe(connection, run_id, name)
            if gemm_ns:
                for statement in (_STEPS, _OPS, _CALLS):
                    connection.execute(statement, {"run_id": run_id, "zero": ZERO_NS})
                connection.execute(_KERNELS, {"run_id": run_id, "zero": ZERO_NS, "gemm": GEMM, "gemm_ns": gemm_ns})
            write_part(connection, path, run_id=run_id, rank=0, content_sha256=run_id)
    publish(path)
    return path


def _describe(connection: duckdb.DuckDBPyConnection, run_id: str, name: str) -> None:
    connection.execute(
        "INSERT INTO run BY NAME SELECT ? AS run_id, ? AS run, 'torch' AS framework, 1 AS world_size, 'gpu' AS device_kind, "
        "? AS started_ns, 'imported' AS status, 'trace' AS source",
        [run_id, name, ZERO_NS],
    )
    connection.execute("INSERT INTO rank BY NAME SELECT ? AS run_id, 0 AS rank, 0 AS clock_offset_ns", [run_id])
    connection.execute("INSERT INTO device BY NAME SELECT ? AS run_id, 0 AS rank, 0 AS device_id, 'gpu' AS kind", [run_id])
