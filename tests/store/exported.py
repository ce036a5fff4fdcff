"""A run of two ranks for exports, by hand: slices that nest and that cross, kernels that overlap, counters, two clocks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb

from crossprof.store import Store, write_part
from crossprof.store.catalog import create_base
from crossprof.store.publish import publish

BASE = 1_780_000_000_123_456_789  # a double would lose its last digits
OFFSET = {0: 0, 1: 1_000}
RUN = "two-ranks"
_TABLES = """
INSERT INTO base.run BY NAME SELECT 'two-ranks' AS run_id, 'two' AS run,
    'torch' AS framework, 2 AS world_size, $at AS started_ns;
INSERT INTO base.rank BY NAME SELECT 'two-ranks' AS run_id, $rank AS rank, 'here' AS host, 'boot' AS boot_id, 4242 AS pid,
    $rank * 1000 AS clock_offset_ns;
INSERT INTO base.device BY NAME SELECT 'two-ranks' AS run_id, $rank AS rank, 0 AS device_id, 'gpu' AS kind, 'H100' AS model;
INSERT INTO base.step BY NAME SELECT 'two-ranks' AS run_id, $rank AS rank, * FROM (VALUES
    (0, $at, 100, true, true, 8), (1, $at + 100, 100, true, false, 8)
) AS t (step, start_ns, dur_ns, is_profiled, is_warmup, samples);
-- linear holds mm, which ends with it; the range crosses relu; the next op begins where the last ends; one takes no time.
INSERT INTO base.op BY NAME SELECT 'two-ranks' AS run_id, $rank AS rank, 'main' AS thread, * FROM (VALUES
    (0, 'aten::linear', 'gemm', $at + 10, 30, 20, 0, '[[2,3],[3,4]]', NULL),
    (1, 'aten::mm', 'gemm', $at + 30, 10, 10, 0, NULL, 'torch/nn.py(7): forward;train.py(3): <module>'),
    (2, 'aten::relu', 'elementwise', $at + 40, 20, 20, 0, NULL, NULL),
    (3, 'aten::item', 'other', $at + 60, 0, 0, 0, NULL, NULL),
    (4, 'aten::mm', 'gemm', $at + 110, 20, 20, 1, NULL, NULL)
) AS t (op_id, name, category, start_ns, dur_ns, self_ns, step, shapes, stack);
INSERT INTO base.annotation BY NAME SELECT 'two-ranks' AS run_id, $rank AS rank, * FROM (VALUES
    ('forward', 'user', $at + 50, 30, 'main', NULL, 0), ('forward', 'device', $at + 60, 90, '7', 0, 0)
) AS t (name, kind, start_ns, dur_ns, thread, device_id, step);
INSERT INTO base.runtime_call BY NAME SELECT 'two-ranks' AS run_id, $rank AS rank, 'main' AS thread, * FROM (VALUES
    (0, 'cudaLaunchKernel', 'launch', $at + 32, 4, 0), (1, 'cudaGraphLaunch', 'graph_launch', $at + 112, 8, 1)
) AS t (call_id, name, kind, start_ns, dur_ns, step);
-- The second kernel begins before the first has ended.
INSERT INTO base.kernel BY NAME SELECT 'two-ranks' AS run_id, $rank AS rank, 0 AS device_id, 'kernel' AS kind, '7' AS stream, *
FROM (VALUES
    ('sgemm', 'gemm', 0, $at + 60, 40, 0, 0, '8,1,1'),
    ('sgemm "π"', 'gemm', 1, $at + 90, 20, NULL, NULL, NULL),
    ('relu', 'elementwise', 2, $at + 120, 30, 1, 1, NULL), ('sgemm', 'gemm', 3, $at + 150, 10, 1, 1, NULL)
) AS t (name, category, kernel_id, start_ns, dur_ns, call_id, step, grid);
INSERT INTO base.memory_event BY NAME SELECT 'two-ranks' AS run_id, $rank AS rank, 0 AS device_id, * FROM (VALUES
    ($at + 30, 100, 100, 1000), ($at + 30, -40, 60, NULL), ($at + 130, 0, NULL, 2000)
) AS t (at_ns, bytes, allocated_bytes, reserved_bytes);
INSERT INTO base.sample BY NAME SELECT 'two-ranks' AS run_id, $rank AS rank, * FROM (VALUES
    (0, $at + 20, 'hw.gpu.utilization', 0.5, '1', true), (0, $at + 120, 'hw.gpu.utilization', 0.75, '1', true),
    (0, $at + 140, 'hw.gpu.utilization', NULL, '1', false), (NULL, $at + 20, 'system.memory.usage', 7.0, 'By', true)
) AS t (device_id, at_ns, metric, value, unit, is_valid)
"""
_SLICES = """
    WITH told AS (
        SELECT rank, 'step' AS category, 'step ' || step AS name, start_ns, dur_ns FROM step WHERE run_id = $1
        UNION ALL SELECT rank, kind, name, start_ns, dur_ns FROM annotation WHERE run_id = $1
        UNION ALL SELECT rank, category, name, start_ns, dur_ns FROM op WHERE run_id = $1
        UNION ALL SELECT rank, kind, name, start_ns, dur_ns FROM runtime_call WHERE run_id = $1
        UNION ALL SELECT rank, category, name, start_ns, dur_ns FROM kernel WHERE run_id = $1
    )
    SELECT rank, category, name, start_ns + coalesce(clock_offset_ns, 0), dur_ns
    FROM told JOIN (SELECT rank, clock_offset_ns FROM rank WHERE run_id = $1) USING (rank)
"""
_READINGS = """
    WITH told AS (
        SELECT rank, at_ns, allocated_bytes::DOUBLE AS value FROM memory_event WHERE run_id = $1
        UNION ALL SELECT rank, at_ns, reserved_bytes FROM memory_event WHERE run_id = $1
        UNION ALL SELECT rank, at_ns, value FROM sample WHERE run_id = $1 AND is_valid
    )
    SELECT rank, at_ns + coalesce(clock_offset_ns, 0), value
    FROM told JOIN (SELECT rank, clock_offset_ns FROM rank WHERE run_id = $1) USING (rank) WHERE value IS NOT NULL
"""


def write(root: Path) -> Path:
    """A published store with the run."""
    for rank in (0, 1):
        with duckdb.connect() as connection:
            create_base(connection)
            for statement in _TABLES.split(";\n"):
                values = {"rank": rank, "at": BASE - OFFSET[rank]}
                used = {key: value for key, value in values.items() if f"${key}" in statement}
                connection.execute(statement, used)
            write_part(connection, root, run_id=RUN, rank=rank, content_sha256=f"{rank}")
    publish(root)
    return root


def slices(store: Store, run_id: str) -> Counter[tuple[int, str, str, int, int]]:
    """Rank, category, name, start on the run's clock and duration of every slice that the store holds."""
    return Counter(store.sql(_SLICES, [run_id]).fetchall())


def readings(store: Store, run_id: str) -> Counter[tuple[int, int, float]]:
    """Rank, time on the run's clock and value of every reading that the store holds."""
    return Counter(store.sql(_READINGS, [run_id]).fetchall())
