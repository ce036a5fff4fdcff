"""Readings: their rhythm, their cost, and what becomes of sources that fail."""

from __future__ import annotations

import json
import statistics
import threading
import time
from itertools import pairwise

import pytest

import crossprof
from crossprof.collectors import fields, host, recording
from crossprof.collectors.fields import FieldAbsent, Fields
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

    def facts(self):
        return {}

    def close(self):
        pass


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
    assert set(readings[0]) == {"at_ns", "perf_ns", "cost_ns", "source", "device", "device_id", "values"}


def test_a_source_that_fails_is_dropped_and_the_others_go_on():
    lines: list[str] = []
    good, bad = Counter(), Counter(fail_after=1)
    telemetry = Telemetry([bad, good], write=lines.append)
    for _ in range(3):
        telemetry.read()
    assert (bad.reads, good.reads) == (2, 3)
    assert [(name, type(error)) for name, error in telemetry.errors.items()] == [("psutil", OSError)]


class Hanging(Counter):
    source = "nvml"

    def __init__(self) -> None:
        super().__init__()
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
    assert isinstance(telemetry.errors["a source"], TimeoutError)
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


class Fault(Exception):
    pass


def test_the_first_share_of_the_hosts_cores_that_a_thread_reads_is_none(monkeypatch):
    monkeypatch.setattr(host, "_SLOW_S", 0.0)
    sampler, found = host.HostSampler(), []

    def busy():
        for _ in range(2):
            found.append(sampler.read()["system.cpu.utilization"])
            end = time.process_time() + 0.1
            while time.process_time() < end:
                pass

    thread = threading.Thread(target=busy)
    thread.start()
    thread.join()
    assert found[0] is None
    assert found[1] > 0


def test_fields_that_a_device_lacks_are_left_out_and_those_that_fail_later_are_null():
    answers = {"power": [{"watts": 2.5}, Fault(), {"watts": 3.0}], "links": [FieldAbsent()], "clock": [Fault()]}

    def field(name):
        answer = answers[name].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    found = Fields({name: lambda name=name: field(name) for name in answers}, errors=(Fault,))
    assert [found.read() for _ in range(3)] == [{"watts": 2.5}, {"watts": None}, {"watts": 3.0}]
    assert {name: fact["state"] for name, fact in found.facts().items()} == {
        "power": "read",
        "links": "absent",
        "clock": "absent",
    }


def test_what_no_field_may_raise_ends_the_source():
    class Lost(Fault):
        pass

    def raises():
        raise Lost

    with pytest.raises(Lost):
        Fields({"power": raises}, errors=(Fault,), ends=(Lost,)).read()


@pytest.mark.parametrize(("quick", "state"), [(None, "costly"), (3, "read")])
def test_a_field_that_is_slow_five_times_in_a_row_goes(monkeypatch, quick, state):
    calls = []
    clock = iter(number * 3_000_000 for number in range(1000))

    def now():
        return next(clock) if len(calls) != quick else 0

    monkeypatch.setattr(fields.time, "perf_counter_ns", now)
    found = Fields({"bus": lambda: calls.append(0) or {"sent": 1}})
    readings = [found.read() for _ in range(7)]
    assert readings[:5] == [{"sent": 1}] * 5
    assert readings[5:] == ([{}, {}] if state == "costly" else [{"sent": 1}] * 2)
    assert found.facts()["bus"]["state"] == state


def test_allocators_are_read_between_steps_once_an_interval(fake, recorded, monkeypatch):
    monkeypatch.setattr(recording, "allocations", lambda framework: [(3, {"hw.gpu.memory.allocated": 4096})])
    with crossprof.profile("run", schedule=(0, 1000, 0, 1)) as run:
        began = time.monotonic()
        while time.monotonic() - began < 0.7:
            time.sleep(0.002)
            run.step()
    (one,) = recorded()
    own = [sample for sample in one.samples if sample["source"] == "framework"]
    assert 2 <= len(own) <= 5
    assert own[0]["device_id"] == 3
    assert own[0]["values"] == {"hw.gpu.memory.allocated": 4096}
    borders = sorted((step["end_ns"], step["start_ns"]) for step in one.steps)
    between = [any(end <= sample["at_ns"] for end, _ in borders) for sample in own[1:]]
    assert all(between)


def test_an_allocator_that_fails_is_asked_no_more(fake, recorded, monkeypatch):
    asked = []

    def fails(framework):
        asked.append(framework)
        raise RuntimeError("no device")

    monkeypatch.setattr(recording, "allocations", fails)
    with crossprof.profile("run"):
        for _ in crossprof.steps(range(13)):
            time.sleep(0.03)
    (one,) = recorded()
    assert asked == ["torch"]
    assert one.codes == {"telemetry_failed"}
    assert "Telemetry of allocators ended: RuntimeError: no device" in one.run["findings"][0]["detail"]


def test_costly_fields_are_told(fake, recorded, monkeypatch):
    class Costly(Counter):
        device = "GPU-1"

        def device_row(self, index):
            return {"device_id": index, "uuid": "GPU-1", "kind": "gpu"}

        def facts(self):
            return {"pcie": {"state": "costly", "cost_ns": 21_000_000}, "power": {"state": "read", "cost_ns": 900}}

    monkeypatch.setattr(recording.sources, "device_samplers", lambda rows: [Costly()])
    with crossprof.profile("run"):
        for _ in crossprof.steps(range(13)):
            pass
    (one,) = recorded()
    assert one.codes == {"telemetry_costly"}
    assert "Readings of psutil GPU-1 took too long: pcie (21.0 ms)." in one.run["findings"][0]["detail"]
    assert one.run["sampler"]["fields"]["psutil GPU-1"]["power"]["cost_ns"] == 900


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
