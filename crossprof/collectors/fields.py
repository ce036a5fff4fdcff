"""The fields of one source of telemetry: which of them answer, and what each of them costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Field", "FieldAbsent", "Fields", "Reading"]

_TRIALS = 5
_COSTLY_NS = 2_000_000
"""A field each of whose first readings took longer goes: at five readings a second it would hold a core for a hundredth."""

Reading = Mapping[str, float | None]
Field = Callable[[], Reading]


class FieldAbsent(Exception):
    """A field that this device does not have."""


class Fields:
    """Reads one field after another, so that one that fails or dawdles costs itself alone.

    A field that raises one of `errors` in its first reading is left out from then on, one that raises later is null in that
    reading. One of `ends`, and whatever else a field raises, ends the source.
    """

    def __init__(
        self,
        fields: Mapping[str, Field],
        *,
        errors: tuple[type[Exception], ...] = (),
        ends: tuple[type[Exception], ...] = (),
    ) -> None:
        self._fields = dict(fields)
        self._errors: tuple[type[Exception], ...] = (FieldAbsent, *errors)
        self._ends = ends
        self._metrics: dict[str, tuple[str, ...]] = {}
        self._costs: dict[str, list[int]] = {name: [] for name in fields}
        self._states = dict.fromkeys(fields, "read")

    def read(self) -> dict[str, float | None]:
        """One reading of every field that is left: metric to value."""
        values: dict[str, float | None] = {}
        for name, field in list(self._fields.items()):
            began = time.perf_counter_ns()
            try:
                reading = field()
            except self._ends:
                raise
            except self._errors:
                if name not in self._metrics:
                    self._drop(name, "absent")
                values.update(dict.fromkeys(self._metrics.get(name, ())))
                continue
            self._metrics[name] = tuple(reading)
            values.update(reading)
            self._weigh(name, time.perf_counter_ns() - began)
        return values

    def facts(self) -> dict[str, dict[str, Any]]:
        """What became of each field: `read`, `absent` or `costly`, and the median time of its first readings."""
        return {
            name: {"state": state, "cost_ns": int(statistics.median(self._costs[name])) if self._costs[name] else None}
            for name, state in self._states.items()
        }

    def _weigh(self, name: str, cost_ns: int) -> None:
        costs = self._costs[name]
        if len(costs) < _TRIALS:
            costs.append(cost_ns)
            if len(costs) == _TRIALS and min(costs) > _COSTLY_NS:
                self._drop(name, "costly")

    def _drop(self, name: str, state: str) -> None:
        del self._fields[name]
        self._states[name] = state
