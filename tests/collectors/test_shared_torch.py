"""A torch.profiler of the script's own: it works on, and its trace is that of the run."""

from __future__ import annotations

import gzip
import json
import time
import types

import pytest

import crossprof

torch = pytest.importorskip("torch")


def work():
    return torch.ones(8, 8) @ torch.ones(8, 8)


def keys(profiler):
    return {event.key for event in profiler.key_averages()}


def test_one_that_is_on_from_before_to_after_keeps_its_events_and_its_trace(recorded, tmp_path):
    with torch.profiler.profile() as own, crossprof.profile("run", framework="torch"):
        for _ in crossprof.steps(range(13)):
            work()
    own.export_chrome_trace(str(tmp_path / "own.json"))
    (one,) = recorded()
    assert one.states == "p" * 13
    assert one.codes == {"profiler_shared", "shared_trace_missing"}
    assert one.run["captures"] == []
    assert "aten::mm" in keys(own)


def test_its_trace_is_copied_and_only_steps_wholly_under_it_are_profiled(recorded, tmp_path):
    with crossprof.profile("run", framework="torch"):
        for number in crossprof.steps(range(40)):
            if number == 20:
                own = torch.profiler.profile()
                own.start()
            work()
            if number == 30:
                own.stop()
        own.export_chrome_trace(str(tmp_path / "own.json.gz"))
    (one,) = recorded()
    assert one.states == "uubbbbbwpppppu" + "b" * 6 + "u" + "p" * 9 + "u" + "b" * 9
    first, second = one.run["captures"]
    assert (first["first_step"], first["last_step"]) == (7, 12)
    assert (second["first_step"], second["last_step"], second["state"]) == (21, 29, "complete")
    (name,) = second["files"]
    events = [
        json.loads(gzip.decompress(path.read_bytes()))["traceEvents"] for path in (one.path / name, tmp_path / "own.json.gz")
    ]
    assert len(events[0]) == len(events[1]) > 0
    assert one.codes == {"profiler_shared"}


def test_ours_gives_way_to_one_that_starts_under_it(recorded, tmp_path):
    with crossprof.profile("run", framework="torch", schedule=None) as run:
        for number in range(10):
            if number == 5:
                own = torch.profiler.profile()
                own.start()
            work()
            run.step()
        own.stop()
        own.export_chrome_trace(str(tmp_path / "own.json"))
    (one,) = recorded()
    assert "aten::mm" in keys(own)
    assert one.states == "wppppupppp"
    assert [capture["state"] for capture in one.run["captures"]] == ["complete"] * 2
    assert one.codes == {"profiler_shared"}


def test_torch_is_left_as_it_was(recorded):
    kind = torch.autograd.profiler.profile
    before = dict(vars(kind))
    with crossprof.profile("run", framework="torch"):
        assert dict(vars(kind)) != before
    assert dict(vars(kind)) == before
    assert len(recorded()) == 1


def test_a_failure_in_the_watching_stays_there(recorded, monkeypatch, tmp_path):
    monkeypatch.setattr("crossprof.collectors.shared_torch.shutil.copyfile", lambda *_: 1 / 0)
    with crossprof.profile("run", framework="torch"):
        with torch.profiler.profile() as own:
            work()
        own.export_chrome_trace(str(tmp_path / "own.json"))
    assert (tmp_path / "own.json").stat().st_size
    assert "shared_trace_missing" in recorded()[0].codes


def test_the_oldest_copies_go_and_no_number_comes_twice(recorded, tmp_path):
    with crossprof.profile("run", framework="torch", schedule=(0, 40, 0, 1), keep_bytes=1):
        for _ in crossprof.steps(range(3)):
            with torch.profiler.profile() as own:
                work()
            own.export_chrome_trace(str(tmp_path / "own.json"))
    (one,) = recorded()
    assert [capture["capture"] for capture in one.run["captures"]] == [2]
    assert [path.name for path in one.path.glob("capture-*")] == ["capture-2"]
    assert "captures_dropped" in one.codes


def test_one_that_fails_to_start_is_not_on(recorded, monkeypatch):
    def fail(profiler):
        raise RuntimeError("no CUPTI")

    kind = torch.autograd.profiler.profile
    monkeypatch.setattr(kind, "_prepare_trace", fail)
    with crossprof.profile("run", framework="torch", schedule=(0, 40, 0, 1)):
        for number in crossprof.steps(range(4)):
            if number == 1:
                with pytest.raises(RuntimeError, match="CUPTI"):
                    torch.profiler.profile().start()
    assert recorded()[0].states == "bbbb"


def test_a_trace_goes_to_the_window_of_its_profiler(recorded, tmp_path):
    with torch.profiler.profile() as earlier:
        work()
    with crossprof.profile("run", framework="torch", schedule=(0, 40, 0, 1)):
        owns = []
        for _ in crossprof.steps(range(2)):
            with torch.profiler.profile() as own:
                work()
            owns.append(own)
        for number in (1, 0):
            owns[number].export_chrome_trace(str(tmp_path / f"{number}.json"))
        earlier.export_chrome_trace(str(tmp_path / "earlier.json"))
    (one,) = recorded()
    copies = [json.loads(gzip.decompress((one.path / capture["files"][0]).read_bytes())) for capture in one.run["captures"]]
    assert copies == [json.loads((tmp_path / f"{number}.json").read_text()) for number in (0, 1)]


def test_the_hosts_clock_may_be_set_under_it(recorded, monkeypatch):
    from crossprof.collectors import shared_torch

    real = shared_torch.time.time_ns
    with crossprof.profile("run", framework="torch", schedule=(0, 40, 0, 1)):
        for number in crossprof.steps(range(6)):
            if number == 1:
                own = torch.profiler.profile()
                monkeypatch.setattr(
                    shared_torch, "time", types.SimpleNamespace(time_ns=lambda: real() + 10**12, monotonic_ns=time.monotonic_ns)
                )
                own.start()
            if number == 4:
                own.stop()
    assert recorded()[0].states == "bupp" + "ub"


def test_a_window_that_is_asked_for_after_it_is_told(recorded):
    with crossprof.profile("run", framework="torch", schedule=(0, 0, 0, 1), every=3):
        for number in crossprof.steps(range(14)):
            if number == 1:
                with torch.profiler.profile():
                    work()
    (one,) = recorded()
    assert "profiler_busy" in one.codes
    (busy,) = (finding for finding in one.run["findings"] if finding["code"] == "profiler_busy")
    assert "every 3 steps" in busy["detail"]
