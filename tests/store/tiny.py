"""The tiny runs of tiny.sql in a connection, with every view."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb

from crossprof.store import catalog

SQL = Path(__file__).with_suffix(".sql").read_text("utf-8")


def connect() -> duckdb.DuckDBPyConnection:
    """A connection with the empty tables, the views over them, and nothing rolled up."""
    return _copied(_made("views", catalog.create_views))


def to_roll_up() -> duckdb.DuckDBPyConnection:
    """A connection with the empty tables and the views, those of the roll-ups over tables that `roll_up` fills."""
    return _copied(_made("rollups", catalog.create_rollups))


def roll_up(connection: duckdb.DuckDBPyConnection) -> None:
    """Holds the rows of every roll-up, as a publish does, once the tables are filled."""
    for name in TopologicalSorter(catalog.rollups_before()).static_order():
        catalog.fill_rollup(connection, name)


def rolled_up() -> duckdb.DuckDBPyConnection:
    """A connection with the tiny runs, in the state that a publish leaves."""
    connection = to_roll_up()
    connection.execute(SQL)
    roll_up(connection)
    return connection


_FOLDER = tempfile.TemporaryDirectory(prefix="crossprof-tiny-")  # gone with the process


@cache
def _made(name: str, create: Callable[[duckdb.DuckDBPyConnection], None]) -> Path:
    """A database with the tables and views: to copy it takes a twentieth of the time that its comments took."""
    file = Path(_FOLDER.name) / f"{name}.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("BEGIN")
        catalog.create_base(connection)
        create(connection)
        connection.execute("COMMIT")
    return file


def _copied(file: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{file}' AS empty (READ_ONLY); COPY FROM DATABASE empty TO memory (SCHEMA); DETACH empty")
    return connection
