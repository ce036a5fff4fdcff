"""XPlane into the staged relations: small files written by hand, every figure checked by hand."""

import gzip
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from crossprof.errors import TraceError
from crossprof.ingest.reader import open_source, reader_for
from crossprof.ingest.xplane_pieces import pieces
from tests.ingest.xspace import Plane, Ref, encoded, message

ZERO = 1_700_000_000_000_000_000
US = 1_000_000  # picoseconds
Staged = Callable[..., duckdb.DuckDBPyConnection]


def environment(**more: Any) -> Plane:
    return Plane("Task Environment", {"profile_start_time": ZERO, "profile_stop_time": ZERO + 10**9, **more})


@pytest.fixture
def staged(scratch: duckdb.DuckDBPyConnection, tmp_path: Path) -> Staged:
    """Stages the bytes of a file."""

    def stage(data: bytes, *, capture: int | None = None) -> duckdb.DuckDBPyConnection:
        path = tmp_path / "host.xplane.pb"
        path.write_bytes(data)
        source = open_source(path)
        reader = reader_for(source)
        assert reader.format == "xplane"
        reader.stage(scratch, source, capture=capture)
        return scratch

    return stage


def facts(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return dict(connection.execute("SELECT key, value FROM staged_fact").fetchall())


def gpu() -> Plane:
    plane = Plane("/device:GPU:1", {"memory_size": 8 << 30, "core_count": 84, "compute_cap_major": 8, "compute_cap_minor": 6})
    stream = plane.line("Stream #7(Kernel,Memcpy)", timestamp_ns=1000)
    details = "regs:32 static_shared:1024 dynamic_shared:512 grid:4,2,1 block:128,1,1 occ_pct:75"
    plane.event(stream, "gemm", 0, 3 * US, kernel_details=Ref(details), correlation_id=11, tf_op=Ref("dense/MatMul:MatMul"))
    plane.event(stream, "MemcpyH2D", 4 * US, US, memcpy_details=Ref("kind:H2D size:4096 dest:0 async:1"), correlation_id=12)
    plane.event(stream, "Memset", 6 * US, US, memset_details="num_bytes:64")
    derived = plane.line("XLA Ops", timestamp_ns=1000)
    plane.event(derived, "fusion.3", 0, 3 * US)
    plane.event(plane.line("XLA Modules", timestamp_ns=1000), "jit_f(5)", 0, 7 * US)
    return plane


def test_work_of_a_gpu_is_what_its_streams_show(staged: Staged) -> None:
    connection = staged(encoded(environment(), gpu()), capture=2)
    rows = connection.execute(
        """SELECT device_id, stream, name, kind, start_ns, end_ns - start_ns, correlation_id, op_name, bytes, grid, block,
            registers_per_thread, shared_memory_bytes, occupancy_ratio, capture FROM staged_kernel ORDER BY start_ns"""
    ).fetchall()
    stream, start = "Stream #7(Kernel,Memcpy)", ZERO + 1000
    assert rows == [
        (1, stream, "gemm", "kernel", start, 3000, 11, "dense/MatMul:MatMul", None, "4,2,1", "128,1,1", 32, 1536, 0.75, 2),
        (1, stream, "MemcpyH2D", "memcpy", start + 4000, 1000, 12, None, 4096, None, None, None, None, None, 2),
        (1, stream, "Memset", "memset", start + 6000, 1000, None, None, 64, None, None, None, None, None, 2),
    ]
    ranges = connection.execute("SELECT name, kind, device_id, nests FROM staged_annotation ORDER BY kind").fetchall()
    assert ranges == [("fusion.3", "device", 1, False), ("jit_f(5)", "module", 1, False)]
    device = connection.execute("FROM staged_device").fetchall()
    assert device == [(1, "gpu", "NVIDIA", None, None, 8 << 30, 84, "8.6")]


def test_a_gpu_with_derived_lines_alone_has_its_work_in_xla_ops(staged: Staged) -> None:
    plane = Plane("/device:GPU:0")
    plane.event(plane.line("XLA Ops"), "fusion.3", 0, 2 * US, hlo_module=Ref("jit_f"))
    plane.event(plane.line("Framework Ops"), "mul", 0, 2 * US)
    connection = staged(encoded(environment(), plane))
    assert connection.execute("SELECT name, kind, module FROM staged_kernel").fetchall() == [("fusion.3", "kernel", "jit_f")]


def test_a_tpu_keeps_asynchronous_and_sparse_work_apart(staged: Staged) -> None:
    plane = Plane("/device:TPU:2", {"device_type_string": "TPU v6 Lite"})
    operations = plane.line("XLA Ops")
    shared = {
        "hlo_category": Ref("convolution fusion"),
        "flops": 640,
        "bytes_accessed": 320,
        "tf_op": "jit(f)/dot:",
        "program_id": 9,
    }
    plane.named("%fusion.1 = f32[8] fusion(f32[8])", "fusion.1", **shared)
    plane.event(operations, "%fusion.1 = f32[8] fusion(f32[8])", 0, 2 * US)
    plane.event(plane.line("Async XLA Ops"), "copy-start", US, 5 * US)
    plane.event(plane.line("Sparse Core Ops"), "gather", US, 5 * US)
    plane.event(plane.line("XLA Modules"), "jit_f(9)", 0, 3 * US)
    plane.event(plane.line("Steps"), "0", 0, 3 * US)
    connection = staged(encoded(environment(), plane))
    rows = connection.execute(
        "SELECT name, kind, stream, module, hlo_category, op_name, flops, bytes_accessed FROM staged_kernel ORDER BY kind, name"
    ).fetchall()
    assert rows == [
        ("copy-start", "async", "Async XLA Ops", None, None, None, None, None),
        ("gather", "async", "Sparse Core Ops", None, None, None, None, None),
        ("fusion.1", "kernel", "XLA Ops", "jit_f", "convolution fusion", "jit(f)/dot", 640, 320),
    ]
    assert connection.execute("SELECT name, kind FROM staged_annotation ORDER BY kind").fetchall() == [
        ("jit_f(9)", "module"),
        ("0", "step"),
    ]
    assert connection.execute("SELECT count(*) FROM staged_step").fetchall() == [(0,)]
    assert connection.execute("SELECT kind, vendor, model FROM staged_device").fetchall() == [("tpu", "Google", "TPU v6 Lite")]


def test_a_loop_on_a_tpu_is_no_work_beside_its_body(staged: Staged) -> None:
    plane = Plane("/device:TPU:0")
    line = plane.line("XLA Ops")
    plane.named("while.1", hlo_category=Ref("while"))
    plane.event(line, "while.1", 0, 10 * US)
    plane.event(line, "fusion.1", US, 4 * US)
    plane.event(line, "fusion.2", 5 * US, 4 * US)
    connection = staged(encoded(environment(), plane))
    assert connection.execute("SELECT sum(end_ns - start_ns) FROM staged_kernel").fetchall() == [(8000,)]
    assert connection.execute("SELECT name, kind, device_id FROM staged_annotation").fetchall() == [("while.1", "device", 0)]


def test_neighbours_never_overlap_after_rounding(staged: Staged) -> None:
    plane = Plane("/device:GPU:0")
    stream = plane.line("Stream #1(Kernel)")
    for number in range(10):  # 1.3 ns each, end to start: a rounded duration would drift
        plane.event(stream, f"k{number}", number * 1300, 1300)
    connection = staged(encoded(environment(), plane))
    rows = connection.execute("SELECT start_ns, end_ns FROM staged_kernel ORDER BY start_ns").fetchall()
    assert [start for start, _ in rows[1:]] == [end for _, end in rows[:-1]]
    assert (rows[0][0], rows[-1][1]) == (ZERO, ZERO + 13)


def test_times_that_are_unix_already_stay(staged: Staged) -> None:
    plane = Plane("/device:GPU:0")
    plane.event(plane.line("Stream #1", timestamp_ns=1_600_000_000_000_000_000), "k", 5_000, 1_000)
    connection = staged(encoded(environment(), plane))
    assert connection.execute("SELECT start_ns FROM staged_kernel").fetchall() == [(1_600_000_000_000_000_005,)]
    assert facts(connection)["has_absolute_time"] == "true"


def test_times_without_an_anchor_are_said_to_be_relative(staged: Staged) -> None:
    plane = Plane("/device:GPU:0")
    plane.event(plane.line("Stream #1", timestamp_ns=7), "k", 0, 1_000)
    assert facts(staged(encoded(plane)))["has_absolute_time"] == "false"


def test_the_host_of_tensorflow(staged: Staged) -> None:
    plane = Plane("/host:CPU")
    python = plane.line("python")
    for number in range(3):
        plane.event(python, "train", number * 100 * US, 90 * US, step_num=number, _r=1)
    plane.event(python, "FunctionRun", 10 * US, 50 * US, _r=1)
    plane.event(python, "validate", 0, 10 * US, step_num=0, _r=1)  # another loop, with fewer steps
    pool = plane.line("tf_Compute/1")
    plane.event(pool, "ExecutorState::Process", 10 * US, 40 * US)
    plane.event(pool, "model/dense/MatMul:_MklMatMul", 12 * US, 20 * US)
    plane.event(pool, "model/dense/Relu:Relu", 33 * US, 0)
    plane.event(pool, "ThreadpoolListener::Record", 34 * US, 0)
    allocated = {"allocator_name": Ref("mklcpu"), "bytes_allocated": 4096, "allocation_bytes": 1024, "addr": 77}
    plane.event(pool, "MemoryAllocation", 40 * US, 0, **allocated, tf_op=Ref("dense/MatMul"))
    plane.event(pool, "MemoryDeallocation", 45 * US, 0, allocator_name=Ref("mklcpu"), bytes_allocated=3072, addr=77)
    connection = staged(encoded(environment(), plane))
    assert connection.execute("SELECT name, module, start_ns, end_ns, thread FROM staged_op").fetchall() == [
        ("_MklMatMul", "model/dense/MatMul", ZERO + 12_000, ZERO + 32_000, "tf_Compute/1")
    ]
    steps = connection.execute("SELECT step, start_ns, end_ns FROM staged_step ORDER BY step").fetchall()
    assert steps == [(number, ZERO + number * 100_000, ZERO + number * 100_000 + 90_000) for number in range(3)]
    kinds = connection.execute("SELECT kind, count(*) FROM staged_annotation GROUP BY ALL ORDER BY ALL").fetchall()
    assert kinds == [("runtime", 2), ("step", 4)]
    memory = connection.execute(
        "SELECT device_id, bytes, allocated_bytes, op_name FROM staged_memory_event ORDER BY at_ns"
    ).fetchall()
    assert memory == [(-1, 1024, 4096, "dense/MatMul"), (-1, -1024, 3072, None)]
    assert facts(connection)["framework"] == "tensorflow"
    assert facts(connection)["n_events"] == "11"


def test_the_host_of_jax(staged: Staged) -> None:
    plane = Plane("/host:CPU")
    pool = plane.line("tf_XLAPjRtCpuClient/8")
    plane.event(pool, "dot_add_fusion.12", 0, 4 * US, hlo_op=Ref("dot_add_fusion.12"), hlo_module=Ref("jit_step"), program_id=3)
    plane.event(pool, "end: dot_add_fusion.12", 4 * US, 0, hlo_op=Ref("dot_add_fusion.12"))
    plane.event(plane.line("python"), "$train.py:7 step", 0, 9 * US)
    meta = Plane("/host:metadata", {"jax_version": "0.10.2", "jaxlib_version": "0.10.2", "process_id": 42})
    connection = staged(encoded(environment(), meta, plane))
    assert connection.execute("SELECT name, module FROM staged_op").fetchall() == [
        ("dot_add_fusion", "jit_step/dot_add_fusion.12")
    ]
    assert connection.execute("SELECT kind FROM staged_annotation").fetchall() == [("python",)]
    found = facts(connection)
    assert (found["framework"], found["framework_version"], found["pid"]) == ("jax", "0.10.2", "42")


def test_a_call_of_the_driver_is_no_operator(staged: Staged) -> None:
    plane = Plane("/host:CPU")
    plane.event(plane.line("Host Threads/9"), "cuLaunchKernel", 0, US, correlation_id=11, hlo_op=Ref("fusion.1"))
    connection = staged(encoded(environment(), plane))
    assert connection.execute("SELECT name, correlation_id, thread FROM staged_runtime_call").fetchall() == [
        ("cuLaunchKernel", 11, "Host Threads/9")
    ]
    assert connection.execute("SELECT count(*) FROM staged_op").fetchall() == [(0,)]


def test_options_are_read_back_without_the_log_directory(staged: Staged) -> None:
    options = message("ProfileOptions")
    options.host_tracer_level, options.enable_hlo_proto = 2, True
    path = b"\x52\x0a/home/user"  # field 10, which the schema does not name
    found = facts(staged(encoded(environment(profile_options=options.SerializeToString() + path), Plane("/host:CPU"))))
    assert found["options_effective"] == '{"host_tracer_level": 2, "enable_hlo_proto": true}'


def test_what_the_profiler_complains_of_is_a_finding(staged: Staged) -> None:
    data = encoded(
        environment(), gpu(), errors=("CUPTI is busy", "no counters"), warnings=("dropped 3 events",), host="node-1:6003"
    )
    connection = staged(data)
    rows = connection.execute("SELECT code, severity, count, detail FROM staged_finding ORDER BY code").fetchall()
    assert rows == [
        ("profiler_errors", "error", 2, "The profiler says: CUPTI is busy; no counters"),
        ("profiler_warnings", "warning", 1, "The profiler says: dropped 3 events"),
    ]
    assert facts(connection)["host_name"] == "node-1"


def test_a_file_without_events_says_so(staged: Staged) -> None:
    connection = staged(encoded(environment(), Plane("/host:CPU")))
    assert connection.execute("SELECT code, severity FROM staged_finding").fetchall() == [("no_events", "error")]


def test_a_compressed_file_reads_alike(staged: Staged) -> None:
    connection = staged(gzip.compress(encoded(environment(), gpu())))
    assert connection.execute("SELECT count(*) FROM staged_kernel").fetchall() == [(3,)]


def test_a_file_that_is_cut_short_keeps_its_whole_planes(staged: Staged) -> None:
    data = encoded(environment(), gpu())
    whole = len(environment().proto.SerializeToString()) + 2 + len(gpu().proto.SerializeToString())
    cut = data[: whole + 40] + b"\x0a\xff\x7f/host"  # a further plane that says it has 16,383 bytes
    connection = staged(cut)
    assert connection.execute("SELECT count(*) FROM staged_kernel").fetchall() == [(3,)]
    assert connection.execute("SELECT code FROM staged_finding").fetchall() == [("file_truncated",)]


def test_a_name_that_is_not_text_is_kept(staged: Staged) -> None:
    plane = Plane("/device:GPU:0")
    plane.event(plane.line("Stream #1"), b"kernel\xff", 0, US)
    connection = staged(encoded(environment(), plane))
    assert connection.execute("SELECT name FROM staged_kernel").fetchall() == [("kernel\ufffd",)]


def test_another_format_that_names_a_device_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"\x08\x01\x12\x0d/device:GPU:0" + bytes(range(256)))
    with pytest.raises(TraceError, match="unknown kind"):
        reader_for(open_source(path))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (encoded(environment(), gpu())[:60], "no whole plane"),
        (encoded(environment(), gpu()).decode("utf-8", "replace").encode(), "UTF-8 text decoder"),
        (b"\x0a\x10\x12\x09/host:CPU\x1a\x05\xff\xff\xff\xff\xff", "corrupt"),
    ],
    ids=["cut in its first plane", "through a text decoder", "garbage in a plane"],
)
def test_what_can_not_be_read_is_refused_in_one_line(staged: Staged, data: bytes, reason: str) -> None:
    with pytest.raises(TraceError, match=reason) as caught:
        staged(data)
    assert "\n" not in str(caught.value)


