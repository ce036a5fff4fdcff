"""How two sides of a row stand to each other: the ratio with its interval, one word for it, and where the difference sits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from crossprof.store.compare import RunDifference
from crossprof.store.composition import CategoryDifference
from crossprof.survey import reasons
from crossprof.survey.measure import Measure, Reading
from crossprof.survey.measured import Measured
from crossprof.survey.names import title_of
from crossprof.survey.repeats import Repeats
from crossprof.survey.row import Figure

__all__ = ["NOT_MEASURED", "Contrast", "contrast"]

NOT_MEASURED = "not_measured"


@dataclass(frozen=True)
class Contrast:
    """What stands between two sides.

    Attributes:
        ratio: other over base; None where they are not compared.
        doubts: What is against their being the same work.
        disagrees: Whether their repeats go different ways.
        repeats: How often the cell of either side was run that was run least.
    """

    ratio: Figure | None
    verdict: str
    doubts: tuple[str, ...] = ()
    disagrees: bool = False
    repeats: int = 0
    why: str = ""
    parts: tuple[CategoryDifference, ...] = ()
    notes: tuple[str, ...] = ()

    def noted(self, *notes: str) -> Contrast:
        """The same with more notes."""
        return replace(self, notes=(*self.notes, *notes))


def contrast(
    measured: Measured,
    measure: Measure,
    base: Sequence[Repeats],
    other: Sequence[Repeats],
    readings: Mapping[str, Reading],
) -> Contrast:
    """How `other` stands to `base`, each its cells as in `Sides`. Sides that are not proven the same are not compared."""
    comparison = measured.comparison(base[0], other[0])
    (difference,) = comparison.others
    cells = (*base, *other)
    doubts = tuple(
        dict.fromkeys(f"{title_of(cell)} is not proven the same: {cell.unproven}" for cell in cells if cell.unproven)
    )
    told = Contrast(None, "not_comparable", doubts, repeats=min(len(cell.run_ids) for cell in cells))
    told = told.noted(*doubts, *reasons.notes(cells, difference))
    lacking = [title_of(cells[0]) for side, cells in (("base", base), ("other", other)) if side not in readings]
    if lacking:
        return replace(told, verdict=NOT_MEASURED).noted(f"The runs of {' and '.join(lacking)} tell no {measure.metric}.")
    if doubts:
        return told
    if len(base) > 1 and measure.is_explained:
        if against := [*reasons.against_within(measured, base), *reasons.against_within(measured, other)]:
            return told.noted(*against)
        told = replace(told, why=reasons.within(measured, base, other))
    if len(base) > 1:
        return _judged(told, measure, _quotient(readings), readings)
    if measure.is_explained:
        why = reasons.between(comparison, base[0], other[0])
        told = replace(told, why=why, parts=difference.waterfall or difference.categories)
    found = difference.metric(measure.metric)
    if found is not None and found.verdict == "not_comparable":
        return told.noted(*reasons.against(comparison, base[0], other[0]))
    return _judged(told, measure, _compared(difference, measure) or _quotient(readings), readings)


def _judged(told: Contrast, measure: Measure, ratio: Figure | None, readings: Mapping[str, Reading]) -> Contrast:
    """With the ratio and its word. Where the repeats go different ways, the interval reaches all of them."""
    if ratio is None:
        return told.noted("A figure of 0 has no ratio.")
    verdict = _verdict(measure, ratio)
    base, other = (readings[side].by_repeat for side in ("base", "other"))
    each = [other[number] / value for number, value in base.items() if value and other.get(number)]
    if verdict == "too_few" or not each or not min(each) < 1 < max(each):
        return replace(told, ratio=ratio, verdict=verdict)
    reached = [*each, *(end for end in (ratio.ci_low, ratio.ci_high) if end is not None)]
    ratio = replace(ratio, ci_low=min(reached), ci_high=max(reached))
    told = replace(told, ratio=ratio, verdict="indistinguishable", disagrees=True)
    return told.noted(f"The repeats disagree: other over base is {' and '.join(f'{value:.3g}' for value in each)}.")


def _verdict(measure: Measure, ratio: Figure) -> str:
    if ratio.ci_low is None or ratio.ci_high is None:
        return "too_few"
    if ratio.ci_low <= 1 <= ratio.ci_high:
        return "indistinguishable"
    if measure.better == "none":
        return "different"
    return "better" if (ratio.ci_low > 1) == (measure.better == "higher") else "worse"


def _compared(difference: RunDifference, measure: Measure) -> Figure | None:
    """The ratio of the comparison. None where it has no interval."""
    found = difference.metric(measure.metric) if measure.is_compared else None
    if found is None or found.ratio is None or found.ci_low is None:
        return None
    return Figure(found.ratio, found.ci_low, found.ci_high, "ratio", min(found.n_base, found.n_other))


def _quotient(readings: Mapping[str, Reading]) -> Figure | None:
    """The quotient of the two figures: distances to the ends add up in squares, on a logarithmic scale. None where one is 0."""
    base, other = readings["base"].figure, readings["other"].figure
    if base.value <= 0 or other.value <= 0:
        return None
    value, n = other.value / base.value, min(base.n, other.n)
    ends = base.ci_low, base.ci_high, other.ci_low, other.ci_high
    known = [math.log(end) for end in ends if end is not None and end > 0]
    if len(known) < len(ends):
        return Figure(value, None, None, "ratio", n)
    base_low, base_high, other_low, other_high = known
    at_base, at_other = math.log(base.value), math.log(other.value)
    below, above = math.hypot(at_other - other_low, base_high - at_base), math.hypot(other_high - at_other, at_base - base_low)
    return Figure(value, value * math.exp(-below), value * math.exp(above), "ratio", n)
