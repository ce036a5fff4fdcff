"""Time by module of the model, on a run that a person can check by hand."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import duckdb
import pytest

# Net runs 0-100 and 200-250, in it Block 10-60, in that Linear 20-40 and 40-50. Work is launched in Linear at 20 (7 ns) and
# 45 (3 ns), in Block at 50 (2 ns) and 59 (1 ns), in Net at 60 (4 ns) and 210 (5 ns), outside at 100 (6 ns) and on another
# thread at 30 (8 ns); the launch of the last (9 ns) is not in the file.
RUN = """
INSERT INTO base.run (run_id, run) VALUES ('r', 'modules');
INSERT INTO base.rank (run_id, rank) VALUES ('r', 0);
INSERT INTO base.annotation BY NAME SELECT 'r' AS run_id, 0 AS rank, 'python' AS kind, * FROM (VALUES
    ('nn.Module: Net_0', 0, 100, 'main'), ('nn.Module: Block_0', 10, 50, 'main'), ('nn.Module: Linear_0', 20, 20, 'main'),
    ('nn.Module: Linear_0', 40, 10, 'main'), ('nn.Module: Net_0', 200, 50, 'main'), ('forward', 0, 100, 'main')
) AS t (name, start_ns, dur_ns, thread);
INSERT INTO base.runtime_call BY NAME
SELECT 'r' AS run_id, 0 AS rank, 'cudaLaunchKernel' AS name, 'launch' AS kind, 1 AS dur_ns, * FROM (VALUES
    (0, 20, 'main'), (1, 45, 'main'), (2, 50, 'main'), (3, 59, 'main'), (4, 60, 'main'), (5, 210, 'main'),
    (6, 100, 'main'), (7, 30, 'backward')
) AS t (call_id, start_ns, thread);
INSERT INTO base.kernel BY NAME
SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, i AS kernel_id, 'k' AS name, 'kernel' AS kind, 'gemm' AS category,
    300 + 10 * i AS start_ns,
    [7, 3, 2, 1, 4, 5, 6, 8, 9][i + 1] AS dur_ns, nullif(i, 8) AS call_id, call.start_ns AS launch_ns
FROM range(9) AS work (i)
LEFT JOIN base.runtime_call AS call ON call.call_id = i;
"""


@pytest.fixture
def run(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    with tiny.connect() as connection:
        connection.execute(RUN)
        yield connection


def test_work_belongs_to_the_innermost_module_around_its_launch(run: duckdb.DuckDBPyConnection) -> None:
    found = run.sql("""
        SELECT module, calls, host_ns, self_host_ns, kernels, device_ns, self_device_ns
        FROM module_summary ORDER BY module NULLS LAST
    """).fetchall()
    assert found == [
        ("Net_0", 2, 150, 100, 2, 22, 9),
        ("Net_0/Block_0", 1, 50, 20, 2, 13, 3),
        ("Net_0/Block_0/Linear_0", 2, 30, 30, 2, 10, 10),
        (None, 0, None, None, 3, 23, 23),
    ]


def test_without_modules_what_the_trace_names_stands_in(run: duckdb.DuckDBPyConnection) -> None:
    run.execute("DELETE FROM base.annotation; UPDATE base.kernel SET module = 'jit_step' WHERE kernel_id < 2")
    run.execute("""
        INSERT INTO base.op (run_id, rank, op_id, name, category, start_ns, dur_ns, self_ns, module)
        VALUES ('r', 0, 0, 'MatMul', 'gemm', 0, 10, 10, 'dense/MatMul'), ('r', 0, 1, 'MatMul', 'gemm', 20, 5, 5, 'dense/MatMul')
    """)
    found = run.sql("SELECT module, calls, host_ns, kernels, device_ns FROM module_summary ORDER BY module").fetchall()
    assert found == [("dense/MatMul", 2, 15, 0, 0), ("jit_step", 0, None, 2, 10)]
