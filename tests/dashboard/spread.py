"""A store of made-up runs for the pages Memory, Ranks and Scaling, small enough to check by hand. Nothing was measured."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import duckdb

from crossprof.store.part_writer import write_part
from crossprof.store.publish import publish

MILLISECOND = 1_000_000
STARTED_NS = 1_780_000_000_000_000_000
MIB = 1 << 20


def part(path: Path, run_id: str, rank: int, sql: str, **run: object) -> None:
    """Write one rank of a run of H100s, with what `sql` inserts: $run_id, $rank and $t0 in it are the part's own."""
    fields = {"framework": "torch", "model": "bert", "precision": "bf16", "batch_size": 8, "world_size": 1, **run}
    with duckdb.connect() as connection:
        connection.execute(files("crossprof.store").joinpath("schema.sql").read_text("utf-8"))
        named = ", ".join(f"? AS {name}" for name in fields)
        connection.execute(
            f"INSERT INTO run BY NAME SELECT ? AS run_id, ? AS run, {named}, 'training' AS phase, 'gpu' AS device_kind, "
            "'NVIDIA H100 80GB HBM3' AS device_model, 1 AS device_count, ? AS started_ns, 'completed' AS status, "
            "'recording' AS source",
            [run_id, run_id, *fields.values(), STARTED_NS],
        )
        for statement in sql.replace("$run_id", f"'{run_id}'").replace("$rank", str(rank)).split(";"):
            if statement.strip():
                connection.execute(statement.replace("$t0", str(STARTED_NS)))
        write_part(connection, path, run_id=run_id, rank=rank, content_sha256=f"{run_id}-{rank}")


RANK = "INSERT INTO rank BY NAME SELECT $run_id AS run_id, $rank AS rank, 'completed' AS status;"

# Two steps of 10 ms. 64 MiB from 2 ms on, 32 more from 4 to 6 ms: the peak is 96 of 128 MiB. The driver sees 200, then 300 MiB.
MEMORY = f"""
{RANK}
INSERT INTO step BY NAME SELECT $run_id AS run_id, $rank AS rank, n AS step, $t0 + n * 10000000 AS start_ns, 10000000 AS dur_ns,
    true AS is_profiled, false AS is_warmup, 0 AS capture FROM range(2) AS steps(n);
INSERT INTO op BY NAME SELECT $run_id AS run_id, $rank AS rank, 0 AS op_id, 0 AS depth, 'aten::mm' AS name, 'gemm' AS category,
    $t0 + 3500000 AS start_ns, 1000000 AS dur_ns, 1000000 AS self_ns, 'main' AS thread, 0 AS step, true AS is_backward;
INSERT INTO memory_event BY NAME SELECT $run_id AS run_id, $rank AS rank, 0 AS device_id, $t0 + at_ms * 1000000 AS at_ns,
    mib * {MIB} AS bytes, address, allocated * {MIB} AS allocated_bytes, 128 * {MIB} AS reserved_bytes, 'cuda' AS allocator,
    0 AS step, line AS source_line
FROM (VALUES (2, 64, 1, 64, 'train.py:10'), (4, 32, 2, 96, 'model.py:20'), (6, -32, 2, 64, 'model.py:20'))
    AS t (at_ms, mib, address, allocated, line);
INSERT INTO sample BY NAME SELECT $run_id AS run_id, $rank AS rank, 0 AS device_id, $t0 + at_ms * 1000000 AS at_ns,
    'hw.gpu.memory.usage' AS metric, mib * {MIB} AS value, 'By' AS unit, true AS is_valid
FROM (VALUES (1, 200), (12, 300)) AS t (at_ms, mib);
"""

# Six steps of 100 ms, the first of warm-up, all profiled. Rank 2 computes 60 ms where the others do 40, so they wait 20 ms
# in the all_reduce of 10 ms. The last step of rank 1 is 8 ms longer. Rank 3 starts 2 ms late, by a clock known to 0.5 ms.
JOB = """
INSERT INTO rank BY NAME SELECT $run_id AS run_id, $rank AS rank, 'completed' AS status, 0 AS clock_offset_ns,
    if($rank = 3, 500000, NULL) AS clock_residual_ns;
INSERT INTO step BY NAME SELECT $run_id AS run_id, $rank AS rank, n AS step,
    $t0 + n * 100000000 + if($rank = 3, 2000000, 0) AS start_ns, 100000000 + if($rank = 1 AND n = 5, 8000000, 0) AS dur_ns,
    true AS is_profiled, n = 0 AS is_warmup, 0 AS capture, 8 AS samples
FROM range(6) AS steps(n);
INSERT INTO kernel BY NAME SELECT run_id, rank, 0 AS device_id, step * 2 AS kernel_id, 'sgemm' AS name, 'kernel' AS kind,
    'gemm' AS category, start_ns, if($rank = 2, 60000000, 40000000) AS dur_ns, '7' AS stream, step, step AS device_step
FROM step;
INSERT INTO kernel BY NAME SELECT run_id, rank, 0 AS device_id, step * 2 + 1 AS kernel_id,
    'ncclDevKernel_AllReduce_Sum_f32' AS name, 'collective' AS kind, 'communication' AS category,
    start_ns + if($rank = 2, 60000000, 40000000) AS start_ns, if($rank = 2, 10000000, 30000000) AS dur_ns, '8' AS stream,
    step, step AS device_step, 1048576 AS bytes, 'dp' AS process_group, 4 AS group_size
FROM step;
"""

# Ten bare steps a rank, as long as said, of as many samples as the batch of a rank.
SCALE = f"""
{RANK}
INSERT INTO step BY NAME SELECT $run_id AS run_id, $rank AS rank, n AS step, $t0 + n * $step_ns AS start_ns, $step_ns AS dur_ns,
    false AS is_profiled, false AS is_warmup, $batch AS samples FROM range(10) AS steps(n)
"""
# run: ranks in the store, ranks of the job, batch of a rank, step in ms. Ideal of weak2: 160 samples/s; weak3 lacks a rank.
SCALES = {
    "one": (1, 1, 8, 100),
    "weak2": (2, 2, 8, 125),
    "strong2": (2, 2, 4, 80),
    "weak3": (2, 3, 8, 130),
    "weak4": (4, 4, 8, 160),
}


def write_spread(path: Path) -> Path:
    """A published store of these runs."""
    part(path, "memory-a", 0, MEMORY, model="memory")
    part(path, "memory-b", 0, MEMORY.replace("64", "80").replace("96", "112"), model="memory", framework="jax")
    for rank in range(4):
        part(path, "job", rank, JOB, world_size=4, model="job")
    for run_id, (present, world, batch, step_ms) in SCALES.items():
        sql = SCALE.replace("$step_ns", str(step_ms * MILLISECOND)).replace("$batch", str(batch))
        for rank in range(present):
            part(path, run_id, rank, sql, world_size=world, batch_size=batch)
    publish(path)
    return path
