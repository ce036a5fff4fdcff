"""The states of a recording's steps, by every way to mark them."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise

import pytest

import crossprof
from crossprof.collectors.telemetry import Telemetry


def test_auto_schedule(fake, recorded):
    with crossprof.profile("run"):
        for _ in crossprof.steps(iter(range(20)), samples=4):
            pass
    (one,) = recorded()
    assert one.states == "uubbbbbwpppppubbbbbb"
    assert fake.steps == [7, 8, 9, 10, 11, 12]
    assert [step["capture"] for step in one.steps[6:9]] == [None, 0, 0]
    assert {step["samples"] for step in one.steps} == {4}
    assert one.run["steps"] == {"count": 20, "bare": 11, "profiled": 6}
    assert one.run["findings"] == []


def test_steps_touch_except_where_the_profiler_worked(fake, recorded, monkeypatch):
    """And where the allocators were read, which is at a border of the clock's choice: here never."""
    monkeypatch.setattr(Telemetry, "at_border", lambda self: False)
    with crossprof.profile("run"):
        for _ in crossprof.steps(range(16)):
            pass
    (one,) = recorded()
    gaps = [later["start_ns"] - earlier["end_ns"] for earlier, later in pairwise(one.steps)]
    assert all(gap == 0 for step, gap in enumerate(gaps) if step not in (6, 12))
    assert gaps[6] > 0
    assert gaps[12] > 0


def test_manual_steps_start_with_the_scope(fake, recorded):
    with crossprof.profile("run", schedule=(0, 1, 1, 2)) as run:
        for number in range(6):
            run.step(samples=number, tokens=number * 10)
    (one,) = recorded()
    assert one.states == "uwppub"
    assert [step["samples"] for step in one.steps] == [0, 1, 2, 3, 4, 5]
    assert one.steps[5]["tokens"] == 50


def test_step_function(fake, recorded):
    @crossprof.step(samples=8)
    def train_step(depth=0):
        return train_step(depth - 1) if depth else "done"

    @crossprof.step
    def evaluate():
        return 1

    with crossprof.profile("run", schedule=(0, 2, 1, 1)):
        for _ in range(6):
            assert train_step(2) == "done"
            assert evaluate() == 1
    (one,) = recorded()
    assert one.states == "bbwpub"
    assert one.steps[-1]["samples"] == 8


async def test_async_step_function(fake, recorded):
    @crossprof.step
    async def train_step():
        return 3

    with crossprof.profile("run", schedule=(0, 1, 1, 1)):
        assert [await train_step() for _ in range(3)] == [3, 3, 3]
    assert recorded()[0].states == "bwp"


async def test_overlapping_async_calls_are_steps(fake, recorded):
    @crossprof.step
    async def serve():
        await asyncio.sleep(0.02)

    with crossprof.profile("run"):
        await asyncio.gather(*(serve() for _ in range(20)))
    assert len(recorded()[0].steps) == 20


def test_calls_of_several_threads_are_steps(fake, recorded):
    both = threading.Barrier(2)

    @crossprof.step
    def serve():
        both.wait(10)

    def work():
        for _ in range(20):
            serve()

    with crossprof.profile("run"):
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(recorded()[0].steps) == 40


def test_failing_step_is_no_step(fake, recorded):
    @crossprof.step
    def train_step(fails):
        if fails:
            raise KeyError("user")

    @crossprof.profile("run", schedule=(0, 9, 0, 1))
    def train():
        train_step(False)
        train_step(True)

    with pytest.raises(KeyError, match="user"):
        train()
    (one,) = recorded()
    assert one.states == "b"
    assert one.run["status"] == "failed"
    assert one.run["error"] == "KeyError: 'user'"


async def test_async_iterable(fake, recorded):
    async def loader():
        for item in range(5):
            yield item

    with crossprof.profile("run", schedule=(1, 1, 1, 1)):
        assert [item async for item in crossprof.steps(loader(), samples=lambda item: item)] == [0, 1, 2, 3, 4]
    (one,) = recorded()
    assert one.states == "ubwpu"
    assert [step["samples"] for step in one.steps] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("length", "states"),
    [
        (1, "p"),
        (2, "wp"),
        (3, "uwp"),
        (4, "ubwp"),
        (8, "uubbbbwp"),
        (10, "uubbbbbwpp"),
        (13, "uubbbbbwppppp"),
        (14, "uubbbbbwpppppu"),
    ],
)
def test_known_length_fits_the_schedule(fake, recorded, length, states):
    with crossprof.profile("run"):
        for _ in crossprof.steps(range(length)):
            pass
    (one,) = recorded()
    assert one.states == states
    assert one.codes == set()


