"""The critical path of steps that a person can follow: all instants are small numbers."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import duckdb
import pytest

from crossprof.store.critical_path import fill_critical_path
from crossprof.store.step_graph import EDGES, KINDS

Rows = list[tuple[Any, ...]]
COLUMNS = {
    "step": "step, start_ns, dur_ns",
    "op": "op_id, name, start_ns, dur_ns, thread, depth",
    "runtime_call": "call_id, name, kind, start_ns, dur_ns, thread, op_id",
    "kernel": "kernel_id, name, kind, start_ns, dur_ns, stream, call_id, step",
    "annotation": "name, kind, start_ns, dur_ns, thread",
}
FIXED = {
    "step": ", true AS is_profiled, false AS is_warmup",
    "op": ", 'other' AS category, 0 AS self_ns",
    "kernel": ", 0 AS device_id, 'other' AS category, 0 AS device_step",
}


class Bench:
    """An empty store that a test fills with the events of one run."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def add(self, table: str, *rows: tuple[Any, ...], rank: int = 0) -> None:
        columns = COLUMNS[table].split(", ")
        for row in rows:
            values = [*row, *[None] * (len(columns) - len(row))]
            marks = ", ".join(f"? AS {name}" for name in columns)
            self.connection.execute(
                f"INSERT INTO base.{table} BY NAME SELECT 'r' AS run_id, ? AS rank, {marks}{FIXED.get(table, '')}",
                [rank, *values],
            )

    def ranks(self, *offsets: int | None) -> None:
        self.connection.execute("DELETE FROM base.rank")
        for rank, offset in enumerate(offsets):
            self.connection.execute(
                "INSERT INTO base.rank BY NAME SELECT 'r' AS run_id, ? AS rank, ? AS clock_offset_ns", [rank, offset]
            )

    def path(self, *, rank: int = 0, columns: str = "start_ns, dur_ns, kind, name, gain_ns") -> Rows:
        fill_critical_path(self.connection)
        return self.connection.execute(
            f"SELECT {columns} FROM critical_path WHERE rank = ? ORDER BY step, segment", [rank]
        ).fetchall()


@pytest.fixture(scope="module")
def emptied(tiny: ModuleType) -> Iterator[Bench]:
    with tiny.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute("INSERT INTO base.run (run_id, run) VALUES ('r', 'by hand')")
        yield Bench(connection)


@pytest.fixture
def bench(emptied: Bench) -> Bench:
    for table in COLUMNS:
        emptied.connection.execute(f"DELETE FROM base.{table}")
    emptied.ranks(0)
    return emptied


def marked(bench: Bench, end: int, *, rank: int = 0) -> None:
    """One step from 0 to `end`, whose mark lies on the thread main."""
    bench.add("step", (0, 0, end), rank=rank)
    bench.add("annotation", ("ProfilerStep#0", "step", 0, end, "main"), rank=rank)


def test_a_synchronization_leads_to_the_kernel_that_it_waited_for(bench: Bench) -> None:
    marked(bench, 100)
    bench.add("op", (0, "a", 0, 10, "main", 0), (1, "b", 10, 5, "main", 0), (2, "c", 60, 30, "main", 0))
    bench.add("runtime_call", (0, "cudaLaunchKernel", "launch", 4, 4, "main", 0))
    bench.add("runtime_call", (1, "cudaDeviceSynchronize", "sync", 20, 35, "main"))
    bench.add("kernel", (0, "k", "kernel", 12, 38, "7", 0, 0))
    assert bench.path() == [
        (0, 4, "host", "a", 4),
        (4, 4, "call", "cudaLaunchKernel", 4),
        (8, 4, "launch_wait", "k", 4),
        (12, 38, "kernel", "k", 35),  # without it the call would return at 20 still, not at 12
        (50, 5, "sync_wait", "cudaDeviceSynchronize", 5),
        (55, 5, "host_gap", "ProfilerStep#0", 5),
        (60, 30, "host", "c", 30),
        (90, 10, "host_gap", "ProfilerStep#0", 10),
    ]


