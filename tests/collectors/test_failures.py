"""A profiler that breaks, anywhere, never changes what the user's code returns or raises."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest

import crossprof
from crossprof.collectors import handoff, host, registry
from crossprof.collectors.collector import ProfilerBusy
from crossprof.collectors.request import Request

PLACES = ["start", "begin_step", "end_step", "drain", "stop", "export"]


def train(fails: bool) -> str:
    for number in crossprof.steps(range(16)):
        if fails and number == 14:
            raise LookupError("user")
    return "trained"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("way", ["decorator", "context"])
def test_result_and_steps_survive(fake, recorded, caplog, place, way):
    fake.fail_at = place
    with caplog.at_level(logging.WARNING):
        if way == "decorator":
            assert crossprof.profile("run")(train)(False) == "trained"
        else:
            with crossprof.profile("run"):
                assert train(False) == "trained"
    (one,) = recorded()
    assert len(one.steps) == 16
    assert one.codes == {"profiler_failed"}
    assert [capture["state"] for capture in one.run["captures"]] == ["failed"]
    assert one.run["status"] == "completed"
    assert len(caplog.messages) == 1
    assert not fake.is_on


@pytest.mark.parametrize("place", PLACES)
def test_the_users_exception_survives(fake, recorded, place):
    fake.fail_at = place
    with pytest.raises(LookupError, match="user"):
        crossprof.profile("run")(train)(True)
    assert recorded()[0].run["error"] == "LookupError: user"


@pytest.mark.parametrize("place", PLACES)
def test_strict_raises(fake, recorded, monkeypatch, place):
    monkeypatch.setenv("CROSSPROF_STRICT", "1")
    fake.fail_at = place
    with pytest.raises(crossprof.errors.CollectorError, match="the profiler broke"):
        crossprof.profile("run")(train)(False)
    assert recorded()[0].codes == {"profiler_failed"}


def test_strict_leaves_nothing_running_where_the_recording_can_not_begin(fake, recorded, monkeypatch):
    monkeypatch.setenv("CROSSPROF_STRICT", "1")
    fake.fail_at = "start"
    with pytest.raises(crossprof.errors.CollectorError, match="the profiler broke"):
        crossprof.profile("run", schedule=None)(train)(False)
    assert "crossprof-telemetry" not in {thread.name for thread in threading.enumerate()}
    assert not fake.is_on
    (one,) = recorded()
    assert one.run["status"] == "failed"
    assert one.run["captures"][0]["state"] == "failed"


def test_strict_never_replaces_the_users_exception(fake, monkeypatch):
    monkeypatch.setenv("CROSSPROF_STRICT", "1")
    fake.fail_at = "export"
    with pytest.raises(LookupError, match="user"), crossprof.profile("run", schedule=None):
        raise LookupError("user")


def test_steps_after_a_failed_start_are_bare(fake, recorded):
    fake.fail_at = "start"
    crossprof.profile("run")(train)(False)
    assert recorded()[0].states == "uu" + "b" * 14


def test_a_step_in_which_the_profiler_broke_is_neither_bare_nor_profiled(fake, recorded):
    fake.fail_at = "end_step"
    crossprof.profile("run")(train)(False)
    assert recorded()[0].states == "uubbbbbu" + "b" * 8


def test_busy_profiler_is_left_alone(fake, recorded, caplog):
    fake.fail_at, fake.error = "start", ProfilerBusy("Another profiler is on.")
    with caplog.at_level(logging.WARNING):
        crossprof.profile("run")(train)(False)
    (one,) = recorded()
    assert one.codes == {"profiler_busy"}
    assert len(caplog.messages) == 1


def test_no_framework_keeps_step_times(recorded, monkeypatch):
    from crossprof.collectors import recording

    monkeypatch.setattr(recording, "detect_framework", lambda namespace: (None, False))
    crossprof.profile("run")(train)(False)
    (one,) = recorded()
    assert one.codes == {"no_framework"}
    assert one.run["framework"] is None
    assert len(one.steps) == 16


def test_failing_telemetry_is_a_finding(fake, recorded, monkeypatch):
    def broken(sampler):
        raise OSError("no /proc")

    monkeypatch.setattr(host.HostSampler, "read", broken)
    crossprof.profile("run")(train)(False)
    (one,) = recorded()
    assert one.codes == {"telemetry_failed"}
    assert one.samples == []


def test_full_disk_in_mid_run(fake, recorded, monkeypatch):
    from crossprof.collectors.run_folder import RunFolder

    def full(folder, line):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunFolder, "append_step", full)
    assert crossprof.profile("run")(train)(False) == "trained"
    (one,) = recorded()
    assert one.codes == {"steps_unwritten"}
    assert one.run["findings"][0]["count"] == 16


def test_no_directory_for_the_trace(fake, recorded, monkeypatch):
    from crossprof.collectors.run_folder import RunFolder

    def full(folder, capture):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunFolder, "files_of", full)
    assert crossprof.profile("run")(train)(False) == "trained"
    (one,) = recorded()
    assert one.codes == {"profiler_failed"}
    assert one.run["captures"] == []


def test_sizes_that_are_no_numbers(fake, recorded):
    with crossprof.profile("run", schedule=(0, 9, 0, 1)) as run:
        assert list(crossprof.steps(["a", "b"], samples=int, tokens=3)) == ["a", "b"]
        run.step(samples="many")
    (one,) = recorded()
    assert one.codes >= {"size_unknown"}
    assert [step["samples"] for step in one.steps] == [None, None]


def test_a_launcher_that_tells_nonsense_costs_the_recording_alone(fake, monkeypatch, caplog):
    from crossprof.collectors import registry

    def broken():
        raise RuntimeError("no process group")

    monkeypatch.setattr(registry, "current_rank", broken)
    assert crossprof.profile("run")(train)(False) == "trained"
    assert "no process group" in caplog.text


def test_an_end_that_can_not_be_written_still_releases_all(fake, recorded, monkeypatch, caplog):
    with crossprof.profile("run") as run:
        released = []
        monkeypatch.setattr(run._telemetry, "close", lambda: released.append("telemetry"))
        monkeypatch.setattr(run, "_write_end", lambda *_: 1 / 0)
    assert released == ["telemetry"]
    assert run._folder._steps.closed
    assert caplog.messages == ["The recording could not be completed: division by zero"]


def test_a_recording_that_is_over_keeps_nothing_of_the_users(fake, recorded):
    class Model:
        pass

    namespace = {"model": Model()}
    model = weakref.ref(namespace["model"])
    run = registry.enter(Request(name="run"), namespace)
    with crossprof.request():
        pass
    registry.leave(run, None)
    del namespace
    assert model() is None
    assert recorded()[0].codes == {"ended_early"}
    seen = weakref.ref(run)
    del run
    handoff.submit(SimpleNamespace(path=Path(), store=Path(), compress=lambda: None))
    handoff.wait()
    gc.collect()
    assert seen() is None
