from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import small_run

from crossprof.errors import StoreError
from crossprof.store import Store, edits, publish
from crossprof.store.layout import create


def run_row(root: Path, columns: str) -> tuple[object, ...]:
    with Store(root) as store:
        (row,) = store.sql(f"SELECT {columns} FROM run").fetchall()
    return tuple(row)


@pytest.fixture
def published(put_back: Callable[[Callable[[Path], object]], Path]) -> Path:
    return put_back(filled)


def filled(root: Path) -> None:
    small_run.write(root, "a", name="first")
    publish(root)


def test_a_new_name_shows_in_every_view_at_the_next_publish(published: Path) -> None:
    edits.rename(published, "a", "better")
    assert run_row(published, "run") == ("first",)
    publish(published)
    assert run_row(published, "run") == ("better",)
    with Store(published) as store:
        assert store.sql("SELECT DISTINCT run FROM kernel_summary").fetchall() == [("better",)]
        assert store.sql("SELECT DISTINCT run FROM step_time").fetchall() == [("better",)]
        assert store.resolve("better") == ("a",)


def test_an_empty_name_brings_back_the_recorded_one(published: Path) -> None:
    edits.rename(published, "a", "better")
    edits.rename(published, "a", "")
    publish(published)
    assert run_row(published, "run") == ("first",)


def test_tags_are_set_beside_the_recorded_ones_and_taken_away(published: Path) -> None:
    edits.tag(published, "a", {"gpu": "h100", "precision": None})
    publish(published)
    assert run_row(published, "tags") == ({"gpu": "h100"},)
    edits.tag(published, "a", {"gpu": None, "precision": "fp8"})
    publish(published)
    assert run_row(published, "tags") == ({"precision": "fp8"},)


def test_a_note_and_a_pin(published: Path) -> None:
    edits.note(published, "a", "the good one")
    edits.pin(published, "a")
    publish(published)
    assert run_row(published, "note, is_pinned") == ("the good one", True)
    edits.note(published, "a", "")
    edits.pin(published, "a", is_pinned=False)
    publish(published)
    assert run_row(published, "note, is_pinned") == (None, False)


def test_edits_survive_a_rebuild(published: Path) -> None:
    edits.rename(published, "a", "better")
    publish(published, rebuild=True)
    assert run_row(published, "run, tags['precision']") == ("better", "bf16")


def test_edits_alone_publish_and_none_publish_nothing(published: Path) -> None:
    before = publish(published).path
    edits.pin(published, "a")
    after = publish(published).path
    assert after != before
    assert publish(published).path == after


@pytest.mark.parametrize("name", ["a@all", "two\nlines"])
def test_a_name_that_could_not_be_asked_for_is_refused(published: Path, name: str) -> None:
    with pytest.raises(StoreError, match="can't be the name of a run"):
        edits.rename(published, "a", name)


def test_threads_edit_at_once(published: Path) -> None:
    def change(number: int) -> None:
        for turn in range(5):
            edits.tag(published, "a", {f"{number}-{turn}": "x"})

    threads = [threading.Thread(target=change, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(edits.read(published).rows) == 20
    assert edits.read(published).revision == 20


def test_the_first_edits_of_a_store_wait_for_each_other(root: Path) -> None:
    path = create(root).edits
    with sqlite3.connect(path, isolation_level=None, check_same_thread=False) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE another_s (i)")
        release = threading.Timer(0.3, other.execute, ["COMMIT"])
        release.start()
        edits.tag(root, "a", {"b": "c"})
        release.join()
    other.close()
    assert edits.read(root).rows == (("a", "tag:b", "c"),)
