"""The ways of launches that publish holds, against the query of the view, on random forests of operators of two ranks."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossprof.store import catalog
from crossprof.store.kernel_path import fill__kernel_path

ops = st.lists(st.tuples(st.integers(0, 1), st.none() | st.integers(0, 9), st.sampled_from("ab")), max_size=10)
kernels = st.lists(
    st.tuples(st.integers(0, 1), st.none() | st.integers(0, 11), st.none() | st.just("told"), st.none() | st.integers(0, 1)),
    max_size=8,
)


@pytest.fixture(scope="module")
def empty(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    with tiny.to_roll_up() as connection:
        connection.execute("SET threads = 1")
        connection.execute("INSERT INTO base.run (run_id, run) VALUES ('r', 'random')")
        connection.execute("""
            INSERT INTO base.runtime_call BY NAME
            SELECT 'r' AS run_id, rank, 0 AS call_id, 'cudaLaunchKernel' AS name, 'launch' AS kind, 0 AS start_ns, 1 AS dur_ns
            FROM range(2) AS ranks (rank)
        """)
        yield connection


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ops, kernels, st.booleans())
def test_each_kernel_has_the_way_that_the_view_walks(
    empty: duckdb.DuckDBPyConnection,
    told: list[tuple[int, int | None, str]],
    launched: list[tuple[int, int | None, str | None, int | None]],
    is_reversed: bool,
) -> None:
    """A parent is an operator before its child, or none of the rank: then the outermost one is not in the file."""
    empty.execute("DELETE FROM base.op; DELETE FROM base.kernel; DELETE FROM rollup._kernel_path")
    rows = [
        (rank, number + 3, None if parent is None else 99 if parent >= number else parent + 3, name)
        for number, (rank, parent, name) in enumerate(told)
    ]
    for row in rows[::-1] if is_reversed else rows:
        empty.execute(
            "INSERT INTO base.op BY NAME SELECT 'r' AS run_id, ? AS rank, ? AS op_id, ? AS parent_id, ? AS name, "
            "'o' AS category, 0 AS start_ns, 1 AS dur_ns, 1 AS self_ns, 0 AS depth, false AS is_backward",
            row,
        )
    for kernel in launched:
        empty.execute(
            "INSERT INTO base.kernel BY NAME SELECT 'r' AS run_id, ? AS rank, ? + 3 AS op_id, ? AS op_name, ? AS call_id, "
            "0 AS device_id, 0 AS kernel_id, 'k' AS name, 'kernel' AS kind, 'gemm' AS category, 0 AS start_ns, 2 AS dur_ns",
            kernel,
        )
    fill__kernel_path(empty)
    (view,) = (view for view in catalog.views() if view.name == "_kernel_path")
    expected = empty.sql(f"SELECT * EXCLUDE (run) FROM ({view.query}) ORDER BY ALL").fetchall()
    assert empty.sql("FROM rollup._kernel_path ORDER BY ALL").fetchall() == expected
