"""Kineto JSON onto the staged relations and tables, on traces of a few events."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crossprof.errors import TraceError
from crossprof.ingest.kineto import KinetoReader
from crossprof.ingest.reader import open_source, reader_for

Ingested = Callable[[Path], duckdb.DuckDBPyConnection]

BASE = 1_700_000_000_000_000_000
OP = {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 9, "tid": 9, "ts": 10.0, "dur": 5.0}
LAUNCH = {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 9, "tid": 9, "ts": 11.0, "dur": 1.0}
KERNEL = {"ph": "X", "cat": "kernel", "name": "sgemm", "pid": 0, "tid": 7, "ts": 12.5, "dur": 2.25}


def event(like: dict[str, Any], *, args: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {**like, **changes, **({"args": args} if args is not None else {})}


def written(path: Path, *events: Any, **keys: Any) -> Path:
    path.write_text(json.dumps({"schemaVersion": 1, "baseTimeNanoseconds": BASE, **keys, "traceEvents": list(events)}))
    return path


def rows(database: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return database.execute(query).fetchall()


def test_one_launch(ingested: Ingested, tmp_path: Path) -> None:
    shape = {"Input Dims": [[2, 3], [3, 4]], "Input type": ["float", "float"]}
    on_stream = {"device": 0, "stream": 7, "correlation": 40, "External id": 3}
    use = {"registers per thread": 32, "shared memory": 1024, "est. achieved occupancy %": 50}
    gpu = {"id": 0, "name": "NVIDIA T4", "totalGlobalMem": 16, "numSms": 40, "computeMajor": 7, "computeMinor": 5}
    path = written(
        tmp_path / "t.json",
        event(OP, args={"External id": 3, "Sequence number": 8, **shape}),
        event(LAUNCH, args={"External id": 3, "correlation": 40}),
        event(KERNEL, args={**on_stream, "grid": [4, 1, 1], "block": [128, 1, 1], **use}),
        event(KERNEL, cat="gpu_memcpy", name="Memcpy HtoD", ts=20, dur=1, args={"device": 0, "stream": 7, "bytes": 4096}),
        event(KERNEL, cat="gpu_memset", name="Memset", ts=22, dur=1, args={"device": 0, "stream": 7, "bytes": 16}),
        deviceProperties=[gpu],
        distributedInfo={"backend": "nccl", "rank": 3, "world_size": 8},
    )
    database = ingested(path)
    assert rows(
        database, "SELECT name, kind, category, start_ns, dur_ns, stream, op_name, bytes FROM kernel ORDER BY kernel_id"
    ) == [
        ("sgemm", "kernel", "gemm", BASE + 12_500, 2_250, "7", "aten::mm", None),
        ("Memcpy HtoD", "memcpy", "copy", BASE + 20_000, 1_000, "7", None, 4096),
        ("Memset", "memset", "copy", BASE + 22_000, 1_000, "7", None, 16),
    ]
    assert rows(
        database,
        "SELECT grid, block, registers_per_thread, shared_memory_bytes, occupancy_ratio FROM kernel WHERE kernel_id = 0",
    ) == [("4,1,1", "128,1,1", 32, 1024, 0.5)]
    assert rows(database, "SELECT name, category, shapes, dtypes, sequence_number, self_ns, device_ns FROM op") == [
        ("aten::mm", "gemm", "[[2,3],[3,4]]", '["float","float"]', 8, 5_000, 2_250)
    ]
    assert rows(database, "SELECT name, kind, op_id FROM runtime_call") == [("cudaLaunchKernel", "launch", 0)]
    assert rows(
        database, "SELECT device_id, kind, vendor, model, compute_units, compute_capability FROM device ORDER BY 1"
    ) == [
        (-1, "cpu", None, None, None, None),
        (0, "gpu", "NVIDIA", "NVIDIA T4", 40, "7.5"),
    ]
    facts = dict(rows(database, "SELECT key, value FROM staged_fact"))
    assert (facts["framework"], facts["rank"], facts["world_size"], facts["n_events"]) == ("torch", "3", "8", "5")


def test_names_of_2021(ingested: Ingested, tmp_path: Path) -> None:
    path = written(
        tmp_path / "t.json",
        event(OP, cat="Operator", name="ProfilerStep#4", ts=0, dur=100, tid="9"),
        event(OP, cat="Operator", tid="9", args={"External id": 3, "Input dims": [[2]]}),
        event(LAUNCH, cat="Runtime", tid="9", args={"external id": 3, "correlation": 40}),
        event(KERNEL, cat="Kernel", tid="stream 7", args={"device": 0, "correlation": 40, "external id": 3}),
    )
    database = ingested(path)
    assert rows(database, "SELECT name, stream, op_name, step FROM kernel") == [("sgemm", "7", "aten::mm", 4)]
    assert rows(database, "SELECT name, external_id, shapes, step FROM op") == [("aten::mm", 3, "[[2]]", 4)]
    assert rows(database, "SELECT name, kind FROM annotation") == [("ProfilerStep#4", "step")]


def test_what_is_no_work(ingested: Ingested, tmp_path: Path) -> None:
    """Projections onto the device, Python frames and launches of Triton that carry a stream are no kernels."""
    path = written(
        tmp_path / "t.json",
        event(OP, cat="user_annotation", name="ProfilerStep#1", ts=0, dur=50),
        event(OP, cat="user_annotation", name="forward", ts=1, dur=40),
        event(KERNEL, cat="gpu_user_annotation", name="ProfilerStep#1", args={"External id": 1}),
        event(OP, cat="python_function", name="nn.Module: Linear_0", ts=2, dur=30),
        event(OP, name="triton_poi_fused_add_0", args={"stream": 7, "grid": "grid(16,)"}),
        event(OP, cat="cuda_sync", name="Stream Wait Event", args={"stream": 7}),
        event(OP, cat="ac2g", ph="s", id=1),
        event(OP, ph="M", name="process_name"),
    )
    database = ingested(path)
    assert rows(database, "SELECT count(*) FROM kernel") == [(0,)]
    assert rows(database, "SELECT name, step FROM op") == [("triton_poi_fused_add_0", 1)]
    assert rows(database, "SELECT name, kind, device_id FROM annotation ORDER BY kind, name") == [
        ("ProfilerStep#1", "device", 0),
        ("Stream Wait Event", "overhead", None),
        ("nn.Module: Linear_0", "python", None),
        ("ProfilerStep#1", "step", None),
        ("forward", "user", None),
    ]
    assert rows(database, "SELECT step, dur_ns FROM step") == [(1, 50_000)]


def test_memory_and_copies_in_one_file(ingested: Ingested, tmp_path: Path) -> None:
    """`Bytes` of memory events and `bytes` of copies differ in case alone."""
    memory = {"ph": "i", "cat": "cpu_instant_event", "name": "[memory]", "pid": 9, "tid": 9, "s": "t"}
    on_gpu = {"Device Type": 1, "Device Id": 0, "Total Allocated": 512, "Total Reserved": 2048}
    on_cpu = {"Device Type": 0, "Device Id": -1, "Total Allocated": -8, "Total Reserved": 0}
    path = written(
        tmp_path / "t.json",
        event(KERNEL, cat="gpu_memcpy", name="Memcpy", args={"device": 0, "stream": 7, "bytes": 64}),
        event(memory, ts=1, args={"Bytes": 512, "Addr": 2**63, **on_gpu}),
        event(memory, ts=2, args={"Bytes": -8, "Addr": 16, **on_cpu}),
    )
    database = ingested(path)
    assert rows(database, "SELECT bytes FROM kernel") == [(64,)]
    assert rows(
        database, "SELECT device_id, bytes, address, allocated_bytes, reserved_bytes FROM memory_event ORDER BY at_ns"
    ) == [
        (0, 512, 2**63, 512, 2048),
        (-1, -8, 16, -8, None),
    ]
    assert rows(database, "SELECT code, count FROM finding WHERE code LIKE 'memory%'") == [("memory_totals_relative", 1)]


def test_rocm_numbers_one_gpu_twice(ingested: Ingested, tmp_path: Path) -> None:
    memory = {
        "ph": "i",
        "name": "[memory]",
        "ts": 1,
        "args": {"Bytes": 512, "Device Type": 6, "Device Id": 0, "Total Allocated": 512},
    }
    path = written(
        tmp_path / "t.json",
        event(KERNEL, pid=2, args={"device": 2, "stream": 0}),
        memory,
        hip_runtime_version=60443483,
        deviceProperties=[{"id": 0, "name": "AMD Instinct MI300X", "numSms": 304}],
    )
    database = ingested(path)
    assert rows(database, "SELECT DISTINCT device_id FROM memory_event") == [(2,)]
    assert rows(database, "SELECT vendor, model FROM device WHERE device_id = 2") == [("AMD", "AMD Instinct MI300X")]


def test_collective_with_its_message(ingested: Ingested, tmp_path: Path) -> None:
    arguments = {"device": 0, "In msg nelems": 1000, "dtype": "BFloat16", "Group size": 8, "Process Group Name": "0"}
    database = ingested(written(tmp_path / "t.json", event(KERNEL, name="ncclDevKernel_AllReduce", args=arguments)))
    assert rows(database, "SELECT kind, category, bytes, group_size, process_group FROM kernel") == [
        ("collective", "communication", 2000, 8, "0")
    ]


@pytest.mark.parametrize(
    ("ts", "dur", "start_ns", "dur_ns"),
    [
        ("1712195495519689.047", "0.007", 1_712_195_495_519_689_047, 7),  # 19 digits: a double steps by 250 ns here
        ('"1712195495519689.047"', '"0.007"', 1_712_195_495_519_689_047, 7),
        ("4403000000000.501", "0.498", 4_403_000_000_000_501, 498),  # a product in doubles is off by one here
        ("8796093022207.999", "0.001", 8_796_093_022_207_999, 1),  # the last instant that a double holds
        ("8796093022208.001", "1.002", 8_796_093_022_208_001, 1002),
        ("1606911006433250", "10", 1_606_911_006_433_250_000, 10_000),
        ('"12.5"', '"2.25"', 12_500, 2_250),
        ("1e3", "1.5E1", 1_000_000, 15_000),
    ],
)
def test_times_are_exact(ingested: Ingested, tmp_path: Path, ts: str, dur: str, start_ns: int, dur_ns: int) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"traceEvents": [event(KERNEL, ts="TS", dur="DUR")]}).replace('"TS"', ts).replace('"DUR"', dur))
    assert rows(ingested(path), "SELECT start_ns, dur_ns FROM kernel") == [(start_ns, dur_ns)]


@pytest.mark.parametrize("after", [False, True])
def test_base_time_before_or_after_the_events(ingested: Ingested, tmp_path: Path, after: bool) -> None:
    events, base = '"traceEvents": [' + json.dumps(KERNEL) + "]", f'"baseTimeNanoseconds": {BASE}'
    path = tmp_path / "t.json"
    path.write_text("{" + ", ".join((events, base) if after else (base, events)) + "}")
    assert rows(ingested(path), "SELECT start_ns FROM kernel") == [(BASE + 12_500,)]


def test_top_level_array(ingested: Ingested, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps([KERNEL, OP]))
    assert rows(ingested(path), "SELECT start_ns FROM kernel") == [(12_500,)]


def test_an_invalid_event_costs_itself_alone(ingested: Ingested, tmp_path: Path) -> None:
    good = [json.dumps(event(KERNEL, ts=i)) for i in range(20)]
    bad = json.dumps(event(KERNEL, name="QUOTE")).replace("QUOTE", 'a "quoted" name')
    path = tmp_path / "t.json"
    path.write_text('{"traceEvents": [' + ", ".join([*good[:7], bad, *good[7:]]) + "]}")
    database = ingested(path)
    assert rows(database, "SELECT count(*), sum(dur_ns) FROM kernel") == [(20, 20 * 2_250)]
    assert rows(database, "SELECT count FROM finding WHERE code = 'events_invalid'") == [(1,)]


def test_entries_that_are_no_events_and_events_without_time(ingested: Ingested, tmp_path: Path) -> None:
    nameless = {"ph": "X", "cat": "kernel", "ts": 3, "dur": 1}
    path = written(
        tmp_path / "t.json", None, 5, "x", [1], KERNEL, nameless, event(KERNEL, ts="soon"), event(KERNEL, args=None), {}
    )
    database = ingested(path)
    assert rows(database, "SELECT name FROM kernel ORDER BY start_ns, name") == [("?",), ("sgemm",), ("sgemm",)]
    found = dict(rows(database, "SELECT code, count FROM finding"))
    assert (found["events_unreadable"], found["events_without_time"]) == (5, 1)


def test_a_cut_file_says_so(ingested: Ingested, tmp_path: Path) -> None:
    whole = written(tmp_path / "t.json", *(event(KERNEL, ts=i) for i in range(10))).read_text()
    (tmp_path / "cut.json").write_text(whole[: whole.rindex('"ph"')])
    database = ingested(tmp_path / "cut.json")
    assert rows(database, "SELECT count(*) FROM kernel") == [(9,)]
    assert rows(database, "SELECT severity, count FROM finding WHERE code = 'file_truncated'") == [("error", 1)]


def test_a_trace_without_events_says_so(ingested: Ingested, tmp_path: Path) -> None:
    database = ingested(written(tmp_path / "t.json"))
    assert rows(database, "SELECT code, severity FROM finding") == [("no_events", "error")]


def test_two_captures_with_the_same_numbers(scratch: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Correlation numbers start again in each capture."""
    from crossprof.ingest.derive import derive

    for capture, offset in ((0, 0), (1, 1000)):
        path = written(
            tmp_path / f"{capture}.json",
            event(OP, name=f"op{capture}", ts=10 + offset, args={"External id": 3}),
            event(LAUNCH, ts=11 + offset, args={"correlation": 40}),
            event(KERNEL, ts=12.5 + offset, args={"correlation": 40}),
        )
        KinetoReader().stage(scratch, open_source(path), capture=capture)
    derive(scratch, run_id="r", rank=0)
    assert rows(scratch, "SELECT op_name FROM kernel ORDER BY kernel_id") == [("op0",), ("op1",)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b" \n", "white space"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "a PNG image"),
        (b"<!DOCTYPE html><html>", "an HTML or XML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a git-lfs pointer"),
        (b'{"schema": "1.1.1-chakra", "nodes": []}', "JSON without trace events"),
        (b'[{"name": "model_run", "dur": 1}]', "JSON without trace events"),
        (b"hello", "a text file"),
        (b"\x00\x01\x02\x03", "a binary file"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "trace.json"
    path.write_bytes(content)
    with pytest.raises(TraceError) as error:
        reader_for(open_source(path))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="no such file"):
        open_source(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("before", "is_trace"),
    [
        ('{"a": {"b": "}"}, ', True),
        ('{"a": "{", ', True),
        ('{"schemaVersion": 1, ', True),
        ('{"report": {', False),
        ('{"pages": [{"name": "a \\" quote", ', False),
    ],
)
def test_events_are_a_key_of_the_top(tmp_path: Path, before: str, is_trace: bool) -> None:
    path = tmp_path / "t.json"
    path.write_text(before + f'"traceEvents": [{json.dumps(KERNEL)}]')
    assert KinetoReader().matches(open_source(path)) == is_trace


