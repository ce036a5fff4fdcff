"""Whether two sides of a comparison are of the same job: what they share, what they don't, and whether they are one capture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crossprof.errors import RunNotFound
from crossprof.store.metrics import Source

__all__ = ["Facts", "facts", "is_same_capture", "software", "unlike"]

# What two runs should share. Software may differ, for that is what people compare; it is named all the same.
_ALIKE = (
    "model", "parameters", "precision", "batch_size", "phase", "world_size", "device_kind", "device_model", "timed_steps",
)  # fmt: skip
_SOFTWARE = ("framework", "framework_version", "python_version", "git_commit")
_MAPS = ("versions", "environment", "config")
_MOST_NAMED = 4
_RULES = "category_rules"  # a hash of crossprof's own, not the user's software
_FACTS = """
    WITH timed AS (
        SELECT run_id, if(bool_or(NOT is_profiled AND NOT is_warmup), 'bare', 'profiled') AS timed_steps
        FROM step_time
        WHERE run_id IN ({ids})
        GROUP BY run_id
    ),
    file AS (
        SELECT run_id, list(sha256 ORDER BY sha256) AS captures FROM artifact WHERE run_id IN ({ids}) GROUP BY run_id
    )
    SELECT run_id, run, framework, model, config ->> '$.parameters' AS parameters, precision, batch_size, phase, world_size,
        device_kind, device_model, timed_steps, framework_version, python_version, git_commit, versions, environment,
        config::VARCHAR AS config, started_ns, ended_ns, captures
    FROM run
    LEFT JOIN timed USING (run_id)
    LEFT JOIN file USING (run_id)
    WHERE run_id IN ({ids})
"""


@dataclass(frozen=True)
class Facts:
    """What is known of the runs of one side, each field with the values that occur."""

    held: tuple[Mapping[str, Any], ...]

    def __getitem__(self, field: str) -> frozenset[Any]:
        return frozenset(run[field] for run in self.held)


def facts(source: Source, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What is known of each run, by id. Raises RunNotFound: an id is not in the store."""
    marks = ", ".join("?" for _ in run_ids)
    relation = source.sql(_FACTS.format(ids=marks), params=[*run_ids] * 3)
    found = {row[0]: dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()}
    for run_id in run_ids:
        if run_id not in found:
            raise RunNotFound(run_id)
    return found


def unlike(base: Facts, other: Facts) -> Iterator[str]:
    """What makes the two different jobs, one line each."""
    for field in _ALIKE:
        if base[field] != other[field]:
            yield f"{field}: {_told(base[field])} vs {_told(other[field])}"


def software(base: Facts, other: Facts) -> Iterator[str]:
    """What differs in the software and its settings, one line each: it leaves the jobs alike."""
    for field in _SOFTWARE:
        if base[field] != other[field]:
            yield f"{field}: {_told(base[field])} vs {_told(other[field])}"
    for field in _MAPS:
        ours, theirs = _entries(base, field), _entries(other, field)
        keys = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
        # what one side does not have at all, it has no other value of: a framework's own packages and variables
        keys = [key for key in keys if field == "config" or (key in ours and key in theirs)]
        named = [f"{key} {_told(ours.get(key, _UNKNOWN))} vs {_told(theirs.get(key, _UNKNOWN))}" for key in keys[:_MOST_NAMED]]
        if named:
            more = len(keys) - len(named)
            yield f"{field}: {', '.join(named)}{f' and {more} more' if more else ''}"


def is_same_capture(base: Facts, other: Facts) -> bool:
    """Whether both hold the same files, or, packed or written in another way, work between the same two nanoseconds."""
    files = [{sha256 for run in side.held for sha256 in run["captures"] or ()} for side in (base, other)]
    if files[0] and files[0] == files[1]:
        return True
    extents = [{(run["started_ns"], run["ended_ns"]) for run in side.held} for side in (base, other)]
    return extents[0] == extents[1] and all(start is not None and end is not None for start, end in extents[0])


_UNKNOWN: frozenset[Any] = frozenset([None])


def _entries(side: Facts, field: str) -> dict[str, frozenset[Any]]:
    """The values of each key of a map of all runs of a side."""
    held: dict[str, set[Any]] = {}
    for run in side.held:
        value = json.loads(run[field]) if isinstance(run[field], str) else run[field]
        for key, one in value.items() if isinstance(value, dict) else ():
            if key not in (_RULES, "parameters"):
                held.setdefault(str(key), set()).add(one if isinstance(one, str) else json.dumps(one, sort_keys=True))
    return {key: frozenset(values) for key, values in held.items()}


def _told(values: frozenset[Any]) -> str:
    return ", ".join(sorted("unknown" if value is None else str(value) for value in values))
