"""Profiles of ONNX Runtime onto the staged relations and tables: a few events by hand, and a real capture."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crossprof.errors import TraceError
from crossprof.ingest.reader import open_source, reader_for

Ingested = Callable[[Path], duckdb.DuckDBPyConnection]

CORPUS = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces") / "ort132_cpu"
SESSION = {"cat": "Session", "pid": 9, "tid": 9, "ph": "X", "args": {}}
NODE = {"cat": "Node", "pid": 9, "tid": 9, "ph": "X"}
KERNEL = {"cat": "Kernel", "pid": -1, "tid": -1, "ph": "X"}


def run(ts: int, dur: int) -> dict[str, Any]:
    return {**SESSION, "name": "model_run", "ts": ts, "dur": dur}


def node(name: str, ts: int, dur: int, **args: Any) -> dict[str, Any]:
    return {**NODE, "name": f"{name}_kernel_time", "ts": ts, "dur": dur, "args": {"provider": "CPUExecutionProvider", **args}}


def written(path: Path, *events: Any) -> Path:
    path.write_text(json.dumps(events))
    return path


def rows(database: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return database.execute(query).fetchall()


def test_two_runs_of_a_session(ingested: Ingested, tmp_path: Path) -> None:
    shapes = [{"float": [2, 3]}, {"int64": [3]}]
    path = written(
        tmp_path / "profile.json",
        {**SESSION, "name": "session_initialization", "ts": 0, "dur": 90},
        node("/layer/MatMul", 101, 20, op_name="MatMul", input_type_shape=shapes),
        node("Relu_1", 125, 5, op_name="Relu"),
        {**SESSION, "name": "SequentialExecutor::Execute", "ts": 100, "dur": 30},
        run(100, 40),
        node("/layer/MatMul", 201, 10, op_name="MatMul", input_type_shape=[]),
        run(200, 15),
    )
    database = ingested(path)
    assert reader_for(open_source(path)).format == "onnxruntime"
    # A step ends where the next one begins; the last has its own duration.
    assert rows(database, "SELECT step, start_ns, dur_ns FROM step ORDER BY step") == [
        (0, 100_000, 100_000),
        (1, 200_000, 15_000),
    ]
    query = "SELECT name, module, category, start_ns, dur_ns, self_ns, thread, step, shapes, dtypes, device_ns FROM op"
    assert rows(database, f"{query} ORDER BY op_id") == [
        ("MatMul", "/layer/MatMul", "gemm", 101_000, 20_000, 20_000, "9", 0, "[[2,3],[3]]", '["float","int64"]', None),
        ("Relu", "Relu_1", "elementwise", 125_000, 5_000, 5_000, "9", 0, None, None, None),
        ("MatMul", "/layer/MatMul", "gemm", 201_000, 10_000, 10_000, "9", 1, None, None, None),
    ]
    assert rows(database, "SELECT name, kind, step FROM annotation ORDER BY start_ns, dur_ns DESC") == [
        ("session_initialization", "runtime", None),
        ("model_run", "step", 0),
        ("SequentialExecutor::Execute", "runtime", 0),
        ("model_run", "step", 1),
    ]
    facts = dict(rows(database, "SELECT key, value FROM staged_fact"))
    assert facts == {"framework": "onnxruntime", "n_events": "7", "options_effective": '{"providers":["CPUExecutionProvider"]}'}


def test_a_profile_that_a_recording_took_says_when_it_began(ingested: Ingested, tmp_path: Path) -> None:
    began = {"cat": "Session", "ph": "M", "name": "crossprof_clock", "args": {"start_ns": "1700000000000000123"}}
    path = written(tmp_path / "profile.json", began, node("a", 10, 5, op_name="MatMul"), run(9, 12))
    assert rows(ingested(path), "SELECT name, start_ns, dur_ns FROM op") == [("MatMul", 1_700_000_000_000_010_123, 5_000)]


def test_operators_inside_a_branch_take_their_time_out_of_it(ingested: Ingested, tmp_path: Path) -> None:
    inner = node("then/Add", 12, 6, op_name="Add")
    path = written(tmp_path / "profile.json", inner, node("If_0", 10, 10, op_name="If"), run(9, 12))
    query = "SELECT name, depth, self_ns FROM op ORDER BY op_id"
    assert rows(ingested(path), query) == [("If", 0, 4_000), ("Add", 1, 6_000)]


def test_memory_is_the_count_of_the_allocator_after_each_operator(ingested: Ingested, tmp_path: Path) -> None:
    def held(in_use: int, delta: int) -> dict[str, str]:
        return {
            "mem_bytes_in_use": str(in_use),
            "mem_in_use_delta": str(delta),
            "mem_in_use_peak": "400",
            "mem_arena_held": "1024",
        }

    path = written(
        tmp_path / "profile.json",
        node("a", 10, 5, op_name="MatMul", **held(300, 100)),
        node("b", 20, 5, op_name="Relu", **held(300, 0)),  # no change: no event
        node("c", 30, 5, op_name="MatMul", **held(364, 64)),
        node("d", 40, 5, op_name="MatMul", **held(300, 0)),  # 64 bytes were freed between two nodes
    )
    query = "SELECT device_id, at_ns, bytes, allocated_bytes, reserved_bytes, peak_bytes, allocator, op_name FROM memory_event"
    assert rows(ingested(path), f"{query} ORDER BY at_ns") == [
        (-1, 15_000, 100, 300, 1024, 400, "CPUExecutionProvider", "MatMul"),
        (-1, 35_000, 64, 364, 1024, 400, "CPUExecutionProvider", "MatMul"),
        (-1, 45_000, -64, 300, 1024, 400, "CPUExecutionProvider", "MatMul"),
    ]


def test_kernels_of_a_gpu(ingested: Ingested, tmp_path: Path) -> None:
    grid = {"grid_x": "4", "grid_y": "1", "grid_z": "1", "block_x": "128", "block_y": "1", "block_z": "1"}
    unknown = dict.fromkeys(grid, "-1")
    of_node = {"op_name": "MatMul", "parent_name": "mm_kernel_time", "stream": "7"}
    path = written(
        tmp_path / "profile.json",
        run(0, 50),
        node("mm", 1, 9, op_name="MatMul", provider="CUDAExecutionProvider", mem_bytes_in_use="64", mem_in_use_delta="64"),
        {**KERNEL, "name": "ampere_sgemm_128x64", "ts": 12, "dur": 30, "args": {**of_node, **grid}},
        {**KERNEL, "name": "MemcpyHostToDevice", "ts": 4, "dur": 2, "args": {**of_node, **unknown, "size": "256"}},
        {**KERNEL, "name": "fused part", "ts": 44, "dur": 2, "args": {"ep": "OpenVINO"}},
    )
    database = ingested(path)
    query = "SELECT device_id, stream, name, kind, category, start_ns, dur_ns, op_name, module, bytes, grid, block FROM kernel"
    assert rows(database, f"{query} ORDER BY kernel_id") == [
        (0, "7", "MemcpyHostToDevice", "memcpy", "copy", 4_000, 2_000, "MatMul", "mm", 256, None, None),
        (0, "7", "ampere_sgemm_128x64", "kernel", "gemm", 12_000, 30_000, "MatMul", "mm", None, "4,1,1", "128,1,1"),
    ]
    assert rows(database, "SELECT name FROM annotation WHERE kind = 'runtime'") == [("fused part",)]
    assert rows(database, "SELECT device_id, kind FROM device ORDER BY 1") == [(-1, "cpu"), (0, "gpu")]
    assert rows(database, "SELECT device_id FROM memory_event") == [(0,)]
    assert rows(database, "SELECT code, count FROM finding WHERE code LIKE 'kernels%'") == [("kernels_without_launch", 2)]


def test_runs_side_by_side_are_told(ingested: Ingested, tmp_path: Path) -> None:
    path = written(tmp_path / "profile.json", run(0, 100), run(10, 20), run(50, 10), run(200, 5))
    assert rows(ingested(path), "SELECT code, severity, count FROM finding WHERE code = 'steps_overlap'") == [
        ("steps_overlap", "warning", 2)
    ]


def test_what_a_cut_profile_still_holds(ingested: Ingested, tmp_path: Path) -> None:
    path = written(tmp_path / "profile.json", run(0, 9), node("a", 1, 5, op_name="Relu"), node("b", 7, 1, op_name="Relu"))
    path.write_bytes(path.read_bytes()[:-40])
    database = ingested(path)
    assert rows(database, "SELECT module FROM op") == [("a",)]
    assert rows(database, "SELECT code, severity FROM finding WHERE code LIKE 'file%'") == [("file_truncated", "error")]


def test_events_that_cannot_be_read_are_counted(ingested: Ingested, tmp_path: Path) -> None:
    path = written(
        tmp_path / "profile.json", run(0, 9), node("b", 7, 1), {**run(0, 1), "ts": "?"}, {**run(0, 1), "ts": 1 << 62}, run(9, 9)
    )
    path.write_text(path.read_text().replace('"b_kernel_time"', '"b"_kernel_time"'))
    findings = dict(rows(ingested(path), "SELECT code, count FROM finding"))
    assert (findings["events_invalid"], findings["events_without_time"]) == (1, 2)


def test_an_empty_list_is_no_profile(ingested: Ingested, tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="JSON without trace events"):
        ingested(written(tmp_path / "empty.json"))


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")
def test_real_capture(ingested: Ingested) -> None:
    truth = json.loads((CORPUS / "truth.json").read_text())
    database = ingested(next(CORPUS.glob("ort132*.json")))
    found = rows(database, "SELECT name, count(*), sum(dur_ns) / 1000 FROM op GROUP BY name")
    assert {name: {"count": count, "total_us": total} for name, count, total in found} == truth["ops"]
    assert rows(database, "SELECT value::BIGINT FROM staged_fact WHERE key = 'n_events'") == [(truth["n_events"],)]
    assert rows(database, "SELECT count(*) FROM step") == [(20,)]
    assert rows(database, "SELECT count(*) FROM op WHERE category = 'other' OR step IS NULL") == [(0,)]
