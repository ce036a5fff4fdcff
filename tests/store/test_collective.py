"""Collectives over ranks, and stragglers, on a job of two ranks that a person can check by hand."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Rank 1 computes 60 ns where rank 0 computes 20: rank 0 waits 40 in the all_reduce, which takes 10 once both are there.
# The clock of rank 1 is 1000 ns ahead. The all_gather of step 1 runs beside compute on rank 0 from 130 on.
JOB = """
INSERT INTO base.run (run_id, run, world_size) VALUES ('r', 'pair', 2);
INSERT INTO base.rank (run_id, rank) VALUES ('r', 0), ('r', 1);
INSERT INTO base.step BY NAME SELECT 'r' AS run_id, * FROM (VALUES
    (0, 0, 0, 100, true, false, 0), (0, 1, 100, 100, true, false, 0),
    (1, 0, 1000, 110, true, false, 0), (1, 1, 1110, 90, true, false, 0)
) AS t (rank, step, start_ns, dur_ns, is_profiled, is_warmup, capture);
INSERT INTO base.kernel BY NAME
SELECT 'r' AS run_id, 0 AS device_id, 'dp' AS process_group, 2 AS group_size, 'other' AS category, step AS device_step, *
FROM (VALUES
    (0, 0, 'gemm', 'kernel', 0, 20, 0, NULL), (0, 1, 'ncclDevKernel_AllReduce_Sum_f32', 'collective', 20, 50, 0, 1000),
    (0, 2, 'ncclDevKernel_AllGather_RING', 'collective', 120, 20, 1, 500), (0, 3, 'gemm', 'kernel', 130, 30, 1, NULL),
    (1, 0, 'gemm', 'kernel', 1000, 60, 0, NULL), (1, 1, 'ncclDevKernel_AllReduce_Sum_f32', 'collective', 1060, 10, 0, 1000),
    (1, 2, 'ncclDevKernel_AllGather_RING', 'collective', 1120, 20, 1, 500), (1, 3, 'gemm', 'kernel', 1150, 30, 1, NULL)
) AS t (rank, kernel_id, name, kind, start_ns, dur_ns, step, bytes);
"""


@pytest.fixture
def job(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    with tiny.connect() as connection:
        connection.execute(JOB)
        yield connection


def test_waiting_is_told_from_transfer(job: duckdb.DuckDBPyConnection) -> None:
    found = job.sql("""
        SELECT rank, operation, from_bytes, total_ns, transfer_ns, wait_ns, exposed_ns
        FROM collective_summary ORDER BY operation, rank
    """).fetchall()
    assert found == [
        (0, "all_gather", 256, 20, 20, 0, 10),
        (1, "all_gather", 256, 20, 20, 0, 20),
        (0, "all_reduce", 512, 50, 10, 40, 50),
        (1, "all_reduce", 512, 10, 10, 0, 10),
    ]


def test_bandwidths_are_those_of_the_nccl_tests(job: duckdb.DuckDBPyConnection) -> None:
    found = job.sql("""
        SELECT operation, algorithm_bytes_per_second, bus_bytes_per_second
        FROM collective_summary WHERE rank = 0 ORDER BY operation
    """).fetchall()
    gather, reduce = (1000 / 20e-9, 1000 / 20e-9 / 2), (1000 / 10e-9, 1000 / 10e-9 * 2 * 1 / 2)
    assert [row[0] for row in found] == ["all_gather", "all_reduce"]
    assert [row[1:] for row in found] == [pytest.approx(gather), pytest.approx(reduce)]


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("ncclKernel_ReduceScatter_RING_LL_Sum_half", "reduce_scatter"),
        ("ncclDevKernel_Reduce_Sum_f32", "reduce"),
        ("ncclDevKernel_SendRecv", "send_recv"),
        ("void vllm::cross_device_reduce_2stage<half>", "all_reduce"),
        ("all-to-all", "all_to_all"),
        ("ncclKernel_Broadcast_RING_LL_Sum_int8_t", "broadcast"),
        ("deep_ep::internode::dispatch", None),
    ],
)
def test_the_operation_is_told_by_the_name(job: duckdb.DuckDBPyConnection, name: str, operation: str | None) -> None:
    job.execute("UPDATE base.kernel SET name = ? WHERE kernel_id = 1", [name])
    found = job.sql("SELECT DISTINCT operation FROM _collective WHERE kernel_id = 1").fetchall()
    assert found == [(operation,)]


def test_ranks_that_do_not_match_say_nothing_of_waiting(job: duckdb.DuckDBPyConnection) -> None:
    job.execute("DELETE FROM base.kernel WHERE rank = 1 AND kernel_id = 1")
    assert job.sql("SELECT wait_ns FROM collective_summary WHERE operation = 'all_reduce'").fetchall() == [(None,)]


def test_the_rank_that_others_wait_for_is_named(job: duckdb.DuckDBPyConnection) -> None:
    found = job.sql("""
        SELECT rank, dur_ns, compute_ns, wait_ns, slowest_rank, spread_ns, imbalance_ratio, most_compute_rank,
            compute_imbalance_ratio, awaited_rank
        FROM straggler WHERE step = 0 ORDER BY rank
    """).fetchall()
    assert found == [
        (0, 100, 20, 40, 1, 10, pytest.approx(110 / 105), 1, 60 / 40, 1),
        (1, 110, 60, 0, 1, 10, pytest.approx(110 / 105), 1, 60 / 40, 1),
    ]


def test_metrics_of_collectives(job: duckdb.DuckDBPyConnection) -> None:
    found = job.sql("SELECT metric, rank, step, value FROM _collective_sample ORDER BY metric, rank, step").fetchall()
    assert found == [
        ("bus_bandwidth", 0, 0, 100.0),
        ("bus_bandwidth", 0, 1, 25.0),
        ("bus_bandwidth", 1, 0, 100.0),
        ("bus_bandwidth", 1, 1, 25.0),
        ("collective_wait_time", 0, 0, 40.0),
        ("collective_wait_time", 0, 1, 0.0),
        ("collective_wait_time", 1, 0, 0.0),
        ("collective_wait_time", 1, 1, 0.0),
    ]


work = st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(0, 15)), max_size=10)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(work)
def test_exposed_is_what_no_kernel_runs_beside(job: duckdb.DuckDBPyConnection, work: list[tuple[bool, int, int]]) -> None:
    job.execute("DELETE FROM base.kernel")
    for number, (is_collective, start, length) in enumerate(work):
        job.execute(
            "INSERT INTO base.kernel BY NAME SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, 'other' AS category, "
            "? AS kernel_id, ? AS name, ? AS kind, ? AS start_ns, ? AS dur_ns",
            [number, f"k{number}", "collective" if is_collective else "kernel", start, length],
        )
    compute = {ns for is_collective, start, length in work if not is_collective for ns in range(start, start + length)}
    expected = {
        (f"k{number}", len(set(range(start, start + length)) - compute))
        for number, (is_collective, start, length) in enumerate(work)
        if is_collective
    }
    assert set(job.sql("SELECT name, exposed_ns FROM collective_summary").fetchall()) == expected
