"""The page Runs: its rows and columns, what it is filtered and grouped by, and what it changes in a store."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import plotly.utils
import polars as pl
import pytest

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.trend import over_runs
from crossprof.dashboard.pages import runs
from crossprof.dashboard.runs import edits
from crossprof.dashboard.runs.table import QUERY, columns, deltas, facets, groupings, load
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.theme import theme
from crossprof.errors import StoreError
from crossprof.store import Store, publish


@pytest.fixture(scope="module")
def snapshot(synthetic_store: Path) -> Snapshot:
    return Snapshot(synthetic_store)


@pytest.fixture
def small_store(tmp_path: Path, synthetic: ModuleType) -> Path:
    """A store of one's own, of two runs."""
    path: Path = synthetic.write_store(tmp_path, synthetic.DEMO[:2])
    return path


def part(layout: Any, name: str) -> Any:
    """The properties of the component of that id, as the browser gets them."""
    waiting = [json.loads(json.dumps(layout, cls=plotly.utils.PlotlyJSONEncoder))]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict) and one.get("props", {}).get("id") == name:
            return one["props"]
        waiting += (
            one if isinstance(one, list) else [one["props"].get("children")] if isinstance(one, dict) and "props" in one else []
        )
    raise LookupError(name)


def test_a_row_for_each_run_latest_first(snapshot: Snapshot) -> None:
    rows = part(runs.layout(snapshot, {}), "runs")["rowData"]
    assert [row["run"] for row in rows][:2] == ["bert-base-fp32", "bert-base"]
    first = next(row for row in rows if row["run_id"] == "syn-torch-0001")
    assert first["step_time"] == pytest.approx(52e6, rel=0.02)
    assert first["step_time_text"].startswith("5")
    assert "[" in first["step_time_text"]
    assert (first["verdict"], first["verdict_why"]) == ("usable", "ops_hidden")
    assert first["tags"] == "precision=float32"


def test_columns_are_those_that_some_run_fills_and_those_that_one_may_fill(snapshot: Snapshot) -> None:
    rows, units = load(snapshot.store())
    bare = [row | {"model": "–", "tags": ""} for row in rows]
    fields = [column["field"] for column in columns(bare, units)]
    assert fields[:4] == ["is_pinned", "run", "framework", "step_time"]
    assert "model" not in fields
    assert {"tags", "note"} < set(fields)
    assert "model" in [column["field"] for column in columns(rows, units)]


def test_columns_that_one_chose_show_and_sort(snapshot: Snapshot) -> None:
    rows, units = load(snapshot.store())
    held = {column["field"]: column for column in columns(rows, units, shown=["host"], sort="step_time:desc")}
    assert [field for field, column in held.items() if not column["hide"]] == ["is_pinned", "run", "host"]
    assert held["step_time"]["sort"] == "desc"


def test_the_address_reaches_every_control(snapshot: Snapshot) -> None:
    query = {"q": "jax", "runs": "a,b", "base": "a", "only": "tag:precision=bf16", "group": "model", "trend": "bert-base"}
    layout = runs.layout(snapshot, {**query, "metric": "throughput", "cols": "host"})
    assert part(layout, "runs")["selectedRows"] == {"ids": ["a", "b"]}
    for name, held in {"filter": "jax", "facets": ["tag:precision=bf16"], "group": "model", "columns": ["host"]}.items():
        assert part(layout, name)["value"] == held
    assert (part(layout, "trend-name")["value"], part(layout, "trend-metric")["value"]) == ("bert-base", "throughput")
    assert part(layout, "baseline")["data"] == "a"


def test_filters_and_groups_are_what_the_runs_have(snapshot: Snapshot) -> None:
    rows, _ = load(snapshot.store())
    found = {one["group"]: [item["value"] for item in one["items"]] for one in facets(rows)}
    assert found["Framework"] == ["framework:JAX", "framework:PyTorch", "framework:TensorFlow"]
    assert found["Tag"] == ["tag:precision=bf16", "tag:precision=float32"]
    assert {"value": "tag:precision", "label": "Tag precision"} in groupings(rows)


