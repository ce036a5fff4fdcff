"""The page Run: what bounds the run, advice, the largest work, and the circumstances."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import plotly.utils
import polars as pl
import pytest

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.parts import bar
from crossprof.dashboard.pages import run
from crossprof.dashboard.run import facts, overview
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.theme import theme
from crossprof.store import publish, write_part
from crossprof.store.catalog import create_base

GPU, CPU = "syn-torch-gpu-1", "syn-jax-00000001"


@pytest.fixture(scope="module")
def snapshot(synthetic_store: Path) -> Snapshot:
    return Snapshot(synthetic_store)


def told(snapshot: Snapshot, run_id: str) -> str:
    """All of the page and of its advice as JSON, as the browser gets them."""
    layout = [run.layout(snapshot, {"run": run_id}), overview.advice(snapshot.store(), run_id)]
    return json.dumps(layout, cls=plotly.utils.PlotlyJSONEncoder, ensure_ascii=False).replace("\u00a0", " ")


def test_it_links_to_the_runs_of_other_trackers(snapshot: Snapshot) -> None:
    page = told(snapshot, GPU)
    assert '"href": "https://wandb.ai/us/transformer/runs/a1"' in page
    assert "/logs/first" in page
    assert '"href": "/logs/first"' not in page


def test_it_opens_with_what_bounds_the_run(snapshot: Snapshot) -> None:
    for run_id in (GPU, CPU):
        ((sentence,),) = snapshot.store().sql("select sentence from bottleneck where run_id = ?", [run_id]).fetchall()
        page = told(snapshot, run_id)
        assert sentence in page
        assert page.index(sentence) < page.index("Metrics")


def test_advice_comes_with_evidence_and_the_sql_that_shows_it(snapshot: Snapshot) -> None:
    rows = snapshot.store().arrow("select * from advice where run_id = ?", [GPU]).to_pylist()
    assert "low_precision" in {row["code"] for row in rows}
    page = told(snapshot, GPU)
    for row in rows:
        for text in (row["title"], row["evidence"], row["action"], row["threshold_reason"]):
            assert json.dumps(text, ensure_ascii=False)[1:-1] in page
    assert "/sql?q=select+name%2C+category" in page
    assert f"/kernels?runs={GPU}" in page


def test_a_run_without_advice_says_so(snapshot: Snapshot, tmp_path: Path) -> None:
    page = told(Snapshot(_unmarked(tmp_path, with_work=False)), "plain")
    assert "no figure of the run passes the threshold of a rule" in page
    assert "Unknown: the capture holds no work" in page
    assert "it holds neither device work nor operators" in page


def test_a_capture_without_steps_shows_its_totals_before_all_else(tmp_path: Path) -> None:
    page = told(Snapshot(_unmarked(tmp_path, with_work=True)), "plain")
    assert "of the capture, which marks no steps" in page
    assert page.index("nothing here is per step") < page.index("Top kernels")
    assert "90.0\u2009ns" in page


def _unmarked(path: Path, *, with_work: bool) -> Path:
    """A store of one run without steps: 90 ns of work in a capture of 100 ns."""
    with duckdb.connect() as connection:
        create_base(connection)
        connection.execute("INSERT INTO base.run BY NAME SELECT 'plain' AS run_id, 'plain' AS run, 'gpu' AS device_kind")
        connection.execute("INSERT INTO base.rank BY NAME SELECT 'plain' AS run_id, 0 AS rank")
        if with_work:
            connection.execute(
                "INSERT INTO base.kernel BY NAME SELECT 'plain' AS run_id, 0 AS rank, 0 AS device_id, id AS kernel_id, "
                "'gemm' AS name, 'kernel' AS kind, 'gemm' AS category, 55 * id AS start_ns, 45 AS dur_ns FROM range(2) w (id)"
            )
        write_part(connection, path, run_id="plain", rank=0, content_sha256="plain")
    publish(path)
    return path


def test_the_largest_work_and_the_findings_are_there(snapshot: Snapshot) -> None:
    page = told(snapshot, GPU)
    for text in (
        "ampere_sgemm_128x64_tn",
        "aten::addmm",
        "Cheap operators are missing after warm-up.",
        "OMP_NUM_THREADS",
        "synthetic-host",
    ):
        assert text in page
    assert "the capture holds no work of a device" in told(snapshot, CPU)


def test_alike_findings_of_many_ranks_are_one_row_with_the_gravest_in_full(tmp_path: Path) -> None:
    path = _unmarked(tmp_path / "parts", with_work=True)
    with duckdb.connect() as connection:
        create_base(connection)
        connection.execute("INSERT INTO base.rank BY NAME SELECT 'plain' AS run_id, 1 AS rank")
        connection.execute(
            "INSERT INTO base.finding BY NAME SELECT 'plain' AS run_id, 1 AS rank, 'late' AS code, 'warning' AS severity, "
            "n AS count, concat('Late by ', n, '.') AS detail, 'Times are too long.' AS effect FROM range(1, 4) found (n)"
        )
        write_part(connection, path, run_id="plain", rank=1, content_sha256="late")
    publish(path)
    card = json.dumps(facts.findings(Snapshot(path).store(), "plain"), cls=plotly.utils.PlotlyJSONEncoder)
    assert card.count('"children": "late"') == 1
    assert "6 times on rank 1" in card
    assert "2 more alike" in card
    assert card.index("Late by 3.") < card.index("2 more alike") < card.index("Late by 2. 2 times on rank 1.")


def test_every_card_gives_its_query_away_and_each_runs(snapshot: Snapshot) -> None:
    queries: list[str] = []
    waiting: list[Any] = [json.loads(json.dumps(run.layout(snapshot, {"run": GPU}), cls=plotly.utils.PlotlyJSONEncoder))]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            queries += [one["props"]["data-sql"]] if "data-sql" in one.get("props", {}) else []
            waiting.append(one.get("props", {}).get("children"))
        elif isinstance(one, list):
            waiting += one
    assert len(queries) >= 14
    for query in queries:
        snapshot.store().arrow(query)


def test_the_parts_of_the_time_are_one_bar_named_where_they_fit() -> None:
    parts = pl.DataFrame(
        {
            "part": ["idle_host", "compute", "copy"],
            "mean_ns": [4e6, 5.9e6, 0.1e6],
            "share_ratio": [0.4, 0.59, 0.01],
            "window_ns": [10e6] * 3,
        }
    )
    figure = bar(parts, theme("light"))
    assert [trace.name.replace("\u2009", " ") for trace in figure.data] == [
        "compute 59.0 %",
        "copy 1.00 %",
        "idle: waiting for the host 40.0 %",
    ]
    assert [bool(trace.text[0]) for trace in figure.data] == [True, False, True]
    assert sum(trace.x[0] for trace in figure.data) == pytest.approx(10.0)
    with pytest.raises(Absent):
        bar(parts.clear(), theme("dark"))
