"""The SQL files of this room, and the variables that they read."""

from __future__ import annotations

from importlib.resources import files

import duckdb

from crossprof.store.literal import literal

__all__ = ["set_variables", "sql_of"]


def sql_of(name: str) -> str:
    """The statements of a file beside this one."""
    return files("crossprof.ingest").joinpath(name).read_text(encoding="utf-8")


def set_variables(connection: duckdb.DuckDBPyConnection, **values: object) -> None:
    """Have `getvariable` of a connection answer these values. Those that are plain take one statement together."""
    plain = {name: text for name, value in values.items() if (text := _written(value)) is not None}
    if plain:
        connection.execute("; ".join(f"SET VARIABLE {name} = {text}" for name, text in plain.items()))
    for name in values.keys() - plain.keys():
        connection.execute(f"SET VARIABLE {name} = ?", [values[name]])


def _written(value: object) -> str | None:
    """A value as SQL; None where it is better a parameter."""
    if value is None:
        return "NULL"
    if isinstance(value, str) and value.isascii() and "\0" not in value:
        return literal(value)
    return str(value) if type(value) is int else None