BEGIN, END = ({"ph": phase, "pid": 9, "tid": 9} for phase in "BE")


def edge(like: dict[str, Any], ts: float, name: str | None = None, **changes: Any) -> dict[str, Any]:
    named = {"name": name} if name else {}
    return {**like, "ts": ts, **({"cat": "cpu_op"} if like["ph"] == "B" else {}), **named, **changes}


def test_begin_and_end_are_one_event(ingested: Ingested, tmp_path: Path) -> None:
    """Nested, on two threads, with and without a name at the end, and one whose halves are far from each other."""
    on_device = {"device": 1, "stream": 7, "correlation": 40, "External id": 3}
    path = written(
        tmp_path / "t.json",
        edge(BEGIN, 1, "outer", args={"External id": 5}),
        edge(BEGIN, 2, "inner"),
        edge(BEGIN, 2.5, "other thread", tid=8),
        edge(END, 3, "inner"),
        edge(END, 9),
        edge(END, 9.25, tid=8),
        edge(BEGIN, 4, "sgemm", cat="kernel", pid=1, tid=7, args=on_device),
        edge(END, 6.5, pid=1, tid=7),
        edge(BEGIN, 5, "no time at all"),
        edge(END, 5),
        edge(BEGIN, 0, "ProfilerStep#3", cat="user_annotation"),
        edge(END, 10),
    )
    database = ingested(path)
    assert rows(
        database,
        "SELECT name, (start_ns - ?) // 10, dur_ns, depth, external_id FROM op ORDER BY start_ns".replace("?", str(BASE)),
    ) == [
        ("outer", 100, 8_000, 0, 5),
        ("inner", 200, 1_000, 1, None),
        ("other thread", 250, 6_750, 0, None),
        ("no time at all", 500, 0, 1, None),
    ]
    assert rows(database, "SELECT name, device_id, stream, correlation_id, dur_ns FROM kernel") == [
        ("sgemm", 1, "7", 40, 2_500)
    ]
    assert rows(database, "SELECT step, dur_ns FROM step") == [(3, 10_000)]
    assert rows(database, "SELECT value FROM staged_fact WHERE key = 'n_events'") == [("6",)]
    assert rows(database, "SELECT code FROM finding WHERE code LIKE 'events%'") == []


