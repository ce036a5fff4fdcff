"""What the user asked to have recorded."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from crossprof.collectors.collector import FRAMEWORKS
from crossprof.collectors.privacy import checked
from crossprof.collectors.ranks import Rank, is_wanted
from crossprof.collectors.schedule import Schedule, as_schedule
from crossprof.collectors.trigger import AfterSeconds, EverySeconds, EverySteps, SlowStep, Trigger

__all__ = ["Request"]


_TRIGGERS = {"every": 0, "every_seconds": 0, "after_seconds": 0, "slow_step": 1, "keep_bytes": -1}
_LEAST = {"batch_size": 0, **_TRIGGERS}
"""What each of the numbers must exceed."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of `crossprof.profile`. Raises ValueError for one that makes no sense, before any training starts."""

    name: str
    framework: str | None = None
    model: str | None = None
    precision: str | None = None
    phase: str | None = None
    batch_size: int | None = None
    tags: Mapping[str, Any] | None = None
    config: Mapping[str, Any] | None = None
    schedule: Schedule | Sequence[int] | str | None = "auto"
    store: str | os.PathLike[str] | None = None
    ranks: str | int | Collection[int] = "all"
    every: int | None = None
    every_seconds: float | None = None
    after_seconds: float | None = None
    slow_step: float | None = None
    keep_bytes: int = 2**30
    leave_out: Collection[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        as_schedule(self.schedule)
        is_wanted(Rank(), self.ranks)
        checked(self.leave_out)
        for name in ("tags", "config"):
            if not isinstance(getattr(self, name), Mapping | None):
                raise ValueError(f"{name}={getattr(self, name)!r}: use a dictionary, or leave it out.")
        for name in self.options:
            for meant in difflib.get_close_matches(name, self.__dataclass_fields__, n=1, cutoff=0.8):
                raise ValueError(f"{name}=: do you mean {meant}=?")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not (isinstance(value, Real) and float(value) > least):
                raise ValueError(f"{name}={value!r}: use a number over {least}, or leave it out.")
        if self.framework is not None and self.framework not in FRAMEWORKS:
            raise ValueError(f"framework={self.framework!r}: use one of {', '.join(FRAMEWORKS)}, or leave it out.")

    def triggers(self) -> list[Trigger]:
        """What asks for windows beside the schedule, but for `crossprof trigger`, which every recording answers."""
        made: list[Trigger] = []
        if self.slow_step is not None:
            made.append(SlowStep(self.slow_step))
        if self.after_seconds is not None:
            made.append(AfterSeconds(self.after_seconds))
        if self.every is not None:
            made.append(EverySteps(self.every))
        if self.every_seconds is not None:
            made.append(EverySeconds(self.every_seconds))
        return made

    def facts(self) -> dict[str, Any]:
        """The part of run.json that comes from the user."""
        schedule = self.schedule if isinstance(self.schedule, str | None) else repr(self.schedule)
        triggers = {name: getattr(self, name) for name in _TRIGGERS if getattr(self, name) != getattr(Request, name)}
        return {
            "run": self.name,
            "model": self.model,
            "precision": self.precision,
            "phase": self.phase,
            "batch_size": self.batch_size,
            "config": dict(self.config or {}),
            "tags": {str(key): str(value) for key, value in (self.tags or {}).items()},
            "options_requested": {"schedule": schedule, **triggers, **self.options},
        }
