"""A server's view of a store that others publish to."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from crossprof.dashboard.snapshot import Snapshot, frame


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
