"""A run as Parquet files: the rows of the store, with what they mean, in a folder or a zip that appears whole."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import exported
import pyarrow.parquet as pq
import pytest

from crossprof.errors import CrossprofError
from crossprof.store import Store
from crossprof.store.export import write_parquet, write_parquet_archive

FILES = {"run", "rank", "device", "step", "kernel", "op", "runtime_call", "annotation", "memory_event", "sample"}


def nothing(*_: object) -> None: ...


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(exported.write(tmp_path_factory.mktemp("exported"))) as opened:
        yield opened


def test_every_table_comes_back_row_by_row(store: Store, tmp_path: Path) -> None:
    write_parquet(store, exported.RUN, tmp_path / "it's out", None, nothing)
    assert {path.stem for path in (tmp_path / "it's out").iterdir()} == FILES
    for table in sorted(FILES):
        rows = duckdb.read_parquet(str(tmp_path / "it's out" / f"{table}.parquet"))
        held = store.sql(f"SELECT * FROM {table} WHERE run_id = ?", [exported.RUN])
        assert rows.columns == held.columns
        assert sorted(map(str, rows.fetchall())) == sorted(map(str, held.fetchall()))


def test_files_say_what_their_columns_mean(store: Store, tmp_path: Path) -> None:
    write_parquet(store, exported.RUN, tmp_path / "out", None, nothing)
    metadata = pq.read_metadata(tmp_path / "out" / "kernel.parquet").metadata
    assert metadata[b"comment"].startswith(b"One piece of work on a device.")
    assert json.loads(metadata[b"columns"])["grid"] == "Launch grid, x,y,z."


def test_one_rank_alone(store: Store, tmp_path: Path) -> None:
    write_parquet(store, exported.RUN, tmp_path / "out", 1, nothing)
    assert duckdb.sql(f"SELECT DISTINCT rank FROM '{tmp_path}/out/op.parquet'").fetchall() == [(1,)]
    with pytest.raises(CrossprofError, match="no rank 5"):
        write_parquet(store, exported.RUN, tmp_path / "other", 5, nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_zip_holds_the_same_files(store: Store, tmp_path: Path) -> None:
    write_parquet_archive(store, exported.RUN, tmp_path / "out.zip", None, nothing)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert {Path(name).name.removesuffix(".parquet") for name in archive.namelist()} == FILES
        archive.extractall(tmp_path)
    assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/{exported.RUN}/kernel.parquet'").fetchall() == [(8,)]


def test_a_folder_that_holds_something_is_left_alone(store: Store, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_parquet(store, exported.RUN, tmp_path / "out", None, nothing)  # an empty one is taken
    with pytest.raises(CrossprofError, match="not empty"):
        write_parquet(store, exported.RUN, tmp_path / "out", None, nothing)
