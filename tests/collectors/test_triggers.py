"""Windows beyond the schedule's own: by steps, by time, after a slow step, on demand; and how much of them is kept."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import psutil
import pytest

import crossprof
from crossprof.collectors import trigger
from crossprof.collectors.clock import StepClock
from crossprof.collectors.collector import ProfilerBusy
from crossprof.collectors.on_demand import OnDemand
from crossprof.collectors.schedule import WHOLE_CALL, Schedule
from crossprof.collectors.windows import Windows

SHORT = (0, 0, 0, 1)
"""A schedule that is through after the first step."""


def windows_of(run: dict) -> list[tuple[str, int, int]]:
    return [(one["trigger"], one["first_step"], one["last_step"]) for one in run["captures"]]


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """A clock that stands still unless a test moves it."""
    now = [100.0]
    monkeypatch.setattr(trigger.time, "monotonic", lambda: now[0])
    return now


def test_every_so_many_steps(fake, recorded):
    with crossprof.profile("run", schedule=SHORT, every=20):
        for _ in crossprof.steps(iter(range(50))):
            pass
    (one,) = recorded()
    assert windows_of(one.run) == [("schedule", 0, 0), ("every", 20, 25), ("every", 40, 45)]
    assert one.states[18:28] == "bbwpppppub"
    assert [step["capture"] for step in one.steps[19:27]] == [None, 1, 1, 1, 1, 1, 1, None]
    assert one.run["captures"][1]["reason"] == "every 20 steps"
    assert one.run["options_requested"] == {"schedule": repr(SHORT), "every": 20}


def test_a_window_waits_for_the_schedules_own():
    windows = Windows(Schedule(2, 5, 1, 5), [trigger.EverySteps(6)])
    states: list = ["unmeasured"]
    for step in range(30):
        states.append(windows.state(step, after=states[-1]))
    assert "".join(state[0] for state in states[1:]) == "uubbbbbwpppppbwpppppbwpppppbwp"


def test_windows_never_touch():
    windows = Windows(Schedule(0, 0, 0, 1), [trigger.EverySteps(1)], warmup=0, profiled=2)
    states: list = ["unmeasured"]
    for step in range(8):
        states.append(windows.state(step, after=states[-1]))
    assert "".join(state[0] for state in states[1:]) == "pbppbppb"


def test_a_whole_call_leaves_no_room():
    windows = Windows(WHOLE_CALL, [trigger.EverySteps(1)])
    assert {windows.state(step, after="bare") for step in range(1, 9)} == {"profiled"}


def test_by_time(clock):
    every, after = trigger.EverySeconds(10), trigger.AfterSeconds(5)
    assert every.due(0) is after.due(0) is None
    clock[0] += 5
    assert after.due(1).reason == "5 s after the start"
    after.taken(1)
    clock[0] += 20
    assert after.due(2) is None
    assert every.due(2).trigger == "every_seconds"
    every.taken(2)
    assert every.due(3) is None


def test_steps_of_the_wall_clock_move_no_trigger(fake, recorded, clock, monkeypatch):
    """The host's time jumps a day ahead and two back; only the clock that nobody sets counts."""
    real, shift = time.time_ns, [0]
    monkeypatch.setattr(time, "time_ns", lambda: real() + shift[0])
    with crossprof.profile("run", schedule=SHORT, every_seconds=10):
        for number in crossprof.steps(iter(range(30))):
            shift[0] = {9: 86_400_000_000_000, 15: -86_400_000_000_000}.get(number, shift[0])
            clock[0] += 11 if number == 20 else 0
    (one,) = recorded()
    assert windows_of(one.run)[1:] == [("every_seconds", 21, 26)]


