"""What the benchmark of ingest measures is what it says: a grown capture is whole, and the store holds all of it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from crossprof.ingest import ingest

ARGUMENTS = {"External id": 3, "correlation": 40, "device": 0, "stream": 7}
EVENTS: list[dict[str, Any]] = [
    {"ph": "M", "name": "process_name", "pid": 9, "args": {"name": "python"}},
    {"ph": "X", "cat": "user_annotation", "name": "ProfilerStep#4", "pid": 9, "tid": 9, "ts": 5.125, "dur": 40},
    {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 9, "tid": 9, "ts": 10.5, "dur": 5, "args": {"External id": 3}},
    {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 9, "tid": 9, "ts": 11, "dur": 1, "args": ARGUMENTS},
    {"ph": "s", "cat": "ac2g", "name": "ac2g", "id": 40, "pid": 9, "tid": 9, "ts": 11},
    {"ph": "X", "cat": "kernel", "name": "sgemm", "pid": 0, "tid": 7, "ts": 12.5, "dur": 2.25, "args": ARGUMENTS},
    {"ph": "i", "cat": "x", "name": "[memory]", "pid": 9, "ts": 13, "args": {"Bytes": 512, "Addr": 16, "Device Type": 0}},
]


@pytest.fixture
def benchmark(load_benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return load_benchmark("ingest")


def test_a_grown_capture_is_stored_whole(benchmark: ModuleType, tmp_path: Path) -> None:
    source, big, store = tmp_path / "small.json", tmp_path / "big.json", tmp_path / "store"
    source.write_text(json.dumps({"schemaVersion": 1, "baseTimeNanoseconds": 10**18, "traceEvents": EVENTS}))
    copies = benchmark.grow(source, big, 100_000)
    assert copies > 50
    assert [result.status for result in ingest([big], store=store)] == ["added"]
    assert benchmark.stored_differs(big, store) == []
    with benchmark.Store(store) as opened:
        asked = "SELECT count(*), count(DISTINCT correlation_id), count(DISTINCT step), count(call_id) FROM kernel"
        assert opened.sql(asked).fetchall() == [(copies, copies, copies, copies)]


def test_what_the_store_lacks_is_told(benchmark: ModuleType, tmp_path: Path) -> None:
    source, other, store = tmp_path / "small.json", tmp_path / "other.json", tmp_path / "store"
    source.write_text(json.dumps({"traceEvents": EVENTS}))
    other.write_text(json.dumps({"traceEvents": [*EVENTS, EVENTS[-2]]}))
    ingest([source], store=store)
    differences = benchmark.stored_differs(other, store)
    assert "kernel: count(*) is 1, a plain reader finds 2" in differences


def test_a_command_is_measured_with_all_its_processes(benchmark: ModuleType) -> None:
    child = "import time; data = bytearray(200_000_000); time.sleep(0.5)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); print('seconds', 0.25)"
    measured = benchmark.measure([sys.executable, "-c", parent])
    assert measured.own_s == 0.25
    assert measured.wall_s > 0.5
    assert measured.peak_bytes > 200_000_000
    assert benchmark.measure([sys.executable, "-c", "sys.exit(1)"]) is None


def test_the_table_says_which_parse_is_meant(benchmark: ModuleType) -> None:
    found = {
        "crossprof": benchmark.Measured(9.0, 12.0, 10**8, None),
        "simdjson, whole command": benchmark.Measured(4.5, 5.0, 10**8, None),
        "simdjson, first parse": benchmark.Measured(5.0, 5.0, 10**8, 3.0),
        "simdjson, warm parse": benchmark.Measured(9.0, 5.0, 10**8, 1.5),
    }
    lines = benchmark.table(benchmark.Race("Kineto JSON", 10**9, 10**7, found, ())).splitlines()
    assert lines[2].endswith("| times simdjson, whole command | times simdjson, first parse | times simdjson, warm parse |")
    assert lines[4].endswith("| 2.00 | 3.00 | 6.00 |")
