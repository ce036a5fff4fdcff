"""The parts of a step add up to it, whatever overlaps, and no part of a device is below zero."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

WORK = st.tuples(
    st.sampled_from(["kernel", "collective", "memcpy", "memset", "async"]),
    st.sampled_from(["gemm", "elementwise", "communication", "copy"]),
    st.integers(0, 60),
    st.integers(0, 30),
    st.one_of(st.none(), st.integers(0, 2)),
)
OPS = st.tuples(st.sampled_from(["gemm", "copy"]), st.integers(0, 50))
KERNEL = "run_id, rank, device_id, kernel_id, name, kind, category, start_ns, dur_ns, step, device_step"


@pytest.fixture(scope="module")
def steps(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    """A GPU run with a warm-up and two measured steps, and a CPU run with one: none has work yet."""
    with tiny.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute("""
            INSERT INTO base.run (run_id, run, device_kind) VALUES ('gpu', 'gpu', 'gpu'), ('cpu', 'cpu', 'cpu');
            INSERT INTO base.rank (run_id, rank) VALUES ('gpu', 0), ('cpu', 0);
            INSERT INTO base.step BY NAME
            SELECT * FROM (VALUES ('gpu', 0, 0, 20, true), ('gpu', 1, 20, 20, false), ('gpu', 2, 40, 20, false),
                ('cpu', 0, 0, 40, false)) AS t (run_id, step, start_ns, dur_ns, is_warmup),
                (SELECT 0 AS rank, true AS is_profiled, 0 AS capture)
        """)
        yield connection


@settings(max_examples=40, deadline=None)
@given(work=st.lists(WORK, min_size=1, max_size=12))
def test_the_parts_of_a_step_of_a_device_add_up(
    steps: duckdb.DuckDBPyConnection, work: list[tuple[str, str, int, int, int | None]]
) -> None:
    steps.execute("DELETE FROM base.kernel")
    steps.executemany(
        f"INSERT INTO base.kernel ({KERNEL}) VALUES ('gpu', 0, 0, ?, 'k', ?, ?, ?, ?, ?, ?)",
        [(number, *row, row[2] // 20 if row[2] < 60 else None) for number, row in enumerate(work)],
    )
    parts = steps.sql("SELECT step, category, dur_ns, window_ns FROM category_breakdown WHERE run_id = 'gpu'").fetchall()
    assert all(dur_ns >= 0 for _, _, dur_ns, _ in parts)
    assert len({(step, category) for step, category, _, _ in parts}) == len(parts)
    measured = [1, 2] if any(kind != "async" for kind, *_ in work) else []
    sums = {step: sum(dur_ns for at, _, dur_ns, _ in parts if at == step) for step in measured}
    assert sums == pytest.approx(dict.fromkeys(measured, 20))
    assert {window_ns for *_, window_ns in parts} <= {20}


@settings(max_examples=20, deadline=None)
@given(ops=st.lists(OPS, min_size=1, max_size=6))
def test_the_parts_of_a_step_of_a_host_add_up(steps: duckdb.DuckDBPyConnection, ops: list[tuple[str, int]]) -> None:
    steps.execute("DELETE FROM base.op")
    steps.executemany(
        "INSERT INTO base.op (run_id, rank, op_id, name, category, start_ns, dur_ns, self_ns, step) "
        "VALUES ('cpu', 0, ?, 'op', ?, 0, ?, ?, 0)",
        [(number, category, self_ns, self_ns) for number, (category, self_ns) in enumerate(ops)],
    )
    parts = steps.sql("SELECT category, dur_ns FROM category_breakdown WHERE run_id = 'cpu'").fetchall()
    assert sum(dur_ns for _, dur_ns in parts) == 40
    assert dict(parts)["outside_ops"] == 40 - sum(self_ns for _, self_ns in ops)