def test_a_slow_step_has_those_after_it_captured(fake, recorded, monkeypatch):
    """On a clock of the test's own: a busy machine has slow steps enough."""
    now = [time.time_ns()]
    monkeypatch.setattr(StepClock, "now_ns", lambda self: now[0])
    monkeypatch.setattr(StepClock, "follow", lambda self: 0)
    with crossprof.profile("run", schedule=SHORT, slow_step=3.0):
        for number in crossprof.steps(iter(range(60))):
            now[0] += 100_000_000 if number in (10, 40, 52) else 2_000_000
    (one,) = recorded()
    assert windows_of(one.run)[1:] == [("slow_step", 41, 46)]
    assert one.run["captures"][1]["reason"] == "step 40 took 100.00 ms, 50.00 times the median of 2.00 ms"


def test_slow_steps_need_a_median_and_are_left_in_peace_for_a_while():
    slow = trigger.SlowStep(1.5)
    for step in range(10):
        slow.timed(step, 1000)
    slow.timed(10, 9000)
    assert slow.due(11) is None  # too few steps to call one slow
    for step in range(10, 30):
        slow.timed(step, 1000)
    slow.timed(30, 1600)
    assert slow.due(31).reason == "step 30 took 0.00 ms, 1.60 times the median of 0.00 ms"
    slow.taken(31)
    slow.timed(39, 1600)
    assert slow.due(40) is None
    slow.timed(130, 1600)
    assert slow.due(131).trigger == "slow_step"
    assert slow.due(132) is None  # over


def test_a_course_that_changed_for_good_is_slow_no_more():
    slow = trigger.SlowStep(1.5)
    for step in range(100):
        slow.timed(step, 1000)
    for step in range(100, 201):
        slow.timed(step, 3000)
    slow.timed(299, 3000)
    assert slow.due(300) is None


def test_a_step_that_was_slow_before_another_window_asks_for_none_after_it():
    slow = trigger.SlowStep(1.5)
    windows = Windows(Schedule(0, 30, 0, 2), [slow])
    for step in range(29):
        windows.timed(step, 1000)
    windows.timed(29, 9000)
    assert [windows.state(30, after="bare"), windows.state(31, after="profiled")] == ["profiled", "profiled"]
    assert [windows.state(32, after="profiled"), windows.state(33, after="unmeasured")] == ["bare", "bare"]


def ask(folder: Path, **request: object) -> None:
    new = folder / "trigger.json.new"
    new.write_text(json.dumps(request))
    new.replace(folder / "trigger.json")


def test_a_request_is_read_once_and_begins_where_it_says(tmp_path):
    wanted = OnDemand(tmp_path)
    wanted.look()
    assert wanted.due(5) is None
    ask(tmp_path, at_step=7, steps=2, asked_by="me")
    wanted.look()
    assert wanted.due(6) is None
    assert wanted.due(7) == trigger.Wish("demand", "asked for by me", 2)
    wanted.taken(7)
    wanted.look()
    assert wanted.due(8) is None
    ask(tmp_path, at_step=None, steps=10**9)
    wanted.look()
    assert wanted.due(0).steps == 1000
    ask(tmp_path, at_step=None, steps=3)
    wanted.look()  # between the question and the window
    wanted.taken(0)
    assert wanted.due(1).steps == 3


def test_a_request_that_could_not_be_read_is_read_again_and_one_that_is_none_is_not(tmp_path, monkeypatch):
    wanted, read, path_type = OnDemand(tmp_path), [], type(tmp_path)

    def fail(path, **named):
        read.append(path)
        raise OSError("stale file handle")

    ask(tmp_path, at_step=None)
    with monkeypatch.context() as patch:
        patch.setattr(path_type, "read_bytes", fail)
        patch.setattr(path_type, "read_text", fail)
        with pytest.raises(OSError, match="stale"):
            wanted.look()
    wanted.look()
    assert wanted.due(0) is not None
    (tmp_path / "trigger.json").write_text("{")
    with pytest.raises(json.JSONDecodeError):
        wanted.look()
    wanted.look()


