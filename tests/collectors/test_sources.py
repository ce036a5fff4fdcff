"""Sources of telemetry but NVIDIA's: what each tells, in its units, and what is left of it where it is not there."""

from __future__ import annotations

import importlib
import io
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from crossprof.collectors import allocator, amd, devices, host, sources, tpu
from crossprof.collectors.cgroup import Cgroup
from crossprof.collectors.fields import FieldAbsent

LIBTPU = """
import ctypes, os, sys
sys.stdout.write("libtpu prints what it likes\\n")
class tpumonitoring:
    @staticmethod
    def list_supported_metrics():
        return ["duty_cycle_pct", "tensorcore_util", "hbm_capacity_usage", "hbm_capacity_total", "tpu_throttle_score"]
    @staticmethod
    def get_metric(name):
        if os.environ.get("FAKE_HANGS"):
            ctypes.PyDLL(None).sleep(60)  # in C, with the interpreter's lock held
        told = {
            "duty_cycle_pct": ["50.00", "0.00"],
            "tensorcore_util": ["10.00", "30.00", "0.00", "0.00"],
            "hbm_capacity_usage": ["1024", "2048"],
            "hbm_capacity_total": [],
            "tpu_throttle_score": ["0-3", "1-0"],
        }
        return type("Metric", (), {"data": lambda self: told[name]})()
"""


def test_an_amd_gpu(monkeypatch):
    fake = importlib.import_module("tests.collectors.fake_amdsmi")
    monkeypatch.setitem(sys.modules, "amdsmi", fake)
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "1")
    (sampler,) = amd.amd_samplers()
    assert (sampler.source, sampler.pci) == ("fake", "0000:02:00.0")
    first, second = sampler.read(), sampler.read()
    assert first == {
        "hw.gpu.utilization": 0.8,
        "hw.gpu.memory.activity": 0.3,
        "hw.gpu.memory.usage": 24 << 30,
        "hw.gpu.memory.limit": 192 << 30,
        "hw.gpu.power": 550.0,
        "hw.gpu.energy": 30.5,
        "hw.gpu.clock.sm": 2_100_000_000,
        "hw.gpu.clock.memory": 1_300_000_000,
        "hw.gpu.throttle": None,
        "hw.gpu.throttle.power": None,
        "hw.gpu.throttle.thermal": None,
        "hw.gpu.xgmi.io.receive": 12 * 1024,
        "hw.gpu.xgmi.io.transmit": 2 * 1024,
        "process.gpu.memory.usage": 7 << 30,
    }
    assert set(first) <= set(amd.UNITS)
    assert [second[name] for name in ("hw.gpu.throttle", "hw.gpu.throttle.power", "hw.gpu.throttle.thermal")] == [
        0.25,
        0.25,
        0.05,
    ]
    assert sampler.facts()["temperature"]["state"] == "absent"
    row = sampler.device_row(0)
    assert (row["vendor"], row["compute_units"], row["memory_bytes"], row["source"]) == ("AMD", 304, 192 << 30, "fake")


def test_a_framework_row_gets_the_name_that_its_sampler_has(monkeypatch):
    monkeypatch.setitem(sys.modules, "amdsmi", importlib.import_module("tests.collectors.fake_amdsmi"))
    rows = [
        {"device_id": 0, "uuid": None, "pci": "0000:02:00.0"},
        {"device_id": 1, "uuid": "GPU-5", "pci": None},
        {"device_id": 2, "uuid": None, "pci": "nowhere"},
    ]
    named = sources.named_alike(rows, amd.amd_samplers(["0000:02:00.0"]))
    assert named == [
        {"device_id": 0, "uuid": "1aff74a1-0000-1000-80e9-ddaa40caefe0"},
        {"device_id": 1, "uuid": "GPU-5"},
        {"device_id": 2, "uuid": None},
    ]


def test_a_broken_amdsmi_is_no_source(monkeypatch, tmp_path):
    """Without ROCm's library its import ends in a KeyError."""
    (tmp_path / "amdsmi.py").write_text("raise KeyError('libamd_smi.so')")
    monkeypatch.syspath_prepend(tmp_path)
    assert amd.amd_samplers() == []


@pytest.fixture
def libtpu(tmp_path, monkeypatch):
    (tmp_path / "libtpu").mkdir()
    (tmp_path / "libtpu" / "__init__.py").touch()
    (tmp_path / "libtpu" / "sdk.py").write_text(LIBTPU)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(tpu, "_chips", lambda folder: 2)


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def test_tpu_chips_are_read_by_another_process(libtpu):
    first, second = tpu.tpu_samplers()
    try:
        assert first.read() == {}  # nothing was told yet, and nobody waits for it
        until(lambda: first.read() != {})
        assert first.read() == {
            "hw.tpu.utilization": 0.5,
            "hw.tpu.tensorcore.utilization": pytest.approx(0.2),
            "hw.tpu.memory.usage": 1024.0,
            "hw.tpu.throttle": pytest.approx(0.3),
        }
        assert second.read()["hw.tpu.memory.usage"] == 2048.0
        assert second.device_row(1)["uuid"] == second.device == "TPU-1"
        assert "libtpu" not in sys.modules
    finally:
        for sampler in (first, second):
            sampler.close()


