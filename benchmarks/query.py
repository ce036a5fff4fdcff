"""How fast questions are answered over millions of kernels, beside HTA on the same trace.

    python benchmarks/query.py trace.json.gz --kernels 200000 --runs 50

The capture is grown until it holds so many kernels, ingested once, and its part copied under other ids, so that every run is a
whole one. Each question goes to one run after another, warm; the 95th percentile counts. Views with a row for each event are
asked for a page of a thousand rows, all others for everything. HTA reads the grown trace once, and is then asked the same of
it; it comes from the interpreter --peers, into which benchmarks/requirements.txt is installed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import duckdb
from growth import grow

from crossprof.ingest import ingest
from crossprof.store import Layout, Store, publish, write_part
from crossprof.store.catalog import views
from crossprof.store.tables import TABLES

_TRIES = 40
_PAGE = 1000
_VIEW_S, _COMPARE_S, _LIST_S = 0.1, 0.3, 0.05
_DEFINITIONS = {"metric", "dependency"}  # of no run
_PEERS = Path(__file__).parents[1] / ".venv-bench/bin/python"
_HTA = """
import os, sys, time
os.environ['HTA_DISABLE_NS_ROUNDING'] = '1'  # rounding to microseconds, its default, stops with an assertion on short kernels
import logging; logging.disable()
from hta.trace_analysis import TraceAnalysis
start = time.perf_counter()
trace = TraceAnalysis(trace_files={0: sys.argv[1]}, trace_dir='/')
print('read the trace', time.perf_counter() - start)
questions = {
    'breakdown': lambda: trace.get_temporal_breakdown(visualize=False),
    'kernel_summary': lambda: trace.get_gpu_kernel_breakdown(visualize=False),
    'launch_summary': lambda: trace.get_cuda_kernel_launch_stats(visualize=False),
    'idle_cause': lambda: trace.get_idle_time_breakdown(visualize=False),
}
for question, ask in questions.items():
    times = []
    for _ in range(3):
        start = time.perf_counter()
        try:
            ask()
        except Exception as error:
            print(question, 'failed', type(error).__name__, file=sys.stderr)
            break
        times.append(time.perf_counter() - start)
    if times:
        print(question, min(times))
