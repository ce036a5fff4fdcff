"""How a store of many small runs answers: one run through a view, the run list, one run more.

    python benchmarks/store.py --runs 5000

Prints one line a question: the best and the median of several tries, its budget, and the ratio of the two.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import duckdb

from crossprof.store import Layout, Store, publish, write_part
from crossprof.store.tables import TABLES

_TRIES = 5
_RUNS_PER_NAME = 5
# One small run: 20 bare and 6 profiled steps, 40 kernels in each profiled one, an op around every second kernel, telemetry.
_RUN = """
SET VARIABLE origin = 1700000000000000000;
INSERT INTO template.run BY NAME
SELECT '' AS run_id, '' AS run, 'torch' AS framework, 'bert-tiny' AS model, 'bf16' AS precision, 'training' AS phase,
    32 AS batch_size, 1 AS world_size, 'gpu' AS device_kind, 'H100' AS device_model, 1 AS device_count,
    getvariable('origin') AS started_ns, 'completed' AS status, 'recording' AS source,
    MAP {'precision': 'bf16'} AS tags, '{"layers": 2}'::JSON AS config;
INSERT INTO template.rank BY NAME SELECT '' AS run_id, 0 AS rank, 'completed' AS status, 26 AS step_count;
INSERT INTO template.device BY NAME SELECT '' AS run_id, 0 AS rank, 0 AS device_id, 'gpu' AS kind, 'H100' AS model;
INSERT INTO template.artifact BY NAME
SELECT '' AS run_id, 0 AS rank, 'artifacts/x/trace.json' AS path, 'kineto' AS format, '00' AS sha256, 1000 AS bytes,
    'moved' AS storage;
INSERT INTO template.step BY NAME
SELECT '' AS run_id, 0 AS rank, i AS step, getvariable('origin') + i * 1000000 AS start_ns, 1000000 + hash(i) % 50000 AS dur_ns,
    i >= 20 AS is_profiled, i = 20 AS is_warmup, if(i >= 20, 0, NULL) AS capture, 32 AS samples, 'crossprof' AS source
FROM range(26) AS steps (i);
INSERT INTO template.op BY NAME
SELECT '' AS run_id, 0 AS rank, i AS op_id, 0 AS depth, 'aten::op_' || i % 15 AS name, 'gemm' AS category,
    20 + i // 20 AS step, getvariable('origin') + 20000000 + i * 50000 AS start_ns, 40000 AS dur_ns, 40000 AS self_ns,
    20000 AS device_ns, '1' AS thread
FROM range(120) AS ops (i);
INSERT INTO template.kernel BY NAME
SELECT '' AS run_id, 0 AS rank, 0 AS device_id, i AS kernel_id, 'kernel_' || i % 30 AS name, 'kernel' AS kind,
    'gemm' AS category, getvariable('origin') + 20000000 + i * 25000 AS start_ns, 20000 AS dur_ns, '7' AS stream,
    i // 2 AS op_id, 20 + i // 40 AS step, 20 + i // 40 AS device_step
FROM range(240) AS kernels (i);
INSERT INTO template.memory_event BY NAME
SELECT '' AS run_id, 0 AS rank, 0 AS device_id, getvariable('origin') + 20000000 + i * 100000 AS at_ns, 1024 AS bytes,
    1024 * i AS allocated_bytes, 65536 AS reserved_bytes
FROM range(60) AS events (i);
INSERT INTO template.sample BY NAME
SELECT '' AS run_id, 0 AS rank, 0 AS device_id, getvariable('origin') + i * 500000 AS at_ns, metric, 0.5 AS value, '1' AS unit,
    true AS is_valid, 'nvml' AS source