def test_a_request_in_a_running_loop(fake, recorded, tmp_path):
    """Asked for by a file, in mid-run; a second one that no program wrote is left alone."""
    with crossprof.profile("run", schedule=SHORT):
        (folder,) = (tmp_path / "store").glob("recordings/*/rank-0")
        taken = None
        for number in crossprof.steps(iter(range(400))):
            if number == 5:
                ask(folder, at_step=12, steps=3)
            if number == 50:
                (folder / "trigger.json").write_text("{")
            time.sleep(0.02 if taken is None and number < 60 else 0.002)
            taken = taken or (folder / "capture-1").exists() or None
    (one,) = recorded()
    (_, (name, first, last)) = windows_of(one.run)
    assert (name, last - first) == ("demand", 3)
    assert 12 <= first <= 60


def test_a_profiler_that_was_busy_once_may_be_free_the_next_time(fake, recorded, caplog):
    fake.fail_at, fake.error = "start", ProfilerBusy("Another profiler is on.")
    with crossprof.profile("run", schedule=SHORT, every=10):
        for number in crossprof.steps(iter(range(30))):
            if number == 15:
                fake.fail_at = None
    (one,) = recorded()
    assert [capture["state"] for capture in one.run["captures"]] == ["failed", "failed", "complete"]
    assert one.codes == {"profiler_busy"}
    assert len(caplog.messages) == 1


def test_the_oldest_traces_go_and_the_schedules_own_stay(fake, recorded):
    size = len('{"traceEvents": []}')
    with crossprof.profile("run", schedule=SHORT, every=10, keep_bytes=2 * size):
        for _ in crossprof.steps(iter(range(60))):
            pass
    (one,) = recorded()
    assert sorted(path.name for path in one.path.glob("capture-*")) == ["capture-0", "capture-4", "capture-5"]
    assert [capture["capture"] for capture in one.run["captures"]] == [0, 4, 5]
    assert [anchor["at"] for anchor in one.run["clock"]] == [
        "start", *(f"capture-{number}-{edge}" for number in (0, 4, 5) for edge in ("start", "stop")), "stop",
    ]  # fmt: skip
    (found,) = one.run["findings"]
    assert (found["code"], found["count"]) == ("captures_dropped", 3)


def test_a_window_over_the_cap_alone_is_kept(fake, recorded):
    with crossprof.profile("run", schedule=SHORT, every=10, keep_bytes=0):
        for _ in crossprof.steps(iter(range(40))):
            pass
    assert [capture["capture"] for capture in recorded()[0].run["captures"]] == [0, 3]


@pytest.mark.parametrize(
    ("name", "value"), [("every", 0), ("every_seconds", -1), ("after_seconds", "5"), ("slow_step", 1.0), ("keep_bytes", -1)]
)
def test_numbers_that_make_no_sense_are_refused_at_once(name, value):
    with pytest.raises(ValueError, match=f"{name}={value!r}: use a number over"):
        crossprof.profile("run", **{name: value})


@pytest.mark.slow
def test_a_million_steps_take_no_more_memory_than_a_thousand(fake, recorded, tmp_path):
    """All triggers on, windows coming and going: Python holds at the end what it held after the first hundred thousand."""
    process, held = psutil.Process(), []
    with crossprof.profile("run", schedule=SHORT, every=5000, slow_step=50.0, every_seconds=3600, keep_bytes=100) as run:
        for number in range(1_000_000):
            run.step(samples=8)
            if number % 100_000 == 99_999:
                fake.calls.clear()
                fake.steps.clear()
                held.append((sys.getallocatedblocks(), process.memory_info().rss))
    blocks, sizes = zip(*held, strict=True)
    assert max(blocks[1:]) - blocks[0] < 2000
    assert max(sizes[1:]) - sizes[0] < 4 * 2**20
    folder = next((tmp_path / "store").glob("recordings/*/rank-0"))
    assert (folder / "run.json").stat().st_size < 20_000
    with (folder / "steps.jsonl").open() as lines:
        assert sum(1 for _ in lines) == 1_000_000
