"""Readings: their rhythm, their cost, and what becomes of sources that fail."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

import crossprof
from crossprof.collectors import host, nvml
from crossprof.collectors.telemetry import Telemetry


class Counter:
    source = "psutil"
    device = None

    def __init__(self, fail_after: int = 10**9) -> None:
        self.reads = 0
        self.fail_after = fail_after

    def read(self):
        self.reads += 1
        if self.reads > self.fail_after:
            raise OSError("gone")
        return {"count": self.reads}


def test_readings_come_in_their_rhythm_and_at_the_end():
    lines: list[str] = []
    telemetry = Telemetry([Counter()], write=lines.append, interval_s=0.05)
    telemetry.start()
    time.sleep(0.5)
    summary = telemetry.stop()
    readings = [json.loads(line) for line in lines]
    assert 6 <= len(readings) <= 13
    assert summary["readings"] == len(readings)
    assert summary["interval_ns"] == 50_000_000
    assert 0 <= summary["cpu_ratio"] < 0.5
    gaps = [later["perf_ns"] - earlier["perf_ns"] for earlier, later in pairwise(readings[:-1])]
    assert statistics.median(gaps) == pytest.approx(50e6, rel=0.3)
    assert set(readings[0]) == {"at_ns", "perf_ns", "cost_ns", "source", "device", "values"}


def test_a_source_that_fails_is_dropped_and_the_others_go_on():
    lines: list[str] = []
    good, bad = Counter(), Counter(fail_after=1)
    telemetry = Telemetry([bad, good], write=lines.append)
    for _ in range(3):
        telemetry.read()
    assert (bad.reads, good.reads) == (2, 3)
    assert isinstance(telemetry.error, OSError)


class Hanging:
    source = "nvml"
    device = None

    def __init__(self) -> None:
        self.is_reading = threading.Event()
        self.may_return = threading.Event()

    def read(self):
        self.is_reading.set()
        self.may_return.wait(20)
        return {"count": 1}


def test_a_reading_that_hangs_holds_up_nobody():
    hanging = Hanging()
    telemetry = Telemetry([hanging], write=lambda line: None)
    telemetry.start()
    assert hanging.is_reading.wait(5)
    began = time.monotonic()
    telemetry.read()
    telemetry.stop()
    assert time.monotonic() - began < 5
    assert isinstance(telemetry.error, TimeoutError)
    hanging.may_return.set()


def test_a_reading_within_a_reading_of_its_own_thread_is_left_out():
    """As by a signal that ends the recording while its thread reads at an edge."""
    lines: list[str] = []

    class Entered(Counter):
        def read(self):
            telemetry.stop()
            return super().read()

    telemetry = Telemetry([Entered()], write=lines.append)
    began = time.monotonic()
    telemetry.read()
    assert time.monotonic() - began < 5
    assert len(lines) == 1


def test_host_readings_are_in_their_units():
    sampler = host.HostSampler()
    block = bytearray(50_000_000)
    began = time.monotonic()
    while time.monotonic() - began < 0.1:
        sum(range(1000))
    values = sampler.read()
    assert set(values) == set(host.UNITS)
    assert all(0 <= values[name] <= 1.5 for name, unit in host.UNITS.items() if unit == "1")
    assert 50_000_000 < values["process.memory.usage"] <= values["process.memory.peak"] <= host.host_facts()["memory_bytes"]
    assert len(block) == 50_000_000


def test_a_share_of_too_short_a_time_is_none():
    sampler = host.HostSampler()
    values = sampler.read()
    assert (values["process.cpu.utilization"], values["system.cpu.utilization"]) == (None, None)
    assert values["process.memory.usage"] > 0


def test_a_recording_samples_at_the_edges_of_its_window(fake, recorded):
    with crossprof.profile("run"):
        for _ in crossprof.steps(range(13)):
            time.sleep(0.001)
    (one,) = recorded()
    (capture,) = one.run["captures"]
    instants = [sample["at_ns"] for sample in one.samples]
    assert min(abs(at - capture["started_ns"]) for at in instants) < 20e6
    assert min(abs(at - capture["stopped_ns"]) for at in instants) < 20e6
    assert one.run["sampler"]["source"].startswith("psutil")
    assert set(one.samples[0]["values"]) <= set(one.run["units"])


class BrokenError(Exception):
    pass


class Library:
    """As much of pynvml as a sampler needs."""

    NVMLError = BrokenError
    NVML_CLOCK_SM = NVML_CLOCK_MEM = NVML_TEMPERATURE_GPU = 0

    def __init__(self) -> None:
        self.power_fails = False
        self.power_calls = 0

    def nvmlDeviceGetUUID(self, handle):
        return b"GPU-0"

    def nvmlDeviceGetName(self, handle):
        return "A REAL NAME"

    def nvmlDeviceGetPowerUsage(self, handle):
        self.power_calls += 1
        if self.power_fails:
            raise BrokenError
        return 2500

    def __getattr__(self, name):
        def fails(*_):
            raise BrokenError

        return fails


def test_fields_that_a_gpu_lacks_are_left_out_and_those_that_fail_later_are_null():
    library = Library()
    sampler = nvml.NvmlSampler(library, 0)
    assert (sampler.device, sampler.source) == ("GPU-0", "nvml")
    assert sampler.read() == {"hw.gpu.power": 2.5}
    library.power_fails = True
    assert sampler.read() == {"hw.gpu.power": None}
    library.power_fails = False
    assert sampler.read() == {"hw.gpu.power": 2.5}


def test_a_costly_field_goes_after_twenty_readings(monkeypatch):
    library = Library()
    sampler = nvml.NvmlSampler(library, 0)
    clock = iter(range(0, 10**12, 3_000_000))
    monkeypatch.setattr(nvml.time, "perf_counter_ns", lambda: next(clock))
    readings = [sampler.read() for _ in range(22)]
    assert readings[19] == {"hw.gpu.power": 2.5}
    assert readings[20:] == [{}, {}]
    assert library.power_calls == 20


def test_visible_devices(monkeypatch):
    samplers = [type("S", (), {"device": f"GPU-{letter}"})() for letter in "abc"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-a")
    assert [sampler.device for sampler in nvml._visible(samplers)] == ["GPU-c", "GPU-a"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert nvml._visible(samplers) == []


@pytest.mark.skipif(shutil.which("gcc") is None or sys.platform != "linux", reason="builds a library with gcc")
def test_a_fake_driver_gives_rows_that_say_so(tmp_path):
    pytest.importorskip("pynvml")
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("a real driver is here")
    library = tmp_path / "libnvidia-ml.so.1"
    source = Path(__file__).with_name("fake_nvml.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", "-o", library, source], check=True, timeout=60)
    code = "import crossprof\nwith crossprof.profile('fake') as run:\n    for _ in crossprof.steps(range(3)): pass\n"
    environment = os.environ | {"LD_LIBRARY_PATH": str(tmp_path), "CUDA_VISIBLE_DEVICES": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)
    (folder,) = (tmp_path / "store").glob("recordings/*/rank-0")
    run = json.loads((folder / "run.json").read_text())
    samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    gpu = [sample for sample in samples if sample["source"] == "fake"]
    assert {sample["device"] for sample in gpu} == {"GPU-fake-0"}
    assert {name: value for name, value in gpu[0]["values"].items() if name != "hw.gpu.energy"} == {
        "hw.gpu.utilization": 0.75,
        "hw.gpu.memory.activity": 0.25,
        "hw.gpu.memory.usage": 1 << 30,
        "hw.gpu.memory.limit": 8 << 30,
        "hw.gpu.power": 123.456,
    }
    assert gpu[0]["values"]["hw.gpu.energy"] == 1000.5
    assert [(row["device_id"], row["kind"], row["uuid"], row["source"]) for row in run["devices"]] == [
        (-1, "cpu", None, "framework"),
        (0, "gpu", "GPU-fake-0", "fake"),
    ]
    assert run["sampler"]["source"] == "fake+psutil"