def test_changes_against_the_baseline_say_how_sure_they_are(snapshot: Snapshot) -> None:
    rows, units = load(snapshot.store())
    deltas(snapshot.store(), rows, "syn-torch-0001")
    held = {row["run_id"]: row for row in rows}
    assert held["syn-tensorflow-1"]["delta_step_time_text"].startswith("▲ +36")
    assert held["syn-tensorflow-1"]["delta_step_time_tone"] == "worse"
    assert held["syn-torch-0002"]["delta_step_time_text"].startswith("~ ")
    assert "delta_step_time" not in held["syn-torch-0001"]
    assert "delta_step_time" in [column["field"] for column in columns(rows, units, shown=["host"]) if not column["hide"]]


def test_the_query_of_the_table_runs(snapshot: Snapshot) -> None:
    assert len(snapshot.store().arrow(QUERY)) == 6


def cell(column: str, value: Any, before: Any = "") -> dict[str, Any]:
    data = {"run_id": "syn-torch-0001", "run": "tiny-transformer"}
    return {"colId": column, "value": value, "oldValue": before, "data": data}


def test_cells_that_a_user_changes_reach_the_store(small_store: Path) -> None:
    said = edits.apply(small_store, [cell("tags", "gpu=h100, team = a", "precision=float32"), cell("note", "the good one")])
    assert said == "The tags of tiny-transformer are saved. The note of tiny-transformer is saved."
    edits.apply(small_store, [cell("is_pinned", True)])
    with Store(small_store) as store:
        (row,) = store.sql("select tags, note, is_pinned from run where run_id = 'syn-torch-0001'").fetchall()
    assert row == ({"gpu": "h100", "team": "a"}, "the good one", True)
    assert load(Store(small_store))[0][1]["is_pinned"]
    assert edits.apply(small_store, [cell("is_pinned", False)]) == "tiny-transformer is no longer pinned."


def test_what_is_no_tag_is_refused_and_changes_nothing(small_store: Path) -> None:
    with pytest.raises(StoreError, match="'fast' is no tag"):
        edits.apply(small_store, [cell("tags", "a=b, fast")])
    publish(small_store)
    with Store(small_store) as store:
        assert store.sql("select map_keys(tags) from run where run_id = 'syn-torch-0001'").fetchall() == [(["precision"],)]


def test_deleting_says_first_what_is_lost(small_store: Path) -> None:
    with Store(small_store) as store:
        told = json.dumps(edits.farewell(store, ["syn-torch-0001"]), cls=plotly.utils.PlotlyJSONEncoder)
    assert "artifacts/syn-torch-0001/rank-0/capture-0/trace.json.gz" in told
    assert "1.18" in told
    assert edits.delete_runs(small_store, ["syn-torch-0001"]) == "Deleted 1 run."
    with Store(small_store) as store:
        assert [row[0] for row in store.sql("select run_id from run").fetchall()] == ["syn-tensorflow-1"]


POINTS = pl.DataFrame(
    {
        "run_id": ["b", "a", "c"],
        "run": ["net"] * 3,
        "framework": ["torch", "torch", "jax"],
        "framework_version": ["2.13", "2.12", None],
        "started_ns": [2 * 10**18, 10**18, 3 * 10**18],
        "value": [3e6, 2e6, 4e6],
        "ci_low": [2.5e6, None, 3e6],
        "ci_high": [3.5e6, None, 5e6],
    }
)


def test_a_trend_is_in_time_order_with_intervals_and_the_baseline() -> None:
    figure = over_runs(POINTS, {"run": "base", "value": 1e6}, theme("light"), unit="ns")
    assert [trace.name for trace in figure.data] == ["PyTorch", "JAX"]
    assert (list(figure.data[0].x), list(figure.data[0].y)) == ([1, 2], [2.0, 3.0])
    assert list(figure.data[0].error_y.array) == [0, 0.5]
    assert figure.layout.shapes[0].y0 == 1.0
    assert figure.layout.annotations[0].text == "baseline base"
    assert figure.layout.yaxis.title.text == "ms"


def test_a_metric_that_no_run_has_is_no_trend() -> None:
    with pytest.raises(Absent, match="no run of this name has the metric"):
        over_runs(POINTS.with_columns(value=pl.lit(None, pl.Float64)), None, theme("light"), unit="ns")
