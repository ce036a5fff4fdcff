"""What a row measures: a metric of the registry, or a figure made of several runs of it, as SQL over the store."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crossprof.store.literal import literal
from crossprof.store.metrics import Source
from crossprof.store.student import quantile
from crossprof.survey.repeats import Repeats
from crossprof.survey.row import Figure

__all__ = ["Measure", "Reading", "Sides", "of_repeats", "plain", "quotient_of", "runs_of"]

Sides = Mapping[str, Sequence[Repeats]]
"""base and other, each with its cells: what is shown, then what that is set against, where the figure is made of both."""

_TAIL = 0.975
# Repeats that have an interval each: from the least end to the largest. Else Student's t over the repeats, of their logarithms.
_OF_REPEATS = """SELECT {keys}, median(value) AS value,
    if(count(ci_low) = count(*), min(ci_low), exp(avg(ln(nullif(value, 0))) - {reach})) AS ci_low,
    {ceiling}if(count(ci_high) = count(*), max(ci_high), exp(avg(ln(nullif(value, 0))) + {reach})){closing} AS ci_high,
    sum(n)::BIGINT AS n, map_from_entries(list((repeat, value) ORDER BY repeat)) AS by_repeat
FROM {values}
JOIN (VALUES
    {chosen}
) AS chosen ({keys}, repeat, run_id) USING (run_id)
WHERE isfinite(value){condition}
GROUP BY {keys}
ORDER BY {keys}"""
_REACH = "[NULL, {factors}][count(*)] * stddev_samp(ln(nullif(value, 0)))"
_METRIC = " AND metric = '{metric}' AND rank IS NULL"
# The quotient of two figures: distances to the ends of their intervals add up in squares, on a logarithmic scale.
_QUOTIENT = """WITH held AS (
{held}
),
parted AS (
    SELECT side, top.value / bottom.value / {share} AS value, least(top.n, bottom.n) AS n,
        sqrt(ln(top.value / top.ci_low) ** 2 + ln(bottom.ci_high / bottom.value) ** 2) AS below,
        sqrt(ln(top.ci_high / top.value) ** 2 + ln(bottom.value / bottom.ci_low) ** 2) AS above,
        map_from_entries([
            (repeat, top.by_repeat[repeat] / bottom.by_repeat[repeat] / {share})
            FOR repeat IN map_keys(top.by_repeat) IF bottom.by_repeat[repeat] IS NOT NULL
        ]) AS by_repeat
    FROM held AS top
    JOIN held AS bottom USING (side)
    WHERE top.part = 0 AND bottom.part = 1
)
SELECT side, value, value * exp(-below) AS ci_low, value * exp(above) AS ci_high, n, by_repeat
FROM parted
ORDER BY side"""


@dataclass(frozen=True)
class Reading:
    """What one side of a row was measured to be: its figure, and the value of each repeat by its number."""

    figure: Figure
    by_repeat: Mapping[str, float]


@dataclass(frozen=True)
class Measure:
    """What is measured, and how.

    Attributes:
        metric: Its name: that of the registry, if it is one of those.
        better: lower, higher or none.
        query: The SQL that answers with a line a side: side, value, ci_low, ci_high, n, by_repeat.
        is_explained: Whether a difference of step times tells why two of its figures differ.
        note: What to know of each of its rows.
        is_compared: Whether the comparison's ratio of the metric is that of these figures.
    """

    metric: str
    unit: str
    better: str
    query: Callable[[Sides], str]
    is_explained: bool = True
    note: str = ""
    is_compared: bool = True

    def read(self, source: Source, sides: Sides) -> dict[str, Reading]:
        """The readings of the sides that have one."""
        relation = source.sql(self.query(sides))
        found = {}
        for values in relation.fetchall():
            line = dict(zip(relation.columns, values, strict=True))
            if line["value"] is not None:
                figure = Figure(line["value"], line["ci_low"], line["ci_high"], self.unit, line["n"])
                found[line["side"]] = Reading(figure, line["by_repeat"])
        return found


def plain(metric: str, *, highest: float | None = None, values: str = "run_metric") -> Callable[[Sides], str]:
    """The query of a metric as `run_metric` has it, or another relation of its columns, which can't pass `highest`."""

    def query(sides: Sides) -> str:
        chosen = [(side, number, run_id) for side, cells in sides.items() for number, run_id in runs_of(cells[0])]
        return of_repeats("side", chosen, values=values, condition=_METRIC.format(metric=metric), highest=highest)

    return query


def quotient_of(metric: str, *, share: int = 1) -> Callable[[Sides], str]:
    """The query of a metric of the first cell of a side over that of its second, divided by `share`."""

    def query(sides: Sides) -> str:
        chosen = [
            (side, part, number, run_id)
            for side, cells in sides.items()
            for part, cell in enumerate(cells)
            for number, run_id in runs_of(cell)
        ]
        return _QUOTIENT.format(held=of_repeats("side, part", chosen, condition=_METRIC.format(metric=metric)), share=share)

    return query


def runs_of(cell: Repeats) -> Iterator[tuple[str, str]]:
    """The number and the run of each repeat."""
    return zip(cell.numbers, cell.run_ids, strict=True)


def of_repeats(
    keys: str,
    chosen: Sequence[Sequence[str | int]],
    *,
    values: str = "run_metric",
    condition: str = "",
    highest: float | None = None,
) -> str:
    """SQL that sums up the value of each repeat, by these keys.

    Args:
        keys: What is summed up by: side, or side and part.
        chosen: The keys, the number of the repeat and the run, of each.
        values: What holds run_id, value, ci_low, ci_high and n.
        condition: What else its rows fulfil.
        highest: What no figure passes, nor its interval.
    """
    most = max((sum(row[:-2] == one[:-2] for one in chosen) for row in chosen), default=2)
    factors = ", ".join(f"{quantile(count - 1, _TAIL) / math.sqrt(count):.6g}" for count in range(2, max(most, 2) + 1))
    rows = (f"({', '.join(_literal(value) for value in row)})" for row in chosen)
    return _OF_REPEATS.format(
        keys=keys,
        reach=_REACH.format(factors=factors),
        ceiling="" if highest is None else f"least({highest}, ",
        closing="" if highest is None else ")",
        values=values,
        chosen=",\n    ".join(rows),
        condition=condition,
    )


def _literal(value: str | int) -> str:
    return str(value) if isinstance(value, int) else literal(value)
