"""Several threads on one database, each by a connection of its own."""

from __future__ import annotations

import duckdb

__all__ = ["another_connection", "thread_count"]


def another_connection(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A further connection to the same tables, for another thread. Temporary tables, macros and variables are not shared."""
    database = connection.execute("SELECT current_database()").fetchall()[0][0]
    further = connection.cursor()
    further.execute(f'USE "{database}"')
    return further


def thread_count(connection: duckdb.DuckDBPyConnection) -> int:
    """The threads that the database may use."""
    return int(connection.execute("SELECT current_setting('threads')").fetchall()[0][0])
