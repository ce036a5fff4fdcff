"""Kernels and Operators: which rows their grids hold, in which order, and what is told of the chosen one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import plotly.utils
import polars as pl
import pytest

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures import durations, step_trend
from crossprof.dashboard.operations import KERNELS, OPERATORS, detail, layout
from crossprof.dashboard.operations.requests import texts
from crossprof.dashboard.operations.rows import Wanted, block, categories, extent, identity, key_of, known
from crossprof.dashboard.operations.subject import Scope
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.theme import Lane, theme
from crossprof.store import Store, publish, write_part

GPU = ("syn-torch-gpu-1",)
BOTH = (*GPU, "syn-torch-gpu-2")
SGEMM = "kernel|gemm||ampere_sgemm_128x64_tn"


@pytest.fixture(scope="module")
def snapshot(synthetic_store: Path) -> Snapshot:
    return Snapshot(synthetic_store)


@pytest.fixture(scope="module")
def tiny_store(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The hand-checked run tiny-gpu as a store of its own."""
    path: Path = tmp_path_factory.mktemp("tiny")
    with tiny.connect() as connection:
        connection.execute(tiny.SQL)
        _write(connection, path)
    publish(path)
    with Store(path) as store:
        yield store


def _write(connection: duckdb.DuckDBPyConnection, path: Path, *, run_id: str = "run-gpu") -> None:
    tables = [
        name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'base'").fetchall()
    ]
    with duckdb.connect() as part:
        for table in tables:
            part.register(
                "rows",
                connection.sql(
                    f"SELECT * REPLACE ('{run_id}' AS run_id) FROM base.{table} WHERE run_id = 'run-gpu'"
                ).to_arrow_table(),
            )
            part.execute(f"CREATE TABLE {table} AS FROM rows")
        write_part(part, path, run_id=run_id, rank=0, content_sha256=run_id)


def text_of(parts: Any) -> str:
    return json.dumps(parts, cls=plotly.utils.PlotlyJSONEncoder, ensure_ascii=False)


def test_a_block_holds_the_rows_in_order_and_how_many_there_are(tiny_store: Store) -> None:
    scope = Scope(KERNELS, ("run-gpu",), "name", "per_step_ns")
    rows, count = block(tiny_store, scope, Wanted(sort="calls"), 0, 2)
    assert count == 6
    assert [(row["name"], row["calls"], row["total_ns"], row["per_step_ns"]) for row in rows] == [
        ("sgemm", 4, 90, 35.0),
        ("Memcpy HtoD", 2, 30, 10.0),
    ]
    assert [row["name"] for row in block(tiny_store, scope, Wanted(sort="name", descends=False), 4, 6)[0]] == ["relu", "sgemm"]
    assert categories(tiny_store, scope) != []


def test_words_and_categories_filter_and_an_unknown_order_is_the_first(tiny_store: Store) -> None:
    scope = Scope(KERNELS, ("run-gpu",), "name", "per_step_ns")
    assert [row["name"] for row in block(tiny_store, scope, Wanted("HTOD memcpy"), 0, 9)[0]] == ["Memcpy HtoD"]
    rows, count = block(tiny_store, scope, Wanted("", ["gemm", "elementwise"], "1; drop table run"), 0, 9)
    assert [row["name"] for row in rows] == ["sgemm", "relu"]
    assert count == 2
    assert block(tiny_store, scope, Wanted("'\" ? %"), 0, 9) == ([], 0)


