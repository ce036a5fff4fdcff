from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import duckdb
import pytest
import small_run

from crossprof.errors import QueryError
from crossprof.store import Layout, Store, delete, edits, gc, part_exists, publish, reindex
from crossprof.store.parts import part_paths

HOURS = 3600


@pytest.fixture
def store(put_back: Callable[[Callable[[Path], object]], Path]) -> Path:
    return put_back(filled)


def filled(root: Path) -> None:
    for run_id in ("a", "b"):
        small_run.write(root, run_id)
    publish(root)


def run_ids(root: Path) -> list[str]:
    with Store(root) as opened:
        found: list[str] = opened.sql("SELECT DISTINCT run_id FROM kernel ORDER BY ALL").pl()["run_id"].to_list()
        assert opened.sql("SELECT run_id FROM run ORDER BY ALL").pl()["run_id"].to_list() == found
        assert opened.sql("SELECT DISTINCT run_id FROM kernel_summary ORDER BY ALL").pl()["run_id"].to_list() == found
        return found


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


def test_a_deleted_run_is_gone_while_an_open_snapshot_still_reads_it(store: Path) -> None:
    with Store(store) as before:
        published = delete(store, ["a"])
        assert published.removed == ("a",)
        assert run_ids(store) == ["b"]
        assert before.sql("SELECT count(*) FROM kernel WHERE run_id = 'a'").fetchall() == [(7,)]


def test_the_files_go_after_the_grace(store: Path) -> None:
    delete(store, ["a"])
    folder = Layout(store).run("a")
    assert gc(store).parts == 0
    assert folder.exists()
    (marker,) = folder.glob("*.retired")
    age(marker, 1.1 * HOURS)
    swept = gc(store)
    assert swept.parts == 1
    assert swept.bytes > 0
    assert not folder.exists()
    assert list(Layout(store).trash.iterdir()) == []
    assert run_ids(store) == ["b"]


def test_gc_now_does_not_wait(store: Path) -> None:
    delete(store, ["a"])
    assert gc(store, now=True).parts == 1
    assert not Layout(store).run("a").exists()
    assert run_ids(store) == ["b"]


def test_delete_now_takes_files_and_kept_traces_at_once(store: Path) -> None:
    for run_id in ("a", "b"):
        Layout(store).run_artifacts(run_id).mkdir()
    delete(store, ["a"], now=True)
    assert not Layout(store).run("a").exists()
    assert not Layout(store).run_artifacts("a").exists()
    assert Layout(store).run_artifacts("b").exists()


def test_delete_now_leaves_what_readers_of_other_runs_may_need(store: Path) -> None:
    with Store(store) as before:
        small_run.write(store, "b", content="new", replace=True)
        publish(store)
        delete(store, ["a"], now=True)
        assert len(list(Layout(store).run("b").glob("part-*.retired"))) == 1
        assert before.sql("SELECT count(*) FROM kernel WHERE run_id = 'b'").fetchall() == [(7,)]


def test_a_reader_retries_when_the_files_of_its_snapshot_are_gone(store: Path) -> None:
    with Store(store) as opened:
        delete(store, ["a"], now=True)
        assert opened.arrow("SELECT count(*) AS n FROM kernel")["n"].to_pylist() == [7]


def test_a_fresh_snapshot_is_met_while_another_thread_still_asks_the_old_one(store: Path) -> None:
    endless = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7"
    with Store(store) as opened, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(opened.arrow, endless)
        wait([answer], timeout=0.3)
        delete(store, ["a"], now=True)
        try:
            assert opened.arrow("SELECT count(*) AS n FROM kernel")["n"].to_pylist() == [7]
            assert not answer.done()
        finally:
            for _ in range(100):
                opened.interrupt()
                if wait([answer], timeout=0.1).done:
                    break
        with pytest.raises(QueryError, match="Interrupted"):
            answer.result(timeout=0)


def test_a_rebuild_does_not_bring_a_deleted_run_back(store: Path) -> None:
    delete(store, ["a"])
    reindex(store)
    assert run_ids(store) == ["b"]


def test_a_deleted_run_can_be_ingested_again(store: Path) -> None:
    delete(store, ["a"])
    assert not part_exists(store, "a", 0, "content")
    assert small_run.write(store, "a") is not None
    publish(store)
    assert run_ids(store) == ["a", "b"]
    gc(store, now=True)
    assert run_ids(store) == ["a", "b"]


def test_deleting_forgets_the_edits(store: Path) -> None:
    edits.rename(store, "a", "other")
    delete(store, ["a"])
    assert edits.read(store).rows == ()


def test_deleting_what_is_not_there_changes_nothing(store: Path) -> None:
    before = Layout(store).current()
    assert delete(store, ["nothing"]).removed == ()
    assert Layout(store).current() == before


def test_the_replaced_part_goes_like_a_deleted_one(store: Path) -> None:
    small_run.write(store, "a", replace=True, kernel_ns=20)
    publish(store)
    assert len(list(Layout(store).run("a").glob("part-*/"))) >= 2
    assert gc(store, now=True).parts == 1
    assert len(part_paths(store)) == 2
    with Store(store) as opened:
        assert opened.sql("SELECT sum(dur_ns) FROM kernel WHERE run_id = 'a'").fetchall() == [(140,)]


def test_reindex_builds_from_the_parts_alone(store: Path) -> None:
    layout = Layout(store)
    for _, path in layout.catalogs():
        path.unlink()
    layout.link.unlink()
    assert reindex(store).added == ("a", "b")
    with duckdb.connect(str(layout.link), read_only=True) as foreign:
        assert foreign.execute("SELECT count(*) FROM kernel").fetchall() == [(14,)]


def test_what_a_dead_writer_left_goes_after_a_day(store: Path) -> None:
    layout = Layout(store)
    old, young = layout.staged(), layout.staged()
    for folder in (old, young):
        (folder / "part-x").mkdir(parents=True)
        (folder / "part-x" / "kernel.parquet").write_bytes(b"half")
    age(old, 25 * HOURS)
    assert gc(store).staged == 1
    assert not old.exists()
    assert young.exists()
