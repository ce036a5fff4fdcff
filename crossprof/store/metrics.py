"""The registry of metrics, the samples behind them, and the table of every metric of every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Protocol, cast

import duckdb
import numpy as np
import pyarrow as pa

from crossprof.store.arrays import unpacked
from crossprof.store.statistics import Estimate, Series, Statistic, estimate, quotient

__all__ = ["Metric", "Sampled", "Source", "estimates", "fill_run_metric", "registry", "samples"]


class Source(Protocol):
    """What answers SQL with a relation: a DuckDB connection or a Store."""

    def sql(self, query: str, *, params: object = None) -> duckdb.DuckDBPyRelation:
        """The answer."""
        ...


@dataclass(frozen=True)
class Metric:
    """One row of the view `metric`, of those that are our own."""

    id: str
    title: str
    unit: str
    better: str
    numerator: str
    denominator: str
    over_window: str
    comparable_across: str
    source: str
    statistic: Statistic
    across_ranks: str
    highest: float | None


@dataclass(frozen=True)
class Sampled:
    """The samples of one metric of one rank of a run, or of the whole run (rank None)."""

    run_id: str
    metric: str
    rank: int | None
    series: Series


_SEVERAL_RANKS = "SELECT run_id FROM rank GROUP BY run_id HAVING count(DISTINCT rank) > 1"
_ONE_RANK = "SELECT run_id, metric, rank, step, at_ns, value, weight FROM sampled"
# Ranks that ran the same step are one sample of the whole run; readings and figures without a step stay apart by their time.
_ALL_RANKS = """
    SELECT run_id, metric, NULL::INTEGER AS rank, step, at_ns, weight,
        CASE across_ranks WHEN 'sum' THEN total WHEN 'max' THEN largest ELSE mean END AS value
    FROM (
        SELECT run_id, metric, any_value(across_ranks) AS across_ranks, step, min(at_ns) AS at_ns, sum(weight) AS weight,
            sum(value) AS total, max(value) AS largest,
            coalesce(sum(value * weight) / nullif(sum(weight), 0), avg(value)) AS mean
        FROM sampled
        GROUP BY run_id, metric, step, if(step IS NULL, at_ns, NULL), if(step IS NULL AND at_ns IS NOT NULL, rank, NULL)
    )
"""
_SERIES = """
    WITH sampled AS (
        SELECT sample.* EXCLUDE (run), metric.across_ranks
        FROM metric_sample AS sample
        JOIN (SELECT unnest($id::VARCHAR[]) AS id, unnest($across_ranks::VARCHAR[]) AS across_ranks) AS metric
            ON metric.id = sample.metric
        WHERE {condition}
    )
    SELECT run_id, metric, rank, list(value ORDER BY step, at_ns) AS values, list(weight ORDER BY step, at_ns) AS weights
    FROM ({rows})
    GROUP BY run_id, metric, rank
    ORDER BY run_id, metric, rank
"""
# A metric that a run has no samples for is a row without a value. In a run of one rank, the rank's figures are the run's.
_FILL = """
    INSERT INTO rollup.run_metric BY NAME
    WITH ranks AS (
        SELECT run_id, count(DISTINCT rank) AS ranks, min(rank) AS rank FROM rank GROUP BY run_id
    ),
    estimated AS (
        SELECT unnest($run_id::VARCHAR[]) AS run_id, unnest($metric::VARCHAR[]) AS metric, unnest($rank::INTEGER[]) AS rank,
            unnest($value::DOUBLE[]) AS value, unnest($n::BIGINT[]) AS n, unnest($ci_low::DOUBLE[]) AS ci_low,
            unnest($ci_high::DOUBLE[]) AS ci_high
    )
    SELECT run.run_id, named.metric, NULL AS rank, value, coalesce(n, 0) AS n, ci_low, ci_high
    FROM run
    CROSS JOIN (SELECT unnest($metrics::VARCHAR[]) AS metric) AS named
    LEFT JOIN estimated ON estimated.run_id = run.run_id AND estimated.metric = named.metric AND estimated.rank IS NULL
    UNION ALL BY NAME
    SELECT run_id, metric, rank, value, n, ci_low, ci_high FROM estimated WHERE rank IS NOT NULL
    UNION ALL BY NAME
    SELECT run_id, metric, ranks.rank, value, n, ci_low, ci_high
    FROM estimated
    JOIN ranks USING (run_id)
    WHERE ranks = 1 AND estimated.rank IS NULL
