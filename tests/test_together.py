"""Everything at once on one store, through the commands that people type: nobody gets an error, nobody sees half a part."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from crossprof.store import Store

KERNELS, WRITERS, TRACES = 50, 4, 3
HOLDER = """
import duckdb, sys, time
held = duckdb.connect(sys.argv[1])
print(held.sql("select count(*) from run").fetchall(), flush=True)
time.sleep(120)
"""


def trace(path: Path, number: int) -> Path:
    """A Kineto trace of one step with KERNELS kernels of 10 us each; the number makes its content its own."""
    launch = {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 1, "tid": 1, "dur": 2}
    kernel = {"ph": "X", "cat": "kernel", "name": "sgemm", "pid": 0, "tid": 7, "dur": 10}
    events = [
        {"ph": "X", "cat": "user_annotation", "name": f"ProfilerStep#{number}", "pid": 1, "tid": 1, "ts": 1000, "dur": 2000}
    ]
    for index in range(KERNELS):
        at = 1000 + 20 * index
        events.append({**launch, "ts": at, "args": {"correlation": index}})
        events.append({**kernel, "ts": at + 5, "args": {"correlation": index, "device": 0, "stream": 7}})
    path.write_text(json.dumps({"schemaVersion": 1, "deviceProperties": [], "traceEvents": events}))
    return path


def crossprof(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "crossprof", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A store with two runs, whose catalog a foreign client holds open for writing."""
    store = tmp_path / "store"
    for number, name in enumerate(("first", "doomed")):
        done = crossprof("ingest", trace(tmp_path / f"{name}.json", number), "--name", name, "--store", store)
        assert done.communicate(timeout=120)[1] == ""
    command = [sys.executable, "-c", HOLDER, str(store / "crossprof.duckdb")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "[(2,)]"
        yield store
        assert holder.poll() is None
        holder.kill()


@pytest.fixture
def served(held: Path) -> Iterator[tuple[Path, str]]:
    """The same store, and the address of a dashboard on it."""
    server = crossprof("serve", "--port", "0", "--store", held)
    try:
        assert server.stdout is not None
        line = next(line for line in server.stdout if "http://" in line)
        yield held, line[line.index("http://") :].split()[0].rstrip("/.")
    finally:
        server.terminate()
        server.communicate(timeout=30)


@pytest.mark.slow
def test_serve_a_notebook_a_foreign_client_four_writers_and_a_deleter(served: tuple[Path, str], tmp_path: Path) -> None:
    store, address = served
    notebook = Store(store)
    before = notebook.sql("select count(*) from kernel").fetchall()

    started = time.monotonic()
    working = []
    for writer in range(WRITERS):
        files = [trace(tmp_path / f"w{writer}-{n}.json", 10 + writer * TRACES + n) for n in range(TRACES)]
        working.append(crossprof("ingest", *files, "--store", store))
    working.append(crossprof("delete", "doomed", "--store", store))
    looks = 0
    while any(process.poll() is None for process in working):
        assert time.monotonic() - started < 240
        with Store(store) as reader:
            counts = dict(reader.sql("select run_id, count(*) from kernel group by all").fetchall())
        assert set(counts.values()) == {KERNELS}
        assert urllib.request.urlopen(f"{address}/_dash-layout", timeout=30).status == 200
        looks += 1
    for process in working:
        _, errors = process.communicate()
        assert (process.returncode, errors) == (0, "")
    assert looks > 1

    assert notebook.sql("select count(*) from kernel").fetchall() == before  # its snapshot is as it was
    notebook.refresh()
    names = {row[0] for row in notebook.sql("select run from run").fetchall()}
    assert "doomed" not in names
    assert notebook.sql("select count(*) from run").fetchall() == [(1 + WRITERS * TRACES,)]
    assert notebook.sql("select count(distinct run_id), count(*) from kernel").fetchall() == [
        (1 + WRITERS * TRACES, (1 + WRITERS * TRACES) * KERNELS)
    ]
    notebook.close()
