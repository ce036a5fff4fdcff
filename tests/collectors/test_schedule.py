from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossprof.collectors.schedule import WHOLE_CALL, Schedule, as_schedule

COUNTS = st.integers(0, 6)
SCHEDULES = st.builds(Schedule, COUNTS, COUNTS, COUNTS, st.integers(1, 6), st.integers(1, 3))


def states(schedule: Schedule, length: int) -> str:
    return "".join(schedule.state(step)[0] for step in range(length))


def test_order_of_the_parts():
    assert states(Schedule(1, 2, 1, 3), 10) == "ubbwpppbbb"
    assert states(Schedule(0, 1, 0, 1, repeat=2), 6) == "bpbpbb"


def test_the_profiled_part_shrinks_first():
    assert Schedule().fit(10).numbers == (2, 5, 1, 2)
    assert Schedule().fit(7).numbers == (2, 3, 1, 1)
    assert Schedule().fit(2).numbers == (0, 0, 1, 1)
    assert Schedule().fit(100) == Schedule()


@given(SCHEDULES, st.integers(1, 40))
def test_a_fitted_schedule_completes_within_the_loop(schedule, length):
    fitted = schedule.fit(length)
    assert fitted.length <= max(length, 1)
    assert "p" in states(fitted, length)
    assert all(new <= old for new, old in zip(fitted.numbers, schedule.numbers, strict=True))


def test_what_an_argument_means():
    assert as_schedule("auto") == Schedule()
    assert as_schedule(None) is WHOLE_CALL
    assert as_schedule((1, 2)) == Schedule(1, 2)
    assert as_schedule([1, 2, 3, 4, 5]) == Schedule(1, 2, 3, 4, 5)
    assert as_schedule(Schedule(3)) == Schedule(3)


@pytest.mark.parametrize("wrong", ["weekly", (), (1, 2, 3, 4, 5, 6), (0, 0, 0, 0), (-1, 1)])
def test_what_an_argument_may_not_be(wrong):
    with pytest.raises(ValueError):
        as_schedule(wrong)
