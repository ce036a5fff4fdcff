"""Which runs a page is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossprof.dashboard.selection import chosen, names_in, picker
from crossprof.dashboard.snapshot import Snapshot
from crossprof.errors import RunNotFound


@pytest.mark.parametrize(
    ("query", "names"),
    [({}, []), ({"run": "a"}, ["a"]), ({"runs": "a,b,a,"}, ["a", "b"]), ({"runs": "b", "run": "a"}, ["b"])],
)
def test_an_address_names_runs(query: dict[str, str], names: list[str]) -> None:
    assert names_in(query) == names


def test_the_latest_run_is_shown_where_the_address_names_none(synthetic_store: Path, tmp_path: Path) -> None:
    assert [run["run"] for run in chosen(Snapshot(synthetic_store).store(), {})] == ["bert-base-fp32"]
    assert chosen(Snapshot(tmp_path / "empty").store(), {}) == []


def test_runs_are_named_by_name_id_or_prefix_and_no_more_than_fit(synthetic_store: Path) -> None:
    store = Snapshot(synthetic_store).store()
    found = chosen(store, {"runs": "syn-torch-0001,bert-base-fp32,syn-jax"}, most=2)
    assert len(found) == 2
    assert found[0]["run_id"] == "syn-torch-0001"
    with pytest.raises(RunNotFound):
        chosen(store, {"run": "nobody"})


def test_the_picker_holds_what_is_shown(synthetic_store: Path) -> None:
    store = Snapshot(synthetic_store).store()
    runs = chosen(store, {"runs": "syn-torch-0001"})
    one, several = picker(store, runs).children, picker(store, runs, most=2).children
    assert one.value == "syn-torch-0001"
    assert several.value == ["syn-torch-0001"]
    assert several.maxValues == 2
    assert len(one.data) == len(store.sql("select * from run").pl())
