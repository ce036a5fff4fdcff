"""Which step work on a device belongs to: that of its launch, or, where no trace shows launches, the one that it starts in."""

from __future__ import annotations

from types import ModuleType

import pytest


@pytest.mark.parametrize(
    ("launched_in", "calls", "before"),
    [((None, 1, 2), {1: 1, 2: 1}, 1), ((None, None, None), {0: 1, 1: 1, 2: 1}, None)],
)
def test_what_was_launched_before_the_capture_belongs_to_no_step_where_launches_are_known(
    launched_in: tuple[int | None, ...], calls: dict[int, int], before: int | None, tiny: ModuleType
) -> None:
    with tiny.connect() as connection:
        connection.execute("INSERT INTO base.run (run_id, run) VALUES ('r', 'r')")
        connection.execute("""
            INSERT INTO base.step BY NAME SELECT 'r' AS run_id, 0 AS rank, step, step * 10 AS start_ns, 10 AS dur_ns,
                true AS is_profiled, false AS is_warmup, 0 AS capture FROM range(3) AS t (step)
        """)
        connection.executemany(
            "INSERT INTO base.kernel (run_id, rank, device_id, kernel_id, name, kind, category, start_ns, dur_ns, step, "
            "device_step) VALUES ('r', 0, 0, ?, 'k', 'kernel', 'gemm', ?, 5, ?, ?)",
            [(number, number * 10, step, number) for number, step in enumerate(launched_in)],
        )
        found = dict(connection.sql("SELECT step, calls FROM category_summary").fetchall())
        ((measured,),) = connection.sql("SELECT measured_calls FROM kernel_summary").fetchall()
    assert found.pop(None, None) == before
    assert found == calls
    assert measured == sum(calls.values())