def test_a_tpu_library_that_hangs_ends_its_process_alone(libtpu, monkeypatch):
    monkeypatch.setenv("FAKE_HANGS", "1")
    reader = tpu.TpuReader(patience_s=0.3)
    gone = []

    def is_gone():
        try:
            reader.update()
        except EOFError as error:
            gone.append(error)
        return gone

    until(is_gone)
    reader.close()
    assert "hung or broke" in str(gone[0])


def test_the_process_that_reads_tpus_ends_with_its_parent(libtpu):
    reader = tpu.TpuReader()
    until(lambda: reader.update() is None and reader.told)
    assert reader._process.stdin is not None
    reader._process.stdin.close()
    assert reader._process.wait(timeout=20) == 0
    assert reader._process.stdout is not None
    reader._process.stdout.close()


def test_a_reader_that_can_not_be_ended_holds_nobody_up():
    def wait(timeout=None):
        assert timeout, "it would wait for ever"
        raise subprocess.TimeoutExpired("reader", timeout)

    reader = tpu.TpuReader.__new__(tpu.TpuReader)
    pipes = io.BytesIO(), io.BytesIO()
    reader._process = SimpleNamespace(kill=lambda: None, wait=wait, communicate=wait, stdin=pipes[0], stdout=pipes[1])
    reader.close()
    assert pipes[0].closed
    assert pipes[1].closed


def test_without_a_chip_nothing_of_a_tpu_is_loaded_or_started(tmp_path):
    assert tpu._chips(tmp_path) == 0
    (tmp_path / "vfio").mkdir()
    for name in ("vfio/vfio", "vfio/0", "vfio/1"):
        (tmp_path / name).touch()
    assert tpu._chips(tmp_path) == 2
    (tmp_path / "accel0").touch()
    assert tpu._chips(tmp_path) == 1


def test_host_readings_are_in_their_units():
    sampler = host.HostSampler()
    sampler._slow_at -= 1
    assert sampler.read()["system.cpu.utilization"] is None, "the first reading has no time that it is of"
    block = bytearray(50_000_000)
    began = time.monotonic()
    while time.monotonic() - began < 0.1:
        sum(range(1000))
    sampler._slow_at -= 1
    values = sampler.read()
    assert {"process.cpu.utilization", "process.memory.usage", "process.thread.count", "system.memory.usage"} <= set(values)
    assert set(values) <= set(host.UNITS)
    assert all(0 <= values[name] <= 1.5 for name, unit in host.UNITS.items() if unit == "1")
    assert 50_000_000 < values["process.memory.usage"] <= values["process.memory.peak"] <= host.host_facts()["memory_bytes"]
    assert values["process.thread.count"] >= 1
    assert len(block) == 50_000_000


def test_a_field_that_a_sandbox_lacks_does_not_end_the_others(monkeypatch):
    sampler = host.HostSampler()
    monkeypatch.setattr(sampler._psutil, "disk_io_counters", lambda: (_ for _ in ()).throw(NotImplementedError("no diskstats")))
    monkeypatch.setattr(sampler._psutil, "virtual_memory", lambda: int("none"))
    sampler._slow_at -= 1
    assert sampler.read()["process.thread.count"] >= 1
    assert {name for name, fact in sampler.facts().items() if fact["state"] == "absent"} >= {"disk", "memory"}


def test_a_share_of_too_short_a_time_is_none():
    sampler = host.HostSampler()
    values = sampler.read()
    assert values["process.cpu.utilization"] is None
    assert values["process.memory.usage"] > 0
    assert "system.memory.usage" not in values  # once a second is enough


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return Cgroup(root)


V2 = {
    "proc/self/cgroup": "0::/job/step\n",
    "proc/self/mountinfo": "31 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n",
    "sys/fs/cgroup/job/step/memory.max": "max\n",
    "sys/fs/cgroup/job/memory.max": "4294967296\n",
    "sys/fs/cgroup/job/step/memory.current": "1048576\n",
    "sys/fs/cgroup/job/step/cpu.max": "max 100000\n",
    "sys/fs/cgroup/job/cpu.max": "250000 100000\n",
    "sys/fs/cgroup/job/step/cpu.stat": "usage_usec 5\nthrottled_usec 1500000\n",
}
DOCKER_V1 = {  # without a namespace of its own: the path is the host's, and the mount shows what is in it
    "proc/self/cgroup": "5:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n0::/docker/ab\n",
    "proc/self/mountinfo": (
        "40 31 0:33 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
        "41 31 0:34 /docker/ab /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
    ),
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "2147483648\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": "4096\n",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "150000\n",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    "sys/fs/cgroup/cpu,cpuacct/cpu.stat": "nr_periods 3\nthrottled_time 2000000000\n",
}
FREE_V1 = DOCKER_V1 | {
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
}