def test_half_an_event_costs_itself_alone(ingested: Ingested, tmp_path: Path) -> None:
    path = written(
        tmp_path / "t.json",
        edge(END, 1),  # begun before the capture
        edge(BEGIN, 2, "outer"),
        edge(BEGIN, 3, "without an end"),
        edge(BEGIN, 4, "inner"),
        edge(END, 5, "inner"),
        edge(END, 6, "outer"),
        edge(END, 7, "without a begin"),
        edge(BEGIN, 8, "still open"),
        edge(BEGIN, "soon", "without a time"),
    )
    database = ingested(path)
    assert rows(database, "SELECT name, dur_ns FROM op ORDER BY start_ns") == [("outer", 4_000), ("inner", 1_000)]
    found = {code: (severity, count) for code, severity, count in rows(database, "SELECT code, severity, count FROM finding")}
    assert found["events_unpaired"] == ("warning", 4)
    assert found["events_without_time"] == ("warning", 1)


def test_pairs_in_different_chunks(ingested: Ingested, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edges of the same instant keep the order of the file, whatever chunk they are in."""
    monkeypatch.setattr("crossprof.ingest.event_text.CHUNK_BYTES", 100)
    monkeypatch.setattr("crossprof.ingest.source.BLOCK_BYTES", 37)
    events = [part for number in range(40) for part in (edge(BEGIN, 5, f"op {number}"), edge(END, 5))]
    path = written(
        tmp_path / "t.json",
        edge(BEGIN, 1, "outer", args={"Input Dims": [[2]]}),
        *events,
        edge(END, 9, args={"Input dims": [1]}),
    )
    database = ingested(path)
    assert rows(database, "SELECT count(*), sum(dur_ns), count(DISTINCT name), max(depth) FROM op") == [(41, 8_000, 41, 1)]
    assert rows(database, "SELECT shapes FROM op WHERE name = 'outer'") == [("[[2]]",)]


@pytest.mark.parametrize("damaged", [{3}, {0, 20, 38}, set(range(39))])
def test_a_damaged_event_costs_itself_alone(
    damaged: set[int], ingested: Ingested, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks are staged several to a transaction; the others of one that fails are there all the same."""
    monkeypatch.setattr("crossprof.ingest.event_text.CHUNK_BYTES", 100)
    monkeypatch.setattr("crossprof.ingest.source.BLOCK_BYTES", 37)
    path = written(tmp_path / "t.json", *(event(OP, name=f"op{number}", ts=number, dur=1) for number in range(40)))
    text = path.read_text()
    for number in damaged:
        text = text.replace(f'"op{number}"', f'"op{number}" "')
    path.write_text(text)
    database = ingested(path)
    kept = [(f"op{number}",) for number in range(40) if number not in damaged]
    assert rows(database, "SELECT name FROM op ORDER BY start_ns") == kept
    assert rows(database, "SELECT count FROM finding WHERE code = 'events_invalid'") == [(len(damaged),)]


@pytest.mark.parametrize("first", [0, 1])
def test_every_spelling_of_a_key_is_read(
    first: int, ingested: Ingested, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossprof.ingest.event_text.CHUNK_BYTES", 100)
    spelled = [{"External id": 1, "Input Dims": [[1]]}, {"external id": 2, "Input dims": [[2]]}]
    events = [event(OP, name=f"op{number}", ts=number, args=spelled[(number + first) % 2]) for number in range(40)]
    database = ingested(written(tmp_path / "t.json", *events))
    found = rows(database, "SELECT external_id, shapes, count(*) FROM op GROUP BY ALL ORDER BY ALL")
    assert found == [(1, "[[1]]", 20), (2, "[[2]]", 20)]
