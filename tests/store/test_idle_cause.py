"""Idle time by cause and launches of random small runs, against nanoseconds counted one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import ModuleType

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CAUSES = ("host_wait_ns", "sync_wait_ns", "input_wait_ns", "launch_wait_ns", "kernel_wait_ns", "unknown_ns")
Work = tuple[int, str, int, int, int | None]  # device, kind, start, length, start of its launch
Block = tuple[str, str, int, int]  # what holds the host, thread, start, length

works = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(("kernel", "collective", "memcpy", "async")),
        st.integers(0, 60),
        st.integers(0, 12),
        st.one_of(st.none(), st.integers(0, 60)),
    ),
    max_size=8,
)
blocks = st.lists(
    st.tuples(
        st.sampled_from(("cudaDeviceSynchronize", "cudaEventQuery", "hipMemcpyWithStream", "DataLoader")),
        st.sampled_from(("main", "idler")),
        st.integers(0, 60),
        st.integers(0, 20),
    ),
    max_size=4,
)
lengths = st.lists(st.integers(0, 25), max_size=4)


@pytest.fixture(scope="module")
def empty(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    with tiny.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute("INSERT INTO base.run (run_id, run) VALUES ('r', 'random')")
        connection.execute("INSERT INTO base.rank (run_id, rank) VALUES ('r', 0)")
        yield connection


def fill(connection: duckdb.DuckDBPyConnection, work: list[Work], held: list[Block], steps: list[tuple[int, int]]) -> None:
    connection.execute(
        "DELETE FROM base.kernel; DELETE FROM base.step; DELETE FROM base.runtime_call; DELETE FROM base.annotation"
    )
    for number, (device, kind, start, length, launch) in enumerate(work):
        connection.execute(
            "INSERT INTO base.kernel BY NAME SELECT 'r' AS run_id, 0 AS rank, ? AS device_id, ? AS kernel_id, 'k' AS name, "
            "? AS kind, 'other' AS category, ? AS start_ns, ? AS dur_ns, ? AS launch_ns, ? AS call_id",
            [device, number, kind, start, length, launch, None if launch is None else number],
        )
        if launch is not None:
            call(connection, number, "cudaLaunchKernel", "launch", "main", launch, 3)
    for number, (name, thread, start, length) in enumerate(held):
        if name == "DataLoader":
            connection.execute(
                "INSERT INTO base.annotation BY NAME SELECT 'r' AS run_id, 0 AS rank, 'enumerate(DataLoader)' AS name, "
                "'user' AS kind, ? AS thread, ? AS start_ns, ? AS dur_ns",
                [thread, start, length],
            )
        else:
            call(connection, 100 + number, name, "memcpy" if "Memcpy" in name else "sync", thread, start, length)
    for number, (start, length) in enumerate(steps):
        connection.execute(
            "INSERT INTO base.step BY NAME SELECT 'r' AS run_id, 0 AS rank, ? AS step, ? AS start_ns, ? AS dur_ns, "
            "true AS is_profiled, false AS is_warmup, 0 AS capture",
            [number, start, length],
        )


def call(connection: duckdb.DuckDBPyConnection, *values: object) -> None:
    """Inserts a call: its number, name, kind, thread, start and length."""
    connection.execute(
        "INSERT INTO base.runtime_call BY NAME SELECT 'r' AS run_id, 0 AS rank, ? AS call_id, ? AS name, ? AS kind, "
        "? AS thread, ? AS start_ns, ? AS dur_ns",
        list(values),
    )


def cause_of(at: int, work: list[Work], held: list[Block], launching: set[str]) -> str:
    """What the device waits for in the nanosecond from `at` on, in which it is idle."""
    following = [one for one in work if one[2] > at]
    first = [one[4] for one in following if one[2] == min(one[2] for one in following)]
    if None in first or not any(one[4] is not None for one in work):
        return "unknown_ns"
    launch = min([one for one in first if one is not None], default=None)
    if launch is None or launch > at:
        now = {name for name, thread, start, length in held if thread in launching and start <= at < start + length}
        if now & {"cudaDeviceSynchronize", "hipMemcpyWithStream"}:
            return "sync_wait_ns"
        return "input_wait_ns" if "DataLoader" in now else "host_wait_ns"
    free = max([one[2] + one[3] for one in work if one[2] <= at], default=-1)
    return "launch_wait_ns" if launch > free else "kernel_wait_ns"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(works, blocks, lengths)
def test_each_idle_nanosecond_has_one_cause(
    empty: duckdb.DuckDBPyConnection, work: list[Work], held: list[Block], lengths: list[int]
) -> None:
    steps = [(sum(lengths[:number]), length) for number, length in enumerate(lengths)]
    fill(empty, work, held, steps)
    found = {
        (device, step): dict(zip(CAUSES, parts, strict=True))
        for device, step, *parts in empty.sql(f"SELECT device_id, step, {', '.join(CAUSES)} FROM idle_cause").fetchall()
    }
    launching = {"main"} if any(one[4] is not None for one in work) else set()
    launching |= {thread for name, thread, _, _ in held if "Memcpy" in name}
    expected = {}
    for device in {one[0] for one in work if one[1] != "async"}:
        own = [one for one in work if one[0] == device and one[1] != "async"]
        busy = {ns for _, _, start, length, _ in own for ns in range(start, start + length)}
        windows: dict[int | None, range] = {
            n: range(start, start + length) for n, (start, length) in enumerate(steps) if length
        }
        windows[None] = range(min(one[2] for one in own), max(one[2] + one[3] for one in own))
        for step, window in windows.items():
            count = Counter(cause_of(ns, own, held, launching) for ns in window if ns not in busy)
            expected[device, step] = {cause: count[cause] for cause in CAUSES}
    assert found == expected


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(works, lengths)
def test_the_causes_add_up_to_the_idle_time_of_the_breakdown(
    empty: duckdb.DuckDBPyConnection, work: list[Work], lengths: list[int]
) -> None:
    fill(empty, work, [], [(sum(lengths[:number]), length) for number, length in enumerate(lengths)])
    assert_adds_up(empty)


def assert_adds_up(connection: duckdb.DuckDBPyConnection) -> None:
    idle = connection.sql(f"SELECT device_id, step, window_ns, idle_ns, {' + '.join(CAUSES)} FROM idle_cause").fetchall()
    broken = connection.sql("SELECT device_id, step, window_ns, idle_ns, idle_ns FROM breakdown").fetchall()
    assert sorted(idle, key=repr) == sorted(broken, key=repr)


def test_between_two_captures_nothing_is_idle(empty: duckdb.DuckDBPyConnection) -> None:
    work: list[Work] = [
        (0, "kernel", 10, 50, 0),
        (0, "kernel", 70, 20, 65),
        (0, "kernel", 950, 20, 905),
        (0, "kernel", 980, 10, 940),
    ]
    fill(empty, work, [], [(0, 100), (900, 100)])
    empty.execute("UPDATE base.step SET capture = step")
    assert_adds_up(empty)
    found = empty.sql(
        "SELECT step, host_wait_ns, launch_wait_ns, kernel_wait_ns FROM idle_cause ORDER BY step NULLS LAST"
    ).fetchall()
    assert found == [(0, 15, 15, 0), (1, 15, 45, 10), (None, 5, 5, 10)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(works)
def test_delays_and_the_queue_are_what_counting_finds(empty: duckdb.DuckDBPyConnection, work: list[Work]) -> None:
    fill(empty, work, [], [])
    found = empty.sql(
        "SELECT calls, kernels, short_kernels, mean_delay_ns, max_delay_ns, mean_queue_depth, max_queue_depth "
        "FROM launch_summary"
    ).fetchall()
    launches = [one[4] for one in work if one[4] is not None]
    linked = [(one[2], one[3], one[4]) for one in work if one[4] is not None and one[1] != "async"]
    delays = [max(0, start - launch) for start, _, launch in linked]
    depths = [sum(launch < at < start for start, _, launch in linked) for at in launches]
    if not launches:
        assert found == []
    else:
        calls, kernels, short, mean_delay, max_delay, mean_depth, max_depth = found[0]
        assert (calls, kernels, short) == (len(launches), len(linked), sum(length < 3 for _, length, _ in linked))
        assert (mean_depth, max_depth) == (pytest.approx(sum(depths) / len(depths)), max(depths))
        if delays:
            assert (mean_delay, max_delay) == (pytest.approx(sum(delays) / len(delays)), max(delays))


def test_a_graph_is_one_launch_of_many_kernels(empty: duckdb.DuckDBPyConnection) -> None:
    work: list[Work] = [(0, "kernel", at, 5, 0) for at in (10, 20, 30)]
    fill(empty, work, [], [])
    empty.execute("UPDATE base.kernel SET call_id = 0; DELETE FROM base.runtime_call WHERE call_id > 0")
    empty.execute("UPDATE base.runtime_call SET kind = 'graph_launch', name = 'cudaGraphLaunch'")
    assert empty.sql("SELECT name, calls, kernels, mean_delay_ns FROM launch_summary").fetchall() == [
        ("cudaGraphLaunch", 1, 3, 20.0)
    ]
    assert empty.sql("SELECT call_name, call_kind, delay_ns FROM kernel_launch ORDER BY delay_ns").fetchall() == [
        ("cudaGraphLaunch", "graph_launch", delay) for delay in (10, 20, 30)
    ]
