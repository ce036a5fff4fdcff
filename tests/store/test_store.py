from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import duckdb
import pytest
import small_run

from crossprof.errors import QueryError, RunNotFound, StoreError
from crossprof.store import Store, publish
from crossprof.store.catalog import views
from crossprof.store.tables import TABLES

NOBODY = 65534
DEFINITIONS = {
    "metric",
    "dependency",
    "_peer_definition",
    "_work_definition",
    "_device_model",
    "_advice_rule",
    "_recording_definition",
}  # there without any run


def filled(root: Path) -> Path:
    for number, (run_id, name) in enumerate([("a1", "torch"), ("a2", "torch"), ("b1", "jax"), ("c1", "b1")]):
        small_run.write(root, run_id, name=name, started_ns=number)
    publish(root)
    return root


@pytest.fixture
def store(put_back: Callable[[Callable[[Path], object]], Path]) -> Path:
    """A store that the test may change."""
    return put_back(filled)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that tests only read."""
    return filled(tmp_path_factory.mktemp("shared") / "the user's store")


def test_a_path_without_a_store_reads_as_an_empty_one(root: Path) -> None:
    with Store(root) as store:
        for name in {*TABLES, *(view.name for view in views())} - DEFINITIONS:
            assert store.sql(f"SELECT count(*) FROM {name}").fetchall() == [(0,)], name
        assert store.sql("SELECT count(*) > 10 FROM metric").fetchall() == [(True,)]
        assert store.runs().fetchall() == []
        with pytest.raises(RunNotFound, match="The store is empty"):
            store.resolve("x")
    assert not root.exists()


def test_an_empty_store_has_the_columns_of_a_full_one(root: Path, shared: Path) -> None:
    with Store(root.parent / "none") as empty, Store(shared) as full:
        for name in {*TABLES, *(view.name for view in views())}:
            assert empty.sql(f"DESCRIBE {name}").fetchall() == full.sql(f"DESCRIBE {name}").fetchall(), name


def test_sql_answers_with_a_relation_and_binds_values(shared: Path) -> None:
    with Store(shared) as opened:
        relation = opened.sql("SELECT run_id, count(*) AS n FROM kernel WHERE run_id = ? GROUP BY ALL", ["a1"])
        assert relation.fetchall() == [("a1", 7)]
        assert opened.sql("SELECT count(*) FROM kernel WHERE run_id = $id", {"id": "b1"}).fetchall() == [(7,)]
        assert opened.sql("SELECT run_id, run FROM run").filter("run = 'jax'").pl()["run_id"].to_list() == ["b1"]
        assert opened.arrow("SELECT sum(calls) AS calls FROM kernel_summary")["calls"].to_pylist() == [28]


@pytest.mark.parametrize(
    "query", ["SELEC 1", "SELECT nothing FROM run", "FROM no_such_view", "DELETE FROM base.run", "DROP VIEW kernel", "SELECT ?"]
)
def test_bad_sql_is_one_line(shared: Path, query: str) -> None:
    with Store(shared) as opened, pytest.raises(QueryError) as caught:
        opened.arrow(query)
    assert "\n" not in str(caught.value)
    assert caught.value.sql == query


def test_an_error_that_shows_while_running_is_a_query_error_too(shared: Path) -> None:
    with Store(shared) as opened, pytest.raises(QueryError, match="no such luck"):
        opened.arrow("SELECT error('no such luck') FROM run")


def test_runs_come_latest_first(shared: Path) -> None:
    with Store(shared) as opened:
        assert opened.runs().pl()["run_id"].to_list() == ["c1", "b1", "a2", "a1"]


@pytest.mark.parametrize(
    ("name", "run_ids"),
    [
        ("torch", ("a2",)),  # a name: the latest
        ("torch@all", ("a2", "a1")),
        ("a1", ("a1",)),  # an id
        ("b1", ("c1",)),  # a name goes before an id
        ("b1@all", ("c1",)),
        ("j", ("b1",)),  # a unique beginning of a name
        ("tor", ("a2",)),
        ("c", ("c1",)),  # a unique beginning of an id
    ],
)
def test_what_a_name_means(shared: Path, name: str, run_ids: tuple[str, ...]) -> None:
    with Store(shared) as opened:
        assert opened.resolve(name) == run_ids


@pytest.mark.parametrize("name", ["nothing", "a", "", "@all", "jax@none", "j@all"])
def test_names_that_mean_nothing_or_too_much(shared: Path, name: str) -> None:
    with Store(shared) as opened, pytest.raises(RunNotFound, match=f"No run answers to '{name}'"):
        opened.resolve(name)


def test_a_snapshot_stays_until_it_is_refreshed(store: Path) -> None:
    with Store(store) as opened:
        small_run.write(store, "d1")
        publish(store)
        assert len(opened.runs()) == 4
        opened.refresh()
        assert len(opened.runs()) == 5


def test_a_relation_handed_out_before_keeps_its_snapshot(store: Path) -> None:
    with Store(store) as opened:
        runs = opened.runs()
        small_run.write(store, "d1")
        publish(store)
        opened.refresh()
        assert len(runs.fetchall()) == 4
        assert len(opened.runs().fetchall()) == 5


def test_threads_ask_one_store(shared: Path) -> None:
    answers: list[list[tuple[int]]] = []

    def ask(opened: Store) -> None:
        answers.extend(opened.sql("SELECT count(*) FROM kernel").fetchall() for _ in range(10))

    with Store(shared) as opened:
        threads = [threading.Thread(target=ask, args=(opened,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [[(28,)]] * 40


_ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7"


def test_closing_ends_what_another_thread_asks(shared: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        opened = Store(shared)
        answer = pool.submit(opened.arrow, _ENDLESS)
        assert not wait([answer], timeout=0.5).done
        opened.close()
        with pytest.raises(QueryError, match="Interrupted"):
            answer.result(timeout=10)


def test_what_another_thread_asks_can_be_interrupted(shared: Path) -> None:
    with Store(shared) as opened, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(opened.arrow, _ENDLESS)
        for _ in range(100):
            opened.interrupt()
            if wait([answer], timeout=0.1).done:
                break
        with pytest.raises(QueryError, match="Interrupted"):
            answer.result(timeout=0)
        assert pool.submit(opened.arrow, "SELECT 1").result(timeout=10).num_rows == 1


def test_what_memory_cannot_hold_goes_outside_the_store(shared: Path) -> None:
    with Store(shared) as first, Store(shared) as second:
        folders = {opened.sql("SELECT current_setting('temp_directory')").fetchall()[0][0] for opened in (first, second)}
    assert len(folders) == 1
    assert not folders.pop().startswith(str(shared))


def test_comparing_by_name(shared: Path) -> None:
    with Store(shared) as opened:
        comparison = opened.compare("torch", "jax", metrics=["step_time"])
        assert len(comparison.others) == 1
        with pytest.raises(RunNotFound):
            opened.compare("torch", "nothing")


def test_parts_without_a_catalog_are_published_on_opening(root: Path) -> None:
    small_run.write(root, "a")
    with Store(root) as opened:
        assert opened.resolve("a") == ("a",)


def test_a_run_whose_files_vanish_is_met_by_a_fresh_snapshot(store: Path) -> None:
    with Store(store) as opened:
        shutil.rmtree(store / "runs" / "run_id=a1")
        publish(store)
        assert opened.arrow("SELECT DISTINCT run_id FROM kernel ORDER BY ALL")["run_id"].to_pylist() == ["a2", "b1", "c1"]


def test_a_moved_store_opens_at_its_new_place(store: Path) -> None:
    moved = store.parent / "elsewhere"
    store.rename(moved)
    with Store(moved) as opened:
        assert opened.sql("SELECT count(*) FROM kernel").fetchall() == [(28,)]
    with duckdb.connect(str(moved / "crossprof.duckdb"), read_only=True) as foreign:
        assert foreign.execute("SELECT count(*) FROM kernel").fetchall() == [(28,)]


def test_a_copied_store_reads_its_own_files(store: Path) -> None:
    copied = store.parent / "copy"
    shutil.copytree(store, copied, symlinks=True)
    shutil.rmtree(copied / "runs" / "run_id=a1")
    with Store(copied) as opened:
        assert opened.sql("SELECT count(*) FROM kernel").fetchall() == [(21,)]
    with Store(store) as opened:
        assert opened.sql("SELECT count(*) FROM kernel").fetchall() == [(28,)]


def test_a_store_reached_through_a_link_is_not_a_moved_one(store: Path) -> None:
    link = store.parent / "link"
    link.symlink_to(store)
    before = (store / "crossprof.duckdb").readlink()
    with Store(link) as opened:
        assert opened.sql("SELECT count(*) FROM kernel").fetchall() == [(28,)]
    assert (store / "crossprof.duckdb").readlink() == before


def test_a_client_that_holds_the_catalog_for_writing_shuts_nobody_out(store: Path) -> None:
    path = (store / "crossprof.duckdb").resolve()
    path.chmod(0o644)
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import duckdb; c = duckdb.connect({str(path)!r}); print('held', flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    try:
        with Store(store) as opened:
            assert opened.sql("SELECT count(*) FROM kernel").fetchall() == [(28,)]
            small_run.write(store, "d1")
            assert publish(store).added == ("d1",)
            opened.refresh()
            assert opened.sql("SELECT count(*) FROM kernel").fetchall() == [(35,)]
    finally:
        holder.communicate(b"\n", timeout=30)


def test_a_holder_in_this_very_process_shuts_nobody_out(store: Path) -> None:
    path = (store / "crossprof.duckdb").resolve()
    path.chmod(0o644)
    with duckdb.connect(str(path)), Store(store) as opened:
        assert opened.sql("SELECT count(*) FROM kernel").fetchall() == [(28,)]


def test_a_path_under_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"Can't write to the store .*file/store: Not a directory") as caught:
        publish(tmp_path / "file" / "store")
    assert "\n" not in str(caught.value)


def as_nobody(code: str) -> str:
    """What the code prints when a user without rights runs it."""
    # everything that the code needs is loaded first: nobody may not read root's own Python
    imports = "import os, pathlib, pyarrow, crossprof.store, crossprof.errors; crossprof.store.Store('/none').runs().fetchall()"
    child = f"{imports}\nos.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n{textwrap.dedent(code)}"
    done = subprocess.run(
        [sys.executable, "-c", child], capture_output=True, text=True, timeout=120, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_without_write_permission_a_store_is_read_and_not_written(store: Path) -> None:
    for folder in (store, *store.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    moved = store.parent / "moved"
    shutil.copytree(store, moved, symlinks=True)
    printed = as_nobody(f"""
        from pathlib import Path
        from crossprof.errors import StoreError
        from crossprof.store import Store, publish
        with Store({str(store)!r}) as opened:
            print(opened.sql("SELECT count(*) FROM kernel").fetchall())
        for attempt in (lambda: publish(Path({str(store)!r})), lambda: Store({str(moved)!r})):
            try:
                attempt()
            except StoreError as error:
                print(error)
    """)
    read, refused, moved_line = printed.splitlines()
    assert read == "[(28,)]"
    assert (
        refused == f"Can't write to the store {store}: Permission denied. Choose another with --store PATH or CROSSPROF_STORE."
    )
    assert "crossprof reindex" in moved_line
    assert str(moved) in moved_line