def test_unknown_length_that_ends_early(fake, recorded):
    with crossprof.profile("run"):
        for _ in crossprof.steps(iter(range(4))):
            pass
    (one,) = recorded()
    assert one.states == "uubb"
    assert one.codes == {"ended_early"}
    assert "schedule=(1, 1, 1, 1)" in one.run["findings"][0]["detail"]


def test_end_in_the_middle_of_a_window(fake, recorded):
    with crossprof.profile("run"):
        for _ in crossprof.steps(iter(range(10))):
            pass
    (one,) = recorded()
    assert one.states == "uubbbbbwpp"
    assert one.codes == {"ended_early"}
    assert one.run["captures"][0]["state"] == "complete"
    assert (one.run["captures"][0]["first_step"], one.run["captures"][0]["last_step"]) == (7, 9)
    assert not fake.is_on


def test_epochs_go_on_counting(fake, recorded):
    with crossprof.profile("run"):
        for _ in range(3):
            for _ in crossprof.steps(range(5)):
                pass
    (one,) = recorded()
    assert one.states == "uubwp" + "b" * 10
    assert [step["step"] for step in one.steps] == list(range(15))


def test_inner_loops_are_no_steps(fake, recorded):
    with crossprof.profile("run", schedule=(0, 1, 0, 1)) as run:
        for _ in crossprof.steps(range(3)):
            for _ in crossprof.steps(range(4)):
                run.step(samples=7)
    (one,) = recorded()
    assert len(one.steps) == 3
    assert {step["samples"] for step in one.steps} == {7}


def test_break_drops_the_step_it_is_in(fake, recorded):
    with crossprof.profile("run", schedule=(0, 9, 0, 1)):
        for number in crossprof.steps(range(100)):
            if number == 5:
                break
    assert len(recorded()[0].steps) == 5


def test_whole_call_without_steps_is_one_step(fake, recorded):
    @crossprof.profile(schedule=None)
    def train():
        return 7

    assert train() == 7
    (one,) = recorded()
    assert one.states == "p"
    assert fake.steps == [0]
    assert one.run["captures"][0]["last_step"] == 0


def test_whole_call_with_steps(fake, recorded):
    with crossprof.profile("run", schedule=None):
        for _ in crossprof.steps(range(3)):
            pass
    (one,) = recorded()
    assert one.states == "wpp"
    assert len(one.run["captures"]) == 1


def test_no_steps_under_auto_names_the_cure(fake, recorded):
    with crossprof.profile("run"):
        pass
    (one,) = recorded()
    assert one.codes == {"no_steps"}
    assert "schedule=None" in one.run["findings"][0]["detail"]
    assert fake.calls == []


def test_repeated_windows(fake, recorded):
    with crossprof.profile("run", schedule=crossprof.Schedule(1, 1, 1, 2, repeat=2)):
        for _ in crossprof.steps(range(12)):
            pass
    (one,) = recorded()
    assert one.states == "ubwppuwppubb"
    assert [capture["files"] for capture in one.run["captures"]] == [["capture-0/trace.json.gz"], ["capture-1/trace.json.gz"]]


def test_a_device_that_lags_behind_the_host_is_noted(fake, recorded, monkeypatch):
    monkeypatch.setattr(fake, "drain", lambda: __import__("time").sleep(0.05))
    with crossprof.profile("run"):
        for _ in crossprof.steps(range(13)):
            pass
    assert recorded()[0].codes == {"host_ran_ahead"}


def test_a_wait_for_a_processor_is_no_lag_of_the_device(fake, recorded, monkeypatch):
    monkeypatch.setattr(fake, "drain", lambda: __import__("time").sleep(0.05))
    readings = iter([0, 60_000_000_000])  # more than a busy machine makes of the sleep
    monkeypatch.setattr("crossprof.collectors.capture.queued_ns", lambda: next(readings))
    with crossprof.profile("run"):
        for _ in crossprof.steps(range(13)):
            pass
    assert recorded()[0].codes == set()


def test_an_empty_loop_has_no_step_and_no_window(fake, recorded):
    with crossprof.profile("run"):
        for _ in crossprof.steps([]):
            raise AssertionError
    (one,) = recorded()
    assert one.states == ""
    assert one.run["captures"] == []
    assert one.codes == {"no_steps"}


def test_a_step_is_never_shorter_than_nothing(fake, recorded):
    """The end of one thread's call may have been read before another's step began."""
    with crossprof.profile("run", schedule=(0, 9, 0, 1)) as run:
        run.step()
        run.loop._finish(run.loop._start_ns - 1000)
        assert run.loop._bare_ns >= 0
    assert all(step["end_ns"] >= step["start_ns"] for step in recorded()[0].steps)
