"""What the sweep over device work holds, against the queries of the views, on random runs of several ranks and devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import ModuleType

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossprof.store import catalog
from crossprof.store.device_sweep import fill__device_time
from crossprof.store.tables import TABLES

SWEPT = ("_device_time", "idle_cause")
TYPES = {"rank": pa.int32(), "capture": pa.int32(), "is_warmup": pa.bool_()}
TYPES |= dict.fromkeys(("thread", "kind", "name"), pa.string())
COLUMNS = {
    "kernel": "rank device_id kind start_ns dur_ns launch_ns step",
    "runtime_call": "rank thread kind name start_ns dur_ns",
    "op": "rank thread start_ns dur_ns",
    "step": "rank step start_ns dur_ns capture is_warmup",
}
LAYOUTS = {
    table: pa.schema([(name, TYPES.get(name, pa.int64())) for name in names.split()]) for table, names in COLUMNS.items()
}
CONSTANT = {
    "kernel": "row_number() OVER () AS kernel_id, 'k' AS name, 'other' AS category",
    "runtime_call": "row_number() OVER () AS call_id",
    "op": "row_number() OVER () AS op_id, 'load' AS name, 'input' AS category, 0 AS self_ns, 0 AS depth, false AS is_backward",
    "step": "true AS is_profiled, 'crossprof' AS source",
}
CALLS = (("launch", "cudaLaunchKernel"), ("sync", "cudaDeviceSynchronize"), ("sync", "cudaEventQuery"), ("memcpy", "hipMemcpy"))
ranks, threads, instants = st.integers(0, 1), st.sampled_from(("main", "idler")), st.integers(0, 60)
lengths = st.integers(0, 12)
kinds = st.sampled_from(("kernel", "collective", "memcpy", "memset", "async"))
launches, launch_steps = st.none() | instants, st.none() | st.integers(0, 3)
works = st.lists(st.tuples(ranks, ranks, kinds, instants, lengths, launches, launch_steps), max_size=10)
calls = st.lists(st.tuples(ranks, threads, st.sampled_from(CALLS), instants, lengths), max_size=5)
loads = st.lists(st.tuples(ranks, threads, instants, lengths), max_size=2)
steps = st.lists(st.tuples(instants, lengths, st.integers(0, 1), st.booleans()), max_size=4, unique_by=lambda step: step[0])


@pytest.fixture(scope="module")
def empty(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    with tiny.to_roll_up() as connection:
        connection.execute("SET threads = 1")
        connection.execute("INSERT INTO base.run (run_id, run) VALUES ('r', 'random')")
        connection.execute("INSERT INTO base.rank (run_id, rank) VALUES ('r', 0), ('r', 1)")
        yield connection


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(works, calls, loads, steps)
def test_the_sweep_finds_what_the_views_say(
    empty: duckdb.DuckDBPyConnection,
    work: list[tuple[object, ...]],
    called: list[tuple[int, str, tuple[str, str], int, int]],
    loaded: list[tuple[object, ...]],
    marked: list[tuple[int, int, int, bool]],
) -> None:
    fill(empty, "kernel", work)
    fill(empty, "runtime_call", [(rank, thread, *named, *times) for rank, thread, named, *times in called])
    fill(empty, "op", loaded)
    fill(empty, "step", [(rank, number, *step) for number, step in enumerate(sorted(marked)) for rank in (0, 1)])
    assert_swept(empty)


def fill(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    layout = LAYOUTS[table]
    connection.register("told", pa.Table.from_pylist([dict(zip(layout.names, row, strict=True)) for row in rows], layout))
    connection.execute(f"DELETE FROM base.{table}")
    connection.execute(f"INSERT INTO base.{table} BY NAME SELECT 'r' AS run_id, {CONSTANT[table]}, * FROM told")
    connection.unregister("told")


def assert_swept(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("DELETE FROM rollup._device_time; DELETE FROM rollup.idle_cause")
    fill__device_time(connection)
    for view in catalog.views():
        if view.name in SWEPT:
            expected = connection.sql(f"SELECT * EXCLUDE (run) FROM ({view.query}) ORDER BY ALL").fetchall()
            assert connection.sql(f"FROM rollup.{view.name} ORDER BY ALL").fetchall() == expected, view.name


def test_work_that_no_part_has_sorted_is_swept_too(empty: duckdb.DuckDBPyConnection) -> None:
    work = [(rank, device, "kernel", at, 7, at - 3, None) for at in (40, 10, 25) for device in (1, 0) for rank in (1, 0)]
    fill(empty, "kernel", work)
    for table in ("runtime_call", "op", "step"):
        fill(empty, table, [])
    assert_swept(empty)
    assert empty.sql("SELECT DISTINCT busy_ns, span_ns FROM rollup._device_time").fetchall() == [(21, 37)]


def test_a_roll_up_that_is_not_asked_for_would_have_no_rows(tiny: ModuleType) -> None:
    """What a view says that it is empty without: once that is gone, its query finds nothing."""
    views = {view.name: view for view in catalog.views()}
    told: set[str] = set()
    for gone in (("step",), ("memory_event", "sample"), ("runtime_call",), ("kernel",), ("op",), ("rank",)):
        with tiny.connect() as connection:
            connection.execute(tiny.SQL)
            for table in gone:
                connection.execute(f"DELETE FROM base.{table}")
            held = {table for table in TABLES if connection.execute(f"SELECT 1 FROM base.{table} LIMIT 1").fetchall()}
            without = catalog.rollups_without_rows(connection, held)
            told |= without
            for name in without:
                assert connection.sql(f"FROM ({views[name].query}) LIMIT 1").fetchall() == [], (name, gone)
    assert told >= {name for name in catalog.ROLLUPS if len(views[name].premises) == 1}
