"""The idle time of one device by its cause, as the view idle_cause defines it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossprof.store.intervals import distinct, last_one

__all__ = ["UNKNOWN", "States", "idle_by_cause", "states"]

Ints = NDArray[np.int64]
UNKNOWN = -np.iinfo(np.int64).max
"""Stands for an instant that the trace does not say."""
_NEVER = np.iinfo(np.int64).max
_CAUSES = ("host_wait_ns", "sync_wait_ns", "input_wait_ns", "launch_wait_ns", "kernel_wait_ns", "unknown_ns")


@dataclass(frozen=True)
class States:
    """What holds from each instant of `at_ns` to the next: the place of the step (-1: none), and what is going on."""

    at_ns: Ints
    place: Ints
    is_span: NDArray[np.bool_]
    is_sync: NDArray[np.bool_]
    is_input: NDArray[np.bool_]


def states(start: Ints, end: Ints, kinds: Ints) -> States:
    """The states that intervals make together. `kinds` has a row each for the step's place + 1, span, sync and input."""
    at = distinct(np.concatenate((start, end)))
    change = np.zeros((len(kinds), len(at)), np.int64)
    opens, closes = np.searchsorted(at, start), np.searchsorted(at, end)
    for row, kind in zip(change, kinds, strict=True):
        np.add.at(row, opens, kind)
        np.subtract.at(row, closes, kind)
    step, span, sync, waits = change.cumsum(axis=1)
    return States(at, step - 1, span > 0, sync > 0, waits > 0)


def idle_by_cause(start: Ints, end: Ints, launch: Ints, held: States, steps: int) -> dict[str, Ints]:
    """The sums of each cause in each of the steps, and last over the spans; the work comes in order of its start.

    A gap ends at a start of work and at each change of the state. Work that starts at one instant is one: the first of it ends
    the gap, its earliest launch counts.
    """
    at, since, free, key, state, is_work = _gaps(start, end, launch, held)
    is_known = key >= 0
    if not (launch != UNKNOWN).any():
        is_known &= key != _NEVER
    idle = at - since
    late = np.minimum(at, np.maximum(since, key)) - since
    is_fresh, is_sync, is_input = key > free, held.is_sync[state], held.is_input[state]
    of_host = ~is_sync & ~is_input
    amounts = {
        "idle_ns": idle,
        "host_wait_ns": late * (is_known & of_host),
        "sync_wait_ns": late * (is_known & is_sync),
        "input_wait_ns": late * (is_known & is_input & ~is_sync),
        "launch_wait_ns": (idle - late) * (is_known & is_fresh),
        "kernel_wait_ns": (idle - late) * (is_known & ~is_fresh),
        "unknown_ns": idle * ~is_known,
        "fresh_launches": (is_work & is_fresh & is_known).astype(np.int64),
    }
    place, is_span = held.place[state], held.is_span[state]
    return {name: _summed(amount, place, is_span, steps) for name, amount in amounts.items()}


def _gaps(start: Ints, end: Ints, launch: Ints, held: States) -> tuple[Ints, Ints, Ints, Ints, Ints, NDArray[np.bool_]]:
    """Of each gap: its end, its start, since when the device is free, the launch of what comes next, the state, is it work."""
    last = np.flatnonzero(last_one(start))
    first = np.append(0, last[:-1] + 1)
    at, reach = start[last], np.append(UNKNOWN, np.maximum.accumulate(end)[last])
    key = np.append(np.minimum.reduceat(np.where(launch == UNKNOWN, -1, launch), first), _NEVER)
    before = np.searchsorted(held.at_ns, at, "left") - 1  # what changes at the instant of a start comes after it
    after = np.searchsorted(at, held.at_ns[1:], "right")
    ends = np.concatenate((at, held.at_ns[1:]))
    free = np.concatenate((reach[:-1], reach[after]))
    keys = np.concatenate((key[:-1], key[after]))
    state = np.concatenate((before, np.arange(len(after))))
    since = np.maximum(free, held.at_ns[state])
    is_gap = (state >= 0) & (ends > since)
    is_work = np.arange(len(ends)) < len(at)
    return ends[is_gap], since[is_gap], free[is_gap], keys[is_gap], state[is_gap], is_work[is_gap]


def _summed(amount: Ints, place: Ints, is_span: NDArray[np.bool_], steps: int) -> Ints:
    by_step = np.zeros(steps + 1, np.int64)
    np.add.at(by_step, place, amount)  # what is in no step goes to the last, which is that of the spans
    by_step[-1] = amount[is_span].sum()
    return by_step
