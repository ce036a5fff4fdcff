"""The axis of a table's ratios: logarithmic, so that twice as much and half as much are as far from no difference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from crossprof.survey.row import Row

__all__ = ["RatioAxis", "ratio_axis"]

_ENDS = (0.05, 20.0)  # what lies beyond is an arrow
_WIDENED = 1.6  # an interval may move an end by this; a wider one is cut, or its row alone would be seen
_MARGIN = 0.07
_LEAST_SPAN = math.log(1.1)
_FEW = 6
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_ALMOST_EVEN = 3  # from here on ticks at even distances would crowd at the right
_UNEVEN = (
    (0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0),
    (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0),
    (0.1, 1.0, 10.0),
)


@dataclass(frozen=True)
class RatioAxis:
    """Where a ratio is drawn, from the left end to the right one; and the ratios that are written under it."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, ratio: float) -> float:
        """The place of a ratio as a share of the width; of one beyond an end that end."""
        held = min(max(ratio, self.low), self.high)
        return math.log(held / self.low) / math.log(self.high / self.low)

    def holds(self, ratio: float) -> bool:
        """Whether a ratio lies between the ends."""
        return self.low <= ratio <= self.high


def ratio_axis(rows: Sequence[Row]) -> RatioAxis:
    """The axis that holds no difference, the ratios of these rows and the survey's, and what it can of their intervals."""
    ratios = [row.ratio for row in rows if row.ratio is not None]
    points = _drawable([1.0, *(one.value for one in ratios), *(row.claim.ratio for row in rows if row.claim is not None)])
    ends = _drawable([*points, *(one.ci_low for one in ratios), *(one.ci_high for one in ratios)])
    low, high = max(min(ends), min(points) / _WIDENED, _ENDS[0]), min(max(ends), max(points) * _WIDENED, _ENDS[1])
    margin = math.exp(_MARGIN * max(math.log(high / low), _LEAST_SPAN))
    return _marked(RatioAxis(low / margin, high * margin, ()))


def _drawable(ratios: Iterable[float | None]) -> list[float]:
    """The ratios that a logarithm has a place for."""
    return [one for one in ratios if one is not None and 0 < one < math.inf]


def _marked(axis: RatioAxis) -> RatioAxis:
    """The axis with round ticks, few enough to be told apart; no difference is one of them, what is close to an end is not."""
    even = ([number * step for number in range(1, math.ceil(axis.high / step) + 1)] for step in _STEPS)
    for offered in even if axis.high / axis.low < _ALMOST_EVEN else _UNEVEN:
        kept = tuple(round(one, 2) for one in offered if axis.holds(one) and 0.03 < axis.at(one) < 0.97)
        if len(kept) <= _FEW:
            return replace(axis, ticks=kept)
    return replace(axis, ticks=(1.0,))
