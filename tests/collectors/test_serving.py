"""Requests as steps: what is timed, and what is not."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from contextvars import Context

import pytest

import crossprof
from crossprof.collectors.loop import Loop


@pytest.fixture(autouse=True)
def _fake(fake):
    return fake


def durations(one):
    return [(step["end_ns"] - step["start_ns"]) / 1e9 for step in one.steps]


def test_the_time_between_requests_is_in_none(recorded):
    with crossprof.profile("served"):
        for _ in range(4):
            with crossprof.request(samples=8, tokens=100):
                time.sleep(0.002)
            time.sleep(0.05)
    (one,) = recorded()
    assert one.states == "uubb"
    assert all(0.002 <= duration < 0.05 for duration in durations(one))
    assert {(step["samples"], step["tokens"]) for step in one.steps} == {(8, 100)}


def test_a_decorated_generator_is_a_request_until_its_last_item_and_what_it_calls_is_a_part_of_it(recorded):
    @crossprof.request()
    def token():
        return 1

    @crossprof.request(samples=1)
    def stream():
        for _ in range(3):
            yield token()

    with crossprof.profile("served"):
        assert [list(stream()) for _ in range(3)] == [[1, 1, 1]] * 3
    (one,) = recorded()
    assert len(one.steps) == 3
    assert one.codes == {"ended_early"}


def test_requests_that_overlap_are_timed_but_for_those_under_a_profiler(recorded):
    @crossprof.request(samples=1)
    async def answer(seconds):
        await asyncio.sleep(seconds)
        return seconds

    @crossprof.profile("served", schedule=(0, 5, 0, 2))
    async def serve():
        found = await asyncio.gather(answer(0.03), answer(0.01), answer(0.02))
        for _ in range(4):
            found += await asyncio.gather(answer(0), answer(0))
        return found

    assert asyncio.run(serve()) == [0.03, 0.01, 0.02] + [0] * 8
    (one,) = recorded()
    first = durations(one)[:3]
    assert [round(duration, 2) >= least for duration, least in zip(first, (0.01, 0.02, 0.03), strict=True)] == [True] * 3
    assert one.states.startswith("bbbbbpp")
    assert [step["step"] for step in one.steps] == list(range(len(one.steps)))
    assert one.codes == {"requests_overlap"}


def test_threads_do_not_cut_each_others_requests(recorded):
    begun = threading.Barrier(2)

    def answer():
        with crossprof.request():
            begun.wait(10)
            time.sleep(0.02)

    with crossprof.profile("served"):
        threads = [threading.Thread(target=answer) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    (one,) = recorded()
    assert len(one.steps) == 2
    assert min(durations(one)) >= 0.02


def test_a_loop_that_marks_steps_keeps_them(recorded):
    with crossprof.profile("served"):
        for _ in crossprof.steps(range(6)):
            with crossprof.request():
                pass
    (one,) = recorded()
    assert len(one.steps) == 6
    assert "requests_overlap" not in one.codes


def test_a_request_that_fails_is_timed_and_its_error_goes_on(recorded):
    with crossprof.profile("served"):
        for _ in range(3):
            with pytest.raises(ValueError, match="no answer"), crossprof.request():
                raise ValueError("no answer")
    assert len(recorded()[0].steps) == 3


def test_without_a_recording_a_request_is_nothing():
    with crossprof.request():
        pass
    assert crossprof.request()(lambda: 3)() == 3


def begun_elsewhere():
    """A request under way in another task."""
    other, one = Context(), crossprof.request()
    other.run(one.__enter__)
    return lambda: other.run(one.__exit__, None, None, None)


def test_a_request_that_ends_in_another_task_leaves_both_tasks_their_requests(recorded):
    @crossprof.request()
    async def stream():
        yield 1
        yield 2

    @crossprof.request()
    async def inner():
        return 3

    async def close(items):
        with crossprof.request():
            await items.aclose()
            await inner()  # a part of this task's request

    async def serve():
        items = stream()
        await anext(items)
        await asyncio.create_task(close(items), context=Context())
        for _ in range(2):
            with crossprof.request():
                pass

    with crossprof.profile("served", schedule=(0, 9, 0, 1)):
        asyncio.run(serve())
    assert len(recorded()[0].steps) == 4


def test_a_request_that_the_garbage_collector_ends_in_the_midst_of_another_blocks_none(recorded, monkeypatch):
    border = Loop.border

    def collecting(loop, owner):
        given_up()
        return border(loop, owner)

    def serve():
        with crossprof.request():
            pass

    with crossprof.profile("served", schedule=(0, 9, 0, 1)):
        first, given_up = begun_elsewhere(), begun_elsewhere()
        first()
        monkeypatch.setattr(Loop, "border", collecting)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        thread.join(timeout=0.9)
        assert not thread.is_alive()
    assert [step["step"] for step in recorded()[0].steps] == [0, 1, 2]


def test_a_request_that_ran_under_the_profiler_is_none_wherever_it_ends(recorded):
    with crossprof.profile("served", schedule=(0, 1, 0, 1)):
        with crossprof.request():
            pass
        with crossprof.request():  # profiled
            end = begun_elsewhere()
        with crossprof.request():  # the window closes
            end()
    assert recorded()[0].states == "bpu"


def test_a_request_that_waits_for_another_window_to_close_is_not_longer_for_it(recorded, monkeypatch):
    border, others = Loop.border, []

    def closing(loop, owner):
        """Another request begins while this one closes a window."""
        monkeypatch.setattr(Loop, "border", border)
        others.append(threading.Thread(target=serve, daemon=True))
        others[0].start()
        time.sleep(0.1)
        return border(loop, owner)

    def serve():
        with crossprof.request():
            pass

    with crossprof.profile("served", schedule=(0, 9, 0, 1)):
        monkeypatch.setattr(Loop, "border", closing)
        with crossprof.request():
            others[0].join(timeout=1)
    beside, leading = recorded()[0].steps
    assert beside["end_ns"] - beside["start_ns"] < 5e7
    assert leading["end_ns"] >= beside["end_ns"]


def test_a_request_beside_a_profiler_of_the_scripts_own_is_none(recorded):
    with crossprof.profile("served", schedule=(0, 9, 0, 1)) as run, crossprof.request():
        shared = run.loop._profiler.shared
        for state in ("on", "off"):
            shared._state = state
            begun_elsewhere()()
        shared._changed_ns = time.time_ns() + 10**9
        begun_elsewhere()()
    assert recorded()[0].states == "bb"


def test_a_request_beside_another_is_as_long_as_it_was_though_the_clock_is_set(recorded):
    with crossprof.profile("served", schedule=(0, 9, 0, 1)) as run:
        first, end = begun_elsewhere(), begun_elsewhere()
        run.loop._clock._offset_ns += 3600 * 10**9
        end()
        run.loop._clock._offset_ns -= 3600 * 10**9
        first()
    assert len(durations(recorded()[0])) == 2
    assert max(durations(recorded()[0])) < 1000


def test_requests_that_overlap_skip_no_warm_up(recorded):
    with crossprof.profile("served", schedule=(0, 2, 1, 1)):
        with crossprof.request():
            for _ in range(2):
                begun_elsewhere()()
        for _ in range(2):
            with crossprof.request():
                pass
    assert recorded()[0].states == "bbwp"


def test_a_forked_child_waits_for_no_request_of_its_parent(python):
    script = """
import os, threading
from crossprof.collectors import serving
threading.Thread(target=serving._lock.acquire).start()
child = os.fork()
if not child:
    os._exit(0 if serving._lock.acquire(timeout=1) else 1)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([python, "-c", script], check=False, timeout=20).returncode == 0