FROM range(50) AS readings (i), (VALUES ('hw.gpu.utilization'), ('hw.gpu.memory.utilization')) AS metrics (metric);
"""


@dataclass(frozen=True)
class Answer:
    """One question: how long it took, and how long it may take."""

    question: str
    best_s: float
    median_s: float
    budget_s: float


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--store", type=Path, help="keep the generated store here, and use it again if it is there")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = options.store or Path(folder) / "store"
        if not root.exists():
            started = time.perf_counter()
            fill(root, range(options.runs))
            written = time.perf_counter()
            publish(root)
            writing_s, publishing_s = written - started, time.perf_counter() - written
            print(f"wrote {options.runs} parts in {writing_s:.1f} s, published them in {publishing_s:.1f} s")
        answers = measure(root, options.runs)
    print(f"{'question':30} {'best ms':>9} {'median ms':>10} {'budget ms':>10} {'of budget':>10}")
    for answer in answers:
        figures = f"{answer.best_s * 1e3:9.1f} {answer.median_s * 1e3:10.1f} {answer.budget_s * 1e3:10.0f}"
        print(f"{answer.question:30} {figures} {answer.median_s / answer.budget_s:10.2f}")
    return int(any(answer.median_s > answer.budget_s for answer in answers))


def fill(root: Path, numbers: Iterable[int]) -> None:
    """Writes the small run as a part, once for each number: the id is the number, five of them share a name."""
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE SCHEMA template; USE template; {(files('crossprof.store') / 'schema.sql').read_text()}; USE main"
        )
        connection.execute("CREATE SCHEMA base")
        connection.execute(_RUN)
        connection.execute("CREATE TABLE template.identity AS SELECT '' AS run_id, '' AS name")
        for table in TABLES:
            named = ", identity.name AS run" if table == "run" else ""
            columns = f"{table}.* REPLACE (identity.run_id AS run_id{named})"
            connection.execute(f"CREATE VIEW base.{table} AS SELECT {columns} FROM template.{table}, template.identity")
        for number in numbers:
            run_id = str(10_000_000 + number)
            connection.execute("UPDATE template.identity SET run_id = ?, name = ?", [run_id, f"run-{number // _RUNS_PER_NAME}"])
            write_part(connection, root, run_id=run_id, rank=0, content_sha256=f"{number:064x}")


def measure(root: Path, runs: int) -> list[Answer]:
    """The budgets of the store, asked of one that holds this many generated runs. Adds a run with each try."""
    run_id, name = str(10_000_000 + runs // 2), f"run-{runs // 2 // _RUNS_PER_NAME}"
    answers = []
    with Store(root) as store:
        answers.append(_time("open", lambda: Store(root).close(), 0.1))
        answers.append(_time("run list", lambda: store.runs().pl(), 0.1))
        for view in ("kernel", "op", "sample"):
            answers.append(_time(f"{view} of a run id", _query(store, f"SELECT * FROM {view} WHERE run_id = ?", run_id), 0.1))
        for view in ("utilization", "memory_timeline", "kernel_summary", "step_time", "run_metric", "finding"):
            for column, value in (("run_id", run_id), ("run", name)):
                query = f"SELECT * FROM {view} WHERE {column} = ?"
                answers.append(_time(f"{view} by {column}", _query(store, query, value), 0.1))
    answers.append(_publishing(root, runs))
    return answers


def _query(store: Store, query: str, value: str) -> Callable[[], object]:
    assert store.arrow(query, [value]).num_rows > 0 or "finding" in query
    return lambda: store.arrow(query, [value])


def _time(question: str, work: Callable[[], object], budget_s: float) -> Answer:
    times = [_seconds(work) for _ in range(_TRIES)]
    return Answer(question, min(times), statistics.median(times), budget_s)


def _publishing(root: Path, runs: int) -> Answer:
    times = []
    first_free = max(runs, sum(1 for _ in Layout(root).runs.iterdir()))
    for number in range(first_free, first_free + _TRIES):
        fill(root, [number])
        started = time.perf_counter()
        published = publish(root)
        times.append(time.perf_counter() - started)
        assert published.added == (str(10_000_000 + number),)
    return Answer("publish one run more", min(times), statistics.median(times), 1.0)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
