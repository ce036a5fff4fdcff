"""Random traces: counts, sums, unions, links and self times equal a plain computation, however the file is written."""

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossprof.ingest import event_text
from crossprof.ingest.derive import derive
from crossprof.ingest.ingest import ingest
from crossprof.ingest.reader import open_source, reader_for
from tests.ingest.random_trace import COLLECTIVE, ZERO_NS, SpaceTrace, Trace, space_traces, traces, union

TABLES = ("kernel", "op", "runtime_call", "annotation", "memory_event", "step", "device", "finding")
IDS = {"kernel_id", "op_id", "call_id", "parent_id"}
MORE = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FEWER = settings(MORE, max_examples=10)

BUSY = """
SELECT device_id, sum(greatest(0, end_ns - greatest(start_ns, coalesce(before_ns, start_ns))))::BIGINT FROM (
    SELECT device_id, start_ns, start_ns + dur_ns AS end_ns, max(start_ns + dur_ns) OVER (
        PARTITION BY device_id ORDER BY start_ns, kernel_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_ns
    FROM kernel)
GROUP BY device_id"""

Derived = Callable[[bytes], duckdb.DuckDBPyConnection]
Rows = Counter[tuple[Any, ...]]


@pytest.fixture(scope="module")
def derived() -> Iterator[Derived]:
    """What becomes of the bytes of a file, in tables that are emptied for each."""
    with duckdb.connect(config={"threads": 2}) as connection, tempfile.TemporaryDirectory() as folder:
        connection.execute(files("crossprof.store").joinpath("schema.sql").read_text())
        connection.execute(files("crossprof.ingest").joinpath("staging.sql").read_text())
        asked = "SELECT table_name FROM duckdb_tables() WHERE NOT temporary AND table_name <> 'annotation'"  # it becomes a view
        tables = [name for (name,) in connection.execute(asked).fetchall()]
        path = Path(folder) / "trace"

        def derive_bytes(data: bytes) -> duckdb.DuckDBPyConnection:
            for name in tables:
                connection.execute(f"TRUNCATE {name}")
            path.write_bytes(data)
            source = open_source(path)
            reader_for(source).stage(connection, source, capture=None)
            derive(connection, run_id="r", rank=0)
            return connection

        yield derive_bytes


def rows(database: duckdb.DuckDBPyConnection, query: str) -> Rows:
    return Counter(database.execute(query).fetchall())


def everything(database: duckdb.DuckDBPyConnection) -> dict[str, Rows]:
    """All rows without their ids."""
    found = {}
    for name in TABLES:
        columns = [column for column, *_ in database.execute(f"DESCRIBE {name}").fetchall() if column not in IDS]
        found[name] = rows(database, f"SELECT {', '.join(columns)} FROM {name}")
    return found


@MORE
@given(trace=traces())
def test_the_tables_are_what_a_plain_computation_says(derived: Derived, trace: Trace) -> None:
    database, zero = derived(trace.text().encode()), trace.zero()
    kernels = f"""
        SELECT device_id, stream, name, kernel.kind, start_ns - {zero}, dur_ns, call.at, op.external_id, step, device_step
        FROM kernel
        LEFT JOIN (SELECT call_id, start_ns - {zero} AS at FROM runtime_call) AS call USING (call_id)
        LEFT JOIN (SELECT op_id, external_id FROM op) AS op USING (op_id)"""
    assert rows(database, kernels) == trace.expected_kernels()
    ops = f"SELECT name, start_ns - {zero}, dur_ns, self_ns, thread, external_id, step FROM op"
    assert rows(database, ops) == trace.expected_ops()
    assert rows(database, BUSY) == Counter((device, union(work)) for device, work in trace.work_by_device().items())
    for thread, total in database.execute("SELECT thread, sum(self_ns) FROM op GROUP BY thread").fetchall():
        if thread not in {str(annotation.thread) for annotation in trace.annotations}:
            assert total == union(op for op in trace.ops if str(op.thread) == thread)
    assert rows(database, f"SELECT at_ns - {zero}, bytes FROM memory_event") == Counter(trace.memory)
    assert rows(database, "SELECT step FROM step") == Counter((step.number,) for step in trace.steps)
    assert rows(database, "SELECT count(*) FROM annotation") == Counter([(len(trace.annotations) + len(trace.steps),)])


@FEWER
@given(trace=traces(is_nested=False))
def test_self_times_cover_a_thread_at_most_once(derived: Derived, trace: Trace) -> None:
    """Operators that overlap without nesting are clipped: no nanosecond of a thread counts twice."""
    database = derived(trace.text().encode())
    assert rows(database, "SELECT name FROM op WHERE self_ns < 0 OR self_ns > dur_ns") == Counter()
    for thread, total in database.execute("SELECT thread, sum(self_ns) FROM op GROUP BY thread").fetchall():
        assert total <= union(op for op in trace.ops if str(op.thread) == thread)


@FEWER
@given(trace=traces(), chunk_bytes=st.integers(1, 2000), randomness=st.randoms(use_true_random=False))
def test_neither_order_nor_chunks_matter(
    derived: Derived, monkeypatch: pytest.MonkeyPatch, trace: Trace, chunk_bytes: int, randomness: random.Random
) -> None:
    whole = everything(derived(trace.text().encode()))
    events = trace.events()
    randomness.shuffle(events)
    with monkeypatch.context() as patch:
        patch.setattr(event_text, "CHUNK_BYTES", chunk_bytes)
        assert everything(derived(trace.text(events).encode())) == whole


@FEWER
@given(trace=space_traces())
def test_an_xspace_is_what_a_plain_computation_says(derived: Derived, trace: SpaceTrace) -> None:
    database = derived(trace.data())
    kinds = {"sgemm": "kernel", "MemcpyH2D": "memcpy", COLLECTIVE: "collective"}
    work = [trace.rounded(span) for span in trace.work]
    kernels = f"SELECT device_id, name, kind, start_ns - {ZERO_NS}, dur_ns FROM kernel"
    assert rows(database, kernels) == Counter(
        (span.device, span.name, kinds[span.name], span.start, span.end - span.start) for span in work
    )
    by_device = {device: [span for span in work if span.device == device] for device in {span.device for span in work}}
    assert rows(database, BUSY) == Counter((device, union(spans)) for device, spans in by_device.items())
    ops = [op for op in map(trace.rounded, trace.ops) if op.end > op.start]
    assert rows(database, f"SELECT module, start_ns - {ZERO_NS}, dur_ns FROM op") == Counter(
        (op.name.removesuffix(":MatMul"), op.start, op.end - op.start) for op in ops
    )
    for thread, total in database.execute("SELECT thread, sum(self_ns) FROM op GROUP BY thread").fetchall():
        assert total == union(op for op in ops if f"tf_Compute/{op.thread}" == thread)


@settings(MORE, max_examples=3)
@given(trace=traces())
def test_the_same_bytes_twice_change_nothing(trace: Trace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, store = Path(folder) / "trace.json", Path(folder) / "store"
        path.write_text(trace.text())
        (first,) = ingest([path], store=store)
        before = content(store)
        (second,) = ingest([path], store=store)
        assert (first.status, second.status, second.run_id) == ("added", "present", first.run_id)
        assert content(store) == before


def content(store: Path) -> dict[str, bytes]:
    """Every file of a store by its path."""
    return {
        os.fspath(path.relative_to(store)): path.read_bytes()
        for path in store.rglob("*")
        if path.is_file() and "lock" not in path.name
    }
