"""Lanes: whatever the slices, those of one lane nest or do not touch, and a device has as many as it is busy at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossprof.store.export.lanes import lanes

AT = 1_780_000_000_000_000_000
SLICES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(0, 15)), max_size=40)


def found(held: list[tuple[int, int, int]], *, is_device: bool) -> list[tuple[int, int, int, int]]:
    """Row, lane, start and end of slices that are given as row, start and duration."""
    ordered = sorted(held, key=lambda one: (one[0], one[1], -one[2]))
    row, start, length = (
        (np.array(column, np.int64) for column in zip(*ordered, strict=True)) if held else [np.zeros(0, np.int64)] * 3
    )
    lane = lanes(row, start + AT, start + length + AT, np.full(len(row), is_device))
    return list(zip(row.tolist(), lane.tolist(), start.tolist(), (start + length).tolist(), strict=True))


def crosses(held: list[tuple[int, int, int, int]]) -> bool:
    stacks: dict[tuple[int, int], list[int]] = {}
    for row, lane, start, end in held:
        stack = stacks.setdefault((row, lane), [])
        while stack and stack[-1] <= start:
            stack.pop()
        if stack and stack[-1] < end:
            return True
        stack.append(end)
    return False


@given(SLICES)
def test_no_slice_crosses_another_of_its_lane(held: list[tuple[int, int, int]]) -> None:
    for is_device in (False, True):
        assert not crosses(found(held, is_device=is_device))


@given(SLICES)
def test_a_stream_that_does_not_nest_has_as_many_lanes_as_are_busy_at_once(held: list[tuple[int, int, int]]) -> None:
    told = found(held, is_device=True)
    for row in {one[0] for one in told}:
        own = [(start, max(end, start + 1)) for at, _, start, end in told if at == row]
        most = max(sum(start <= at < end for start, end in own) for at, _ in own)
        used = 1 + max(lane for at, lane, *_ in told if at == row)
        assert used in (1, most)


@pytest.mark.parametrize(
    ("held", "is_device", "expected"),
    [
        ([(0, 0, 10), (0, 2, 3), (0, 5, 5), (0, 10, 4)], False, [0, 0, 0, 0]),  # nested, and one after the other
        ([(0, 0, 10), (0, 5, 10)], False, [0, 1]),
        ([(0, 0, 10), (0, 5, 10), (0, 10, 10), (0, 15, 10)], True, [0, 1, 0, 1]),  # each begins before the last has ended
        ([(0, 0, 10), (0, 2, 3)], True, [0, 0]),
        ([(0, 0, 20), (0, 10, 20), (0, 20, 0), (0, 30, 5)], False, [0, 1, 0, 0]),  # what follows the one that crosses stays
        ([(0, 5, 0), (0, 5, 0), (0, 5, 7)], False, [0, 0, 0]),  # what takes no time
        ([(0, 0, 10), (1, 5, 10)], False, [0, 0]),  # rows do not know each other
    ],
)
def test_by_hand(held: list[tuple[int, int, int]], is_device: bool, expected: list[int]) -> None:
    assert [lane for _, lane, *_ in found(held, is_device=is_device)] == expected
