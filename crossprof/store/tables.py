"""The tables of schema.sql by how the store keeps them."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

__all__ = ["FILED", "HELD", "ORDER", "SCHEMA_VERSION", "TABLES", "uncommented"]

SCHEMA_VERSION = 6
"""Grows with each change of schema.sql; parts say which one they were written under."""

HELD = ("run", "rank", "device", "artifact", "finding")
"""Small tables: their rows are copied into the catalog."""

FILED = ("step", "kernel", "op", "runtime_call", "annotation", "memory_event", "sample", "hlo_op", "hlo_module")
"""Large tables: they stay in the parts, the catalog reads them from there."""

TABLES = HELD + FILED

ORDER = {
    "step": "step",
    "kernel": "device_id, start_ns",
    "op": "start_ns",
    "runtime_call": "start_ns",
    "annotation": "start_ns",
    "memory_event": "device_id, at_ns",
    "sample": "metric, device_id, at_ns",
    "hlo_op": "total_ns DESC, program_id, name",
    "hlo_module": "program_id",
}
"""How a part sorts a table: what is asked for together lies together."""


@cache
def uncommented(name: str) -> str:
    """The statements of one of the store's SQL files without the comments on tables and columns.

    These take longer than the rows of a small run, and nobody reads them in a scratch database.
    """
    return re.sub(r"^COMMENT ON .*;$", "", files("crossprof.store").joinpath(name).read_text("utf-8"), flags=re.MULTILINE)
