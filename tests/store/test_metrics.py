import duckdb
import numpy as np
import pytest
import tiny

from crossprof.store.compare import compare
from crossprof.store.metrics import fill_run_metric, registry, samples


def values(connection: duckdb.DuckDBPyConnection, run_id: str, rank: int | None = None) -> dict[str, float]:
    rows = connection.sql(
        "SELECT metric, value FROM run_metric WHERE run_id = ? AND rank IS NOT DISTINCT FROM ?::INTEGER AND value IS NOT NULL",
        params=[run_id, rank],
    ).fetchall()
    return dict(rows)


def test_the_registry_is_the_view(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    known = registry(tiny_runs)
    assert next(iter(known)) == "step_time"
    assert {"step_time_profiled", "throughput", "device_busy", "kernel_time", "peak_memory", "profiler_overhead"} <= set(known)
    for metric in known.values():
        assert metric.better in {"lower", "higher", "none"}
        assert metric.statistic in {"median", "mean", "p95", "p99", "max"}
        assert metric.across_ranks in {"max", "mean", "sum"}
        assert metric.comparable_across in {"any run", "same kind of device", "same framework"}


def test_a_run_of_one_rank_as_checked_by_hand(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    found = values(tiny_runs, "run-gpu")
    assert found == pytest.approx(
        {
            "step_time": 50,  # the bare steps 50, 60, 50; not the profiled ones of 100
            "step_time_profiled": 100,
            "step_time_mean": 160 / 3,
            "step_time_p95": 59,
            "step_time_p99": 59.8,
            "step_time_profiled_mean": 100,
            "step_time_profiled_p95": 100,
            "throughput": 4 / 50e-9,
            "profiler_overhead": 2,
            "device_busy": 130 / 200,
            "kernel_time": 70,  # 20 + 20 + 0 + 30, and 20 + 20 + 30 by launch, whole, though 20 of it run after the step
            "kernels_per_step": 3.5,
            "compute_time": 30,
            "communication_time": 25,
            "exposed_communication_time": 20,
            "communication_share": 50 / 200,
            "exposed_communication_share": 40 / 200,
            "copy_time": 20,
            "idle_time": 35,
            "op_time": 25,
            "op_coverage": 50 / 200,
            "peak_memory": 5000,
            "peak_memory_allocated": 300,
            "peak_memory_reserved": 1000,
            "device_utilization": 0.6,
            "sm_activity": 0.4,
            "tensor_activity": 0.2,
            "throttle_share": 1 / 2,
            "profiler_start_time": 40,
            "profiler_stop_time": 30,
            "profiler_export_time": 20,
            "trace_size": 2000,
            "sampler_cpu": 0.25,
            "energy_per_step": 4.6 / 460 * 72,
            "idle_host_time": 15,
            "idle_sync_time": 0,
            "idle_input_time": 0,
            "idle_launch_time": 5,
            "idle_kernel_time": 10,
            "idle_unknown_time": 5,
            "launch_latency": 10 / 2,
            "launch_time": (40 + 50) / 2,
            "launches_per_step": (4 + 2) / 2,
            "syncs_per_step": 0,
            "queue_depth": (80 + 140) / 200,
            "bus_bandwidth": 2 * 1000 / (30 + 20),  # bytes a ns: GB/s
            "energy_per_sample": 4.6 / 460 * 72 / 4,
            "category_coverage": 1,
            "memory_fragmentation": (1000 - 300) / 1000,
            "peak_memory_forward": 300,
            "flops_per_step": 2 * 2 * 3 * 4,
            "arithmetic_intensity": 48 / (2 * (6 + 12 + 8)),
            "flops_coverage": (20 + 50) / (70 + 70),
            "achieved_flops": 48 / (160e-9 / 3),
            "mfu": 48 / 989.5e12 / (160e-9 / 3),
        }
    )
    assert values(tiny_runs, "run-gpu", 0) == found


def test_the_busy_metric_is_the_view_s_ratio(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    rows = tiny_runs.sql("SELECT busy_ratio FROM device_busy WHERE scope = 'steps'").fetchall()
    assert [(values(tiny_runs, "run-gpu")["device_busy"],)] == rows


def test_ranks_are_joined_step_by_step(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    whole, first, second = values(tiny_runs, "run-cpu"), values(tiny_runs, "run-cpu", 0), values(tiny_runs, "run-cpu", 1)
    assert (first["step_time"], second["step_time"]) == (200, 200)
    assert whole["step_time"] == 205  # the slower rank of each step: 200 and 210
    assert whole["throughput"] == pytest.approx(first["throughput"] + second["throughput"], rel=0.01)
    assert (first["peak_memory"], second["peak_memory"], whole["peak_memory"]) == (9000, 8500, 9000)
    assert whole["op_coverage"] == pytest.approx(500 / 800)
    assert "device_busy" not in whole
    assert "profiler_overhead" not in whole


def test_a_metric_without_a_source_is_a_row_without_a_value(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    rows = tiny_runs.sql("SELECT metric, value, n, ci_low FROM run_metric WHERE run_id = 'run-empty'").fetchall()
    assert sorted(row[0] for row in rows) == sorted(registry(tiny_runs))
    assert {row[1:] for row in rows} == {(None, 0, None)}


def many_steps(*, runs: int = 1, steps: int = 60, is_gpu: bool = False) -> duckdb.DuckDBPyConnection:
    connection: duckdb.DuckDBPyConnection = tiny.to_roll_up()
    connection.execute("""
        INSERT INTO base.run (run_id, run) SELECT 'r' || i, 'run' FROM range(?) AS t (i);
    """, [runs])  # fmt: skip
    connection.execute("INSERT INTO base.rank (run_id, rank) SELECT run_id, 0 FROM base.run")
    connection.execute(
        """
        INSERT INTO base.step BY NAME
        SELECT run_id, 0 AS rank, i AS step, i * 2000 AS start_ns, if(i >= 10 AND i < 20, 1500, 1000) + i % 7 AS dur_ns,
            i BETWEEN 10 AND 19 AS is_profiled, i < 2 OR i = 10 AS is_warmup, if(i BETWEEN 10 AND 19, 0, NULL) AS capture,
            32 AS samples
        FROM base.run, range(?) AS t (i)
        """,
        [steps],
    )
    if is_gpu:  # one of the nine measured steps has a gap
        connection.execute("""
            INSERT INTO base.kernel BY NAME
            SELECT run_id, 0 AS rank, 0 AS device_id, step AS kernel_id, 'k' AS name, 'kernel' AS kind, 'gemm' AS category,
                start_ns, if(step = 15, dur_ns - 600, dur_ns) AS dur_ns, step
            FROM base.step
            WHERE is_profiled
        """)
    tiny.roll_up(connection)
    return connection


def test_intervals_hold_their_values() -> None:
    with many_steps() as connection:
        rows = connection.sql(
            "SELECT metric, value, n, ci_low, ci_high FROM run_metric WHERE rank IS NULL AND n > 0"
        ).fetchall()
    found = {row[0]: row[1:] for row in rows}
    assert set(found) == {
        *("step_time", "step_time_mean", "step_time_p95", "step_time_p99", "throughput", "profiler_overhead"),
        *("step_time_profiled", "step_time_profiled_mean", "step_time_profiled_p95"),
    }
    assert found["step_time"][1] == 48  # 60 less 10 profiled and 2 warm-up steps
    assert found["step_time_profiled"][1] == 9
    assert found["profiler_overhead"][0] == pytest.approx(1.5, abs=0.01)
    for value, _, low, high in found.values():
        assert low <= value <= high
        assert low > 0.9 * value


def test_the_interval_of_a_share_stays_below_one() -> None:
    with many_steps(is_gpu=True) as connection:
        rows = connection.sql(
            "SELECT value, n, ci_high FROM run_metric WHERE metric = 'device_busy' AND rank IS NULL"
        ).fetchall()
    ((value, n, high),) = rows
    assert 0.9 < value < high == 1.0
    assert n == 9


def test_filling_twice_leaves_one_row_each() -> None:
    with many_steps() as connection:
        before = connection.sql("SELECT count(*) FROM run_metric").fetchall()
        fill_run_metric(connection)
        assert connection.sql("SELECT count(*) FROM run_metric").fetchall() == before


def test_samples_are_in_time_order_and_of_the_runs_asked_for() -> None:
    with many_steps(runs=3) as connection:
        found = samples(connection, ["r1"], registry(connection))
    assert {one.run_id for one in found} == {"r1"}
    step_time = next(one for one in found if one.metric == "step_time")
    assert step_time.rank is None
    expected = [1000 + i % 7 for i in range(2, 60) if not 10 <= i < 20]
    assert np.array_equal(step_time.series.values, expected)


def several_ranks(*statements: str, device_kind: str = "gpu") -> duckdb.DuckDBPyConnection:
    """A run of two ranks on one host, forty steps each: twenty bare, then twenty profiled."""
    connection: duckdb.DuckDBPyConnection = tiny.to_roll_up()
    connection.execute("INSERT INTO base.run (run_id, run, world_size, device_kind) VALUES ('r', 'run', 2, ?)", [device_kind])
    connection.execute("INSERT INTO base.rank (run_id, rank, host) VALUES ('r', 0, 'h'), ('r', 1, 'h')")
    connection.execute("""
        INSERT INTO base.step BY NAME
        SELECT 'r' AS run_id, rank, i AS step, i * 1000 AS start_ns, i >= 20 AS is_profiled, false AS is_warmup,
            i % 3 + CASE WHEN rank = 0 THEN if(i < 20, 100, 200) ELSE if(i < 20, 200, 210) END AS dur_ns
        FROM range(40) AS steps (i), range(2) AS ranks (rank)
    """)
    for statement in statements:
        connection.execute(statement)
    tiny.roll_up(connection)
    return connection


def test_the_overhead_of_several_ranks_is_the_ratio_of_the_run_s_two_step_times() -> None:
    with several_ranks() as connection:
        whole = values(connection, "r")
        ((value, low, high),) = connection.sql(
            "SELECT value, ci_low, ci_high FROM run_metric WHERE metric = 'profiler_overhead' AND rank IS NULL"
        ).fetchall()
        assert value == whole["step_time_profiled"] / whole["step_time"] == pytest.approx(211 / 201, rel=0.01)
        assert low <= value <= high
        assert values(connection, "r", 0)["profiler_overhead"] == pytest.approx(2, rel=0.02)
        found = compare(connection, ["r"], [["r"]]).others[0].metric("profiler_overhead")
        assert found is not None
        assert found.base == value


@pytest.mark.parametrize("uuid", ["'GPU-' || device_id", "NULL"])
def test_ranks_that_read_the_same_counters_share_their_energy(uuid: str) -> None:
    devices = f"""
        INSERT INTO base.device BY NAME
        SELECT 'r' AS run_id, rank, device_id, 'gpu' AS kind, {uuid} AS uuid FROM range(2) t (rank), range(2) u (device_id)
    """
    readings = """
        INSERT INTO base.sample BY NAME
        SELECT 'r' AS run_id, rank, device_id, i * 1000 AS at_ns, 'hw.gpu.energy' AS metric, i * 100.0 AS value, 'J' AS unit,
            true AS is_valid, 'nvml' AS source
        FROM range(40) t (i), range(2) u (rank), range(2) v (device_id)
    """
    with several_ranks(devices, readings) as connection:
        step_ns = connection.sql("SELECT avg(dur_ns) FROM step").fetchall()[0][0]
        whole = values(connection, "r")["energy_per_step"]
        each = [values(connection, "r", rank)["energy_per_step"] for rank in (0, 1)]
    assert whole == pytest.approx(sum(each))
    assert whole == pytest.approx(2 * 100 / 1000 * step_ns)  # two boards of 0.1 J/ns, not four


def test_the_memory_of_a_cpu_run_is_the_process_s_though_the_host_has_a_gpu() -> None:
    readings = """
        INSERT INTO base.sample BY NAME
        SELECT 'r' AS run_id, rank, i * 1000 AS at_ns, 'By' AS unit, true AS is_valid, reading.*
        FROM range(10) t (i), range(2) u (rank), (VALUES
            (0, 'hw.gpu.memory.usage', 5e8, 'nvml'), (-1, 'process.memory.usage', 7e9, 'psutil')
        ) AS reading (device_id, metric, value, source)
    """
    with several_ranks(readings, device_kind="cpu") as on_cpu, several_ranks(readings) as on_gpu:
        assert values(on_cpu, "r")["peak_memory"] == 7e9
        assert values(on_gpu, "r")["peak_memory"] == 5e8


def test_on_a_cpu_the_share_of_communication_is_that_of_operators_and_unknown_where_none_communicates() -> None:
    op = """
        INSERT INTO base.op BY NAME
        SELECT run_id, rank, {op_id} + step AS op_id, step, '{name}' AS name, '{category}' AS category, start_ns,
            {dur} AS dur_ns, {dur} AS self_ns
        FROM base.step
        WHERE is_profiled AND {condition}
    """
    gemm = op.format(op_id=0, name="mm", category="gemm", dur=50, condition="true")
    reduction = op.format(
        op_id=100, name="c10d::allreduce_", category="communication", dur=40, condition="rank = 0 AND step <> 30"
    )
    with several_ranks(gemm, reduction, device_kind="cpu") as connection:
        assert "communication_share" not in values(connection, "r", 1)
        found = values(connection, "r", 0)["communication_share"]
        assert found == pytest.approx(19 * 40 / sum(200 + step % 3 for step in range(20, 40)))
        assert values(connection, "r")["communication_share"] == pytest.approx(found)
