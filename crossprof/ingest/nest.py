"""Which span lies in which, on each thread."""

from __future__ import annotations

import duckdb

from crossprof.ingest.statement import sql_of

__all__ = ["nest"]

# Rounding to microseconds makes a child end after its parent. Each pass clips one level of such spans.
_MAX_PASSES = 32
# Of each level one running value; what lies deeper is joined with what is around it, which takes as long as all of these.
_MOST_LEVELS = 16

_OVER = "kind <> 'call' AND end_ns > outer_end_ns AND start_ns < outer_end_ns"
_CLIP = f"""
UPDATE span SET end_ns = over.outer_end_ns FROM (FROM nested WHERE {_OVER}) AS over
WHERE span.kind = over.kind AND span.number = over.number"""
_LAST = "WHEN {level} + 1 THEN last_value(CASE WHEN is_open AND {depth} = {level} THEN {what} END IGNORE NULLS) OVER so_far"


def nest(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `nested`: the spans of `span`, in an order of their own, with what each lies in.

    Its columns are those of mark in nest.sql; `outer_end_ns` and, where that is an op, `outer_op_id` of the span next around
    it; `op_id`, the innermost op around it. Ends in `span` are clipped to those of the spans around them.
    """
    mark = sql_of("nest.sql")
    for _ in range(_MAX_PASSES):
        connection.execute(mark)
        ((deepest,),) = connection.execute("SELECT coalesce(max(depth), 0) FROM mark").fetchall()
        connection.execute(f"CREATE OR REPLACE TEMP TABLE nested AS {_shallow(min(deepest, _MOST_LEVELS))}")
        if deepest > _MOST_LEVELS:
            connection.execute("SET VARIABLE most_levels = ?", [_MOST_LEVELS])
            connection.execute(sql_of("nest_deep.sql"))
        connection.execute("DROP TABLE mark")
        if not connection.execute(f"SELECT 1 FROM nested WHERE {_OVER} LIMIT 1").fetchall():
            return
        connection.execute(_CLIP)


def _shallow(levels: int) -> str:
    """The query for what lies in so many spans at most: around a span is the last one before it that is one level up."""
    outer_op = _last("depth", "CASE WHEN kind = 'op' THEN number ELSE -1 END", levels)
    return f"""
        SELECT *, nullif({outer_op}, -1) AS outer_op_id, {_last("depth", "end_ns", levels)} AS outer_end_ns,
            {_last("op_depth", "CASE WHEN kind = 'op' THEN number END", levels)} AS op_id
        FROM mark WHERE depth <= {levels}
        WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)"""


def _last(depth: str, what: str, levels: int) -> str:
    """Of the last open span that is one level up, by one of the depths, what is asked for."""
    cases = " ".join(_LAST.format(depth=depth, level=level, what=what) for level in range(levels))
    return f"CASE {depth} {cases} END" if cases else "NULL::BIGINT"
