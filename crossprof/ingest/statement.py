"""The SQL files of this room, and the variables that they read."""

from __future__ import annotations

from importlib.resources import files

import duckdb

__all__ = ["set_variables", "sql_of"]


def sql_of(name: str) -> str:
    """The statements of a file beside this one."""
    return files("crossprof.ingest").joinpath(name).read_text(encoding="utf-8")


def set_variables(connection: duckdb.DuckDBPyConnection, **values: object) -> None:
    """Have `getvariable` of a connection answer these values."""
    for name, value in values.items():
        connection.execute(f"SET VARIABLE {name} = ?", [value])
