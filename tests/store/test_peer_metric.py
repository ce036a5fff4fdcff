"""The numbers of other tools on files that a person can check by hand: times are microseconds, step 1 is the last of two."""

from collections.abc import Iterator
from types import ModuleType

import duckdb
import pytest

from crossprof.store.peers import fill_peer_metric

# Five launches in step 0, one in step 1, one after it; the copy at 60 has none. The add at 22.2 lies within a microsecond.
FILE = """
    INSERT INTO base.run (run_id, run) VALUES ('r', 'file');
    INSERT INTO base.rank (run_id, rank) VALUES ('r', 0);
    INSERT INTO base.device (run_id, rank, device_id, kind) VALUES ('r', 0, 0, '{kind}'), ('r', 0, 1, '{kind}');
    INSERT INTO base.artifact BY NAME
    SELECT 'r' AS run_id, 0 AS rank, '/trace' AS path, '{format}' AS format, '' AS sha256, 1 AS bytes, 'referenced' AS storage;
    INSERT INTO base.annotation BY NAME
    SELECT 'r' AS run_id, 0 AS rank, 'ProfilerStep#' || i AS name, 'step' AS kind, i * 100000 AS start_ns, 99000 AS dur_ns
    FROM range({steps}) AS t (i);
    INSERT INTO base.runtime_call BY NAME
    SELECT 'r' AS run_id, 0 AS rank, call_id, 'launch' AS name, 'launch' AS kind, called_us * 1000 AS start_ns, 0 AS dur_ns
    FROM (VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 101), (7, 250)) AS t (call_id, called_us);
    INSERT INTO base.kernel BY NAME
    SELECT 'r' AS run_id, 0 AS rank, device_id, kernel_id, name, kind, 'other' AS category, call_id, module,
        (start_us * 1000)::BIGINT AS start_ns, (end_us * 1000)::BIGINT - (start_us * 1000)::BIGINT AS dur_ns
    FROM (VALUES
        (0, 1, 'gemm', 'kernel', 10.5, 20.5, 1, 'jit_f'),
        (0, 2, 'add', 'kernel', 22.2, 22.8, 2, 'jit_f'),
        (0, 3, 'ncclDevKernel', 'collective', 15.0, 30.0, 3, 'jit_f'),
        (0, 4, 'Memset (Device)', 'memset', 40.0, 42.0, 4, NULL),
        (1, 5, 'deep_ep::dispatch', 'collective', 44.0, 50.0, 5, 'jit_f'),
        (0, 6, 'Memcpy HtoD', 'memcpy', 60.0, 65.0, NULL, NULL),
        (0, 7, 'gemm', 'kernel', 110.0, 120.0, 6, 'jit_f'),
        (0, 8, 'gemm', 'kernel', 260.0, 270.0, 7, 'jit_f'),
        (0, 9, 'copy-start', 'async', 0.0, 300.0, NULL, 'jit_f')
    ) AS t (device_id, kernel_id, name, kind, start_us, end_us, call_id, module);
"""


