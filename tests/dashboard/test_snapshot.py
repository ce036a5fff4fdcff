"""A server's view of a store that others publish to."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.errors import QueryError
from crossprof.store import Store


def test_a_new_catalog_is_seen_and_an_answer_half_made_goes_on_with_the_old(tmp_path: Path, synthetic: ModuleType) -> None:
    synthetic.write_store(tmp_path, synthetic.DEMO[:1])
    snapshot = Snapshot(tmp_path)
    before = snapshot.store()
    assert len(frame(before, "select * from run")) == 1
    synthetic.write_store(tmp_path, synthetic.DEMO[1:2])
    after = snapshot.store()
    assert len(frame(after, "select * from run")) == 2
    assert len(frame(before, "select * from run")) == 1
    assert snapshot.store() is after
    snapshot.close()


def test_an_answer_is_remembered_until_the_next_catalog_and_an_error_is_not(tmp_path: Path, synthetic: ModuleType) -> None:
    synthetic.write_store(tmp_path, synthetic.DEMO[:1])
    snapshot = Snapshot(tmp_path)
    asked: list[str] = []

    def runs(store: Store) -> int:
        asked.append("runs")
        return len(frame(store, "select * from run"))

    assert [snapshot.remembered(runs, "runs", "light") for _ in range(3)] == [1, 1, 1]
    assert snapshot.remembered(runs, "runs", "dark") == 1
    assert len(asked) == 2
    synthetic.write_store(tmp_path, synthetic.DEMO[1:2])
    assert snapshot.remembered(runs, "runs", "light") == 2
    for _ in range(2):
        with pytest.raises(QueryError):
            snapshot.remembered(lambda store: frame(store, "select * from nowhere"), "error")
    snapshot.close()