def test_a_kernel_that_came_after_the_last_one_was_done_hangs_on_its_launch(bench: Bench) -> None:
    marked(bench, 50)
    bench.add("runtime_call", (0, "cudaLaunchKernel", "launch", 0, 8, "main"), (1, "cudaLaunchKernel", "launch", 20, 6, "main"))
    bench.add("runtime_call", (2, "cudaStreamSynchronize", "sync", 30, 12, "main"))
    bench.add("kernel", (0, "first", "kernel", 10, 5, "7", 0, 0), (1, "second", "kernel", 31, 9, "7", 1, 0))
    assert bench.path() == [
        (0, 8, "call", "cudaLaunchKernel", 8),
        (8, 12, "host_gap", "ProfilerStep#0", 12),
        (20, 6, "call", "cudaLaunchKernel", 6),
        (26, 5, "launch_wait", "second", 5),
        (31, 9, "kernel", "second", 9),
        (40, 2, "sync_wait", "cudaStreamSynchronize", 2),
        (42, 8, "host_gap", "ProfilerStep#0", 8),
    ]


def test_a_kernel_that_waited_in_its_stream_hangs_on_the_one_before(bench: Bench) -> None:
    marked(bench, 70)
    bench.add("runtime_call", (0, "cudaLaunchKernel", "launch", 0, 6, "main"), (1, "cudaLaunchKernel", "launch", 6, 6, "main"))
    bench.add("runtime_call", (2, "cudaDeviceSynchronize", "sync", 30, 32, "main"))
    bench.add("kernel", (0, "first", "kernel", 4, 36, "7", 0, 0), (1, "second", "kernel", 41, 19, "7", 1, 0))
    assert bench.path(columns="start_ns, dur_ns, kind, name, why") == [
        (0, 4, "launch_wait", "first", "launch"),  # it began before its launch returned
        (4, 36, "kernel", "first", "execution"),
        (40, 1, "stream_wait", "second", "stream_order"),
        (41, 19, "kernel", "second", "execution"),
        (60, 2, "sync_wait", "cudaDeviceSynchronize", "synchronization"),
        (62, 8, "host_gap", "ProfilerStep#0", "program_order"),
    ]


@pytest.mark.parametrize("is_told", [True, False])
def test_a_stream_waits_for_another_where_the_host_told_it_to(bench: Bench, is_told: bool) -> None:
    marked(bench, 70)
    bench.add("runtime_call", (0, "cudaLaunchKernel", "launch", 0, 6, "main"), (2, "cudaLaunchKernel", "launch", 14, 2, "main"))
    if is_told:
        bench.add("runtime_call", (1, "cudaStreamWaitEvent", "sync", 10, 4, "main"))
    bench.add("runtime_call", (3, "cudaDeviceSynchronize", "sync", 20, 42, "main"))
    bench.add("kernel", (0, "gemm", "kernel", 8, 32, "7", 0, 0), (1, "ncclAllReduce", "collective", 42, 18, "9", 2, 0))
    found = bench.path(columns="start_ns, dur_ns, kind, name, why")
    assert found[-3:-1] == [
        (42, 18, "collective", "ncclAllReduce", "execution"),
        (60, 2, "sync_wait", "cudaDeviceSynchronize", "synchronization"),
    ]
    told, untold = (40, 2, "stream_wait", "ncclAllReduce", "stream_event"), (16, 26, "launch_wait", "ncclAllReduce", "launch")
    assert found[-4] == (told if is_told else untold)


def test_a_thread_with_nothing_to_do_waits_for_another(bench: Bench) -> None:
    marked(bench, 100)
    bench.add(
        "op", (0, "forward", 0, 20, "main", 0), (1, "backward", 25, 20, "autograd", 0), (2, "more", 47, 13, "autograd", 0)
    )
    bench.add("op", (3, "step", 65, 25, "main", 0))
    bench.add("op", (4, "pin_memory", 10, 53, "other", 0))  # began before the gap that it ended in: nobody waited for it
    assert bench.path(columns="start_ns, dur_ns, kind, name, thread") == [
        (0, 20, "host", "forward", "main"),
        (20, 5, "thread_wait", None, "autograd"),
        (25, 20, "host", "backward", "autograd"),
        (45, 2, "host_gap", None, "autograd"),
        (47, 13, "host", "more", "autograd"),
        (60, 5, "thread_wait", None, "main"),
        (65, 25, "host", "step", "main"),
        (90, 10, "host_gap", "ProfilerStep#0", "main"),
    ]


