"""Output of rocprofv3 onto the staged relations and tables: a few records by hand, and a real capture."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crossprof.errors import TraceError
from crossprof.ingest import rocprof_text
from crossprof.ingest.reader import open_source, reader_for
from crossprof.ingest.source import Source

Ingested = Callable[[Path], duckdb.DuckDBPyConnection]

CORPUS = (
    Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces") / "rocprof_908_results"
)
CPU = {"id": {"handle": 10}, "type": 1, "node_id": 0, "logical_node_type_id": 0, "name": "CPU", "product_name": "Some CPU"}
GPUS = [
    {
        "id": {"handle": 11 + number},
        "type": 2,
        "node_id": 1 + number,
        "logical_node_type_id": number,
        "name": "gfx942",
        "vendor_name": "AMD",
        "product_name": "AMD Instinct MI300X",
        "cu_count": 304,
        "mem_banks": [{"size_in_bytes": 100}, {"size_in_bytes": 28}],
    }
    for number in range(2)
]
NAMES = [
    {"kind": "NONE", "operations": []},
    {"kind": "HIP_RUNTIME_API", "operations": ["hipInit", "hipLaunchKernel", "hipMemcpy"]},
    {"kind": "MARKER_CORE_API", "operations": ["roctxMarkA", "roctxRangePushA"]},
    {"kind": "MEMORY_COPY", "operations": ["MEMORY_COPY_NONE", "MEMORY_COPY_HOST_TO_DEVICE", "MEMORY_COPY_HOST_TO_HOST"]},
    {"kind": "MEMORY_ALLOCATION", "operations": ["MEMORY_ALLOCATION_ALLOCATE", "MEMORY_ALLOCATION_FREE"]},
    {"kind": "RCCL_API", "operations": ["ncclAllReduce"]},
]
SYMBOLS = [
    {"kernel_id": 7, "formatted_kernel_name": "sgemm", "kernel_name": "sgemm.kd", "arch_vgpr_count": 64},
    {"kernel_id": 8, "formatted_kernel_name": "ncclDevKernel_Generic", "kernel_name": "n.kd", "arch_vgpr_count": 0},
]


def record(kind: int, operation: int, start: int, end: int, correlation: int, **more: Any) -> dict[str, Any]:
    return {
        "size": 64,
        "kind": kind,
        "operation": operation,
        "thread_id": 5,
        "correlation_id": {"internal": correlation, "external": 0},
        "start_timestamp": start,
        "end_timestamp": end,
        **more,
    }


def dispatch(kernel: int, start: int, end: int, correlation: int, *, agent: int = 11) -> dict[str, Any]:
    return record(
        11,
        2,
        start,
        end,
        correlation,
        dispatch_info={
            "agent_id": {"handle": agent},
            "queue_id": {"handle": 3},
            "kernel_id": kernel,
            "group_segment_size": 1024,
            "workgroup_size": {"x": 256, "y": 1, "z": 1},
            "grid_size": {"x": 1000, "y": 2, "z": 1},
        },
        stream_id={"handle": 4},
    )


def written(path: Path, **records: list[dict[str, Any]]) -> Path:
    process = {
        "metadata": {"node": {"hostname": "node-a"}, "pid": 5, "config": {"json_output": True}},
        "agents": [CPU, *GPUS],
        "strings": {"buffer_records": NAMES, "marker_api": [{"key": 90, "value": "epoch"}]},
        "kernel_symbols": SYMBOLS,
        "callback_records": {"counter_collection": []},
        "buffer_records": records,
    }
    path.write_text(json.dumps({"rocprofiler-sdk-tool": [process]}))
    return path


def rows(database: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return database.execute(query).fetchall()


def test_kernels_their_launches_and_their_devices(ingested: Ingested, tmp_path: Path) -> None:
    path = written(
        tmp_path / "results.json",
        kernel_dispatch=[dispatch(7, 9_007_199_254_740_993, 9_007_199_254_741_000, 21), dispatch(8, 300, 350, 22, agent=12)],
        hip_api=[record(1, 1, 290, 295, 22)],
        hsa_api=[],
    )
    database = ingested(path)
    assert reader_for(open_source(path)).format == "rocprof"
    query = """SELECT device_id, stream, name, kind, category, start_ns, dur_ns, correlation_id, grid, block,
        registers_per_thread, shared_memory_bytes, call_id FROM kernel ORDER BY kernel_id"""
    # The start is more than a double holds; the grid of 1000 work items in blocks of 256 is 4 blocks.
    assert rows(database, query) == [
        (1, "4", "ncclDevKernel_Generic", "collective", "communication", 300, 50, 22, "4,2,1", "256,1,1", None, 1024, 0),
        (0, "4", "sgemm", "kernel", "gemm", 9_007_199_254_740_993, 7, 21, "4,2,1", "256,1,1", 64, 1024, None),
    ]
    assert rows(database, "SELECT name, kind, dur_ns, thread, correlation_id FROM runtime_call") == [
        ("hipLaunchKernel", "launch", 5, "5", 22)
    ]
    query = (
        "SELECT device_id, kind, vendor, model, memory_bytes, compute_units, compute_capability FROM device ORDER BY device_id"
    )
    assert rows(database, query)[1:] == [
        (number, "gpu", "AMD", "AMD Instinct MI300X", 128, 304, "gfx942") for number in range(2)
    ]
    facts = dict(rows(database, "SELECT key, value FROM staged_fact"))
    assert facts == {"n_events": "3", "host_name": "node-a", "pid": "5", "options_effective": '{"json_output":true}'}


def test_copies_belong_to_the_gpu_of_the_two_ends(ingested: Ingested, tmp_path: Path) -> None:
    def copy(operation: int, start: int, *, to: int, of: int) -> dict[str, Any]:
        ends = {"dst_agent_id": {"handle": to}, "src_agent_id": {"handle": of}}
        return record(3, operation, start, start + 5, 1, bytes=4096, **ends)

    copies = [copy(1, 0, to=12, of=10), copy(0, 10, to=10, of=12), copy(2, 20, to=10, of=10)]
    database = ingested(written(tmp_path / "results.json", memory_copy=copies))
    assert rows(database, "SELECT device_id, name, kind, category, start_ns, dur_ns, bytes FROM kernel ORDER BY kernel_id") == [
        (1, "MEMORY_COPY_HOST_TO_DEVICE", "memcpy", "copy", 0, 5, 4096),
        (1, "MEMORY_COPY_NONE", "memcpy", "copy", 10, 5, 4096),
    ]


def test_markers_and_library_calls_are_ranges(ingested: Ingested, tmp_path: Path) -> None:
    markers = [record(2, 1, 10, 90, 90), record(2, 0, 20, 20, 91)]
    database = ingested(written(tmp_path / "results.json", marker_api=markers, rccl_api=[record(5, 0, 30, 40, 92)]))
    assert rows(database, "SELECT name, kind, start_ns, dur_ns FROM annotation ORDER BY start_ns") == [
        ("epoch", "user", 10, 80),
        ("roctxMarkA", "user", 20, 0),
        ("ncclAllReduce", "runtime", 30, 10),
    ]


def test_a_free_has_the_size_and_the_device_of_its_allocation(ingested: Ingested, tmp_path: Path) -> None:
    def memory(operation: int, at: int, agent: int, address: str, size: int) -> dict[str, Any]:
        return record(4, operation, at - 5, at, 1, agent_id={"handle": agent}, address=address, allocation_size=size)

    events = [memory(0, 10, 11, "0x00000000000000ff", 512), memory(0, 20, 11, "0x100", 64), memory(1, 30, 0, "0xff", 0)]
    events.append(memory(1, 40, 0, "0x999", 0))  # allocated before the recording: of unknown size
    database = ingested(written(tmp_path / "results.json", memory_allocation=events))
    assert rows(database, "SELECT device_id, at_ns, bytes, address, allocated_bytes FROM memory_event ORDER BY at_ns") == [
        (0, 10, 512, 255, 512),
        (0, 20, 64, 256, 576),
        (0, 30, -512, 255, 64),
    ]


def test_kernels_alone_are_told(ingested: Ingested, tmp_path: Path) -> None:
    database = ingested(written(tmp_path / "results.json", kernel_dispatch=[dispatch(7, 1, 2, 1)]))
    assert ("no_runtime_calls", "info", 1) in rows(database, "SELECT code, severity, count FROM finding")


@pytest.mark.parametrize("records", [{}, {"kernel_dispatch": [], "hip_api": []}])
def test_no_records_are_told(ingested: Ingested, tmp_path: Path, records: dict[str, Any]) -> None:
    database = ingested(written(tmp_path / "results.json", **records))
    assert rows(database, "SELECT code, severity FROM finding") == [("no_events", "error")]


def test_a_cut_file_keeps_its_whole_records(ingested: Ingested, tmp_path: Path) -> None:
    path = written(
        tmp_path / "results.json",
        hip_api=[record(1, 1, 0, 1, 1)],
        kernel_dispatch=[dispatch(7, n, n + 1, n) for n in (1, 2, 3)],
    )
    text = path.read_bytes()
    path.write_bytes(text[: text.rindex(b'"stream_id"')])
    database = ingested(path)
    assert rows(database, "SELECT correlation_id FROM kernel ORDER BY 1") == [(1,), (2,)]
    assert rows(database, "SELECT count(*) FROM runtime_call") == [(1,)]
    assert ("file_truncated", "error") in rows(database, "SELECT code, severity FROM finding")


def test_a_cut_gzip_keeps_its_whole_records(ingested: Ingested, tmp_path: Path) -> None:
    path = written(tmp_path / "results.json", kernel_dispatch=[dispatch(7, n, n + 1, n) for n in range(2000)])
    path.write_bytes(gzip.compress(path.read_bytes())[:-100])
    database = ingested(path)
    ((count,),) = rows(database, "SELECT count(*) FROM kernel")
    assert 1000 < count < 2000
    assert rows(database, "SELECT code, count FROM finding WHERE severity = 'error'") == [("file_truncated", 1)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"rocprofiler-sdk-tool":[{"metadata":{"pid":1},"agents":[', "it ends before its records"),
        ('{"rocprofiler-sdk-tool":[{"buffer_records":{"hip_api":[]}},{"buffer_records":{}}]}', "records of 2 processes"),
        ('{"rocprofiler-sdk-tool":[{"agents":[}],"buffer_records":{"hip_api":[]}}]}', "its JSON is damaged"),
        ('{"rocprofiler-sdk-tool":[{"buffer_records":{"hip_api":[{"size":1 "kind":2}]}}]}', "its JSON is damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(ingested: Ingested, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(TraceError, match=says) as error:
        ingested(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("size", [1, 100, 1000, 5000])
@pytest.mark.parametrize("is_cut", [False, True])
def test_records_are_the_same_wherever_the_text_is_cut(
    ingested: Ingested, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, is_cut: bool
) -> None:
    def blocks(source: Source) -> Iterator[bytes]:
        data = source.read()
        return (data[start : start + size] for start in range(0, len(data), size))

    monkeypatch.setattr(rocprof_text, "utf8", blocks)
    monkeypatch.setattr(rocprof_text, "CHUNK_BYTES", size)
    nested = {"args": {"values": [1, 2]}}  # brackets and braces that close within a record end nothing
    path = written(
        tmp_path / "results.json",
        hip_api=[record(1, 1, n, n + 1, n, **nested) for n in range(30)],
        unknown_kind=[record(1, 1, 1, 2, 3)],
        hsa_api=[],
        kernel_dispatch=[dispatch(7, n, n + 1, n) for n in range(20)],
    )
    if is_cut:
        text = path.read_bytes()
        path.write_bytes(text[: text.rindex(b'"stream_id"')])
    database = ingested(path)
    assert rows(database, "SELECT name, correlation_id FROM kernel ORDER BY 2") == [("sgemm", n) for n in range(20 - is_cut)]
    assert rows(database, "SELECT correlation_id FROM runtime_call ORDER BY 1") == [(n,) for n in range(30)]
    assert rows(database, "SELECT count(*) FROM finding WHERE code = 'file_truncated'") == [(int(is_cut),)]


def test_a_record_without_an_end_is_refused(ingested: Ingested, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rocprof_text, "CHUNK_BYTES", 100)
    monkeypatch.setattr(rocprof_text, "_MOST_UNCUT_BYTES", 1000)
    with pytest.raises(TraceError, match="a record takes more than"):
        ingested(written(tmp_path / "results.json", hip_api=[record(1, 1, 1, 2, 3, note="x" * 5000)]))


def test_records_without_a_start_are_counted_and_left_out(ingested: Ingested, tmp_path: Path) -> None:
    odd: list[Any] = [7, {"size": 1}]
    path = written(tmp_path / "results.json", kernel_dispatch=[*odd, dispatch(7, 1, 2, 1)], hip_api=odd, memory_allocation=odd)
    database = ingested(path)
    assert rows(database, "SELECT name FROM kernel") == [("sgemm",)]
    assert ("events_without_time", 6) in rows(database, "SELECT code, count FROM finding")


def test_a_number_out_of_range_is_refused(ingested: Ingested, tmp_path: Path) -> None:
    wrong = dispatch(7, 1, 2, 1)
    wrong["dispatch_info"]["grid_size"]["x"] = (1 << 63) - 1
    with pytest.raises(TraceError, match="damaged"):
        ingested(written(tmp_path / "results.json", kernel_dispatch=[wrong]))


def test_a_file_that_the_memory_cannot_hold_is_refused(
    ingested: Ingested, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "results.json", kernel_dispatch=[dispatch(7, 1, 2, 1)])
    monkeypatch.setattr("crossprof.ingest.rocprof._MEMORY_TIMES", 1 << 50)
    with pytest.raises(TraceError, match="too much for the memory"):
        ingested(path)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")
def test_real_capture(ingested: Ingested) -> None:
    truth = json.loads((CORPUS / "truth.json").read_text())
    database = ingested(CORPUS / "908_results.json.gz")
    found = rows(database, "SELECT name, count(*), sum(dur_ns)::BIGINT FROM kernel GROUP BY name")
    assert {name: {"count": count, "total_ns": total} for name, count, total in found} == truth["kernels"]
    query = "SELECT count(*), sum(dur_ns)::BIGINT, max(start_ns + dur_ns) - min(start_ns) FROM kernel"
    assert rows(database, query) == [(truth["kernel_count"], truth["kernel_total_ns"], truth["span_ns"])]
    union = """
        SELECT sum(greatest(0, end_ns - greatest(start_ns, coalesce(before_ns, start_ns))))::BIGINT FROM (
            SELECT start_ns, start_ns + dur_ns AS end_ns, max(start_ns + dur_ns) OVER (
                ORDER BY start_ns, kernel_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_ns FROM kernel)"""
    assert rows(database, union) == [(truth["busy_union_ns"],)]
    model = next(agent["product_name"] for agent in truth["agents"] if agent["type"] == 2)
    assert rows(database, "SELECT device_id, model FROM device WHERE device_id >= 0") == [(0, model)]
