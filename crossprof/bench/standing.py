"""What the store holds of a session: runs that count, and runs that must not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from crossprof.store import Store, edits, publish

__all__ = ["note", "ranks_that_spoke", "set_aside", "standing"]

_RUNS = """
    SELECT tags['cell'], tags['repeat'], run_id, status = 'completed' AND NOT is_partial AS is_whole
    FROM run WHERE tags['bench'] = ? ORDER BY started_ns
"""
_SPOKE = """
    SELECT count(DISTINCT rank), EXISTS (FROM finding WHERE run_id = ? AND code = 'profiler_unsafe') FROM (
        SELECT run_id, rank, name FROM op
        UNION ALL SELECT run_id, rank, name FROM annotation
        UNION ALL SELECT run_id, rank, name FROM kernel
    )
    WHERE run_id = ? AND regexp_matches(name, '(?i)all[-_]?reduce|all[-_]?gather|reduce[-_]?scatter|CollectiveReduce|nccl')
"""


def standing(store: Path, session: str) -> tuple[set[tuple[str, int]], list[str]]:
    """Which cells of a session are there, by name and repeat; and the ids of half runs, which are not."""
    whole, half = set(), []
    with Store(store) as opened:
        for cell, repeat, run_id, is_whole in opened.sql(_RUNS, [session]).fetchall():
            if is_whole:
                whole.add((cell, int(repeat)))
            else:
                half.append(run_id)
    return whole, half


def set_aside(store: Path, run_ids: Iterable[str], session: str) -> None:
    """Take runs out of a session: their tag `bench` becomes `bench_failed`, and no table finds them any more."""
    if listed := list(run_ids):
        for run_id in listed:
            edits.tag(store, run_id, {"bench": None, "bench_failed": session})
        publish(store)


def note(store: Path, run_id: str, tags: Mapping[str, str]) -> None:
    """Give a run further tags."""
    edits.tag(store, run_id, tags)
    publish(store)


def ranks_that_spoke(store: Path, run_id: str) -> int | None:
    """How many ranks of a run have collectives in their trace. None where the profiler was not let on: there is no trace."""
    with Store(store) as opened:
        ((spoke, is_withheld),) = opened.sql(_SPOKE, [run_id] * 2).fetchall()
    return None if is_withheld else int(spoke)
