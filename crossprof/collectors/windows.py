"""Which steps lie in a window: those that the schedule plans, and those that triggers ask for between them."""

from __future__ import annotations

from collections.abc import Sequence

from crossprof.collectors.schedule import PROFILED, Schedule, State, WholeCall
from crossprof.collectors.trigger import SCHEDULE, Trigger, Wish

__all__ = ["Windows"]

_SCHEDULED = Wish(SCHEDULE, "planned by the schedule")


class Windows:
    """Decides, border by border. A window that has begun is never cut short, and none begins where the schedule's own would.

    Attributes:
        schedule: The schedule, which a loop of known length shrinks.
        wish: What the window at hand, or the last one, was taken for.
    """

    def __init__(
        self, schedule: Schedule | WholeCall, triggers: Sequence[Trigger] = (), *, warmup: int = 1, profiled: int = 5
    ) -> None:
        self.schedule = schedule
        self.wish = _SCHEDULED
        self._triggers = tuple(triggers)
        self._warmup = warmup
        self._profiled = profiled
        self._first = self._end = 0

    def state(self, step: int, *, after: State) -> State:
        """What the step is that begins now. Called once a step, in order; `after` is what the step before it was."""
        if step < self._end:
            return "warmup" if step - self._first < self._warmup else "profiled"
        planned = self.schedule.state(step)
        if planned in PROFILED:
            self.wish = _SCHEDULED
        elif self._triggers and after not in PROFILED and (asked := self._asked(step)):
            self.wish = asked
            return self.state(step, after=after)
        return planned

    def holds(self, step: int) -> bool:
        """Whether a step lies in a window, as far as is known before it begins."""
        return step < self._end or self.schedule.state(step) in PROFILED

    def timed(self, step: int, dur_ns: int) -> None:
        """Note the duration of a bare step that just ended."""
        for trigger in self._triggers:
            trigger.timed(step, dur_ns)

    def _asked(self, step: int) -> Wish | None:
        """What the first trigger with a wish asks for, if its window has room; the window is then set."""
        for trigger in self._triggers:
            wish = trigger.due(step)
            if wish is None:
                continue
            end = step + self._warmup + (wish.steps or self._profiled)
            if self.schedule.is_free(step, end):
                trigger.taken(step)
                self._first, self._end = step, end
                return wish
        return None
