"""Exports of Nsight Systems into the tables: a real one against its truth, tiny ones of three schema generations by hand."""

import gzip
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crossprof.errors import TraceError
from crossprof.ingest import nsys
from crossprof.ingest.reader import open_source, reader_for

FOLDER = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces")
CASE = FOLDER / "nsys_nsysai_h100_2gpu_1s"
START = 1_700_000_000_000_000_000
PROCESS, OTHER_PROCESS = (1 << 48) + (70 << 24), (1 << 48) + (80 << 24)
THREAD = PROCESS + 71
NAMES = ["?", "void gemm<float>(int)", "gemm", "cudaLaunchKernel_v7000", "cudaMemcpyAsync_v3020", "forward", "cuLaunchKernel"]

Rows = list[dict[str, Any]]
Ingested = Callable[[Path], duckdb.DuckDBPyConnection]


def export(path: Path, tables: dict[str, Rows]) -> Path:
    """Writes a database. A table has the columns of its first row."""
    with closing(sqlite3.connect(path)) as database:
        for name, rows in tables.items():
            columns = ", ".join(f'"{column}"' for column in rows[0])
            database.execute(f'CREATE TABLE "{name}" ({columns})')
            values = ", ".join("?" * len(rows[0]))
            database.executemany(f'INSERT INTO "{name}" VALUES ({values})', [tuple(row.values()) for row in rows])
        database.commit()
    return path


def strings(*more: str) -> Rows:
    return [{"id": number, "value": value} for number, value in enumerate((*NAMES, *more))]


def kernel(start: int, end: int, **changes: Any) -> dict[str, Any]:
    place = {
        "start": start,
        "end": end,
        "deviceId": 0,
        "contextId": 1,
        "streamId": 7,
        "correlationId": 40,
        "globalPid": PROCESS,
    }
    size = {"gridX": 4, "gridY": 2, "gridZ": 1, "blockX": 128, "blockY": 1, "blockZ": 1}
    use = {"registersPerThread": 32, "staticSharedMemory": 1024, "dynamicSharedMemory": 512}
    return {**place, "demangledName": 1, "shortName": 2, **use, **size, "graphNodeId": None, **changes}


def call(start: int, end: int, **changes: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "eventClass": 0, "globalTid": THREAD, "correlationId": 40, "nameId": 3, **changes}


def span(start: int, end: int | None, text: str | None, **changes: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "eventType": 59, "text": text, "globalTid": THREAD, "textId": None, **changes}


def session() -> Rows:
    return [{"utcEpochNs": START, "utcTime": "2023-11-14T22:13:20", "localTime": "2023-11-14T22:13:20"}]


def work(**more: Rows) -> dict[str, Rows]:
    """A launch and its kernel."""
    return {
        "StringIds": strings(),
        "TARGET_INFO_SESSION_START_TIME": session(),
        "CUPTI_ACTIVITY_KIND_KERNEL": [kernel(200, 350)],
        "CUPTI_ACTIVITY_KIND_RUNTIME": [call(100, 150)],
        **more,
    }


