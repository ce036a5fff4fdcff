"""Ids, nesting, self time, launches and steps, on spans that a person can check and against a walk with a stack."""

import json
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossprof.ingest.derive import derive

STAGED = ("device", "step", "kernel", "op", "runtime_call", "annotation", "memory_event", "fact", "finding")
TABLES = ("device", "step", "kernel", "op", "runtime_call", "annotation", "memory_event", "finding")


def stage(database: duckdb.DuckDBPyConnection, table: str, **columns: Any) -> None:
    names = ", ".join(columns)
    database.execute(f"INSERT INTO staged_{table} ({names}) VALUES ({', '.join('?' * len(columns))})", list(columns.values()))


def op(database: duckdb.DuckDBPyConnection, name: str, start: int, end: int | None, thread: str = "1", **more: Any) -> None:
    stage(database, "op", name=name, start_ns=start, end_ns=end, thread=thread, **more)


def rows(database: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return database.execute(query).fetchall()


def findings(database: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return dict(database.execute("SELECT code, count FROM finding").fetchall())


def test_nesting_and_self_time(scratch: duckdb.DuckDBPyConnection) -> None:
    op(scratch, "child", 10, 30)
    op(scratch, "parent", 0, 100)
    op(scratch, "grandchild", 15, 20)
    op(scratch, "other thread", 12, 18, thread="2")
    op(scratch, "next", 100, 110)
    stage(scratch, "annotation", name="range", kind="user", start_ns=40, end_ns=90, thread="1", nests=True)
    op(scratch, "in range", 50, 60)
    stage(scratch, "annotation", name="frame", kind="python", start_ns=0, end_ns=100, thread="1", nests=False)
    derive(scratch, run_id="r", rank=0)
    got = rows(
        scratch,
        "SELECT op.name, p.name, op.depth, op.self_ns FROM op LEFT JOIN op p ON p.op_id = op.parent_id ORDER BY op.op_id",
    )
    assert got == [
        ("parent", None, 0, 100 - 20 - 50),  # the range takes its time, not the op in it
        ("child", "parent", 1, 15),
        ("other thread", None, 0, 6),
        ("grandchild", "child", 2, 5),
        ("in range", "parent", 1, 10),
        ("next", None, 0, 10),
    ]


def test_texts_that_repeat_come_out_as_they_went_in(
    scratch: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossprof.ingest.derive._WORTH_NUMBERS", 1)
    op(scratch, "aten::mm", 0, 10, module="m")
    op(scratch, "aten::mm", 20, 30)
    stage(scratch, "annotation", name="frame", kind="python", start_ns=0, end_ns=100, nests=False)
    stage(scratch, "runtime_call", name="cudaLaunchKernel", start_ns=1, end_ns=2, thread="1", correlation_id=7)
    stage(scratch, "kernel", name="gemm", kind="kernel", start_ns=3, end_ns=5, device_id=0, correlation_id=7)
    derive(scratch, run_id="r", rank=0)
    assert rows(
        scratch, "SELECT DISTINCT data_type FROM duckdb_columns() WHERE table_name = 'op' AND column_name = 'name'"
    ) != [("VARCHAR",)]
    assert rows(scratch, "SELECT name, module, thread, category FROM op ORDER BY start_ns") == [
        ("aten::mm", "m", "1", "gemm"),
        ("aten::mm", None, "1", "gemm"),
    ]
    assert rows(scratch, "SELECT name, kind, thread FROM annotation") == [("frame", "python", None)]
    assert rows(scratch, "SELECT name, stream, op_name FROM kernel") == [("gemm", None, "aten::mm")]


def test_an_annotation_before_the_first_step_is_in_none(scratch: duckdb.DuckDBPyConnection) -> None:
    stage(scratch, "step", step=4, start_ns=10, end_ns=20)
    for start in (9, 10, 19, 20):
        stage(scratch, "annotation", name="range", kind="user", start_ns=start, end_ns=start + 1, nests=False)
    derive(scratch, run_id="r", rank=0)
    assert rows(scratch, "SELECT start_ns, step FROM annotation ORDER BY start_ns") == [(9, None), (10, 4), (19, 4), (20, None)]


def test_equal_and_empty_spans(scratch: duckdb.DuckDBPyConnection) -> None:
    op(scratch, "inner", 0, 10, external_id=2)
    op(scratch, "outer", 0, 10, external_id=1)
    op(scratch, "empty at start", 0, 0)
    op(scratch, "empty at end", 10, 10)
    derive(scratch, run_id="r", rank=0)
    got = rows(scratch, "SELECT op.name, p.name, op.self_ns FROM op LEFT JOIN op p ON p.op_id = op.parent_id ORDER BY op.name")
    assert got == [("empty at end", None, 0), ("empty at start", "inner", 0), ("inner", "outer", 10), ("outer", None, 0)]


def test_a_child_that_ends_late_is_clipped(scratch: duckdb.DuckDBPyConnection) -> None:
    op(scratch, "parent", 0, 100)
    op(scratch, "child", 90, 101)
    op(scratch, "grandchild", 95, 102)
    op(scratch, "next", 101, 110)
    derive(scratch, run_id="r", rank=0)
    assert rows(scratch, "SELECT name, depth, dur_ns, self_ns FROM op ORDER BY op_id") == [
        ("parent", 0, 100, 90),
        ("child", 1, 11, 5),
        ("grandchild", 2, 7, 5),
        ("next", 0, 9, 9),
    ]


def test_launches(scratch: duckdb.DuckDBPyConnection) -> None:
    op(scratch, "aten::mm", 0, 50)
    op(scratch, "aten::add", 60, 70)
    for number, start in ((7, 10), (8, 62)):
        stage(
            scratch,
            "runtime_call",
            name="cudaLaunchKernel",
            start_ns=start,
            end_ns=start + 5,
            thread="1",
            correlation_id=number,
        )
    # The same number on a call that launches nothing.
    stage(scratch, "runtime_call", name="cudaEventQuery", start_ns=1, end_ns=2, thread="1", correlation_id=7)
    for kernel, number, start in (("gemm_a", 7, 20), ("gemm_b", 7, 40), ("elementwise_kernel", 8, 61), ("ncclKernel", 9, 90)):
        stage(
            scratch, "kernel", device_id=0, name=kernel, kind="kernel", start_ns=start, end_ns=start + 10, correlation_id=number
        )
    stage(scratch, "step", step=5, start_ns=0, end_ns=55)
    stage(scratch, "step", step=6, start_ns=60, end_ns=80)
    derive(scratch, run_id="r", rank=0)
    got = rows(scratch, "SELECT name, kind, category, op_name, step, device_step FROM kernel ORDER BY kernel_id")
    assert got == [
        ("gemm_a", "kernel", "gemm", "aten::mm", 5, 5),
        ("gemm_b", "kernel", "gemm", "aten::mm", 5, 5),
        ("elementwise_kernel", "kernel", "elementwise", "aten::add", 6, 6),
        ("ncclKernel", "collective", "communication", None, None, None),
    ]
    assert rows(scratch, "SELECT name, device_ns FROM op ORDER BY op_id") == [("aten::mm", 20), ("aten::add", 10)]
    # [start, next start), and the last one its own duration.
    assert rows(scratch, "SELECT step, start_ns, dur_ns, source FROM step ORDER BY step") == [
        (5, 0, 60, "profiler"),
        (6, 60, 20, "profiler"),
    ]
    assert findings(scratch) == {"kernels_without_launch": 1, "kernels_before_launch": 1}


def test_work_knows_the_outermost_operator_of_its_launch(scratch: duckdb.DuckDBPyConnection) -> None:
    for thread, name, start, end in (
        ("1", "outer", 0, 30), ("1", "inner", 5, 20), ("1", "alone", 40, 50),
        ("2", "early", 1, 3), ("2", "late", 10, 45), ("2", "empty", 12, 12),
    ):  # fmt: skip
        stage(scratch, "op", name=name, start_ns=start, end_ns=end, thread=thread)
    for number, (thread, start) in enumerate([("1", 6), ("1", 25), ("1", 35), ("1", 41), ("2", 12), ("3", 12)]):
        call = {"start_ns": start, "end_ns": start + 1, "thread": thread, "correlation_id": number}
        stage(scratch, "runtime_call", name="cudaLaunchKernel", **call)
        work = {"start_ns": 100 + number, "end_ns": 101 + number, "correlation_id": number}
        stage(scratch, "kernel", device_id=0, name="k", kind="kernel", **work)
    derive(scratch, run_id="r", rank=0)
    assert rows(
        scratch,
        """SELECT op.name, root.name FROM kernel LEFT JOIN op USING (op_id) LEFT JOIN op AS root ON root.op_id = root_op_id
        ORDER BY kernel_id""",
    ) == [
        ("inner", "outer"), ("outer", "outer"), (None, None), ("alone", "alone"), ("late", "late"), (None, None),
    ]  # fmt: skip


def test_our_own_steps_are_kept(scratch: duckdb.DuckDBPyConnection) -> None:
    scratch.execute("""INSERT INTO step (run_id, rank, step, start_ns, dur_ns, is_profiled, is_warmup, source)
        VALUES ('r', 0, 3, 0, 50, true, true, 'crossprof')""")
    stage(scratch, "step", step=9, start_ns=0, end_ns=40)
    op(scratch, "in", 10, 20)
    op(scratch, "after", 50, 60)
    derive(scratch, run_id="r", rank=0)
    assert rows(scratch, "SELECT step, source FROM step") == [(3, "crossprof")]
    assert rows(scratch, "SELECT name, step FROM op ORDER BY op_id") == [("in", 3), ("after", None)]


def test_memory_without_totals_is_summed(scratch: duckdb.DuckDBPyConnection) -> None:
    for at, size in ((1, 100), (2, 50), (2, -100), (3, -10)):
        stage(scratch, "memory_event", device_id=0, at_ns=at, bytes=size)
    stage(scratch, "memory_event", device_id=-1, at_ns=1, bytes=7)
    derive(scratch, run_id="r", rank=0)
    got = rows(scratch, "SELECT allocated_bytes FROM memory_event WHERE device_id = 0 ORDER BY at_ns, allocated_bytes DESC")
    assert got == [(100,), (150,), (50,), (40,)]
    assert findings(scratch) == {"memory_totals_relative": 5}


def test_findings_of_odd_durations_and_of_unknown_kernels(scratch: duckdb.DuckDBPyConnection) -> None:
    op(scratch, "back", 20, 10)
    op(scratch, "open", 30, None)
    stage(scratch, "kernel", device_id=0, name="zzz", kind="kernel", start_ns=0, end_ns=10)
    stage(scratch, "kernel", device_id=0, name="gemm", kind="kernel", start_ns=10, end_ns=100)
    derive(scratch, run_id="r", rank=0)
    assert rows(scratch, "SELECT min(dur_ns), min(self_ns) FROM op") == [(0, 0)]
    assert findings(scratch) == {"negative_durations": 1, "missing_durations": 1, "unclassified_share": 1, "no_step_markers": 1}


def test_launches_without_device_work(scratch: duckdb.DuckDBPyConnection) -> None:
    stage(scratch, "runtime_call", name="hipLaunchKernel", start_ns=0, end_ns=5, thread="1", correlation_id=1)
    derive(scratch, run_id="r", rank=0)
    assert findings(scratch)["no_device_work"] == 1


@pytest.mark.parametrize(
    ("framework", "level", "code"),
    [("tensorflow", 2, "ops_hidden"), ("tensorflow", 3, "op_coverage_low"), ("jax", 2, "op_coverage_low")],
)
def test_operators_that_leave_most_of_a_step_open(
    scratch: duckdb.DuckDBPyConnection, framework: str, level: int, code: str
) -> None:
    stage(scratch, "fact", key="framework", value=framework)
    stage(scratch, "fact", key="options_effective", value=json.dumps({"host_tracer_level": level}))
    stage(scratch, "step", step=0, start_ns=0, end_ns=100)
    op(scratch, "MatMul", 0, 40)
    derive(scratch, run_id="r", rank=0)
    assert findings(scratch) == {code: 1}


def test_nesting_of_many(scratch: duckdb.DuckDBPyConnection) -> None:
    """More rows than DuckDB takes at once, on two threads, in no order: 100,000 times an op of 100 ns around one of 30."""
    scratch.execute("""
        INSERT INTO staged_op BY NAME
        SELECT name, thread, start_ns + shift AS start_ns, start_ns + shift + dur_ns AS end_ns
        FROM (SELECT i * 100 AS shift, (i % 2)::VARCHAR AS thread FROM range(100_000) r (i)),
            (VALUES ('outer', 0, 100), ('inner', 50, 30)) kinds (name, start_ns, dur_ns)
        ORDER BY hash(shift, name)""")
    derive(scratch, run_id="r", rank=0)
    assert rows(scratch, "SELECT name, depth, count(*), min(self_ns), max(self_ns) FROM op GROUP BY ALL ORDER BY name") == [
        ("inner", 1, 100_000, 30, 30),
        ("outer", 0, 100_000, 70, 70),
    ]
    assert rows(scratch, "SELECT count(*) FROM op c JOIN op p ON p.op_id = c.parent_id AND p.start_ns = c.start_ns - 50") == [
        (100_000,)
    ]


@dataclass
class Span:
    kind: str
    start: int
    end: int
    tie: int
    children_ns: int = 0
    op: "Span | None" = None
    depth: int = 0
    number: int = field(default=-1)


def walk(spans: list[Span]) -> None:
    """What nest.py computes, by a walk with a stack."""
    stack: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, s.kind == "call" or s.end == s.start, -s.end, s.kind, s.tie)):
        while stack and stack[-1].end <= span.start:
            stack.pop()
        ops = [outer for outer in stack if outer.kind == "op"]
        span.op, span.depth = ops[-1] if ops else None, len(ops)
        if span.kind == "call":
            continue
        if stack:
            stack[-1].children_ns += span.end - span.start
        if span.end > span.start:
            stack.append(span)


def crosses(a: Span, b: Span) -> bool:
    return a.start < b.start < a.end < b.end or b.start < a.start < b.end < a.end


ENDS = st.tuples(st.integers(0, 24), st.integers(0, 24)).map(sorted)
SPANS = st.lists(st.tuples(st.sampled_from(["op", "op", "annotation", "call"]), ENDS), min_size=1, max_size=14)


def clear(database: duckdb.DuckDBPyConnection) -> None:
    for table in (*(f"staged_{name}" for name in STAGED), *TABLES):
        if table != "annotation":  # a view over what was staged
            database.execute(f"DELETE FROM {table}")


def fill(database: duckdb.DuckDBPyConnection, spans: list[Span]) -> None:
    clear(database)
    for span in spans:
        more: dict[str, Any] = {"kind": "user", "nests": True} if span.kind == "annotation" else {}
        table = "runtime_call" if span.kind == "call" else span.kind
        stage(database, table, name=str(span.tie), start_ns=span.start, end_ns=span.end, thread="1", **more)
    derive(database, run_id="r", rank=0)


@pytest.mark.parametrize("levels", [16, 1], ids=["by level", "deep by a join"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=SPANS)
def test_nesting_equals_a_walk_with_a_stack(
    scratch: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, levels: int, drawn: list[tuple[str, list[int]]]
) -> None:
    monkeypatch.setattr("crossprof.ingest.nest._MOST_LEVELS", levels)
    spans: list[Span] = []
    for tie, (kind, (start, end)) in enumerate(drawn):
        span = Span(kind, start, end, tie)
        if kind == "call" or not any(crosses(span, other) for other in spans if other.kind != "call"):
            spans.append(span)
    walk(spans)
    fill(scratch, spans)
    expected = {
        str(span.tie): (str(span.op.tie) if span.op else None, span.depth, span.end - span.start - span.children_ns)
        for span in spans
        if span.kind == "op"
    }
    query = "SELECT op.name, p.name, op.depth, op.self_ns FROM op LEFT JOIN op p ON p.op_id = op.parent_id"
    assert {name: tuple(rest) for name, *rest in rows(scratch, query)} == expected
    calls = rows(scratch, "SELECT c.name, op.name FROM runtime_call c LEFT JOIN op USING (op_id)")
    assert dict(calls) == {str(s.tie): str(s.op.tie) if s.op else None for s in spans if s.kind == "call"}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(ENDS, min_size=1, max_size=12))
def test_overlapping_ops_keep_their_time_within_the_thread(scratch: duckdb.DuckDBPyConnection, drawn: list[list[int]]) -> None:
    """Spans that cross are no stack. Whatever is made of them, no time is negative and none is counted twice."""
    fill(scratch, [Span("op", start, end, tie) for tie, (start, end) in enumerate(drawn)])
    ((lowest, total),) = rows(scratch, "SELECT min(self_ns), sum(self_ns) FROM op")
    covered = {instant for start, end in drawn for instant in range(start, end)}
    assert lowest >= 0
    assert total <= len(covered)
    assert rows(scratch, "SELECT count(*) FROM op c JOIN op p ON p.op_id = c.parent_id WHERE c.start_ns < p.start_ns") == [(0,)]
