"""A threshold: how far one metric of a run may be worse than a base's, and whether a difference shows that it is.

`step_time=3%` allows 3 % longer steps, `throughput=2%` 2 % fewer samples a second, `peak_memory=100MiB` so many bytes more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from crossprof.errors import CrossprofError
from crossprof.store.metrics import Metric
from crossprof.store.verdict import MetricDifference

__all__ = ["State", "Threshold", "judged", "parse"]

State = Literal["passed", "failed", "undecided", "too_few", "not_comparable"]

_AMOUNT = re.compile(r"([+\-−]?)\s*(\d+(?:\.\d*)?|\.\d+)\s*(.*)")
_UNITS: Mapping[str, Mapping[str, float]] = {
    "ns": {"ns": 1.0, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9},
    "bytes": {"B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "kB": 1e3, "MB": 1e6, "GB": 1e9},
    "ratio": {"": 1.0},
    "count": {"": 1.0},
}
_RISES = {"lower": True, "higher": False}


@dataclass(frozen=True)
class Threshold:
    """How much worse a metric may be: a share of the base's value, else an amount in the metric's own unit.

    `rises` tells whether growing makes the metric worse. `told` is the threshold as people read it, such as +3 %.
    """

    metric: str
    amount: float
    is_share: bool
    rises: bool
    told: str

    def limit(self, base: float) -> float | None:
        """The ratio other / base that is just allowed. None where the base is zero."""
        if base == 0:
            return None
        change = self.amount if self.is_share else self.amount / abs(base)
        return 1 + change if self.rises else 1 - change


def parse(metric: str, amount: str, registry: Mapping[str, Metric]) -> Threshold:
    """The threshold that a metric's name and an amount such as 3%, 100MiB or -2% mean.

    The direction is the metric's own; a sign may repeat it, and must name it where no direction is good.
    Raises CrossprofError: no such metric, or no such amount of it.
    """
    known = registry.get(metric)
    if known is None:
        raise CrossprofError(f"No metric is named '{metric}'. `crossprof metrics` lists them.")
    found = _AMOUNT.fullmatch(amount.strip())
    units = {"%": 0.01, **_UNITS.get(known.unit, {"": 1.0, known.unit: 1.0})}
    if found is None or found[3].strip() not in units:
        forms = ", ".join(f"{metric}=3{unit}" for unit in units)
        raise CrossprofError(f"'{metric}={amount}' is no threshold. Known are {forms}.")
    sign, number, unit = found[1], found[2], found[3].strip()
    rises = _RISES.get(known.better, sign == "+")
    if known.better == "none" and not sign:
        raise CrossprofError(f"{metric} has no good direction: write {metric}=+{amount} or {metric}=-{amount}.")
    if sign and (sign == "+") != rises:
        raise CrossprofError(f"{metric} gets worse as it {'rises' if rises else 'falls'}: write {metric}={number}{unit}.")
    if unit == "%" and not rises and float(number) >= 100:
        raise CrossprofError(f"'{metric}={amount}' can't fail: nothing falls by more than all of it.")
    shown = unit or known.unit if known.unit not in ("ratio", "count") else unit
    told = f"{'+' if rises else '−'}{number}" + (f"\u2009{shown}" if shown else "")
    return Threshold(metric, float(number) * units[unit], unit == "%", rises, told)


def judged(threshold: Threshold, found: MetricDifference, *, is_exact: bool) -> State:
    """Whether a difference keeps to a threshold: failed only if its whole interval lies beyond.

    `is_exact` is a metric that is one figure for a run, such as a maximum: it has no interval and is compared as it is.
    """
    if found.base is None or found.other is None or found.verdict == "not_comparable":
        return "not_comparable"
    if found.verdict == "too_few" and not is_exact:
        return "too_few"
    limit = threshold.limit(found.base)
    if limit is None or found.ratio is None:
        return _from_zero(threshold, found)
    low, high = (found.ratio, found.ratio) if found.ci_low is None or found.ci_high is None else (found.ci_low, found.ci_high)
    if not threshold.rises:
        low, high, limit = -high, -low, -limit
    if low > limit:
        return "failed"
    return "passed" if high <= limit else "undecided"


def _from_zero(threshold: Threshold, found: MetricDifference) -> State:
    """The same where the base is zero: there is no ratio, but any rise is more than any share of nothing."""
    rise = (found.other or 0.0) if threshold.rises else -(found.other or 0.0)
    if rise <= (0.0 if threshold.is_share else threshold.amount):
        return "passed"
    if not threshold.is_share:
        return "not_comparable"
    return "undecided" if found.verdict == "indistinguishable" else "failed"