def test_a_compressed_file_that_the_disk_could_not_hold_is_refused(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(encoded(environment(), gpu()) + b"\x0a\x80\x80\x80\x80\x08" + bytes(3 << 20))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=4 << 20))
    with pytest.raises(TraceError, match="too large to be decompressed"):
        staged(bomb)


def busy(line_count: int = 3, events: int = 400) -> Plane:
    """A host with so many events that small batches cut its lines; their stats look like events, as both have the field 4."""
    plane = Plane("/host:CPU")
    for number in range(line_count):
        line = plane.line(f"tf_Compute/{number}")
        for index in range(events):
            stats = {"correlation_id": index} if index % 3 else {"hlo_op": Ref(f"fusion.{index % 7}"), "hlo_module": "jit_f"}
            plane.event(line, f"event {index % 11}", index * US, US // 2, **stats)
        plane.event(line, "$train.py:7 step", 0, events * US)
    return plane


def rows(connection: duckdb.DuckDBPyConnection) -> list[list[Any]]:
    tables = ("staged_kernel", "staged_op", "staged_runtime_call", "staged_annotation", "staged_memory_event", "staged_fact")
    return [connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in tables]


def test_borders_of_batches_do_not_show(staged: Staged, scratch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(environment(), gpu(), busy())
    expected = rows(staged(data))
    for (table,) in scratch.execute("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'staged%'").fetchall():
        scratch.execute(f"DELETE FROM {table}")
    monkeypatch.setattr("crossprof.ingest.xplane_pieces.BATCH_BYTES", 500)
    assert rows(staged(data)) == expected


def test_a_long_line_is_cut_between_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossprof.ingest.xplane_pieces.BATCH_BYTES", 500)
    line = busy(1).proto.lines[0]
    data = b"before" + line.SerializeToString() + b"after"
    found = list(pieces(data, slice(6, len(data) - 5)))
    assert len(found) == 5
    assert [piece.start for piece in found] == [6, *(piece.stop for piece in found[:-1])]
    assert found[-1].stop == len(data) - 5
    assert sum(len(type(line).FromString(data[piece]).events) for piece in found) == len(line.events)


def ordered(plane: Plane, *, are_names_first: bool) -> bytes:
    """A plane as a field of an XSpace, its names before its lines or after them."""
    lines, names = (type(plane.proto)() for _ in range(2))
    lines.lines.extend(plane.proto.lines)
    names.CopyFrom(plane.proto)
    names.ClearField("lines")
    parts = [names.SerializeToString(), lines.SerializeToString()]
    content = b"".join(parts if are_names_first else reversed(parts))
    return b"\x0a" + varint(len(content)) + content


def varint(number: int) -> bytes:
    return bytes([number & 127 | 128]) + varint(number >> 7) if number > 127 else bytes([number])


@pytest.mark.parametrize("are_names_first", [True, False])
def test_names_may_come_before_the_lines_or_after_them(staged: Staged, are_names_first: bool) -> None:
    connection = staged(encoded(environment()) + ordered(gpu(), are_names_first=are_names_first))
    names = connection.execute("SELECT name FROM staged_kernel ORDER BY start_ns").fetchall()
    assert names == [("gemm",), ("MemcpyH2D",), ("Memset",)]


def cut_in_the_last_line(*, are_names_first: bool) -> bytes:
    plane = Plane("/device:GPU:0")
    for number in (1, 2):
        line = plane.line(f"Stream #{number}")
        for index in range(10):
            plane.event(line, "gemm", index * US, US // 2, correlation_id=index)
    data = encoded(environment()) + ordered(plane, are_names_first=are_names_first)
    last = plane.proto.lines[1].SerializeToString()
    third = plane.proto.lines[1].events[2].SerializeToString()
    return data[: data.index(last) + last.index(third) + 3]


def test_a_line_that_is_cut_short_keeps_its_whole_events(staged: Staged) -> None:
    connection = staged(cut_in_the_last_line(are_names_first=True))
    found = connection.execute("SELECT stream, name, count(*) FROM staged_kernel GROUP BY ALL ORDER BY ALL").fetchall()
    assert found == [("Stream #1", "gemm", 10), ("Stream #2", "gemm", 2)]
    assert connection.execute("SELECT code FROM staged_finding").fetchall() == [("file_truncated",)]


def test_a_plane_that_is_cut_before_its_names_is_left_out(staged: Staged) -> None:
    connection = staged(cut_in_the_last_line(are_names_first=False))
    assert connection.execute("SELECT count(*) FROM staged_kernel").fetchall() == [(0,)]
    codes = connection.execute("SELECT code FROM staged_finding ORDER BY code").fetchall()
    assert codes == [("file_truncated",), ("no_events",)]


def test_a_corrupt_event_costs_its_line_alone(staged: Staged) -> None:
    plane = gpu()
    line = plane.line("Stream #9")
    plane.event(line, "gemm", 0, US)
    whole = line.SerializeToString()
    corrupt = whole[:-1] + b"\xff"  # the last varint of the event does not end
    data = encoded(environment()) + ordered(plane, are_names_first=True).replace(whole, corrupt)
    connection = staged(data)
    assert connection.execute("SELECT count(*) FROM staged_kernel").fetchall() == [(3,)]
    assert connection.execute("SELECT code, count FROM staged_finding").fetchall() == [("events_invalid", 1)]
