"""What the user asked to have recorded."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crossprof.collectors.collector import FRAMEWORKS
from crossprof.collectors.ranks import Rank, is_wanted
from crossprof.collectors.schedule import Schedule, as_schedule

__all__ = ["Request"]


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
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        as_schedule(self.schedule)
        is_wanted(Rank(), self.ranks)
        if self.framework is not None and self.framework not in FRAMEWORKS:
            raise ValueError(f"framework={self.framework!r}: use one of {', '.join(FRAMEWORKS)}, or leave it out.")

    def facts(self) -> dict[str, Any]:
        """The part of run.json that comes from the user."""
        schedule = self.schedule if isinstance(self.schedule, str | None) else repr(self.schedule)
        return {
            "run": self.name,
            "model": self.model,
            "precision": self.precision,
            "phase": self.phase,
            "batch_size": self.batch_size,
            "config": dict(self.config or {}),
            "tags": {str(key): str(value) for key, value in (self.tags or {}).items()},
            "options_requested": {"schedule": schedule, **self.options},
        }
