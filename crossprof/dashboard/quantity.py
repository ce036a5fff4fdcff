"""Numbers as people read them: three significant digits, one unit a row, an en dash where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["NONE", "Scale", "instant", "percent", "percent_change", "percent_range", "scale_for", "significant"]

NONE = "–"
_TIMES = (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0))
_PREFIXES = (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("", 1.0))
_SIZES = (("GiB", 2.0**30), ("MiB", 2.0**20), ("KiB", 2.0**10), ("B", 1.0))


@dataclass(frozen=True)
class Scale:
    """A unit to show, and what to divide a stored value by to reach it."""

    unit: str
    divisor: float

    def text(self, value: float | None) -> str:
        """The value in this unit, without the unit; an en dash for None."""
        return NONE if value is None or math.isnan(value) else significant(value / self.divisor)

    def signed(self, value: float | None) -> str:
        """A change in this unit, without the unit: +12.3, −4.56; an en dash for None."""
        if value is None or math.isnan(value) or value == 0:
            return self.text(value)
        return f"{'+' if value > 0 else '−'}{significant(abs(value) / self.divisor)}"

    def full(self, value: float | None) -> str:
        """The value with its unit; an en dash for None."""
        text = self.text(value)
        return text if text == NONE or not self.unit else f"{text}\u2009{self.unit}"


def scale_for(unit: str | None, values: Iterable[float | None]) -> Scale:
    """The scale that suits the largest of the values, so that one row or column has one unit."""
    largest = max((abs(value) for value in values if value is not None and not math.isnan(value)), default=0.0)
    if unit in ("ns", "bytes", "By"):
        steps = _TIMES if unit == "ns" else _SIZES
        return next((Scale(name, size) for name, size in steps if largest >= size), Scale(*steps[-1]))
    if unit in ("FLOP", "FLOP/s"):
        return next(Scale(prefix + unit, size) for prefix, size in _PREFIXES if largest >= size or not prefix)
    if unit in ("ratio", "1"):
        return Scale("%", 0.01)
    return Scale("" if unit in (None, "count") else unit, 1.0)


def significant(value: float) -> str:
    """Three significant digits with thousands commas; no digit before the point is dropped, none after the fifth kept."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.2e}")  # 9.999 becomes 10.0, not 10.00
    decimals = max(0, 2 - math.floor(math.log10(abs(rounded))))
    if abs(value) < 0.0001:
        return "<0.0001" if value > 0 else ">−0.0001"
    return f"{value:,.{min(decimals, 5)}f}".replace("-", "−")


def percent(ratio: float) -> str:
    """A share in 0..1 as a percentage."""
    return f"{significant(ratio * 100)}\u2009%"


def percent_change(ratio: float | None) -> str:
    """A ratio to the baseline as a change: +12.3 %, −4.56 %, −0.12 %; from tenfold on as a factor."""
    if ratio is None or math.isnan(ratio):
        return NONE
    if ratio >= 10:
        return f"×{significant(ratio)}"
    change = round((ratio - 1) * 100, 2)
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    size = significant(abs(change)) if abs(change) >= 1 or change == 0 else f"{abs(change):.2f}"
    return f"{sign}{size}\u2009%"


def percent_range(low: float | None, high: float | None) -> str:
    """The interval of a ratio to the baseline as changes; an en dash where there is none."""
    return NONE if low is None or high is None else f"{percent_change(low)} to {percent_change(high)}"


def instant(at_ns: int | None) -> str:
    """A moment in UTC, to the second."""
    return NONE if at_ns is None else datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
