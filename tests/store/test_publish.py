from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
import small_run

from crossprof.store import Layout, Store, evaluation, publish
from crossprof.store.catalog import ROLLUPS, views
from crossprof.store.layout import create
from crossprof.store.parts import part_paths
from crossprof.store.tables import SCHEMA_VERSION, TABLES


def rows(root: Path, query: str) -> list[tuple[object, ...]]:
    with Store(root) as store:
        return store.sql(query).fetchall()


def test_a_published_run_answers_in_every_relation(root: Path) -> None:
    small_run.write(root, "a", name="first")
    published = publish(root)
    assert published.added == ("a",)
    assert rows(root, "SELECT run_id, run, part_count, is_partial, verdict FROM run") == [("a", "first", 1, False, "good")]
    assert rows(root, "SELECT count(*), sum(dur_ns) FROM kernel") == [(7, 350)]
    assert rows(root, "SELECT run, name, calls, total_ns FROM kernel_summary") == [("first", "gemm", 7, 350)]
    assert rows(root, "SELECT value, n FROM run_metric WHERE metric = 'step_time' AND rank IS NULL") == [(100.0, 2)]
    assert rows(root, "SELECT tags['precision'], config->>'layers' FROM run") == [("bf16", "2")]


def test_a_foreign_client_sees_the_same_through_the_link(root: Path) -> None:
    small_run.write(root, "a", name="first")
    publish(root)
    with duckdb.connect(str(root / "crossprof.duckdb"), read_only=True) as foreign:
        names = [
            name
            for (name,) in foreign.execute(
                "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal"
            ).fetchall()
        ]
        assert {view.name for view in views()} | set(TABLES) <= set(names)
        for name in names:
            foreign.execute(f'SELECT * FROM main."{name}"').fetchall()
        assert foreign.execute("SELECT run FROM kernel_summary").fetchall() == [("first",)]


def test_every_relation_and_column_of_the_catalog_has_a_comment(root: Path) -> None:
    small_run.write(root, "a")
    publish(root)
    silent = rows(root, "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal AND comment IS NULL")
    assert silent == []
    columns = (
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal AND comment IS NULL"
    )
    assert rows(root, columns) == []


def test_tables_without_rows_are_there_with_their_types(root: Path) -> None:
    small_run.write(root, "a")
    publish(root)
    assert rows(root, "SELECT count(*) FROM memory_event") == [(0,)]
    with Store(root) as store, small_run.tables("a") as plain:
        for table in set(TABLES) - {"finding"}:  # the view of that name adds the run's
            expected = [row[:2] for row in plain.execute(f"DESCRIBE base.{table}").fetchall()]
            assert [row[:2] for row in store.sql(f"DESCRIBE {table}").fetchall()][: len(expected)] == expected, table


def test_ids_that_look_like_numbers_stay_text(root: Path) -> None:
    for run_id in ("007", "1e5", "2024-01-01"):
        small_run.write(root, run_id, name=f"run {run_id}")
    publish(root)
    assert rows(root, "SELECT DISTINCT run_id, typeof(run_id) FROM kernel ORDER BY ALL") == [
        ("007", "VARCHAR"), ("1e5", "VARCHAR"), ("2024-01-01", "VARCHAR"),
    ]  # fmt: skip
    assert rows(root, "SELECT count(*) FROM kernel JOIN run USING (run_id) WHERE run = 'run 007'") == [(7,)]


def test_what_needs_more_memory_gets_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossprof.store.evaluation._MEMORY", "1MiB")
    small_run.write(root, "a", name="first")
    assert publish(root).added == ("a",)
    assert rows(root, "SELECT run, name, calls, total_ns FROM kernel_summary") == [("first", "gemm", 7, 350)]


def test_memory_that_ends_halfway_doubles_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, begun = evaluation._evaluate, list[str]()

    def once_halfway(*arguments: Any) -> None:
        whole(*arguments)
        begun.append("")
        if len(begun) == 1:
            raise duckdb.OutOfMemoryException("after some rows were added")

    small_run.write(root, "a", name="first")
    monkeypatch.setattr(evaluation, "_evaluate", once_halfway)
    publish(root)
    assert rows(root, "SELECT count(*), count(DISTINCT step) FROM step_time") == [(10, 10)]