@pytest.mark.parametrize(
    ("files", "cpus", "memory", "used", "waited"),
    [(V2, 2.5, 4 << 30, 1048576, 1.5), (DOCKER_V1, 1.5, 2 << 30, 4096, 2.0), (FREE_V1, None, None, 4096, 2.0)],
)
def test_control_groups(tmp_path, files, cpus, memory, used, waited):
    group = write(tmp_path, files)
    assert (group.cpu_limit(), group.memory_limit()) == (cpus, memory)
    assert group.read() == {"container.memory.usage": used, "container.cpu.throttled.time": waited}


def test_mounts_without_a_source_and_names_that_are_no_utf_8_are_passed_over(tmp_path):
    group = write(tmp_path, V2 | {"proc/self/mountinfo": "30 23 0:25 / /mnt/data rw - tmpfs  rw\n" + V2["proc/self/mountinfo"]})
    assert group.memory_limit() == 4 << 30
    mounts = tmp_path / "proc/self/mountinfo"
    mounts.write_bytes(b"29 23 0:24 / /mnt/d\xe9 rw - tmpfs none rw\n" + mounts.read_bytes())
    assert Cgroup(tmp_path).cpu_limit() == 2.5


def test_no_control_group(tmp_path):
    group = Cgroup(tmp_path)
    assert (group.cpu_limit(), group.memory_limit()) == (None, None)
    with pytest.raises(FieldAbsent):
        group.read()


def test_a_process_that_may_use_half_a_core_is_at_its_limit_with_half_a_core(monkeypatch):
    monkeypatch.setattr(host.Cgroup, "cpu_limit", lambda self: 0.5)
    sampler = host.HostSampler()
    sampler._read_at -= 1
    sampler._spent -= 0.5
    assert sampler.read()["process.cpu.utilization"] == pytest.approx(1.0, rel=0.1)


def test_allocators_of_frameworks_that_have_started_their_devices(monkeypatch):
    """Doubles of the three frameworks' own answers; no GPU was at hand to ask."""
    counted = {
        "allocated_bytes": {"all": {"current": 10, "peak": 30}},
        "reserved_bytes": {"all": {"current": 40, "peak": 40}},
    }
    cuda = SimpleNamespace(
        is_initialized=lambda: True, device_count=lambda: 1, memory_stats_as_nested_dict=lambda index: counted
    )
    chips = [
        SimpleNamespace(platform="cpu", local_hardware_id=None, id=0, memory_stats=lambda: None),
        SimpleNamespace(
            platform="tpu", local_hardware_id=0, id=5, memory_stats=lambda: {"bytes_in_use": 1, "peak_bytes_in_use": 2}
        ),
    ]
    context = SimpleNamespace(context=lambda: SimpleNamespace(_initialized=True))
    config = SimpleNamespace(
        list_logical_devices=lambda kind: ["GPU:0"],
        experimental=SimpleNamespace(get_memory_info=lambda name: {"current": 5, "peak": 6}),
    )
    modules = {
        "torch": SimpleNamespace(cuda=cuda),
        "jax": SimpleNamespace(local_devices=lambda: chips),
        "jax._src.xla_bridge": SimpleNamespace(backends_are_initialized=lambda: True),
        "tensorflow": SimpleNamespace(config=config),
        "tensorflow.python.eager.context": context,
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    gpu, chip = ("hw.gpu.memory.allocated", "hw.gpu.memory.allocated.peak", "hw.gpu.memory.reserved"), "hw.tpu.memory.allocated"
    assert list(allocator.allocations("torch")) == [(0, dict(zip(gpu, (10, 30, 40), strict=True)))]
    assert list(allocator.allocations("jax")) == [(0, {chip: 1, f"{chip}.peak": 2})]
    assert list(allocator.allocations("tensorflow")) == [(0, dict(zip(gpu, (5, 6), strict=False)))]
    assert list(allocator.allocations(None)) == []
    cuda.is_initialized = lambda: False
    assert list(allocator.allocations("torch")) == []


def test_a_torch_device_on_rocm_is_known_by_its_place(monkeypatch):
    properties = SimpleNamespace(
        name="AMD", uuid="x", total_memory=1, multi_processor_count=304, major=9, minor=4,
        pci_domain_id=0, pci_bus_id=2, pci_device_id=0,
    )  # fmt: skip
    cuda = SimpleNamespace(is_initialized=lambda: True, device_count=lambda: 1, get_device_properties=lambda index: properties)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda, version=SimpleNamespace(hip="7.0")))
    (row,) = devices.framework_devices("torch")
    assert (row["uuid"], row["pci"]) == (None, "0000:02:00.0")


def test_every_unit_is_named_once():
    for one in (host.UNITS, amd.UNITS, tpu.UNITS, allocator.UNITS):
        assert {name: sources.UNITS[name] for name in one} == one
    assert os.sep not in "".join(sources.UNITS)
