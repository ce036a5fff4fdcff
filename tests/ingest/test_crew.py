"""Many ranks read by several processes: the same store, and a process that dies costs its rank alone."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crossprof.ingest import ingest, machine, worker
from crossprof.ingest.crew import crew_size
from crossprof.ingest.job import TraceJob
from crossprof.ingest.scratch import scratch_database
from crossprof.store.layout import create
from crossprof.store.threads import thread_count
from tests.ingest.ranks import rank_trace, table

CONTENT = (
    "SELECT run_id, run, world_size, part_count, is_partial, verdict FROM run",
    "SELECT * EXCLUDE (run_id) FROM rank ORDER BY rank",
    "SELECT rank, name, start_ns, dur_ns, self_ns FROM op ORDER BY ALL",
    "SELECT code, rank, count, detail FROM finding ORDER BY ALL",
    "SELECT metric, rank, value, n FROM run_metric ORDER BY ALL",
)


def jobs(*sizes: int) -> list[TraceJob]:
    return [TraceJob(Path(f"{number}"), "r", "r", str(number), number, 1, bytes=size) for number, size in enumerate(sizes)]


def test_processes_leave_the_store_that_one_would(tmp_path: Path) -> None:
    for rank in range(8):
        rank_trace(tmp_path / "job", rank, world_size=8)
    seen: list[tuple[int, int]] = []
    alone = ingest([tmp_path / "job"], store=tmp_path / "alone", jobs=1)
    together = ingest([tmp_path / "job"], store=tmp_path / "together", jobs=2, on_progress=lambda _, *at: seen.append(at))
    assert [(result.status, result.rank, result.run_id, result.path) for result in together] == [
        ("added", rank, alone[0].run_id, tmp_path / "job" / f"rank{rank}.json") for rank in range(8)
    ]
    for query in CONTENT:
        assert table(tmp_path / "together", query) == table(tmp_path / "alone", query)
    assert (seen[0], seen[-1]) == ((0, 8), (8, 8))
    assert seen == sorted(seen)
    assert not list((tmp_path / "together" / ".staging").iterdir())


def test_few_small_ranks_pay_for_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "processor_count", lambda: 4)
    assert crew_size(jobs(1 << 30)) == 1
    assert crew_size(jobs(*[1000] * 64)) == 1
    assert crew_size(jobs(*[1 << 30] * 3)) == 3
    assert crew_size(jobs(*[1 << 30] * 64)) == 4
    assert crew_size(jobs(1, 1, 1), 2) == 2
    assert crew_size([], 2) == 1
    monkeypatch.setattr(machine, "memory_bytes", lambda: 4 << 30)
    assert crew_size(jobs(*[1 << 30] * 64)) == 2


@pytest.mark.parametrize(("end", "reason"), [("os.kill(os.getpid(), 9)", "memory ran out"), ("os._exit(3)", "code 3")])
def test_a_process_that_dies_costs_its_rank_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, reason: str
) -> None:
    dies = f"""
import os, sys
sys.path[:] = sys.argv[2:]
from crossprof.ingest import part
derive = part.derive
part.derive = lambda connection, **options: {end} if options["rank"] == 1 else derive(connection, **options)
"""
    monkeypatch.setattr(worker, "_START", dies + worker._START)
    for rank in range(4):
        rank_trace(tmp_path / "job", rank, world_size=4)
    results = ingest([tmp_path / "job"], store=tmp_path / "store", jobs=2)
    assert [result.status for result in results] == ["added", "failed", "added", "added"]
    assert reason in str(results[1].reason)
    assert table(tmp_path / "store", "SELECT part_count, is_partial FROM run") == [(3, True)]
    assert table(tmp_path / "store", "SELECT rank, severity FROM finding WHERE code = 'rank_failed'") == [(1, "warning")]
    assert ingest([tmp_path / "job" / "rank1.json"], store=tmp_path / "store", run="job")[0].status == "added"
    assert table(tmp_path / "store", "SELECT part_count, is_partial FROM run") == [(4, False)]
    assert table(tmp_path / "store", "SELECT code FROM finding WHERE code IN ('rank_failed', 'missing_ranks')") == []


def test_processes_that_can_not_start_are_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_START", "raise SystemExit(7)")
    results = ingest([rank_trace(tmp_path / "job", rank).parent for rank in range(2)], store=tmp_path / "store", jobs=2)
    assert [(result.status, "code 7" in str(result.reason)) for result in results] == [("failed", True)] * 2


INTERRUPTED = """
import sys, time
from pathlib import Path
sys.path[:] = sys.argv[3:]
from crossprof.ingest import ingest, worker
worker._START = '''
import sys, time
sys.path[:] = sys.argv[2:]
from crossprof.ingest import part
from pathlib import Path
derive = part.derive
def slow(connection, *, rank, **options):
    derive(connection, rank=rank, **options)
    if rank:
        Path(r"%s", f"began{rank}").touch()
        time.sleep(600)
part.derive = slow
''' % sys.argv[2] + worker._START
try:
    ingest([Path(sys.argv[2]) / "job"], store=Path(sys.argv[2]) / "store", jobs=2)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_interrupt_ends_the_processes_at_once_and_leaves_a_store(tmp_path: Path) -> None:
    store = tmp_path / "store"
    for rank in range(3):
        rank_trace(tmp_path / "job", rank, world_size=3)
    ingest([rank_trace(tmp_path / "other", 0, world_size=1)], store=store)
    command = [sys.executable, "-c", INTERRUPTED, "-", str(tmp_path), *sys.path]
    child = subprocess.Popen(command, stderr=subprocess.PIPE)
    await_files(tmp_path / "began1", tmp_path / "began2")
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert (child.returncode, errors) == (130, b"")
    assert time.monotonic() - began < 10
    assert table(store, "SELECT run FROM run") == [("rank0",)]
    assert not list((store / ".staging").iterdir())


def await_files(*paths: Path) -> None:
    until = time.monotonic() + 60
    while not all(path.exists() for path in paths):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_each_process_has_its_share_of_the_processors(tmp_path: Path) -> None:
    create(tmp_path)

    def threads(crew: int) -> int:
        with scratch_database(tmp_path, crew=crew) as connection:
            return thread_count(connection)

    assert threads(64) == max(1, threads(1) // 64)