def test_runs_are_evaluated_alike_in_memory_and_from_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_run.write(root, "a")
    publish(root)
    held = {name: sorted(rows(root, f"FROM rollup.{name}"), key=str) for name in ROLLUPS}
    monkeypatch.setattr(evaluation, "_FEW_ROWS", 0)
    publish(root, rebuild=True)
    for name in ROLLUPS:
        assert sorted(rows(root, f"FROM rollup.{name}"), key=str) == held[name], name


def test_a_blank_of_other_definitions_gives_way_and_a_damaged_one_to_a_rebuild(root: Path) -> None:
    create(root).blank("of an earlier version").write_bytes(b"")
    small_run.write(root, "a")
    publish(root)
    (blank,) = Layout(root).blanks()
    blank.write_bytes(b"")
    assert publish(root, rebuild=True).added == ("a",)
    assert blank.stat().st_size


def test_nothing_new_publishes_nothing(root: Path) -> None:
    small_run.write(root, "a")
    first = publish(root)
    second = publish(root)
    assert (second.path, second.added, second.removed) == (first.path, (), ())
    assert len(Layout(root).catalogs()) == 1


def test_one_pass_takes_all_that_waits_and_adds_to_what_is_there(root: Path) -> None:
    small_run.write(root, "a", kernel_ns=10)
    publish(root)
    for run_id in ("b", "c"):
        small_run.write(root, run_id, kernel_ns=20)
    published = publish(root)
    assert published.added == ("b", "c")
    assert rows(root, "SELECT run_id, total_ns FROM kernel_summary ORDER BY run_id") == [("a", 70), ("b", 140), ("c", 140)]


def test_one_more_publish_gives_what_a_rebuild_gives(root: Path) -> None:
    for run_id in ("a", "b", "c"):
        small_run.write(root, run_id)
        publish(root)
    names = [f"rollup.{name}" for name in ROLLUPS] + ["run", "rank", "device", "finding", "kernel", "step"]
    grown = {name: rows(root, f"SELECT * FROM {name} ORDER BY ALL") for name in names}
    publish(root, rebuild=True)
    assert {name: rows(root, f"SELECT * FROM {name} ORDER BY ALL") for name in names} == grown
    assert len(grown["rollup.step_time"]) == 30


def test_a_run_is_partial_until_its_last_rank_is_there(root: Path) -> None:
    small_run.write(root, "a", rank=1, world_size=2, name="of rank 1")
    publish(root)
    state = "SELECT run, part_count, is_partial, verdict FROM run"
    assert rows(root, state) == [("of rank 1", 1, True, "usable")]
    assert rows(root, "SELECT code FROM finding") == [("missing_ranks",)]
    small_run.write(root, "a", rank=0, world_size=2, name="of rank 0")
    assert publish(root).added == ("a",)
    assert rows(root, state) == [("of rank 0", 2, False, "good")]
    assert rows(root, "SELECT code, severity FROM finding") == [("clock_unaligned", "info")]  # two hosts, no collectives
    assert rows(root, "SELECT rank, total_ns FROM kernel_summary ORDER BY rank") == [(0, 350), (1, 350)]
    assert rows(root, "SELECT host FROM rank ORDER BY rank") == [("host-0",), ("host-1",)]


def test_the_newest_part_of_a_rank_counts(root: Path) -> None:
    old = small_run.write(root, "a", kernel_ns=10)
    publish(root)
    small_run.write(root, "a", kernel_ns=20, replace=True)
    published = publish(root)
    assert (published.added, published.removed) == (("a",), ())
    assert rows(root, "SELECT sum(dur_ns) FROM kernel") == [(140,)]
    assert rows(root, "SELECT total_ns FROM kernel_summary") == [(140,)]
    assert old is not None
    assert old.exists()
    assert old.name not in part_paths(root)


def test_two_writers_of_the_same_content_count_once(root: Path) -> None:
    small_run.write(root, "a", replace=True)
    small_run.write(root, "a", replace=True)
    publish(root)
    assert rows(root, "SELECT count(*) FROM kernel") == [(7,)]
    assert len(part_paths(root)) == 1