def test_only_the_innermost_operator_and_the_innermost_range_are_named(bench: Bench) -> None:
    marked(bench, 100)
    bench.add("op", (0, "linear", 10, 30, "main", 0), (1, "mm", 15, 10, "main", 1))
    bench.add("annotation", ("forward", "user", 5, 50, "main"), ("enumerate(DataLoader)#_next", "user", 70, 20, "main"))
    assert bench.path() == [
        (0, 5, "host_gap", "ProfilerStep#0", 5),
        (5, 5, "host_gap", "forward", 5),
        (10, 5, "host", "linear", 5),
        (15, 10, "host", "mm", 10),
        (25, 15, "host", "linear", 15),
        (40, 15, "host_gap", "forward", 15),
        (55, 15, "host_gap", "ProfilerStep#0", 15),
        (70, 20, "data_loading", "enumerate(DataLoader)#_next", 20),
        (90, 10, "host_gap", "ProfilerStep#0", 10),
    ]


def test_a_launch_waits_where_the_queue_is_full(bench: Bench) -> None:
    marked(bench, 5040)
    launches = [(i, "cudaLaunchKernel", "launch", 2 * i, 1, "main") for i in range(1022)]
    bench.add("runtime_call", *launches, (1022, "cudaLaunchKernel", "launch", 2044, 2972, "main"))
    bench.add("kernel", *[(i, f"k{i}", "kernel", 5000 + 10 * i, 10, "7", i, 0) for i in range(1023)])
    bench.add("op", (0, "after", 5020, 10, "main", 0))
    assert bench.path() == [
        (0, 1, "call", "cudaLaunchKernel", 1),
        (1, 4999, "launch_wait", "k0", 2972),  # the host comes to its last launch at 2044 anyway
        (5000, 10, "kernel", "k0", 10),
        (5010, 6, "queue_wait", "cudaLaunchKernel", 6),
        (5016, 4, "host_gap", "ProfilerStep#0", 4),
        (5020, 10, "host", "after", 10),
        (5030, 10, "host_gap", "ProfilerStep#0", 10),
    ]


def test_a_blocking_copy_waits_for_itself(bench: Bench) -> None:
    marked(bench, 40)
    bench.add("runtime_call", (0, "cudaMemcpy", "memcpy", 5, 20, "main"))
    bench.add("kernel", (0, "Memcpy DtoH", "memcpy", 9, 10, "7", 0, 0))
    assert bench.path(columns="start_ns, dur_ns, kind, name, why")[1:4] == [
        (5, 4, "launch_wait", "Memcpy DtoH", "launch"),
        (9, 10, "memcpy", "Memcpy DtoH", "execution"),
        (19, 6, "sync_wait", "cudaMemcpy", "synchronization"),
    ]


@pytest.mark.parametrize("offset", [0, 1000, None])
def test_a_collective_waits_for_the_rank_that_comes_last(bench: Bench, offset: int | None) -> None:
    bench.ranks(0, offset)
    late = -(offset or 0)  # the clock of rank 1 is so much behind
    marked(bench, 100)
    bench.add(
        "runtime_call", (0, "cudaLaunchKernel", "launch", 2, 4, "main"), (1, "cudaDeviceSynchronize", "sync", 12, 50, "main")
    )
    bench.add("kernel", (0, "ncclAllReduce", "collective", 10, 50, "9", 0, 0))
    bench.add("step", (0, late, 100), rank=1)
    bench.add("op", (0, "slow", late, 30, "main", 0), rank=1)
    bench.add("runtime_call", (0, "cudaLaunchKernel", "launch", late + 30, 4, "main"), rank=1)
    bench.add("kernel", (0, "ncclAllReduce", "collective", late + 40, 20, "9", 0, 0), rank=1)
    found = bench.path(columns="start_ns, dur_ns, kind, name, on_rank")
    after = [(60, 2, "sync_wait", "cudaDeviceSynchronize", 0), (62, 38, "host_gap", "ProfilerStep#0", 0)]
    if offset is None:
        assert found[-3:] == [(10, 50, "collective", "ncclAllReduce", 0), *after]
    else:
        assert found == [
            (0, 30, "host", "slow", 1),
            (30, 4, "call", "cudaLaunchKernel", 1),
            (34, 6, "launch_wait", "ncclAllReduce", 1),
            (40, 20, "collective", "ncclAllReduce", 0),
            *after,
        ]


