"""What an XPlane says of GPUs and TPUs, and when: small files written by hand, every figure checked by hand."""

from tests.ingest.xspace import US, ZERO, Plane, Ref, Staged, encoded, environment, facts, gpu


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


def test_a_tpu_that_waits_for_a_copy_does_not_compute(staged: Staged) -> None:
    plane = Plane("/device:TPU:0")
    line = plane.line("XLA Ops")
    for number, category in enumerate(("copy-start", "loop fusion", "copy-done", "copy")):
        plane.named(f"%{category}.{number}", hlo_category=Ref(category))
        plane.event(line, f"%{category}.{number}", number * US, US)
    kinds = "SELECT hlo_category, kind FROM staged_kernel ORDER BY start_ns"
    assert staged(encoded(environment(), plane)).execute(kinds).fetchall() == [
        ("copy-start", "memcpy"),
        ("loop fusion", "kernel"),
        ("copy-done", "memcpy"),
        ("copy", "kernel"),
    ]


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


def test_details_may_be_written_out_or_name_a_stat(staged: Staged) -> None:
    plane = Plane("/device:GPU:0")
    stream = plane.line("Stream #1")
    for number, details in enumerate(("grid:1,1,1 regs:8", Ref("grid:2,1,1 occ_pct:50"), "grid:1,1,1 regs:8", Ref("regs:16"))):
        plane.event(stream, "k", number * US, US, kernel_details=details)
    plane.event(stream, "k", 9 * US, US)
    connection = staged(encoded(environment(), plane))
    query = "SELECT kind, grid, registers_per_thread, occupancy_ratio FROM staged_kernel ORDER BY start_ns"
    assert connection.execute(query).fetchall() == [
        ("kernel", "1,1,1", 8, None),
        ("kernel", "2,1,1", None, 0.5),
        ("kernel", "1,1,1", 8, None),
        ("kernel", None, 16, None),
        ("kernel", None, None, None),
    ]


def test_a_reference_to_a_stat_without_a_name_says_nothing(staged: Staged) -> None:
    plane = Plane("/device:GPU:0")
    plane.event(plane.line("Stream #1"), "k", 0, US, tf_op=Ref("dense"), hlo_module=Ref("jit_f"))
    for entry in plane.proto.stat_names:
        if entry.value.name == b"dense":
            entry.value.ClearField("name")
    connection = staged(encoded(environment(), plane))
    assert connection.execute("SELECT op_name, module FROM staged_kernel").fetchall() == [(None, "jit_f")]