def test_a_damaged_part_hides_its_own_run_alone(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    small_run.write(root, "a")
    broken = small_run.write(root, "b")
    small_run.write(root, "c")
    assert broken is not None
    (broken / "kernel.parquet").write_bytes(b"PAR1 and then nothing PAR1")
    published = publish(root)
    assert published.added == ("a", "c")
    assert [run_id for run_id, _ in published.skipped] == ["b"]
    assert rows(root, "SELECT DISTINCT run_id FROM kernel ORDER BY ALL") == [("a",), ("c",)]
    assert publish(root).path == published.path
    assert "Run b is not shown" in caplog.text


def test_a_part_that_someone_removed_is_no_longer_shown(root: Path) -> None:
    small_run.write(root, "a")
    gone = small_run.write(root, "b")
    publish(root)
    assert gone is not None
    for file in gone.iterdir():
        file.unlink()
    gone.rmdir()
    assert publish(root).removed == ("b",)
    assert rows(root, "SELECT run_id, count(*) FROM kernel GROUP BY ALL") == [("a", 7)]


def test_a_damaged_catalog_is_built_anew(root: Path) -> None:
    small_run.write(root, "a")
    path = publish(root).path
    path.chmod(0o644)
    path.write_bytes(b"not a database")
    small_run.write(root, "b")
    assert publish(root).added == ("a", "b")


def test_parts_of_an_earlier_schema_meet_todays_columns(root: Path) -> None:
    small_run.write(root, "new")
    old = small_run.write(root, "old")
    assert old is not None
    file = str(old / "kernel.parquet")
    table = duckdb.sql("SELECT * EXCLUDE (group_size) FROM read_parquet(?)", params=[file]).to_arrow_table()
    assert table.num_rows == 7
    duckdb.from_arrow(table).write_parquet(file)
    manifest = old / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"schema_version": {SCHEMA_VERSION}', '"schema_version": 0'))
    publish(root)
    assert rows(root, "SELECT run_id, count(*), count(group_size) FROM kernel GROUP BY ALL ORDER BY ALL") == [
        ("new", 7, 0),
        ("old", 7, 0),
    ]
    assert rows(root, "SELECT count(*) FROM kernel WHERE run_id = 'old'") == [(7,)]


def test_parts_of_a_newer_crossprof_wait(root: Path) -> None:
    small_run.write(root, "a")
    newer = small_run.write(root, "b")
    assert newer is not None
    manifest = newer / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"schema_version": {SCHEMA_VERSION}', '"schema_version": 99'))
    published = publish(root)
    assert published.added == ("a",)
    assert published.skipped == (("b", "it was written by a newer crossprof: upgrade this one"),)


def test_catalogs_are_read_only_and_the_last_three_stay(root: Path) -> None:
    layout = Layout(root)
    for number in range(4):
        small_run.write(root, f"r{number}")
        path = publish(root).path
        assert stat.S_IMODE(path.stat().st_mode) == 0o444
        assert layout.link.readlink() == Path(path.name)
    assert [version for version, _ in layout.catalogs()] == [1, 2, 3, 4]
    for _, path in layout.catalogs():
        os.utime(path, (time.time() - 7200,) * 2)
    small_run.write(root, "last")
    publish(root)
    assert [version for version, _ in layout.catalogs()] == [3, 4, 5]
    assert list(layout.staging.iterdir()) == []


def test_no_write_ahead_log_is_left_beside_a_catalog(root: Path) -> None:
    small_run.write(root, "a")
    publish(root)
    assert list(root.glob("*.wal")) == []


def test_a_store_under_folders_named_key_value_has_the_rows_it_was_given(tmp_path: Path) -> None:
    root = tmp_path / "lr=0.1" / "rank=8" / "run_id=x" / "store"
    for rank in (0, 1):
        small_run.write(root, "007", rank=rank, world_size=2)
    publish(root)
    publish(root, rebuild=True)
    assert rows(root, "SELECT run_id, rank, count(*) FROM kernel GROUP BY ALL ORDER BY ALL") == [("007", 0, 7), ("007", 1, 7)]
    assert rows(root, "SELECT run_id, rank, count(*) FROM step GROUP BY ALL ORDER BY ALL") == [("007", 0, 10), ("007", 1, 10)]
    assert rows(root, "SELECT DISTINCT run_id, rank FROM kernel_summary ORDER BY ALL") == [("007", 0), ("007", 1)]
    assert rows(root, "SELECT run_id FROM run") == [("007",)]


def test_a_manifest_that_cannot_be_read_hides_its_own_run_alone(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = small_run.write(root, "a")
    assert broken is not None
    (broken / "manifest.json").unlink()
    (broken / "manifest.json").mkdir()  # even root gets an OSError here
    (root / "runs" / "run_id=file").write_text("no folder")
    small_run.write(root, "b")
    published = publish(root)
    assert published.added == ("b",)
    assert [run_id for run_id, _ in published.skipped] == ["a"]
    assert "Run a is not shown whole" in caplog.text
    assert "run_id=file is skipped" in caplog.text
