"""What the ids of one plane mean: its names, its lines and its stats, as arrays to look up many events at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from crossprof.ingest.xplane_arrays import arrow, places, texts
from crossprof.store.arrays import unpacked

__all__ = ["NUMBERS", "ONE_BYTE", "ROLES", "WANTED", "Glossary", "codes"]

ROLES = (
    "marker", "memory", "loop", "call", "hlo", "node", "python", "runtime",
    "work", "async", "module", "step", "device", "counter", "host",
)  # fmt: skip
"""What an event can be; `host` only of a line, where the name and the stats of an event decide."""

NUMBERS = (
    "step_num", "_r", "correlation_id", "program_id", "theoretical_occupancy_pct", "flops", "bytes_accessed", "index_on_host",
    "bytes_allocated", "bytes_reserved", "peak_bytes_in_use", "allocation_bytes", "addr",
)  # fmt: skip
_TEXTS = (
    "hlo_op", "hlo_module", "hlo_category", "tf_op", "kernel_details", "memcpy_details", "memset_details", "allocator_name",
)  # fmt: skip
WANTED = NUMBERS + _TEXTS
"""The stats that the mapping reads."""

ONE_BYTE = 128
"""Ids under this are written in one byte."""

_NAMES = """SELECT metadata_id, name, sort, is_container FROM xplane_name WHERE plane = $plane
    UNION ALL SELECT NULL, '', 'runtime', false"""
_LINES = "SELECT line, thread, role, zero_ns, device_id FROM xplane_timeline WHERE plane = $plane ORDER BY line"
_STATS = "SELECT metadata_id, name FROM xplane_stat WHERE plane = $plane"


def codes(roles: Iterable[str]) -> np.ndarray:
    """The places of roles in ROLES."""
    return np.array([ROLES.index(role) for role in roles], np.int8)


@dataclass(frozen=True)
class Glossary:
    """One plane. The last of the names stands for ids that have none, and so the last of what stats mean.

    What a stat means is its place in WANTED, -1 where it is not wanted. `short_meanings` has it by the id
    itself, for ids under ONE_BYTE.
    """

    plane: int
    device_id: int | None
    name_ids: pa.Array
    names: pa.Array
    sorts: np.ndarray
    is_container: np.ndarray
    lines: np.ndarray
    line_roles: np.ndarray
    zeros_ns: np.ndarray
    threads: pa.Array
    stat_ids: pa.Array
    stat_names: pa.Array
    stat_meanings: np.ndarray
    short_meanings: np.ndarray
    references: pa.Array

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, plane: int) -> Glossary:
        """The glossary of a plane, from the tables of xplane_header.sql."""
        names, lines, stats = (_columns(connection, query, plane) for query in (_NAMES, _LINES, _STATS))
        meaning = places(stats["name"], texts(WANTED))
        meanings = np.append(np.where(meaning < len(WANTED), meaning, -1), -1).astype(np.int8)
        return cls(
            plane=plane,
            device_id=next(iter(lines["device_id"].to_pylist()), None),
            name_ids=names["metadata_id"][:-1],
            names=names["name"],
            sorts=codes(names["sort"].to_pylist()),
            is_container=np.array(names["is_container"].to_pylist()),
            lines=unpacked(lines["line"]),
            line_roles=codes(lines["role"].to_pylist()),
            zeros_ns=unpacked(lines["zero_ns"]),
            threads=lines["thread"],
            stat_ids=stats["metadata_id"],
            stat_names=stats["name"],
            stat_meanings=meanings,
            short_meanings=meanings[places(arrow(np.arange(ONE_BYTE)), stats["metadata_id"])],
            references=stats["metadata_id"].cast(pa.uint64(), safe=False),
        )


def _columns(connection: duckdb.DuckDBPyConnection, query: str, plane: int) -> dict[str, pa.Array]:
    table = connection.sql(query, params={"plane": plane}).to_arrow_table()
    return {name: table[name].combine_chunks() for name in table.column_names}