def test_where_two_paths_are_as_long_none_gains(bench: Bench) -> None:
    marked(bench, 60)
    for number in (0, 1):
        bench.add("runtime_call", (number, "cudaLaunchKernel", "launch", 10 * number, 5, "main"))
        bench.add("kernel", (number, f"k{number}", "kernel", 20, 30, str(number), number, 0))
    bench.add("runtime_call", (2, "cudaDeviceSynchronize", "sync", 18, 35, "main"))
    gains = {name: gain for _, _, kind, name, gain in bench.path() if kind in {"kernel", "sync_wait"}}
    assert gains.pop("cudaDeviceSynchronize") == 3
    assert list(gains.values()) == [0]


def test_without_a_launch_or_a_call_the_device_alone_tells(bench: Bench) -> None:
    marked(bench, 100)
    bench.add("kernel", (0, "fusion", "kernel", 10, 40, "XLA Ops", None, 0), (1, "dot", "kernel", 55, 30, "XLA Ops", None, 0))
    assert bench.path() == [
        (0, 10, "unknown_wait", "fusion", 10),
        (10, 40, "kernel", "fusion", 40),
        (50, 5, "stream_wait", "dot", 5),
        (55, 30, "kernel", "dot", 30),
        (85, 15, "sync_wait", None, 15),
    ]


def test_a_rank_without_steps_has_one_path(bench: Bench) -> None:
    bench.add("op", (0, "MatMul", 10, 40, "a", 0), (1, "Relu", 55, 30, "b", 0))
    assert bench.path(columns="step, start_ns, dur_ns, kind, name") == [
        (None, 10, 40, "host", "MatMul"),
        (None, 50, 5, "thread_wait", None),
        (None, 55, 30, "host", "Relu"),
    ]


def test_a_step_of_which_nothing_is_known_is_one_wait(bench: Bench) -> None:
    bench.add("step", (0, 0, 100))
    assert bench.path() == [(0, 100, "host_gap", None, 100)]
    marked(bench, 50, rank=1)
    bench.ranks(0, None)
    assert bench.path(rank=1) == [(0, 50, "host_gap", "ProfilerStep#0", 50)]


def test_times_far_apart_are_no_step(bench: Bench) -> None:
    far = 4_611_686_018_427_387_904
    bench.add("op", (0, "first", -far, 40, "a", 0), (1, "last", far, 30, "b", 0))
    assert bench.path() == []


def test_the_steps_nearest_to_the_median_have_a_path(bench: Bench) -> None:
    for step, length in enumerate((100, 130, 90, 400)):
        bench.add("step", (step, 1000 * step, length))
    bench.connection.execute("""
        INSERT INTO base.op BY NAME
        SELECT 'r' AS run_id, 0 AS rank, i AS op_id, 'mm' AS name, 'gemm' AS category, 0 AS self_ns, 'main' AS thread,
            0 AS depth, 1000 * (i % 4) + i // 100 AS start_ns, 1 AS dur_ns, i % 4 AS step
        FROM range(16000) AS ops (i)
    """)
    fill_critical_path(bench.connection)
    found = bench.connection.execute("SELECT step, sum(dur_ns) FROM critical_path GROUP BY step ORDER BY step").fetchall()
    assert found == [(0, 100), (1, 130)]  # the median is 115; a third step would be the 12,000th operator


def test_every_sort_of_dependency_is_described(bench: Bench) -> None:
    told = bench.connection.execute("SELECT id, wait FROM dependency").fetchall()
    assert {identity for identity, _ in told} == set(EDGES)
    assert {wait for _, wait in told} - {None} <= set(KINDS)
    comment = (
        "SELECT comment FROM duckdb_columns() WHERE table_name = 'critical_path' AND schema_name = 'main' AND column_name = ?"
    )
    for column, names in (("kind", KINDS), ("why", set(EDGES) - {"collective"})):
        ((text,),) = bench.connection.execute(comment, [column]).fetchall()
        assert all(name in text for name in names), column
