"""The tiny runs of tiny.sql in a connection, with every view."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import duckdb

from crossprof.store import catalog

SQL = Path(__file__).with_suffix(".sql").read_text("utf-8")


def connect() -> duckdb.DuckDBPyConnection:
    """A connection with the empty tables, the views over them, and nothing rolled up."""
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{_empty()}' AS empty (READ_ONLY); COPY FROM DATABASE empty TO memory (SCHEMA); DETACH empty")
    return connection


_FOLDER = tempfile.TemporaryDirectory(prefix="crossprof-tiny-")  # gone with the process


@cache
def _empty() -> Path:
    """A database with the tables and views: to copy it takes a twentieth of the time that its comments took."""
    file = Path(_FOLDER.name) / "empty.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("BEGIN")
        catalog.create_base(connection)
        catalog.create_views(connection)
        connection.execute("COMMIT")
    return file


def rolled_up() -> duckdb.DuckDBPyConnection:
    """A connection with the tiny runs, in the state that a publish leaves."""
    connection = duckdb.connect()
    catalog.create_base(connection)
    connection.execute(SQL)
    catalog.roll_up(connection)
    return connection
