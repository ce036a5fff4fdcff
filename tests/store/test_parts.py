from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path

import duckdb
import pytest
import small_run

from crossprof.errors import StoreError
from crossprof.store import Layout, part_exists, write_part
from crossprof.store.part_writer import part_writer
from crossprof.store.parts import part_paths, read_part, retire


def test_a_part_holds_the_rows_and_a_manifest_that_describes_them(root: Path) -> None:
    path = small_run.write(root, "a", content="abc")
    assert path is not None
    manifest = json.loads((path / "manifest.json").read_text())
    assert (manifest["run_id"], manifest["rank"], manifest["content_sha256"]) == ("a", 0, "abc")
    assert {table: facts["rows"] for table, facts in manifest["tables"].items()} == {
        "run": 1, "rank": 1, "device": 1, "step": small_run.STEPS, "kernel": small_run.KERNELS,
    }  # fmt: skip
    for table, facts in manifest["tables"].items():
        file = path / f"{table}.parquet"
        assert hashlib.sha256(file.read_bytes()).hexdigest() == facts["sha256"]
        assert duckdb.execute("SELECT count(*) FROM read_parquet(?)", [str(file)]).fetchall() == [(facts["rows"],)]
    assert (manifest["tables"]["kernel"]["min_ns"], manifest["tables"]["kernel"]["max_ns"]) == (310, 910)
    assert sorted(entry.name for entry in path.iterdir()) == sorted(
        [*(f"{t}.parquet" for t in manifest["tables"]), "manifest.json"]
    )


def test_rows_are_sorted_by_device_and_start(root: Path) -> None:
    with small_run.tables("a") as connection:
        connection.execute(
            "INSERT INTO base.kernel BY NAME SELECT * REPLACE (-start_ns AS start_ns, -1 AS device_id) FROM base.kernel"
        )
        path = write_part(connection, root, run_id="a", rank=0, content_sha256="x")
    assert path is not None
    rows = duckdb.execute("SELECT device_id, start_ns FROM read_parquet(?)", [str(path / "kernel.parquet")]).fetchall()
    assert rows == sorted(rows)
    assert len(rows) == 2 * small_run.KERNELS


def test_types_survive_the_file(root: Path) -> None:
    path = small_run.write(root, "007")
    assert path is not None
    file = str(path / "run.parquet")
    described = {row[0]: row[1] for row in duckdb.execute(f"DESCRIBE FROM '{file.replace(chr(39), chr(39) * 2)}'").fetchall()}
    assert (described["run_id"], described["tags"], described["config"]) == ("VARCHAR", "MAP(VARCHAR, VARCHAR)", "JSON")


def test_the_same_content_is_written_once(root: Path) -> None:
    assert small_run.write(root, "a", content="x") is not None
    assert small_run.write(root, "a", content="x") is None
    assert small_run.write(root, "a", content="x", rank=1) is not None
    assert small_run.write(root, "b", content="x") is not None
    assert part_exists(root, "a", 0, "x")
    assert not part_exists(root, "a", 0, "y")
    assert not part_exists(root, "c", 0, "x")
    assert len(part_paths(root)) == 3


def test_replace_writes_the_same_content_again(root: Path) -> None:
    first = small_run.write(root, "a", content="x")
    second = small_run.write(root, "a", content="x", replace=True)
    assert first is not None
    assert second is not None
    assert first != second


def test_a_retired_part_counts_no_longer(root: Path) -> None:
    path = small_run.write(root, "a", content="x")
    assert path is not None
    retire(path)
    assert part_paths(root) == {}
    assert not part_exists(root, "a", 0, "x")
    assert (path / "manifest.json").exists()


def test_a_write_that_fails_leaves_nothing(root: Path) -> None:
    with small_run.tables("a") as connection:
        connection.execute(
            "ALTER TABLE base.kernel RENAME TO other; CREATE OR REPLACE VIEW kernel AS SELECT *, error('no') FROM base.other"
        )
        with pytest.raises(duckdb.Error, match="no"):
            write_part(connection, root, run_id="a", rank=0, content_sha256="x")
    assert part_paths(root) == {}
    assert list(Layout(root).staging.iterdir()) == []


