"""Busy, exposed and idle time of random small runs, against sets of nanoseconds counted one by one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KINDS = ("kernel", "collective", "memcpy", "memset", "async")
COLUMNS = pa.schema(
    [("device_id", pa.int64()), ("kind", pa.string()), ("start_ns", pa.int64()), ("dur_ns", pa.int64()), ("step", pa.int64())]
)
VIEWS = ("breakdown", "device_busy", "kernel_summary")

kernels = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(KINDS),
        st.integers(0, 60),
        st.integers(0, 25),
        st.one_of(st.none(), st.integers(0, 4)),
    ),
    max_size=12,
)
steps = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 5), st.booleans(), st.booleans()), max_size=5)
Step = tuple[int, int, int, bool, bool]  # number, start, end, is_profiled, is_warmup


@pytest.fixture(scope="module")
def empty(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    with tiny.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute("INSERT INTO base.run (run_id, run) VALUES ('r', 'random')")
        connection.execute("INSERT INTO base.rank (run_id, rank) VALUES ('r', 0)")
        yield connection


def in_time(lengths_and_gaps: list[tuple[int, int, bool, bool]]) -> list[Step]:
    found, at = [], 0
    for number, (length, gap, is_profiled, is_warmup) in enumerate(lengths_and_gaps):
        found.append((number, at + gap, at + gap + length, is_profiled, is_warmup))
        at += gap + length
    return found


def fill(connection: duckdb.DuckDBPyConnection, work: list[tuple[Any, ...]], told: list[Step]) -> None:
    connection.execute("DELETE FROM base.kernel; DELETE FROM base.step")
    shape = pa.schema(
        [
            ("device_id", pa.int64()),
            ("kind", pa.string()),
            ("start_ns", pa.int64()),
            ("dur_ns", pa.int64()),
            ("step", pa.int64()),
        ]
    )
    rows = pa.Table.from_pylist([dict(zip(shape.names, one, strict=True)) for one in work], shape)
    connection.register("rows", rows)
    connection.execute("""
        INSERT INTO base.kernel BY NAME
        SELECT 'r' AS run_id, 0 AS rank, row_number() OVER () AS kernel_id, 'k' || kind AS name, 'other' AS category, *
        FROM rows
    """)
    connection.unregister("rows")
    for number, start, end, is_profiled, is_warmup in told:
        connection.execute(
            "INSERT INTO base.step BY NAME SELECT 'r' AS run_id, 0 AS rank, ? AS step, ? AS start_ns, ? AS dur_ns, "
            "? AS is_profiled, ? AS is_warmup, ? AS capture",
            [number, start, end - start, is_profiled, is_warmup, 0 if is_profiled else None],
        )


def covered(work: list[tuple[Any, ...]], device: int, *kinds: str) -> set[int]:
    return {ns for on, kind, start, length, _ in work if on == device and kind in kinds for ns in range(start, start + length)}


def devices(work: list[tuple[Any, ...]]) -> set[int]:
    return {one[0] for one in work if one[1] != "async"}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kernels, steps)
def test_the_parts_of_a_step_are_what_counting_nanoseconds_finds(
    empty: duckdb.DuckDBPyConnection, work: list[tuple[Any, ...]], lengths: list[tuple[int, int, bool, bool]]
) -> None:
    told = in_time(lengths)
    fill(empty, work, told)
    found = empty.sql("""
        SELECT device_id, step, compute_ns, communication_ns, exposed_communication_ns, copy_ns, exposed_copy_ns, idle_ns,
            window_ns
        FROM breakdown
        WHERE window_ns > 0
    """).fetchall()
    expected = set()
    for device in devices(work):
        compute, communication = covered(work, device, "kernel"), covered(work, device, "collective")
        copy = covered(work, device, "memcpy", "memset")
        starts = [one[2] for one in work if one[0] == device and one[1] != "async"]
        ends = [one[2] + one[3] for one in work if one[0] == device and one[1] != "async"]
        windows: dict[int | None, set[int]] = {one[0]: set(range(one[1], one[2])) for one in told if one[3]}
        windows[None] = set(range(min(starts), max(ends)))
        for step, window in windows.items():
            parts = (compute, communication, communication - compute, copy, copy - compute - communication)
            idle = window - compute - communication - copy
            if window:
                expected.add((device, step, *(len(part & window) for part in parts), len(idle), len(window)))
    assert set(found) == expected
    assert len(found) == len(expected)
    for _, _, compute_ns, _, exposed_communication_ns, _, exposed_copy_ns, idle_ns, window_ns in found:
        assert compute_ns + exposed_communication_ns + exposed_copy_ns + idle_ns == window_ns


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kernels, steps)
def test_busy_time_is_the_union_clipped_to_the_measured_steps(
    empty: duckdb.DuckDBPyConnection, work: list[tuple[Any, ...]], lengths: list[tuple[int, int, bool, bool]]
) -> None:
    told = in_time(lengths)
    fill(empty, work, told)
    found = empty.sql(
        "SELECT device_id, scope, busy_ns, kernel_busy_ns, spill_ns, window_ns, busy_ratio FROM device_busy"
    ).fetchall()
    measured = [one for one in told if one[3] and not one[4]]
    expected = set()
    for device in devices(work):
        busy, kernel_busy = covered(work, device, *KINDS[:4]), covered(work, device, "kernel", "collective")
        expected.add((device, "capture", len(busy), len(kernel_busy), 0))
        if measured:
            window = {ns for _, start, end, _, _ in measured for ns in range(start, end)}
            last, _, end, _, _ = measured[-1]
            launched_last = covered([one for one in work if one[4] == last], device, *KINDS[:4])
            spill = len({ns for ns in launched_last if ns >= end})
            if window:
                expected.add((device, "steps", len(busy & window), len(kernel_busy & window), spill))
    assert {row[:5] for row in found if row[1] == "capture" or row[5]} == expected
    for _, _, busy_ns, _, _, window_ns, ratio in found:
        assert ratio is None if window_ns == 0 else 0 <= ratio <= 1
        assert busy_ns <= window_ns


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kernels, steps, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    empty: duckdb.DuckDBPyConnection,
    work: list[tuple[Any, ...]],
    lengths: list[tuple[int, int, bool, bool]],
    shuffler: random.Random,
) -> None:
    told = in_time(lengths)
    answers = []
    for _ in range(2):
        fill(empty, work, told)
        answers.append(
            [
                sorted(map(repr, empty.sql(f"SELECT * FROM {view}").fetchall()))
                for view in ("breakdown", "device_busy", "kernel_summary")
            ]
        )
        shuffler.shuffle(work)
        shuffler.shuffle(told)
    assert answers[0] == answers[1]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kernels)
def test_sums_by_kernel_add_up(empty: duckdb.DuckDBPyConnection, work: list[tuple[Any, ...]]) -> None:
    fill(empty, work, [])
    rows = empty.sql("SELECT device_id, kind, total_ns, share_ratio FROM kernel_summary").fetchall()
    assert sum(row[2] for row in rows) == sum(one[3] for one in work)
    for device in devices(work):
        shares = [row[3] for row in rows if row[0] == device and row[1] != "async"]
        assert None in shares or sum(shares) == pytest.approx(1)


def test_many_overlapping_kernels_are_one_union(empty: duckdb.DuckDBPyConnection) -> None:
    empty.execute("DELETE FROM base.kernel; DELETE FROM base.step")
    empty.execute("""
        INSERT INTO base.kernel BY NAME
        SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, i AS kernel_id, 'k' AS name, 'kernel' AS kind, 'gemm' AS category,
            i * 1000 AS start_ns, 1500 AS dur_ns
        FROM range(200000) AS t (i)
    """)
    rows = empty.sql("SELECT busy_ns FROM device_busy WHERE scope = 'capture'").fetchall()
    assert rows == [(200_000 * 1000 + 500,)]
