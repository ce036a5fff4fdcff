"""The page SQL without a browser: what it shows, what it answers, what it gives away to whom."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import plotly.utils
import pyarrow as pa
import pyarrow.parquet
import pytest
from flask.testing import FlaskClient

from crossprof.dashboard import create_app
from crossprof.dashboard.addresses import result_address
from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.query import SHADES, chart, left_out
from crossprof.dashboard.pages import sql
from crossprof.dashboard.sandbox import landlock
from crossprof.dashboard.sandbox.pool import Column, Rows, SandboxError
from crossprof.dashboard.sandbox.service import sandbox_over
from crossprof.dashboard.sandbox.statement import check
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.sql import results
from crossprof.dashboard.sql.examples import EXAMPLES
from crossprof.dashboard.theme import category_color, theme
from crossprof.errors import CrossprofError

needs_landlock = pytest.mark.skipif(not landlock.version(), reason="the kernel has no Landlock")
LOOK = theme("light")
FOUND = Rows(
    (Column("name", "VARCHAR", False), Column("ms", "DOUBLE", True), Column("category", "VARCHAR", False)),
    [["a", "2.5", "gemm"], ["b", "1", "copy"], ["c", None, "gemm"]],
    None,
    0.12,
)


def text_of(layout: Any) -> str:
    return json.dumps(layout, cls=plotly.utils.PlotlyJSONEncoder, ensure_ascii=False)


@pytest.fixture(scope="module")
def snapshot(synthetic_store: Path) -> Iterator[Snapshot]:
    made = Snapshot(synthetic_store)
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(synthetic_store: Path) -> Iterator[FlaskClient]:
    server = create_app(synthetic_store).server
    yield server.test_client()
    server.extensions["crossprof"].close()


def test_the_page_has_every_view_with_its_meaning_and_no_private_one(snapshot: Snapshot) -> None:
    held = text_of(sql.layout(snapshot, {}))
    assert "kernel_summary" in held
    assert "_device_time" not in held
    schema = json.loads(sql.layout(snapshot, {})[-1].children[0].to_plotly_json()["props"]["data-schema"])
    assert schema["run"]["columns"][0][:2] == ["run_id", "VARCHAR"]
    assert all(held["comment"] and all(column[2] for column in held["columns"]) for held in schema.values())


def test_a_query_in_the_address_is_in_the_editor_and_asked(snapshot: Snapshot) -> None:
    layout = sql.layout(snapshot, {"q": "select 'ü'", "kind": "bar", "x": "a"})
    stores = {part.id: part.data for part in layout if hasattr(part, "data")}
    assert stores["sql-asked"].pop("key"), "it can be stopped"
    assert stores == {"sql-asked": {"sql": "select 'ü'"}, "sql-chart": {"kind": "bar", "x": "a", "y": None, "colour": None}}
    assert "select 'ü'" in text_of(layout)
    assert {part.id: part.data for part in sql.layout(snapshot, {}) if hasattr(part, "data")}["sql-asked"] is None


def test_what_can_not_be_asked_here_is_said(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSPROF_SQL", "native")
    assert "only tables that the catalog holds" in text_of(sql.layout(snapshot, {}))
    monkeypatch.setenv("CROSSPROF_SQL", "off")
    with pytest.raises(CrossprofError, match="SQL is off"):
        sql.layout(snapshot, {})


def test_every_example_may_be_asked_and_has_an_answer(snapshot: Snapshot) -> None:
    store = snapshot.store()
    names = [name for (name,) in store.sql("select view_name from duckdb_views() where not internal").fetchall()]
    with duckdb.connect() as parser:
        for query in EXAMPLES.values():
            check(parser, query, names)
    empty = {name for name, query in EXAMPLES.items() if not store.arrow(query).num_rows}
    assert empty == {"Stragglers", "Communication: what is exposed"}


def test_the_grid_names_columns_as_the_query_does_and_keeps_numbers_whole() -> None:
    shown = results.grid(FOUND)
    assert [column["headerName"] for column in shown.columnDefs] == ["name", "ms", "category"]
    assert ["type" in column for column in shown.columnDefs] == [False, True, False]
    assert shown.rowData[0] == {"0": "a", "1": "2.5", "2": "gemm"}


def test_two_columns_of_one_name_stay_two() -> None:
    found = Rows((Column("a", "INTEGER", True), Column("a", "INTEGER", True)), [["1", "2"]], None, 0.1)
    assert results.grid(found).rowData == [{"0": "1", "1": "2"}]


def test_no_rows_a_plan_and_cut_rows_are_said() -> None:
    assert "matches no row" in text_of(results.grid(Rows(FOUND.columns, [], None, 0.1)))
    columns = (Column("explain_key", "VARCHAR", False), Column("explain_value", "VARCHAR", False))
    plan = Rows(columns, [["physical_plan", "SCAN"]], None, 0.1)
    assert text_of(results.grid(plan)).count("SCAN") == 1
    assert results.summary(FOUND) == "3 rows · 0.12 s"
    assert results.summary(Rows(FOUND.columns, FOUND.rows[:1], None, 0.1)) == "1 row · 0.10 s"
    assert "the first 3 rows; there are more" in results.summary(Rows(FOUND.columns, FOUND.rows, "rows", 0.1))
    assert "4 MiB" in results.summary(Rows(FOUND.columns, FOUND.rows, "bytes", 0.1))


@pytest.mark.parametrize(
    ("query", "position", "place", "line"),
    [("select a", 7, (1, 8), "select a\n       ^"), ("select\n  ü, b", 12, (2, 6), "  ü, b\n     ^"), ("", 0, (1, 1), "\n^")],
)
def test_an_error_points_at_its_place(query: str, position: int, place: tuple[int, int], line: str) -> None:
    assert results.place(query, position) == place
    shown = results.failure(SandboxError(query, "wrong", position))
    assert f"(line {place[0]}, column {place[1]})" in text_of(shown[0])
    assert shown[1].children == line
    assert len(results.failure(SandboxError(query, "wrong"))) == 1


def test_a_chart_draws_two_columns_a_trace_for_each_colour() -> None:
    names, ms, categories = ("name", ["a", "b", "c"], False), ("ms", ["2.5", "1", None]), ("kind", ["gemm", "copy", "gemm"])
    bars = chart("bar", names, ms, categories, LOOK).data
    assert [(bar.name, list(bar.y), list(bar.x)) for bar in bars] == [("gemm", ["a"], [2.5]), ("copy", ["b"], [1.0])]
    assert chart("bar", names, ms, ("category", categories[1]), LOOK).data[0].marker.color == category_color("gemm")
    points = chart("scatter", ("ms", ["1", "2", "x"], True), ms, None, LOOK)
    assert (list(points.data[0].x), list(points.data[0].y), points.data[0].mode) == ([1.0, 2.0], [2.5, 1.0], "markers")
    assert points.data[0].marker.color == SHADES[0]
    assert chart("line", ("ms", ["1", "2", "3"], True), ms, None, LOOK).data[0].mode == "lines"


def test_a_chart_that_would_say_nothing_says_why() -> None:
    with pytest.raises(Absent, match="no numbers"):
        chart("bar", ("a", ["x"], False), ("b", ["y"]), None, LOOK)
    many = [str(place) for place in range(11)]
    with pytest.raises(Absent, match="11 values"):
        chart("bar", ("a", many, True), ("b", many), ("c", many), LOOK)
    assert "the answer has no column gone" in text_of(sql._chart(lambda: FOUND, "bar", ("name", "gone", None), "light"))
    assert "no column is chosen" in text_of(sql._chart(lambda: FOUND, "bar", ("name", "", None), "light"))


def test_a_chart_says_what_it_leaves_out() -> None:
    names = [str(place) for place in range(41)]
    assert left_out("bar", ("name", names, False)) == "The first 40 of 41 values of name."
    assert left_out("bar", ("name", names, True)) == left_out("line", ("name", names, False)) == ""
    assert left_out("scatter", ("name", names * 200, True)) == "The first 5,000 of 8,200 rows."
    many = Rows(FOUND.columns, [[name, name, "gemm"] for name in names], None, 0.1)
    assert "The first 40 of 41" in text_of(sql._chart(lambda: many, "bar", ("name", "ms", "category"), "dark"))


@needs_landlock
def test_files_are_given_away(client: FlaskClient) -> None:
    asked = "select run, count(*) as steps from step_time group by run order by run"
    table = client.get(result_address(asked, "csv"))
    assert (table.status_code, table.text.splitlines()[0]) == (200, "run,steps")
    assert table.headers["Content-Disposition"] == 'attachment; filename="result.csv"'
    assert pyarrow.parquet.read_table(io.BytesIO(client.get(result_address(asked, "parquet")).data)).num_rows > 1
    assert pa.ipc.open_stream(client.get(result_address(asked, "arrow")).data).read_all().column_names == ["run", "steps"]
    refused = client.get(result_address("copy (select 1) to 'x'", "csv"))
    assert (refused.status_code, refused.mimetype, refused.text.count("\n")) == (400, "text/plain", 1)
    assert client.get("/sql/result.html?q=select 1").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost", "Origin": "http://evil.example"},
        {"Host": "localhost", "Origin": "null"},
        {"Host": "localhost", "Sec-Fetch-Site": "cross-site"},
        {"Host": "localhost", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_are_refused_before_anything_runs(
    client: FlaskClient, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossprof.dashboard.sandbox.pool.Sandbox._ask", lambda *_: pytest.fail("it ran"))
    for form in ("csv", "parquet", "arrow"):
        assert client.get(result_address("select 1", form), headers=headers).status_code == 403
    if "Sec-Fetch-Site" not in headers:
        body = {"output": "sql-answer.children", "inputs": [], "changedPropIds": []}
        assert client.post("/_dash-update-component", json=body, headers=headers).status_code == 403


def test_a_link_of_another_site_runs_nothing_by_itself(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page holds comes by a request of its own script, which has our own Origin."""
    monkeypatch.setattr("crossprof.dashboard.sandbox.pool.Sandbox._ask", lambda *_: pytest.fail("it ran"))
    assert (
        client.get("/sql?q=select+1", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status_code == 200
    )


def callback(client: FlaskClient, asked: dict[str, str] | None) -> str:
    body = {
        "output": "sql-answer.children",
        "outputs": {"id": "sql-answer", "property": "children"},
        "inputs": [{"id": "sql-asked", "property": "data", "value": asked}],
        "state": [{"id": "sql-chart", "property": "data", "value": {"kind": "bar", "x": "run", "y": "steps", "colour": None}}],
        "changedPropIds": ["sql-asked.data"],
    }
    answer = client.post("/_dash-update-component", json=body)
    assert answer.status_code in (200, 204)
    return answer.text


@needs_landlock
def test_a_query_is_answered_in_place_whatever_becomes_of_it(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = callback(client, {"sql": "select run, count(*) as steps from step_time group by run"})
    for words in ("sql-grid", "steps", "result.csv", "sql-figure", '"value":"bar"'):
        assert words in shown
    assert "sql-kind" not in callback(client, {"sql": "select 'a' as b"}), "a chart needs numbers"
    assert "There is no view" in callback(client, {"sql": "from '/etc/passwd'"})
    assert '"response":{}' in callback(client, None)
    monkeypatch.setenv("CROSSPROF_SQL", "off")
    assert "SQL is off" in callback(client, {"sql": "select 1"})


@needs_landlock
def test_another_chart_of_an_answer_asks_nothing(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = sandbox_over(snapshot)
    answers = sql._Answers(snapshot, sandbox)
    first = answers.ask("select 1 as a")
    assert answers.held("select 1 as a") is first
    for place in range(4):
        answers.ask(f"select {place}")
    assert answers.held("select 1 as a") is not first