def test_a_table_that_was_begun_is_the_one_that_is_written_at_the_end(root: Path) -> None:
    with small_run.tables("a") as connection:
        connection.execute("ALTER TABLE base.kernel RENAME TO other; CREATE VIEW base.kernel AS FROM base.other")
        plain = write_part(connection, root, run_id="a", rank=0, content_sha256="x")
        with part_writer(connection, root, run_id="a") as writer:
            writer.begin("kernel")
            connection.execute("CREATE TABLE base.busy AS SELECT * FROM range(1000)")
            begun = writer.finish(rank=0, content_sha256="y")
    assert plain is not None
    assert begun is not None
    written, early = (json.loads((path / "manifest.json").read_text())["tables"] for path in (plain, begun))
    assert written == early
    assert (early["kernel"]["rows"], early["kernel"]["min_ns"], early["kernel"]["max_ns"]) == (small_run.KERNELS, 310, 910)


def written_beside(connection: duckdb.DuckDBPyConnection, root: Path, *, is_to_stop: bool = False) -> None:
    with part_writer(connection, root, run_id="a") as writer:
        writer.begin("kernel")
        writer.begin("step")
        if is_to_stop:
            raise ValueError("stop")
        writer.finish(rank=0, content_sha256="x")


def test_what_fails_while_a_table_is_written_ends_both(root: Path) -> None:
    endless = "CREATE VIEW base.kernel AS SELECT other.* FROM base.other, range(1000000000000) AS numbers"
    with small_run.tables("a") as connection:
        connection.execute(f"ALTER TABLE base.kernel RENAME TO other; {endless}")
        with pytest.raises(ValueError, match="stop"):
            written_beside(connection, root, is_to_stop=True)
        connection.execute("CREATE OR REPLACE VIEW base.kernel AS SELECT * REPLACE ('b' AS run_id) FROM base.other")
        with pytest.raises(StoreError, match="7 rows of kernel are not of run a"):
            written_beside(connection, root)
    assert part_paths(root) == {}
    assert list(Layout(root).staging.iterdir()) == []


def test_rows_of_another_run_are_refused(root: Path) -> None:
    with small_run.tables("a") as connection, pytest.raises(StoreError, match=r"rows of (step|kernel) are not of run b"):
        write_part(connection, root, run_id="b", rank=0, content_sha256="x")


@pytest.mark.parametrize("run_id", ["", "..", "a/b", "../a", ".a", "a b", "a\n", "é", "-a", "x" * 129])
def test_a_run_id_that_could_leave_its_folder_is_refused(root: Path, run_id: str) -> None:
    with small_run.tables("a") as connection, pytest.raises(StoreError, match="can't be a run id"):
        write_part(connection, root, run_id=run_id, rank=0, content_sha256="x")


def test_no_part_is_seen_before_its_rename(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Path]] = []
    rename = os.rename

    def watched(source: Path, target: Path) -> None:
        seen.append(part_paths(root))
        rename(source, target)

    monkeypatch.setattr(os, "rename", watched)
    monkeypatch.setattr(Path, "rename", watched)
    small_run.write(root, "a")
    assert seen == [{}]
    assert len(part_paths(root)) == 1


def test_a_damaged_manifest_is_named_in_one_line(root: Path) -> None:
    path = small_run.write(root, "a")
    assert path is not None
    (path / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match=r"manifest\.json can't be read") as caught:
        read_part(path)
    assert "\n" not in str(caught.value)


def test_threads_write_parts_of_one_run(root: Path) -> None:
    threads = [threading.Thread(target=small_run.write, args=(root, "a"), kwargs={"rank": rank}) for rank in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parts = [read_part(path) for path in part_paths(root).values()]
    assert sorted(part.rank for part in parts if part) == [0, 1, 2, 3]