"""


@dataclass(frozen=True)
class Answer:
    """One question: rows of its answer, how long it took, how long it may take."""

    question: str
    rows: int
    median_s: float
    p95_s: float
    budget_s: float


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("capture", type=Path, help="a Kineto capture with kernels")
    parser.add_argument("--kernels", type=int, default=200_000, help="of each run")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--store", type=Path, help="keep the store and the grown trace here, and use them again")
    parser.add_argument("--peers", type=Path, default=_PEERS, help="the interpreter that has HTA")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.store or Path(scratch)
        root = folder / "store"
        trace = folder / "trace.json"
        if not root.exists():
            grown(options.capture, trace, options.kernels)
            fill(root, trace, options.runs)
        answers = measure(root)
        peer = ask_hta(options.peers, trace)
    show(answers, peer)
    return int(any(answer.p95_s > answer.budget_s for answer in answers))


def grown(capture: Path, trace: Path, kernels: int) -> None:
    """Write a trace with at least so many kernels."""
    trace.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        grow(capture, trace, 1)
        ingest([trace], store=root)
        with Store(root) as store:
            ((of_one,),) = store.sql("SELECT count(*) FROM kernel").fetchall()
    grow(capture, trace, trace.stat().st_size * -(-kernels // of_one))


def fill(root: Path, trace: Path, runs: int) -> None:
    """Ingest the trace, and write its part again under other ids until there are so many runs. The first is `run-0`."""
    ingest([trace], store=root, name="run-0")
    (part,) = Layout(root).runs.glob("run_id=*/part-*")
    with duckdb.connect() as connection:
        connection.execute(f"CREATE SCHEMA template; USE template; {(files('crossprof.store') / 'schema.sql').read_text()}")
        connection.execute("USE main; CREATE SCHEMA base; CREATE TABLE identity (run_id VARCHAR, name VARCHAR)")
        for table in TABLES:
            file = part / f"{table}.parquet"
            held = f"read_parquet('{file}', hive_partitioning = false)" if file.exists() else f"template.{table}"
            named = ", identity.name AS run" if table == "run" else ""
            columns = f"held.* REPLACE (identity.run_id AS run_id{named})"
            connection.execute(f"CREATE VIEW base.{table} AS SELECT {columns} FROM {held} AS held, identity")
        for number in range(1, runs):
            connection.execute(
                "DELETE FROM identity; INSERT INTO identity VALUES (?, ?)", [f"id-{number:04d}", f"run-{number}"]
            )
            write_part(connection, root, run_id=f"id-{number:04d}", rank=0, content_sha256=f"{number:064x}")
    publish(root)


def measure(root: Path, tries: int = _TRIES) -> list[Answer]:
    """Every public view for one run, the comparison of two runs, and the list of runs."""
    with Store(root) as store:
        run_ids = [run_id for (run_id,) in store.sql("SELECT run_id FROM run ORDER BY run_id").fetchall()]
        answers = [_time("run list", lambda _: store.runs().pl(), run_ids, _LIST_S, tries)]
        answers.append(_time("compare two runs", lambda run_id: store.compare(run_ids[0], run_id), run_ids, _COMPARE_S, tries))
        for view in sorted(views(), key=lambda view: view.name):
            if not view.name.startswith("_") and view.name not in _DEFINITIONS:
                answers.append(_time(view.name, _asked(store, view.name, run_ids[0]), run_ids, _VIEW_S, tries))
    return answers


def _asked(store: Store, view: str, run_id: str) -> Callable[[str], object]:
    """The question: all rows of a run, or a page of them where there are many."""
    ((rows,),) = store.sql(f"SELECT count(*) FROM {view} WHERE run_id = ?", params=[run_id]).fetchall()
    page = f" LIMIT {_PAGE}" if rows > 10 * _PAGE else ""
    return lambda asked: store.arrow(f"SELECT * FROM {view} WHERE run_id = ?{page}", [asked])


def _time(question: str, ask: Callable[[str], object], run_ids: Sequence[str], budget_s: float, tries: int) -> Answer:
    rows = getattr(ask(run_ids[-1]), "num_rows", 0)
    times = []
    for number in range(tries):
        start = time.perf_counter()
        ask(run_ids[number % len(run_ids)])
        times.append(time.perf_counter() - start)
    return Answer(question, rows, statistics.median(times), statistics.quantiles(times, n=20)[-1], budget_s)


def ask_hta(interpreter: Path, trace: Path) -> dict[str, float]:
    """Seconds of HTA by question. Empty where it is not installed."""
    if not interpreter.exists():
        return {}
    done = subprocess.run([interpreter, "-c", _HTA, str(trace.resolve())], capture_output=True, text=True, check=False)
    told = (line.rpartition(" ") for line in done.stdout.splitlines())
    return {question: float(seconds) for question, _, seconds in told if question}


def show(answers: Sequence[Answer], peer: dict[str, float]) -> None:
    """Print a line a question."""
    print(f"{'question':22} {'rows':>8} {'median ms':>10} {'p95 ms':>8} {'budget ms':>10} {'HTA ms':>9}")
    for one in answers:
        theirs = f"{peer[one.question] * 1e3:9.0f}" if one.question in peer else f"{'-':>9}"
        late = "  late" if one.p95_s > one.budget_s else ""
        times = f"{one.median_s * 1e3:10.1f} {one.p95_s * 1e3:8.1f} {one.budget_s * 1e3:10.0f}"
        print(f"{one.question:22} {one.rows:8,} {times} {theirs}{late}")
    if "read the trace" in peer:
        print(f"HTA reads the trace in {peer['read the trace']:.1f} s first; the best of three answers of it counts.")


if __name__ == "__main__":
    sys.exit(main())