def rows(database: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return database.execute(query).fetchall()


def codes(database: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return dict(rows(database, "SELECT code, count FROM finding"))


@pytest.mark.skipif(not CASE.is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")
def test_real_export(ingested: Ingested) -> None:
    truth = json.loads((CASE / "truth.json").read_text())
    database = ingested(CASE / "h100_2gpu_1s.sqlite")
    kernels = "kind IN ('kernel', 'collective')"
    for device, figures in truth["per_device"].items():
        where = f"device_id = {device}"
        ((count, total, span_ns),) = rows(
            database,
            f"""SELECT count(*) FILTER ({kernels}), sum(dur_ns) FILTER ({kernels}), max(start_ns + dur_ns) - min(start_ns)
            FROM kernel WHERE {where}""",
        )
        assert (count, total, span_ns) == (figures["kernel_count"], figures["kernel_total_ns"], figures["gpu_span_ns"])
        assert rows(database, UNION.format(where=where)) == [(figures["gpu_busy_union_ns"],)]
    named = rows(database, f"SELECT name, count(*), sum(dur_ns) FROM kernel WHERE {kernels} GROUP BY ALL")
    assert {name: {"count": count, "total_ns": total} for name, count, total in named} == truth["kernels"]
    # 1,632 kernels, 438 copies and 22 sets have their launch in the second that the file was cut to.
    assert rows(database, "SELECT count(*), count(call_id), count(op_id) FROM kernel") == [(4368, 2092, 2092)]
    assert rows(database, "SELECT min(start_ns) FROM kernel") == [(1_779_630_014_975_716_426 + 155_357_525_002,)]
    assert rows(database, "SELECT count(*) FROM op UNION ALL SELECT count(*) FROM annotation") == [(16_546,), (678,)]
    # Of either process the last 857 of 1,673 launches: the GPUs work 0.4 s behind the host, where the file was cut.
    ((count, detail),) = rows(database, "SELECT count, detail FROM finding WHERE code = 'launches_without_work'")
    assert count == 1714
    assert detail.endswith("; 1714 are the last ones, and the device was up to 438.830 ms behind.")


UNION = """
WITH reach AS (
    SELECT start_ns, start_ns + dur_ns AS end_ns,
        max(start_ns + dur_ns) OVER (ORDER BY start_ns, kernel_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_ns
    FROM kernel WHERE {where}
)
SELECT sum(greatest(0, end_ns - greatest(start_ns, coalesce(before_ns, start_ns)))) FROM reach
"""


def test_export_of_2023(ingested: Ingested, tmp_path: Path) -> None:
    """It has no META_DATA_EXPORT, driver calls have a table of their own, and kernels have no graph."""
    tables = work(CUPTI_ACTIVITY_KIND_DRIVER=[call(110, 140, nameId=6)])
    for row in tables["CUPTI_ACTIVITY_KIND_KERNEL"]:
        del row["graphNodeId"]
    tables["TARGET_INFO_GPU"] = [
        {
            "vmId": 1,
            "id": 0,
            "name": "NVIDIA A100",
            "totalMemory": 80 << 30,
            "smCount": 108,
            "computeMajor": 8,
            "computeMinor": 0,
        }
    ]
    database = ingested(export(tmp_path / "t.sqlite", tables))
    assert rows(database, "SELECT name, kind, category, start_ns, dur_ns, stream, grid, block FROM kernel") == [
        ("void gemm<float>(int)", "kernel", "gemm", START + 200, 150, "7", "4,2,1", "128,1,1")
    ]
    assert rows(database, "SELECT registers_per_thread, shared_memory_bytes, graph_node_id, call_id FROM kernel") == [
        (32, 1536, None, 0)
    ]
    assert rows(database, "SELECT name, kind, thread, correlation_id, start_ns, dur_ns FROM runtime_call ORDER BY call_id") == [
        ("cudaLaunchKernel", "launch", "71", 40, START + 100, 50),
        ("cuLaunchKernel", "launch", "71", 40, START + 110, 30),
    ]
    assert rows(
        database,
        "SELECT kind, vendor, model, uuid, memory_bytes, compute_units, compute_capability FROM device WHERE device_id = 0",
    ) == [("gpu", "NVIDIA", "NVIDIA A100", None, 80 << 30, 108, "8.0")]
    assert dict(rows(database, "SELECT key, value FROM staged_fact")) == {"n_events": "3", "pid": "70"}


def test_export_of_2024(ingested: Ingested, tmp_path: Path) -> None:
    """Copies, sets, waits, ranges whose text is a string of the table, and what the profiler complains of."""
    place = {"deviceId": 1, "streamId": 13, "correlationId": 41, "globalPid": PROCESS}
    database = ingested(
        export(
            tmp_path / "t.sqlite",
            work(
                META_DATA_EXPORT=[
                    {"name": "EXPORT_PRODUCT_VERSION", "value": "2024.5.1"},
                    {"name": "EXPORT_SCHEMA_VERSION", "value": "3.13.0"},
                ],
                TARGET_INFO_SYSTEM_ENV=[{"name": "Hostname", "value": "node-1"}, {"name": "NvDriverVersion", "value": "550.1"}],
                CUPTI_ACTIVITY_KIND_MEMCPY=[
                    {"start": 400, "end": 450, **place, "bytes": 4096, "copyKind": 1, "srcKind": 1, "dstKind": 2},
                    {"start": 450, "end": 460, **place, "bytes": 8, "copyKind": 10, "srcKind": None, "dstKind": None},
                ],
                CUPTI_ACTIVITY_KIND_MEMSET=[{"start": 470, "end": 480, **place, "value": 0, "bytes": 64, "memKind": 2}],
                CUPTI_ACTIVITY_KIND_SYNCHRONIZATION=[{"start": 500, "end": 600, **place, "syncType": 3}],
                NVTX_EVENTS=[span(90, 300, None, textId=5), span(95, None, "epoch"), span(0, None, "domain", eventType=75)],
                DIAGNOSTIC_EVENT=[
                    {"timestamp": 1, "severity": 1, "text": "fine"},
                    {"timestamp": 2, "severity": 2, "text": "Dropped\nevents"},
                    {"timestamp": 3, "severity": 2, "text": "Dropped\nevents"},
                    {"timestamp": 4, "severity": 3, "text": "CUPTI failed"},
                ],
            ),
        )
    )
    assert rows(
        database, "SELECT name, kind, category, device_id, start_ns, dur_ns, bytes FROM kernel WHERE device_id = 1 ORDER BY 5"
    ) == [
        ("Memcpy HtoD (Pinned -> Device)", "memcpy", "copy", 1, START + 400, 50, 4096),
        ("Memcpy PtoP", "memcpy", "copy", 1, START + 450, 10, 8),
        ("Memset (Device)", "memset", "copy", 1, START + 470, 10, 64),
    ]
    assert rows(
        database,
        "SELECT name, kind, start_ns - ?, dur_ns, thread, device_id FROM annotation ORDER BY 3".replace("?", str(START)),
    ) == [
        ("forward", "user", 90, 210, "71", None),
        ("epoch", "user", 95, 385, "71", None),  # ends with the last event, at 480
        ("Stream Sync", "overhead", 500, 100, "13", 1),
    ]
    assert rows(database, "SELECT code, severity, count, detail FROM finding WHERE code LIKE 'profiler%' ORDER BY code") == [
        ("profiler_errors", "error", 1, "The profiler says: CUPTI failed"),
        ("profiler_warnings", "warning", 2, "The profiler says: Dropped events"),
    ]
    assert codes(database)["ranges_open"] == 1
    found = dict(rows(database, "SELECT key, value FROM staged_fact"))
    assert found["host_name"] == "node-1"
    assert (found["versions.nsight-systems"], found["versions.nvidia-driver"]) == ("2024.5.1", "550.1")
    assert "framework" not in found


def test_export_of_2026(ingested: Ingested, tmp_path: Path) -> None:
    """It has columns that nobody asked for, kernels of graphs, memory events, and times that are unix times already."""
    memory = {"globalPid": PROCESS, "deviceId": 0, "memKind": 2}
    place = {"graphNodeId": 9, "graphId": 3, "clusterX": 0, "tensorSizeMinusOneElements": "[]"}
    tables = work(
        CUPTI_ACTIVITY_KIND_KERNEL=[kernel(START + 200, START + 300, **place), kernel(START + 300, START + 350, **place)],
        CUPTI_ACTIVITY_KIND_RUNTIME=[call(START + 100, START + 150, callchainId=None)],
        CUDA_GPU_MEMORY_USAGE_EVENTS=[
            {"start": START + 10, **memory, "address": -(1 << 63), "bytes": 4096, "memoryOperationType": 0},
            {"start": START + 20, **memory, "address": 64, "bytes": 1024, "memoryOperationType": 0},
            {"start": START + 30, **memory, "address": -(1 << 63), "bytes": 4096, "memoryOperationType": 1},
        ],
        GPU_METRICS=[{"timestamp": START, "typeId": 1, "metricId": 2, "value": 50}],
        CUPTI_ACTIVITY_KIND_OVERHEAD=[
            {"start": START, "end": START + 5, "globalTid": THREAD, "nameId": None, "overheadType": 7}
        ],
    )
    database = ingested(export(tmp_path / "t.sqlite", tables))
    assert rows(
        database, "SELECT start_ns - ?, dur_ns, call_id, graph_node_id FROM kernel ORDER BY 1".replace("?", str(START))
    ) == [
        (200, 100, 0, 9),
        (300, 50, 0, 9),
    ]
    assert rows(database, "SELECT bytes, allocated_bytes, address, allocator FROM memory_event ORDER BY at_ns") == [
        (4096, 4096, 1 << 63, "cuda device"),
        (1024, 5120, 64, "cuda device"),
        (-4096, 1024, 1 << 63, "cuda device"),
    ]
    assert rows(database, "SELECT name, kind FROM annotation") == [("Overhead of type 7", "overhead")]
    assert codes(database)["gpu_metrics_left_out"] == 1


def test_graphs_that_were_recorded_as_a_whole(ingested: Ingested, tmp_path: Path) -> None:
    """A graph whose kernels are in the file as well is not counted twice."""
    place = {"deviceId": 0, "streamId": 7, "globalPid": PROCESS, "graphExecId": 1}
    graphs = [
        {"start": 200, "end": 350, **place, "correlationId": 40, "graphId": 5},
        {"start": 400, "end": 900, **place, "correlationId": 41, "graphId": 6},
    ]
    database = ingested(export(tmp_path / "t.sqlite", work(CUPTI_ACTIVITY_KIND_GRAPH_TRACE=graphs)))
    assert rows(database, "SELECT name, kind, dur_ns FROM kernel ORDER BY start_ns") == [
        ("void gemm<float>(int)", "kernel", 150),
        ("CUDA graph 6", "kernel", 500),
    ]
    assert codes(database)["graphs_whole"] == 1


def test_numbers_of_two_processes_are_kept_apart(ingested: Ingested, tmp_path: Path) -> None:
    """Both use correlation 40 and device 0; the table of devices says that those are two GPUs."""
    database = ingested(
        export(
            tmp_path / "t.sqlite",
            work(
                CUPTI_ACTIVITY_KIND_KERNEL=[kernel(200, 350), kernel(210, 360, globalPid=OTHER_PROCESS)],
                CUPTI_ACTIVITY_KIND_RUNTIME=[call(100, 150), call(105, 155, globalTid=OTHER_PROCESS + 71)],
                TARGET_INFO_GPU=[{"id": 2, "uuid": "GPU-a", "name": "H100"}, {"id": 3, "uuid": "b-1", "name": "H100"}],
                TARGET_INFO_CUDA_DEVICE=[{"gpuId": 3, "cudaId": 0, "pid": 70}, {"gpuId": 2, "cudaId": 0, "pid": 80}],
            ),
        )
    )
    assert rows(
        database,
        "SELECT device_id, uuid, thread FROM kernel JOIN runtime_call USING (call_id) JOIN device USING (device_id) ORDER BY 1",
    ) == [(2, "GPU-a", "80/71"), (3, "GPU-b-1", "70/71")]
    assert codes(database)["several_processes"] == 2
    assert "device_shared" not in codes(database)


def test_a_device_number_of_several_processes_is_in_doubt(ingested: Ingested, tmp_path: Path) -> None:
    kernels = [kernel(200, 350), kernel(210, 360, globalPid=OTHER_PROCESS)]
    database = ingested(export(tmp_path / "t.sqlite", work(CUPTI_ACTIVITY_KIND_KERNEL=kernels)))
    assert codes(database)["device_shared"] == 2


def test_operators_that_torch_emits_as_ranges(ingested: Ingested, tmp_path: Path) -> None:
    ranges = [
        span(80, 180, "aten::mm, seq = 7, op_id = 42, sizes = [[2, 3], [3, 4]], input_op_ids = [(1, 0), (2, 0)]"),
        span(70, 190, "FSDP::pre_forward (layer.0), op_id = 41"),
        span(400, 420, "MmBackward0, seq = 7, op_id = 50"),
        span(430, 440, "count, of = 3"),
    ]
    database = ingested(export(tmp_path / "t.sqlite", work(NVTX_EVENTS=ranges)))
    assert rows(
        database, "SELECT name, category, shapes, external_id, sequence_number, self_ns, device_ns FROM op ORDER BY op_id"
    ) == [
        ("aten::mm", "gemm", "[[2,3],[3,4]]", 42, 7, 100, 150),
        ("MmBackward0", "gemm", None, 50, 7, 20, 0),
    ]
    assert rows(database, "SELECT op_name FROM kernel") == [("aten::mm",)]
    assert rows(database, "SELECT name FROM annotation ORDER BY start_ns") == [
        ("FSDP::pre_forward (layer.0)",),
        ("count, of = 3",),
    ]
    assert ("torch",) in rows(database, "SELECT value FROM staged_fact WHERE key = 'framework'")


@pytest.mark.parametrize("name", ["step {}", "Iteration: {}", "ProfilerStep#{}", "train_step_{}", "global step={}"])
def test_numbered_ranges_are_steps(ingested: Ingested, tmp_path: Path, name: str) -> None:
    ranges = [span(90, 190, name.format(5)), span(200, 260, name.format(6)), span(95, 180, "forward")]
    database = ingested(export(tmp_path / "t.sqlite", work(NVTX_EVENTS=ranges)))
    assert rows(database, "SELECT step, start_ns, dur_ns, source FROM step ORDER BY step") == [
        (5, START + 90, 110, "profiler"),
        (6, START + 200, 60, "profiler"),
    ]
    assert rows(database, "SELECT step, device_step FROM kernel") == [(5, 6)]
    assert sorted(rows(database, "SELECT kind FROM annotation")) == [("step",), ("step",), ("user",)]


@pytest.mark.parametrize(
    "ranges",
    [
        [span(90, 190, "step 5"), span(90, 190, "iteration 5")],
        [span(90, 190, "step 5"), span(200, 260, "step 5")],
        [span(90, 190, "step 5"), span(100, 120, "step 6")],
    ],
    ids=["two series", "a number twice", "one inside another"],
)
def test_ranges_that_may_be_steps_or_not_are_none(ingested: Ingested, tmp_path: Path, ranges: Rows) -> None:
    database = ingested(export(tmp_path / "t.sqlite", work(NVTX_EVENTS=ranges)))
    assert rows(database, "SELECT count(*) FROM step") == [(0,)]
    assert {"step_markers_ambiguous", "no_step_markers"} <= set(codes(database))


def test_steps_of_two_processes_are_those_of_one(ingested: Ingested, tmp_path: Path) -> None:
    other = [span(91, 191, "step 1", globalTid=OTHER_PROCESS + 1)]
    ranges = [span(90, 190, "step 1"), span(190, 290, "step 2"), *other]
    database = ingested(export(tmp_path / "t.sqlite", work(NVTX_EVENTS=ranges)))
    assert rows(database, "SELECT step, start_ns, dur_ns FROM step ORDER BY step") == [
        (1, START + 90, 100),
        (2, START + 190, 100),
    ]


def test_an_export_without_a_start_says_nothing_of_the_date(ingested: Ingested, tmp_path: Path) -> None:
    tables = work()
    del tables["TARGET_INFO_SESSION_START_TIME"]
    assert rows(ingested(export(tmp_path / "t.sqlite", tables)), "SELECT start_ns FROM kernel") == [(200,)]


def test_an_export_without_events_says_so(ingested: Ingested, tmp_path: Path) -> None:
    tables: dict[str, Rows] = {"StringIds": strings(), "TARGET_INFO_SYSTEM_ENV": [{"name": "Hostname", "value": "node-1"}]}
    assert rows(ingested(export(tmp_path / "t.sqlite", tables)), "SELECT code, severity FROM finding") == [
        ("no_events", "error")
    ]


def test_names_that_are_no_text_or_are_missing_are_replaced(ingested: Ingested, tmp_path: Path) -> None:
    tables = work()
    tables["StringIds"][1]["value"] = b"gemm\xff"
    tables["CUPTI_ACTIVITY_KIND_RUNTIME"][0]["nameId"] = 99
    database = ingested(export(tmp_path / "t.sqlite", tables))
    assert rows(database, "SELECT kernel.name, runtime_call.name FROM kernel, runtime_call") == [("gemm?", "?")]


def test_a_compressed_export_reads_alike(ingested: Ingested, tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite.gz"
    path.write_bytes(gzip.compress(export(tmp_path / "t.sqlite", work()).read_bytes()))
    assert rows(ingested(path), "SELECT count(*), sum(dur_ns) FROM kernel") == [(1, 150)]


def test_nothing_is_written_beside_the_export(ingested: Ingested, tmp_path: Path) -> None:
    path = export(tmp_path / "a file # of 100 %.sqlite", work())
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
    before = {entry.name: (entry.stat().st_mtime_ns, entry.read_bytes()) for entry in tmp_path.iterdir()}
    assert rows(ingested(path), "SELECT count(*) FROM kernel") == [(1,)]
    assert {entry.name: (entry.stat().st_mtime_ns, entry.read_bytes()) for entry in tmp_path.iterdir()} == before


def test_blocks_are_joined(ingested: Ingested, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nsys, "_BLOCK_ROWS", 4)
    path = export(tmp_path / "t.sqlite", work(CUPTI_ACTIVITY_KIND_KERNEL=[kernel(10 * n, 10 * n + n) for n in range(8)]))
    assert rows(ingested(path), "SELECT count(*), sum(dur_ns) FROM kernel") == [(8, 28)]


@pytest.mark.parametrize(("share", "is_cut"), [(0.5, True), (0.9, True), (0.7, False)])
def test_what_a_damaged_export_still_holds_is_read(ingested: Ingested, tmp_path: Path, share: float, is_cut: bool) -> None:
    path = export(tmp_path / "t.sqlite", work(CUPTI_ACTIVITY_KIND_KERNEL=[kernel(n, n + 1) for n in range(2000)]))
    data = path.read_bytes()
    place = int(len(data) * share)
    path.write_bytes(data[:place] if is_cut else data[:place] + b"\xff" * 8192 + data[place + 8192 :])
    database = ingested(path)
    ((kernels,),) = rows(database, "SELECT count(*) FROM kernel")
    assert 2000 * (share - 0.2) < kernels < 2000
    assert rows(database, "SELECT min(start_ns) FROM kernel") == [(START,)]
    assert codes(database)["file_truncated" if is_cut else "file_damaged"] == 1


def test_an_export_without_a_readable_table_is_refused_in_one_line(tmp_path: Path) -> None:
    path = export(tmp_path / "t.sqlite", work(CUPTI_ACTIVITY_KIND_KERNEL=[kernel(n, n + 1) for n in range(2000)]))
    path.write_bytes(path.read_bytes()[:5000])
    source = open_source(path)
    with duckdb.connect() as connection, pytest.raises(TraceError, match="Nsight Systems export can't be read") as error:
        reader_for(source).stage(connection, source, capture=None)
    assert "\n" not in str(error.value)


def test_another_database_is_no_trace(tmp_path: Path) -> None:
    path = export(tmp_path / "t.sqlite", {"StringIds": strings(), "customer": [{"id": 1}]})
    with pytest.raises(TraceError, match="an SQLite database without the tables of a Nsight Systems export"):
        reader_for(open_source(path))


def test_times_that_only_damage_makes_are_left_out(ingested: Ingested, tmp_path: Path) -> None:
    kernels = [kernel(200, 350), kernel(1 << 62, 1), kernel(-(1 << 63), 1), {**kernel(0, 1), "start": None}, kernel(5, 1 << 62)]
    database = ingested(export(tmp_path / "t.sqlite", work(CUPTI_ACTIVITY_KIND_KERNEL=kernels)))
    assert rows(database, "SELECT start_ns, dur_ns FROM kernel ORDER BY start_ns") == [(START + 5, 0), (START + 200, 150)]
    assert codes(database)["missing_durations"] == 1


def test_a_column_whose_name_is_damaged_is_missing(ingested: Ingested, tmp_path: Path) -> None:
    path = export(tmp_path / "t.sqlite", work())
    path.write_bytes(path.read_bytes().replace(b'"streamId"', b'"str\xffamId"'))
    assert rows(ingested(path), "SELECT stream, dur_ns FROM kernel") == [(None, 150)]
