"""The tiny runs of tiny.sql in a connection, with every view."""

from __future__ import annotations

from pathlib import Path

import duckdb

from crossprof.store import catalog

SQL = Path(__file__).with_suffix(".sql").read_text("utf-8")


def connect() -> duckdb.DuckDBPyConnection:
    """A connection with the empty tables, the views over them, and nothing rolled up."""
    connection = duckdb.connect()
    catalog.create_base(connection)
    catalog.create_views(connection)
    return connection


def rolled_up() -> duckdb.DuckDBPyConnection:
    """A connection with the tiny runs, in the state that a publish leaves."""
    connection = duckdb.connect()
    catalog.create_base(connection)
    connection.execute(SQL)
    catalog.roll_up(connection)
    return connection
