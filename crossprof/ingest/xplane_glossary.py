"""What the ids of one plane mean: its names, its lines and its stats, as arrays to look up many events at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["NUMBERS", "ROLES", "TEXTS", "Glossary", "codes"]

ROLES = pa.array(
    [
        "marker", "memory", "loop", "call", "hlo", "node", "python", "runtime",
        "work", "async", "module", "step", "device", "counter", "host",
    ]
)  # fmt: skip
"""What an event can be; `host` only of a line, where the name and the stats of an event decide."""

NUMBERS = (
    "step_num", "_r", "correlation_id", "program_id", "theoretical_occupancy_pct", "flops", "bytes_accessed", "index_on_host",
    "bytes_allocated", "bytes_reserved", "peak_bytes_in_use", "allocation_bytes", "addr",
)  # fmt: skip
TEXTS = (
    "hlo_op", "hlo_module", "hlo_category", "tf_op", "kernel_details", "memcpy_details", "memset_details", "allocator_name",
)  # fmt: skip


def codes(roles: list[str]) -> np.ndarray:
    """The places of roles in ROLES."""
    found: np.ndarray = pc.index_in(pa.array(roles, pa.string()), value_set=ROLES).cast(pa.int8()).to_numpy()
    return found


@dataclass(frozen=True)
class Glossary:
    """One plane. The last of the names stands for ids that have none."""

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
    wanted: dict[str, np.ndarray]

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, plane: int, stat_names: pa.Table) -> Glossary:
        """The glossary of a plane, from the tables of xplane_header.sql and the names of the stats of all planes."""
        names = _columns(connection.sql(f"FROM xplane_name WHERE plane = {plane}").to_arrow_table())
        lines = _columns(connection.sql(f"FROM xplane_timeline WHERE plane = {plane} ORDER BY line").to_arrow_table())
        stats = _columns(stat_names.filter(pc.equal(stat_names["plane"], plane)))
        ids = {name: stats["metadata_id"].filter(pc.equal(stats["name"], name)).to_numpy() for name in (*NUMBERS, *TEXTS)}
        return cls(
            plane=plane,
            device_id=next(iter(lines["device_id"].to_pylist()), None),
            name_ids=names["metadata_id"],
            names=pa.concat_arrays([names["name"], pa.array([""])]),
            sorts=codes([*names["sort"].to_pylist(), "runtime"]),
            is_container=np.array([*names["is_container"].to_pylist(), False]),
            lines=lines["line"].to_numpy(),
            line_roles=codes(lines["role"].to_pylist()),
            zeros_ns=lines["zero_ns"].to_numpy(),
            threads=lines["thread"],
            stat_ids=stats["metadata_id"],
            stat_names=stats["name"],
            wanted={name: found for name, found in ids.items() if len(found)},
        )


def _columns(table: pa.Table) -> dict[str, Any]:
    return {name: table[name].combine_chunks() for name in table.column_names}
