"""The schedule: which steps run unmeasured, bare, or under the profiler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["PROFILED", "PROFILE_FIRST", "WHOLE_CALL", "Schedule", "State", "WholeCall", "as_schedule"]

State = Literal["unmeasured", "bare", "warmup", "profiled"]

PROFILED: frozenset[State] = frozenset({"warmup", "profiled"})
"""The states in which a profiler is on."""

_SHRINKING = (("profiled", 1), ("bare", 1), ("unmeasured", 1), ("bare", 0), ("unmeasured", 0), ("warmup", 0))
"""What a short loop gives up, in this order, and down to which number of steps: a trace of one step is worth more than none."""


@dataclass(frozen=True)
class Schedule:
    """How many steps each part of a recording takes, in the order they run; all later steps are bare.

    With `repeat` over 1, the parts from `bare` to `profiled` run that many times, each with a trace of its own.
    """

    unmeasured: int = 2
    bare: int = 5
    warmup: int = 1
    profiled: int = 5
    repeat: int = 1

    def __post_init__(self) -> None:
        counts = (self.unmeasured, self.bare, self.warmup, self.profiled)
        if min(counts) < 0 or self.profiled < 1 or self.repeat < 1:
            raise ValueError(f"{self!r}: counts must not be negative, and profiled and repeat must be at least 1.")

    @property
    def cycle(self) -> int:
        """Steps of one repetition."""
        return self.bare + self.warmup + self.profiled

    @property
    def length(self) -> int:
        """Steps until the last trace is complete."""
        return self.unmeasured + self.cycle * self.repeat

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """The parts, in order: what `schedule=` takes."""
        return (self.unmeasured, self.bare, self.warmup, self.profiled)

    def state(self, step: int) -> State:
        """What the schedule plans for a step, counted from 0."""
        if step < self.unmeasured:
            return "unmeasured"
        if step >= self.length:
            return "bare"
        position = (step - self.unmeasured) % self.cycle
        if position < self.bare:
            return "bare"
        return "warmup" if position < self.bare + self.warmup else "profiled"

    def is_free(self, start: int, end: int) -> bool:
        """Whether no step from `start` to before `end` is planned to be profiled."""
        return all(self.state(step) not in PROFILED for step in range(start, min(end, self.length)))

    def fit(self, length: int) -> Schedule:
        """The schedule shrunk so that a loop of `length` steps completes it; itself where it fits already."""
        fitted = self
        if fitted.length > length:
            fitted = replace(fitted, repeat=1)
        for part, least in _SHRINKING:
            excess = max(0, fitted.length - length)
            count = getattr(fitted, part)
            fitted = replace(fitted, **{part: max(min(count, least), count - excess)})
        return fitted


@dataclass(frozen=True)
class WholeCall:
    """Everything from entry to exit is profiled; the first step counts as warm-up."""

    length: int = 0

    def state(self, step: int) -> State:
        """`warmup` for the first step, `profiled` for all others."""
        return "profiled" if step else "warmup"

    def is_free(self, start: int, end: int) -> bool:
        """Never: all steps are profiled."""
        del start, end
        return False

    def fit(self, length: int) -> WholeCall:
        """Itself: a whole call fits any loop."""
        del length
        return self


WHOLE_CALL = WholeCall()


PROFILE_FIRST = Schedule(unmeasured=0, bare=0, warmup=2)
"""For a profiler that is on from the start and can't be switched on again: ONNX Runtime's."""


def as_schedule(schedule: Schedule | Sequence[int] | str | None) -> Schedule | WholeCall:
    """The schedule that an argument means: 'auto', None for the whole call, a Schedule, or its numbers in order."""
    if schedule is None:
        return WHOLE_CALL
    if isinstance(schedule, Schedule):
        return schedule
    if schedule == "auto":
        return Schedule()
    if isinstance(schedule, str) or not 1 <= len(schedule) <= 5:
        raise ValueError(f"schedule={schedule!r}: use 'auto', None, a Schedule, or its numbers in order.")
    return Schedule(*schedule)
