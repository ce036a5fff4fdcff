"""What every input of the fuzzer must come through: staged and derived, or refused with TraceError.

Kineto JSON is staged twice, with the compiled scanner, where it was built, and without: the relations must be the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import duckdb

from crossprof.errors import TraceError
from crossprof.ingest import event_scan
from crossprof.ingest.derive import derive
from crossprof.ingest.reader import open_source, reader_for

# annotation becomes a view
_TABLES = "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT temporary AND table_name <> 'annotation'"

_STAGED = "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'staged_%'"


@contextmanager
def target() -> Iterator[Callable[[bytes], None]]:
    """Reads bytes as whatever format they look like. Raises anything but TraceError for a bug."""
    with duckdb.connect(config={"threads": 2, "memory_limit": "320MB"}) as connection, tempfile.TemporaryDirectory() as folder:
        for package, script in (("crossprof.store", "schema.sql"), ("crossprof.ingest", "staging.sql")):
            connection.execute(files(package).joinpath(script).read_text())
        staged = [name for (name,) in connection.execute(_STAGED).fetchall()]
        tables = [name for (name,) in connection.execute(_TABLES).fetchall()]
        empty = "; ".join(f"TRUNCATE {name}" for name in tables)
        path = Path(folder) / "input"

        def read(data: bytes) -> None:
            path.write_bytes(data)
            try:
                source = open_source(path)
                reader = reader_for(source)
                reader.stage(connection, source, capture=None)
                if reader.format == "kineto" and event_scan.is_built():
                    found = [sorted(map(repr, connection.execute(f"FROM {name}").fetchall())) for name in staged]
                    connection.execute(empty)
                    with without_scanner():
                        reader.stage(connection, source, capture=None)
                    assert found == [sorted(map(repr, connection.execute(f"FROM {name}").fetchall())) for name in staged]
                derive(connection, run_id="r", rank=0)
                connection.execute("SELECT max(start_ns + dur_ns), count(DISTINCT name), max(step) FROM annotation").fetchall()
            except TraceError:
                return
            finally:
                connection.execute(empty)

        yield read


@contextmanager
def without_scanner() -> Iterator[None]:
    """Where the scanner of events was not built: DuckDB reads them all."""
    library, event_scan._LIBRARY = event_scan._LIBRARY, None
    try:
        yield
    finally:
        event_scan._LIBRARY = library