@pytest.fixture
def plain(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    with tiny.connect() as connection:
        yield connection


def told(connection: duckdb.DuckDBPyConnection, prefix: str, device: int | None = None) -> dict[str, float]:
    fill_peer_metric(connection)
    rows = connection.sql(
        """SELECT metric, if(unit = 'ns', value / 1000, value) FROM peer_metric
        WHERE run = 'file' AND starts_with(metric, ?) AND device_id IS NOT DISTINCT FROM ?::BIGINT""",
        params=[prefix, device],
    ).fetchall()
    return {metric.removeprefix(prefix): value for metric, value in rows}


def test_hta(plain: duckdb.DuckDBPyConnection) -> None:
    plain.execute(FILE.format(kind="gpu", format="kineto", steps=2))
    assert told(plain, "hta.") == {
        # The launches of step 0. The gemm becomes 11 to 20, the add 23 to 22: it counts -1 where nothing covers it.
        "busy": 9 + 10 + 2 + 6,  # 11 to 20, 20 to 30, 40 to 42, 44 to 50
        "compute": 9 - 1 + 6,  # the add alone, less than nothing; deep_ep is compute by name
        "non_compute": 27 - 14,
        "idle": 39 - 27,
        "kernel_time": 50 - 11,
        "busy_ratio": 27 / 39,
        "compute_ratio": 14 / 39,
        # Step 1 too, but neither what was launched after it nor the copy without a launch.
        "busy_exact": 19.5 + 2 + 6 + 10,
        "compute_exact": 10 + 0.6 + 6 + 10,
        "non_compute_exact": pytest.approx(37.5 - 26.6),
        "idle_exact": 109.5 - 37.5,
        "kernel_time_exact": 120 - 10.5,
        "busy_ratio_exact": 37.5 / 109.5,
        "compute_ratio_exact": pytest.approx(26.6 / 109.5),
    }


def test_hta_keeps_a_single_step(plain: duckdb.DuckDBPyConnection) -> None:
    plain.execute(FILE.format(kind="gpu", format="kineto", steps=1))
    assert told(plain, "hta.")["busy"] == 27 + 5 + 10 + 10
    assert told(plain, "hta.")["busy_exact"] == 19.5 + 2 + 6 + 5 + 10 + 10


def test_tracelens(plain: duckdb.DuckDBPyConnection) -> None:
    plain.execute(FILE.format(kind="gpu", format="kineto", steps=2))
    linked = {
        "busy_time": 19.5 + 2 + 6 + 10 + 10,
        "idle_time": 259.5 - 47.5,
        "total_time": 270 - 10.5,
        "computation_time": 10 + 0.6 + 2 + 6 + 10 + 10,  # memset and deep_ep too
        "exposed_comm_time": pytest.approx(15 - 5.5 - 0.6),
        "exposed_memcpy_time": 0,
        "total_comm_time": 15,
        "total_memcpy_time": 0,
        "busy_ratio": 47.5 / 259.5,
    }
    copied = {"busy_time": 52.5, "idle_time": 207, "exposed_memcpy_time": 5, "total_memcpy_time": 5, "busy_ratio": 52.5 / 259.5}
    everything = {f"{name}_all": value for name, value in (linked | copied).items()}
    assert told(plain, "tracelens.") == linked | everything


def test_an_xplane_file(plain: duckdb.DuckDBPyConnection) -> None:
    plain.execute(FILE.format(kind="gpu", format="xplane", steps=2))
    assert told(plain, "hta.") == {}
    assert told(plain, "xprof.") == {
        "kernel_count": 6,
        "kernel_time": 10 + 0.6 + 15 + 6 + 10 + 10,
        "hlo_time": 10 + 0.6 + 15 + 6 + 10 + 10,
    }
    second = told(plain, "tracelens.", device=1)
    assert (second["busy_time"], second["total_time"], second["idle_time"]) == (6, 6, 0)
    first = told(plain, "tracelens.", device=0)
    assert (first["computation_time"], first["total_memcpy_time"]) == (10 + 0.6 + 10 + 10, 2 + 5)
    assert len(first) == 9  # there is no variant of linked work


def test_a_tpu_has_no_kernels_but_a_duty_cycle(plain: duckdb.DuckDBPyConnection) -> None:
    plain.execute(FILE.format(kind="tpu", format="xplane", steps=2))
    assert told(plain, "xprof.") == {
        "hlo_time": 10 + 0.6 + 15 + 6 + 10 + 10,
        "duty_cycle": pytest.approx(
            (10 + 0.6 + 15 + 2 + 5 + 10 + 10 + 6) / (270 - 10.5 + 50 - 44)
        ),  # both cores, first to last
        "idle_ratio": pytest.approx(1 - 58.6 / 265.5),
    }
    assert plain.sql("SELECT count(*) FROM peer_metric").fetchall() == [(3,)]


def test_a_file_that_no_tool_reads_has_no_rows(plain: duckdb.DuckDBPyConnection) -> None:
    plain.execute(FILE.format(kind="gpu", format="nsys", steps=2))
    fill_peer_metric(plain)
    assert plain.sql("FROM peer_metric").fetchall() == []


def test_two_captures_are_two_files(plain: duckdb.DuckDBPyConnection) -> None:
    plain.execute(FILE.format(kind="gpu", format="kineto", steps=1))
    plain.execute("""
        INSERT INTO base.step BY NAME
        SELECT 'r' AS run_id, 0 AS rank, i AS step, i * 200000 AS start_ns, 100000 AS dur_ns, true AS is_profiled,
            false AS is_warmup, i AS capture
        FROM range(2) AS t (i)
    """)
    fill_peer_metric(plain)
    rows = plain.sql(
        "SELECT capture, value FROM peer_metric WHERE metric = 'tracelens.total_time_all' ORDER BY capture"
    ).fetchall()
    assert rows == [(0, 109_500), (1, 10_000)]


def test_files_of_several_runs_are_read_apart(plain: duckdb.DuckDBPyConnection) -> None:
    plain.execute(FILE.format(kind="gpu", format="kineto", steps=2))
    plain.execute(FILE.format(kind="tpu", format="xplane", steps=1).replace("'r'", "'s'").replace("'file'", "'other'"))
    fill_peer_metric(plain)
    values = "SELECT run, metric, device_id, value FROM peer_metric ORDER BY ALL"
    both = plain.sql(values).fetchall()
    plain.execute("DELETE FROM base.artifact WHERE run_id = 's'")
    fill_peer_metric(plain)
    alone = plain.sql(values).fetchall()
    assert alone == [row for row in both if row[0] == "file"]
    assert len(both) == len(alone) + 3


def test_every_number_is_defined(plain: duckdb.DuckDBPyConnection) -> None:
    plain.execute(FILE.format(kind="gpu", format="kineto", steps=2))
    fill_peer_metric(plain)
    defined = dict(plain.sql("SELECT id, peer FROM metric WHERE peer IS NOT NULL").fetchall())
    assert all(identity.startswith(f"{peer}.") for identity, peer in defined.items())
    scarce = {"tb.est_sm_efficiency", "tb.est_achieved_occupancy"}  # the file has neither grids nor occupancy
    assert {metric for (metric,) in plain.sql("SELECT metric FROM peer_metric").fetchall()} == {
        identity for identity, peer in defined.items() if peer != "xprof"
    } - scarce
    assert plain.sql("SELECT id FROM metric WHERE peer IS NOT NULL AND (caveats IS NULL OR better <> 'none')").fetchall() == []


def test_no_number_of_another_tool_is_a_metric_of_a_run(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    assert (
        tiny_runs.sql(
            "SELECT metric FROM run_metric JOIN metric ON metric.id = run_metric.metric WHERE peer IS NOT NULL"
        ).fetchall()
        == []
    )
