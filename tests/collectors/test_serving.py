"""Requests as steps: what is timed, and what is not."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

import crossprof


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
