"""The reader of Nsight Systems exports: the SQLite file that `nsys export --type sqlite` makes of a report."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import duckdb

from crossprof.errors import TraceError
from crossprof.ingest.source import Source
from crossprof.ingest.statement import sql_of

__all__ = ["NsysReader"]

_MAGIC = b"SQLite format 3\0"
_OWN_TABLES = re.compile(r"CUPTI_ACTIVITY_KIND_|NVTX_EVENTS$|TARGET_INFO_S")
_OWN_TABLE_IN_HEAD = re.compile(rb'CREATE TABLE "?(?:CUPTI_ACTIVITY_KIND_|NVTX_EVENTS|TARGET_INFO_S)')
_BLOCK_ROWS = 20_000
_TEXT_CHARACTERS = 16_384  # an export keeps whole log files among its strings
_FURTHEST_NS = 1 << 61  # the year 2043; damage makes times whose difference no integer holds
_TABLES = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'nsys' ORDER BY table_oid"
_EVENT_TABLES = """
SELECT table_name FROM duckdb_tables() JOIN duckdb_columns() USING (schema_name, table_name)
WHERE schema_name = 'nsys' AND column_name = 'start' AND estimated_size > 0"""


class NsysReader:
    """Reads a report of Nsight Systems that was exported to SQLite. SQLite opens the file as immutable: nothing is written."""

    format = "nsys"

    def matches(self, source: Source) -> bool:
        """Whether the file is an SQLite database with the tables of an export."""
        if not source.head.startswith(_MAGIC):
            return False
        if not source.is_compressed:
            try:
                with closing(_connect(source.path)) as database:
                    return "StringIds" in (names := _table_names(database)) and any(map(_OWN_TABLES.match, names))
            except sqlite3.Error:
                pass  # a damaged file may still show what it was
        return bool(_OWN_TABLE_IN_HEAD.search(source.head))

    def stage(self, connection: duckdb.DuckDBPyConnection, source: Source, *, capture: int | None) -> None:
        """Add the facts of the export to the staged relations. What a damaged file still holds is read, with a finding."""
        connection.execute("SET VARIABLE capture = ?", [capture])
        connection.execute(sql_of("nsys_tables.sql"))
        try:
            with _on_disk(source) as path, closing(_connect(path)) as database:
                damage = _copy(connection, database)
            if damage and not connection.execute(_EVENT_TABLES).fetchone():
                raise sqlite3.DatabaseError(damage)
            connection.execute(sql_of("nsys.sql"))
        except sqlite3.Error as error:
            reason = f"this Nsight Systems export can't be read ({error}). Export or copy it again."
            raise TraceError(source.path, reason) from None
        finally:
            connection.execute("DROP SCHEMA nsys CASCADE")
        if detail := source.damage or damage:
            _add_damage(connection, source, detail, capture)


def _connect(path: Path) -> sqlite3.Connection:
    """A connection that reads alone: no lock, no journal, no file beside the database."""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    database.text_factory = bytes  # bytes that are no UTF-8 would raise
    database.execute("PRAGMA writable_schema = ON")  # or SQLite refuses all of a file that is shorter than its header says
    return database


@contextmanager
def _on_disk(source: Source) -> Iterator[Path]:
    """The path of the database; of a compressed one that of a copy, since SQLite seeks."""
    if not source.is_compressed:
        yield source.path
        return
    with tempfile.TemporaryDirectory(prefix="crossprof-") as folder:
        path = Path(folder) / "export.sqlite"
        with path.open("wb") as file:
            file.writelines(source.chunks())
        yield path


def _table_names(database: sqlite3.Connection) -> list[str]:
    rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND typeof(name) = 'text'").fetchall()
    return [name.decode("utf-8", "replace") for (name,) in rows]


def _copy(connection: duckdb.DuckDBPyConnection, database: sqlite3.Connection) -> str | None:
    """Fill the tables of nsys_tables.sql. What is wrong with the file, None where all of it could be read."""
    damage = None
    present = set(_table_names(database))
    for (table,) in connection.execute(_TABLES).fetchall():
        if table not in present:
            continue
        try:
            _copy_table(connection, database, table)
        except sqlite3.Error as error:
            damage = damage or f"the table {table} can't be read to its end ({error})"
    return damage


def _copy_table(connection: duckdb.DuckDBPyConnection, database: sqlite3.Connection, table: str) -> None:
    """Append the rows of a table, block by block. Raises sqlite3.Error after the last row that can be read."""
    columns = [(name, type_) for name, type_, *_ in connection.execute(f'DESCRIBE nsys."{table}"').fetchall()]
    described = database.execute("SELECT name FROM pragma_table_info(?)", [table])
    present = {name.decode("utf-8", "replace") for (name,) in described if name is not None}
    where = ""
    if "start" in dict(columns):
        if "start" not in present:
            return
        where = f'WHERE "start" BETWEEN {-_FURTHEST_NS} AND {_FURTHEST_NS}'
    chosen = ", ".join(_cast(name, type_) if name in present else "NULL" for name, type_ in columns)
    cursor = database.execute(f'SELECT {chosen} FROM "{table}" {where}')
    rows: list[tuple[int | bytes | None, ...]] = []
    while True:
        try:
            rows.extend(islice(cursor, _BLOCK_ROWS))  # keeps what came before an error; fetchmany drops it
        finally:
            _append(connection, table, columns, rows)
        if len(rows) < _BLOCK_ROWS:
            return
        rows.clear()


def _cast(name: str, type_: str) -> str:
    """A column as the type that is wanted: SQLite lets any value stand in any column."""
    return f'CAST("{name}" AS INTEGER)' if type_ == "BIGINT" else f'substr(CAST("{name}" AS TEXT), 1, {_TEXT_CHARACTERS})'


def _append(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: list[tuple[str, str]],
    rows: list[tuple[int | bytes | None, ...]],
) -> None:
    """Append rows to a table of the schema nsys."""
    if not rows:
        return
    import pyarrow as pa  # which files of other formats need not wait for

    types = [pa.int64() if type_ == "BIGINT" else pa.binary() for _, type_ in columns]
    values = [pa.array(column, type_) for column, type_ in zip(zip(*rows, strict=True), types, strict=True)]
    connection.register("nsys_block", pa.table(values, names=[name for name, _ in columns]))
    chosen = ", ".join(f'"{name}"' if type_ == "BIGINT" else f"decode(\"{name}\", 'replace')" for name, type_ in columns)
    connection.execute(f'INSERT INTO nsys."{table}" SELECT {chosen} FROM nsys_block')
    connection.unregister("nsys_block")


def _add_damage(connection: duckdb.DuckDBPyConnection, source: Source, detail: str, capture: int | None) -> None:
    """Record that the file is damaged, or shorter than its header says."""
    is_short = "malformed" in detail and _missing_bytes(source) > 0
    code = source.damage_code or ("file_truncated" if is_short else "file_damaged")
    connection.execute(
        "INSERT INTO staged_finding VALUES (?, 'error', 1, ?, 'The numbers hold for what could be read.', ?)",
        [code, f"{source.path.name}: {detail}.", capture],
    )


def _missing_bytes(source: Source) -> int:
    """How many bytes the file lacks of what its header says."""
    page_bytes = int.from_bytes(source.head[16:18], "big") or 65536
    pages = int.from_bytes(source.head[28:32], "big")
    return page_bytes * pages - source.bytes_on_disk
