"""NVIDIA GPUs by a library that stands in for the driver's: which are seen, what is read, and what becomes of faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from crossprof.collectors import nvml

BOARD = {
    "hw.gpu.clock.sm": 1_980_000_000,
    "hw.gpu.clock.memory": 2_619_000_000,
    "hw.gpu.temperature": 45,
}
GPM = ("hw.gpu.sm.activity", "hw.gpu.sm.occupancy", "hw.gpu.tensor.activity", "hw.gpu.dram.activity")
READ = """
import json, sys, time
from crossprof.collectors import sources
readings = {}
samplers = sources.device_samplers([{"uuid": uuid} for uuid in sys.argv[1:]])
for _ in range(10):
    for sampler in samplers:
        told = readings.setdefault(sampler.device, [])
        try:
            told.append(sampler.read())
        except Exception as error:
            told.append(type(error).__name__)
    time.sleep(0.105)
rows = [sampler.device_row(index) for index, sampler in enumerate(samplers)]
json.dump({"readings": readings, "rows": rows, "facts": {one.device: one.facts() for one in samplers}}, sys.stdout)
"""
RECORD = """
import crossprof, time
with crossprof.profile("fake") as run:
    for _ in crossprof.steps(range(30)): time.sleep(0.05)
"""


def run(fake_nvml, code, *arguments, **variables):
    environment = os.environ | {"LD_LIBRARY_PATH": str(fake_nvml)} | variables
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, timeout=60, env=environment, capture_output=True, text=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def told(fake_nvml):
    return json.loads(run(fake_nvml, READ))


def test_all_that_a_gpu_tells(told):
    first, second, *_ = told["readings"]["GPU-fake-0"]
    assert first == {
        **BOARD,
        **dict.fromkeys(GPM),
        "hw.gpu.throttle": 1.0,
        "hw.gpu.throttle.power": 1.0,
        "hw.gpu.throttle.thermal": 0.0,
        "hw.gpu.memory.usage": 1 << 30,
        "hw.gpu.memory.limit": 8 << 30,
        "hw.gpu.utilization": 0.75,
        "hw.gpu.memory.activity": 0.25,
        "hw.gpu.power": 123.456,
        "hw.gpu.power.instant": 130.0,
        "hw.gpu.energy": 1000.5,
        "hw.gpu.io.transmit": 5_001_000,
        "hw.gpu.io.receive": 9_002_000,
        "hw.gpu.nvlink.io.transmit": 3072,
        "hw.gpu.nvlink.io.receive": 4096,
        "process.gpu.memory.usage": 64 << 20,
        "process.gpu.utilization": pytest.approx(0.3),
    }
    assert set(first) <= set(nvml.UNITS)
    assert second["hw.gpu.throttle"] == 0.0  # idle is no throttling
    assert second["hw.gpu.energy"] > first["hw.gpu.energy"]
    assert "process.gpu.utilization" not in second  # no sample of the driver since the first reading
    assert [round(second[name], 6) if second[name] is not None else None for name in GPM] == [0.1, None, 0.05, 0.1]


def test_a_gpu_that_lacks_dawdles_and_is_lost(told):
    readings = told["readings"]["GPU-fake-1"]
    assert "hw.gpu.utilization" not in readings[0]
    assert not set(GPM) & set(readings[0])
    assert "hw.gpu.nvlink.io.transmit" not in readings[0]
    assert ["hw.gpu.io.transmit" in reading for reading in readings[:6]] == [True] * 5 + [False]
    assert readings[6:] == ["NVMLError_GpuIsLost"] * 4
    states = {name: fact["state"] for name, fact in told["facts"]["GPU-fake-1"].items()}
    assert {name for name, state in states.items() if state == "absent"} == {
        *("activity", "utilization", "instant power", "nvlink"),
    }
    assert {name for name, state in states.items() if state == "costly"} == {"pcie"}
    assert told["facts"]["GPU-fake-1"]["pcie"]["cost_ns"] > 4_000_000


def test_a_gpu_in_parts_is_its_mig_devices(told):
    assert list(told["readings"]) == ["GPU-fake-0", "GPU-fake-1", "MIG-fake-2a", "MIG-fake-2b"]
    reading = told["readings"]["MIG-fake-2a"][1]
    assert reading == {
        **BOARD,
        **dict.fromkeys(GPM),
        "hw.gpu.sm.activity": pytest.approx(0.3),
        "hw.gpu.tensor.activity": pytest.approx(0.15),
        "hw.gpu.dram.activity": pytest.approx(0.3),
        "hw.gpu.throttle": 1.0,
        "hw.gpu.throttle.power": 0.0,
        "hw.gpu.throttle.thermal": 1.0,
        "hw.gpu.memory.usage": 256 << 20,
        "hw.gpu.memory.limit": 2 << 30,
        "process.gpu.memory.usage": 64 << 20,
    }
    row = told["rows"][2]
    assert (row["uuid"], row["memory_bytes"], row["compute_capability"], row["source"]) == (
        "MIG-fake-2a",
        2 << 30,
        "9.0",
        "fake",
    )


def test_a_framework_names_devices_without_telling_mig_apart(fake_nvml):
    told = json.loads(run(fake_nvml, READ.replace("range(10)", "range(1)"), "GPU-fake-2b", "GPU-FAKE-0"))
    assert list(told["readings"]) == ["GPU-fake-0", "MIG-fake-2b"]


def test_visible_devices(monkeypatch):
    samplers = [type("S", (), {"device": f"GPU-{letter}", "index": index})() for index, letter in enumerate("abc")]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-a")
    assert [sampler.device for sampler in nvml._visible(samplers)] == ["GPU-c", "GPU-a"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert nvml._visible(samplers) == []


def test_a_recording_with_a_fake_driver_says_so(fake_nvml, tmp_path):
    run(fake_nvml, RECORD, CUDA_VISIBLE_DEVICES="1")
    (folder,) = (tmp_path / "store").glob("recordings/*/rank-0")
    recorded = json.loads((folder / "run.json").read_text())
    samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    gpu = [sample for sample in samples if sample["source"] == "fake"]
    assert {sample["device"] for sample in gpu} == {"GPU-fake-1"}
    assert set(gpu[0]["values"]) <= set(recorded["units"])
    assert [(row["device_id"], row["kind"], row["uuid"], row["source"]) for row in recorded["devices"]] == [
        (-1, "cpu", None, "framework"),
        (0, "gpu", "GPU-fake-1", "fake"),
    ]
    found = {finding["code"]: finding["detail"] for finding in recorded["findings"]}
    assert "Readings of fake GPU-fake-1 took too long: pcie (" in found["telemetry_costly"]
    assert "Telemetry of fake GPU-fake-1 ended: NVMLError_GpuIsLost: GPU is lost" in found["telemetry_failed"]
    assert recorded["sampler"]["source"] == "psutil"
