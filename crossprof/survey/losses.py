"""How far the loss curve of one precision lies from that of another: a measure of the table of precision."""

from __future__ import annotations

from crossprof.survey.measure import Measure, Sides, of_repeats, runs_of

__all__ = ["LOSS_DISTANCE"]

# One repeat is one value: the largest distance of two losses of the same step, over the loss in float32.
_DISTANCE = """WITH loss AS (
    SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY at_ns) AS step, value
    FROM sample
    WHERE metric = 'workload.loss' AND rank = 0 AND run_id IN ({run_ids})
),
pair (run_id, reference_id) AS (
    VALUES {pairs}
),
apart AS (
    SELECT pair.run_id, max(abs(own.value - reference.value) / abs(reference.value)) AS value, NULL::DOUBLE AS ci_low,
        NULL::DOUBLE AS ci_high, 1 AS n
    FROM pair
    JOIN loss AS own ON own.run_id = pair.run_id
    JOIN loss AS reference ON reference.run_id = pair.reference_id AND reference.step = own.step
    GROUP BY pair.run_id
)
{figures}"""


def _query(sides: Sides) -> str:
    """The repeats of the first cell of a side against those of its second, first with first."""
    chosen = [(side, number, run_id) for side, cells in sides.items() for number, run_id in runs_of(cells[0])]
    pairs = []
    for own, reference in (cells[:2] for cells in sides.values()):
        of_number = dict(runs_of(reference))
        pairs += [(run_id, of_number[number]) for number, run_id in runs_of(own) if number in of_number]
    return _DISTANCE.format(
        run_ids=", ".join(f"'{run_id}'" for pair in pairs for run_id in pair) or "NULL",
        pairs=", ".join(f"('{own}', '{reference}')" for own, reference in pairs) or "(NULL, NULL)",
        figures=of_repeats("side", chosen, values="apart"),
    )


LOSS_DISTANCE = Measure("loss_distance", "ratio", "none", _query, is_explained=False)