"""


def registry(source: Source) -> dict[str, Metric]:
    """Our own metrics by id, in the order of the registry. Those of other tools have no samples, and nothing to compare."""
    columns = ", ".join(field.name for field in fields(Metric))
    rows = source.sql(f"SELECT {columns} FROM metric WHERE peer IS NULL").fetchall()
    return {row[0]: Metric(*row) for row in rows}


def samples(source: Source, run_ids: Sequence[str], metrics: Mapping[str, Metric]) -> list[Sampled]:
    """The samples of these metrics of these runs, each run as a whole."""
    query = _SERIES.format(condition="list_contains($run_ids, sample.run_id)", rows=_ALL_RANKS)
    return _samples(source, query, metrics, {"run_ids": list(run_ids)})


def fill_run_metric(connection: duckdb.DuckDBPyConnection) -> None:
    """Fills `rollup.run_metric` with every metric of all runs of the connection."""
    metrics = registry(connection)
    found = _samples(connection, _SERIES.format(condition="true", rows=_ALL_RANKS), metrics, {})
    if several := [run_id for (run_id,) in connection.execute(_SEVERAL_RANKS).fetchall()]:
        one_by_one = _SERIES.format(condition="list_contains($run_ids, sample.run_id)", rows=_ONE_RANK)
        found += _samples(connection, one_by_one, metrics, {"run_ids": several})
    connection.execute("DELETE FROM rollup.run_metric")
    connection.execute(_FILL, _columns(estimates(found), metrics))


def _samples(source: Source, query: str, metrics: Mapping[str, Metric], of_runs: Mapping[str, list[str]]) -> list[Sampled]:
    # The view `metric` would say the same, and its planning takes as long as that of a roll-up.
    joining = {"id": list(metrics), "across_ranks": [metric.across_ranks for metric in metrics.values()]}
    table = cast(pa.Table, source.sql(query, params=joining | dict(of_runs)).to_arrow_table())
    columns = [table.column(name).to_pylist() for name in ("run_id", "metric", "rank")]
    values, weights = (_lists(table.column(name)) for name in ("values", "weights"))
    return [
        Sampled(run_id, metric, rank, Series(value, metrics[metric].statistic, weight))
        for run_id, metric, rank, value, weight in zip(*columns, values, weights, strict=True)
    ]


def _lists(column: pa.ChunkedArray) -> list[np.ndarray]:
    """One array a row of a column of lists, without a copy."""
    lists: list[np.ndarray] = []
    for chunk in column.chunks:
        flat = chunk.values.to_numpy(zero_copy_only=False) if chunk.values.null_count else unpacked(chunk.values)
        lists += [flat[start:end] for start, end in pairwise(unpacked(chunk.offsets))]
    return lists


def estimates(found: Sequence[Sampled]) -> list[tuple[Sampled, Estimate]]:
    """The estimate of each. The profiler's overhead is the ratio of the two step times beside it, which `found` must hold."""
    own = dict(zip([(one.run_id, one.rank, one.metric) for one in found], estimate([one.series for one in found]), strict=True))
    for run_id, rank, metric in own:
        if metric == "profiler_overhead" and (bare := own[run_id, rank, "step_time"]).value > 0:
            profiled = own[run_id, rank, "step_time_profiled"]
            own[run_id, rank, metric] = replace(quotient(bare, profiled), n=profiled.n)
    return [(one, own[one.run_id, one.rank, one.metric]) for one in found]


def _columns(rows: Sequence[tuple[Sampled, Estimate]], metrics: Mapping[str, Metric]) -> dict[str, list[object]]:
    """The columns of run_metric as parameters: Arrow would load pandas, where that is installed, to look at lists of Python."""
    intervals = [_bounded(found.interval, metrics[one.metric].highest) for one, found in rows]
    return {
        "metrics": list(metrics),
        "run_id": [one.run_id for one, _ in rows],
        "metric": [one.metric for one, _ in rows],
        "rank": [one.rank for one, _ in rows],
        "value": [found.value for _, found in rows],
        "n": [found.n for _, found in rows],
        "ci_low": [low for low, _ in intervals],
        "ci_high": [high for _, high in intervals],
    }


def _bounded(interval: tuple[float, float] | None, highest: float | None) -> tuple[float | None, float | None]:
    """The ends of an interval, which goes no further than its metric can."""
    low, high = interval or (None, None)
    return low, high if high is None or highest is None else min(high, highest)