def test_runs_stand_side_by_side_and_the_largest_change_comes_first(snapshot: Snapshot) -> None:
    scope = Scope(KERNELS, BOTH, "family", "per_step_ns")
    rows, _ = block(snapshot.store(), scope, Wanted(sort="change_1"), 0, 9)
    for row in rows:
        assert row["change_1"] == pytest.approx(row["value_1"] - row["value_0"])
    sizes = [abs(row["change_1"]) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    count, scales = extent(snapshot.store(), scope)
    assert count == len(rows)
    assert {scale.unit for scale in scales.values()} == {"ms"}
    shown = texts(rows, {field: [scale.unit, scale.divisor] for field, scale in scales.items()})
    assert shown[0]["change_1_text"].startswith("+")


def test_a_run_without_it_leaves_a_gap_and_the_change_is_all_of_it(snapshot: Snapshot) -> None:
    scope = Scope(OPERATORS, ("syn-torch-0001", "syn-jax-00000001"), "operator", "self_ns")
    rows, _ = block(snapshot.store(), scope, Wanted("addmm"), 0, 9)
    assert rows[0]["value_1"] is None
    assert rows[0]["change_1"] == -rows[0]["value_0"]


def test_a_run_without_measured_steps_is_compared_in_what_it_tells(tiny: ModuleType, tmp_path: Path) -> None:
    with tiny.connect() as connection:
        connection.execute(tiny.SQL)
        _write(connection, tmp_path)
        connection.execute("UPDATE base.step SET is_profiled = false")
        connection.execute("DELETE FROM base.kernel WHERE name = 'relu'")
        _write(connection, tmp_path, run_id="stepless")
    publish(tmp_path)
    snapshot, run_ids = Snapshot(tmp_path), ("run-gpu", "stepless")
    assert known(snapshot.store(), KERNELS, run_ids, "name") == ["total_ns", "mean_ns", "calls"]
    assert "Total, ns" in text_of(layout(snapshot, {"runs": "run-gpu,stepless"}, KERNELS))
    rows, _ = block(snapshot.store(), Scope(KERNELS, run_ids, "name", "per_step_ns"), Wanted(), 0, 9)
    assert [row["change_1"] for row in rows] == [None] * 6
    rows, _ = block(snapshot.store(), Scope(KERNELS, run_ids, "name", "total_ns"), Wanted("relu"), 0, 9)
    assert [(row["value_0"], row["value_1"], row["change_1"]) for row in rows] == [(20, None, -20)]
    snapshot.close()


def test_operators_open_as_a_flame_graph(snapshot: Snapshot) -> None:
    assert "Flame graph of bert-base-fp32" in text_of(layout(snapshot, {"runs": ",".join(BOTH)}, OPERATORS))
    assert "Flame graph" not in text_of(layout(snapshot, {"runs": ",".join(BOTH)}, KERNELS))


def test_a_key_leads_back_to_its_row() -> None:
    row = {"name": "f<a|b>(int)", "kind": "op", "category": "gemm", "shapes": "[[2,3]]"}
    assert identity(key_of(row)) == ["f<a|b>(int)", "op", "gemm", "[[2,3]]"]
    assert identity("nothing") == ["nothing", "", "", None]


def test_the_chosen_kernel_tells_where_it_comes_from(tiny_store: Store) -> None:
    held = text_of(detail.of(tiny_store, Scope(KERNELS, ("run-gpu",), "name", "per_step_ns"), "kernel|gemm||sgemm"))
    for label in ("cudaLaunchKernel", "cudaGraphLaunch", "aten::linear", "aten::mm"):
        assert label in held
    assert "/timeline?runs=run-gpu&find=sgemm" in held
    assert "/operators?runs=run-gpu&q=aten%3A%3Amm" in held


def test_the_tree_reads_from_the_top_the_most_time_first(tiny_store: Store) -> None:
    cards = detail.of(tiny_store, Scope(KERNELS, ("run-gpu",), "name", "per_step_ns"), "kernel|gemm||sgemm")
    depths = [
        (cell["props"]["children"]["props"]["children"], cell["props"]["style"]["--depth"])
        for cell in _cells(json.loads(text_of(cards[2])), "tree")
    ]
    flat = [(label if isinstance(label, str) else label[0], depth) for label, depth in depths]
    assert flat == [
        ("cudaLaunchKernel", 0),
        ("aten::linear", 1),
        ("aten::mm", 2),
        ("aten::mm", 1),
        ("cudaGraphLaunch", 0),
        ("aten::mm", 1),
    ]


def _cells(part: Any, kind: str) -> list[Any]:
    if isinstance(part, list):
        return [cell for one in part for cell in _cells(one, kind)]
    if not isinstance(part, dict):
        return []
    props = part.get("props", {})
    return [part] if props.get("className") == kind else _cells(props.get("children"), kind)


def test_the_chosen_operator_tells_its_kernels_and_shapes(tiny_store: Store) -> None:
    held = text_of(detail.of(tiny_store, Scope(OPERATORS, ("run-gpu",), "operator", "per_step_ns"), "op|gemm||aten::mm"))
    assert "[[2,3],[3,4]]" in held
    assert "sel=kernel%7Cgemm%7C%7Csgemm" in held


def test_what_no_run_has_says_so(snapshot: Snapshot) -> None:
    held = text_of(detail.of(snapshot.store(), Scope(KERNELS, GPU, "name", "per_step_ns"), "kernel|gemm||gone"))
    assert "no run here has a kernel of that name" in held


def test_a_run_without_kernels_and_an_empty_store_say_what_to_do(snapshot: Snapshot, tmp_path: Path) -> None:
    held = text_of(layout(snapshot, {"runs": "syn-jax-00000001"}, KERNELS))
    assert "None, because the run holds no work on a device" in held
    assert "/operators?runs=syn-jax-00000001" in held
    assert "crossprof demo" in text_of(layout(Snapshot(tmp_path / "nothing"), {}, OPERATORS))


def test_the_address_decides_what_the_page_shows(snapshot: Snapshot) -> None:
    query = {"runs": ",".join(BOTH), "level": "family", "by": "calls", "q": "a", "categories": "gemm,none", "sort": "change_1"}
    held = json.loads(text_of(layout(snapshot, query, KERNELS)))
    (grid,) = [part for part in _all(held) if part.get("id") == "kernels-grid"]
    columns = [column for group in grid["columnDefs"] for column in group.get("children", [group])]
    assert [column["field"] for column in columns] == ["name", "category", "value_0", "value_1", "change_1"]
    assert [column["field"] for column in columns if column.get("sort") == "asc"] == ["change_1"]
    (chips,) = [part for part in _all(held) if part.get("id") == "kernels-categories"]
    assert chips["value"] == ["gemm"]
    assert "Calls" in grid["columnDefs"][2]["children"][0]["headerName"]


def _all(part: Any) -> list[dict[str, Any]]:
    if isinstance(part, list):
        return [one for held in part for one in _all(held)]
    if not isinstance(part, dict):
        return []
    props = part.get("props", {})
    return [props, *_all(props.get("children"))]


def test_durations_have_a_histogram_each_and_one_course_over_all() -> None:
    lanes = [Lane(run, run, "torch", "#D55E00", "solid") for run in ("a", "b")]
    bins = pl.DataFrame({
        "run_id": ["a", "a", "b"], "is_log": [False, False, False], "low_ns": [10.0, 18.0, 5.0], "high_ns": [14.0, 22.0, 6.0],
        "calls": [3, 1, 7],
    })  # fmt: skip
    quantiles = pl.DataFrame({"run_id": ["a", "a", "b"], "quantile_ratio": [0.0, 1.0, 0.5], "dur_ns": [10.0, 20.0, 5.0]})
    figure = durations.spread(bins, quantiles, lanes, theme("light"))
    assert [trace.name for trace in figure.data] == ["a", "a", "b", "b"]
    assert list(figure.data[0].x) == [10, 10, 14, 14, 18, 18, 22, 22]  # down to nothing between the two
    assert list(figure.data[0].y) == [0, 3, 3, 0, 0, 1, 1, 0]
    assert figure.layout.xaxis.type is None
    wide = durations.spread(bins.with_columns(is_log=pl.lit(True)), quantiles, lanes, theme("dark"))
    assert wide.layout.xaxis.type == "log"
    ticks = zip(wide.layout.xaxis.tickvals, wide.layout.xaxis.ticktext, strict=True)
    assert [text for at, text in ticks if 5 <= at <= 20] == ["5", "7", "10", "15", "20"], "each in full: no 2 for 20"
    with pytest.raises(Absent):
        durations.spread(bins.clear(), quantiles.clear(), lanes, theme("light"))


def test_steps_that_are_not_measured_are_hollow() -> None:
    steps = pl.DataFrame(
        {"run_id": ["a", "a"], "step": [4, 3], "is_measured": [True, False], "calls": [2, 1], "self_ns": [40, 10]}
    )
    figure = step_trend.course(steps, [Lane("a", "a", "torch", "#D55E00", "solid")], theme("light"))
    assert list(figure.data[0].x) == [3, 4]
    assert list(figure.data[0].y) == [10, 40]
    assert list(figure.data[1].y) == [1, 2]
    assert list(figure.data[0].marker.symbol) == ["circle-open", "circle"]
    with pytest.raises(Absent, match="marks no steps"):
        step_trend.course(steps.clear(), [], theme("light"))
