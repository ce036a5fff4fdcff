"""What an XPlane says of the host: small files written by hand, every figure checked by hand."""

from tests.ingest.xspace import US, ZERO, Plane, Ref, Staged, encoded, environment, facts


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
