from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest

from crossprof.ingest.derive import derive
from crossprof.ingest.reader import open_source, reader_for
from tests.ingest.xspace import Staged


@pytest.fixture
def scratch() -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database with the tables of the schema and the staged relations, empty."""
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        connection.execute(files("crossprof.store").joinpath("schema.sql").read_text())
        connection.execute(files("crossprof.ingest").joinpath("staging.sql").read_text())
        yield connection


@pytest.fixture
def ingested(scratch: duckdb.DuckDBPyConnection) -> Callable[[Path], duckdb.DuckDBPyConnection]:
    """Reads one trace file into the scratch database: staged, then derived, as run r, rank 0."""

    def read(path: Path) -> duckdb.DuckDBPyConnection:
        source = open_source(path)
        reader_for(source).stage(scratch, source, capture=None)
        derive(scratch, run_id="r", rank=0)
        return scratch

    return read


@pytest.fixture
def staged(scratch: duckdb.DuckDBPyConnection, tmp_path: Path) -> Staged:
    """Stages the bytes of an XSpace."""

    def stage(data: bytes, *, capture: int | None = None) -> duckdb.DuckDBPyConnection:
        path = tmp_path / "host.xplane.pb"
        path.write_bytes(data)
        source = open_source(path)
        reader = reader_for(source)
        assert reader.format == "xplane"
        reader.stage(scratch, source, capture=capture)
        return scratch

    return stage
