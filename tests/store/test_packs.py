from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import small_run

from crossprof.store import Layout, Store, delete, gc, packs, publish

ANSWERS = ("kernel", "step", "run", "kernel_summary", "step_time", "device_busy")


@pytest.fixture
def store(put_back: Callable[[Callable[[Path], object]], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five runs in three packs, of two, two and one, and one run that lies loose."""
    monkeypatch.setattr(packs, "_LOOSE_PARTS", 5)
    monkeypatch.setattr(packs, "_PACKED_PARTS", 2)
    return put_back(filled)


def filled(root: Path) -> None:
    for number in range(5):
        small_run.write(root, f"{number}", kernel_ns=number)
    publish(root)
    small_run.write(root, "loose", kernel_ns=9)
    publish(root)


def answers(root: Path) -> dict[str, list[tuple[object, ...]]]:
    with Store(root) as store:
        return {name: store.sql(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in ANSWERS}


def packed(root: Path) -> list[tuple[str, bool]]:
    with Store(root) as store:
        return store.sql("SELECT run_id, pack IS NOT NULL FROM store.part ORDER BY run_id").fetchall()


def test_many_small_parts_are_read_from_packs(store: Path) -> None:
    assert packed(store) == [("0", True), ("1", True), ("2", True), ("3", True), ("4", True), ("loose", False)]
    folders = list(Layout(store).packs.iterdir())
    assert len(folders) == 3
    files = [str(file) for folder in folders for file in folder.glob("kernel.parquet")]
    assert duckdb.sql("SELECT count(*) FROM read_parquet(?)", params=[files]).fetchall() == [(5 * small_run.KERNELS,)]
    with Store(store) as opened:
        sums = opened.sql(
            "SELECT run_id, typeof(run_id), sum(dur_ns) // 7 FROM kernel GROUP BY run_id ORDER BY run_id"
        ).fetchall()
    assert sums == [*((f"{number}", "VARCHAR", number) for number in range(5)), ("loose", "VARCHAR", 9)]


def test_packs_change_no_answer(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_packs = answers(store)
    monkeypatch.setattr(packs, "_LOOSE_PARTS", 100)
    publish(store, rebuild=True)
    assert packed(store)[0] == ("0", False)
    assert answers(store) == with_packs


def test_a_deleted_run_dissolves_its_pack_alone(store: Path) -> None:
    with Store(store) as before:
        delete(store, ["1"])
        assert packed(store) == [("0", False), ("2", True), ("3", True), ("4", True), ("loose", False)]
        assert {row[0] for row in answers(store)["kernel"]} == {"0", "2", "3", "4", "loose"}
        assert before.sql("SELECT count(*) FROM kernel WHERE run_id = '1'").fetchall() == [(7,)]
    gc(store, now=True)
    assert len(list(Layout(store).packs.iterdir())) == 2
    assert {row[0] for row in answers(store)["kernel"]} == {"0", "2", "3", "4", "loose"}


def test_a_replaced_run_answers_with_its_new_rows(store: Path) -> None:
    small_run.write(store, "2", kernel_ns=50, replace=True)
    publish(store)
    with Store(store) as opened:
        assert opened.sql("SELECT sum(dur_ns) FROM kernel WHERE run_id = '2'").fetchall() == [(350,)]
        assert opened.sql("SELECT sum(dur_ns) FROM kernel WHERE run_id = '3'").fetchall() == [(21,)]


def test_a_rebuild_leaves_the_old_packs_to_gc(store: Path) -> None:
    before = answers(store)
    publish(store, rebuild=True)
    gc(store, now=True)
    with Store(store) as opened:
        current = {name for (name,) in opened.sql("SELECT DISTINCT pack FROM store.part").fetchall()}
    assert {entry.name for entry in Layout(store).packs.iterdir()} == current
    assert answers(store) == before


def test_a_moved_store_finds_its_packs(store: Path) -> None:
    before = answers(store)
    moved = store.parent / "key=value [x]"
    store.rename(moved)
    assert answers(moved) == before


def test_large_parts_are_read_where_they_lie(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "_LOOSE_PARTS", 2)
    monkeypatch.setattr(packs, "_SMALL_ROWS", 5)
    for run_id in ("a", "b", "c"):
        small_run.write(root, run_id)
    publish(root)
    assert packed(root) == [("a", False), ("b", False), ("c", False)]
