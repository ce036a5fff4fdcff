import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import duckdb
import pytest

from crossprof.store import catalog

GOLDEN = Path(__file__).parent / "views"
NAMES = [view.name for view in catalog.views()]
CONTRACT = {
    "step_time": "rank step start_ns dur_ns is_profiled is_warmup samples",
    "device_busy": "rank device_id scope busy_ns kernel_busy_ns span_ns window_ns spill_ns busy_ratio",
    "kernel_summary": "rank device_id name kind category calls total_ns mean_ns min_ns max_ns share_ratio",
    "op_summary": "rank name category calls total_ns self_ns device_ns",
    "breakdown": "rank device_id step compute_ns communication_ns exposed_communication_ns copy_ns exposed_copy_ns idle_ns "
    "window_ns",
    "memory_timeline": "rank device_id at_ns allocated_bytes reserved_bytes",
    "memory_peak": "rank device_id peak_allocated_bytes peak_reserved_bytes peak_used_bytes",
    "utilization": "rank device_id at_ns metric value",
    "finding": "code severity rank count detail",
    "run_metric": "metric rank value n ci_low ci_high",
}
REGISTRY = ["id", "title", "unit", "better", "numerator", "denominator", "over_window", "comparable_across", "source"]
DEFINITIONS = {"metric", "_peer_definition", "dependency", "_work_definition", "_recording_definition", "_device_model"}
DEFINITIONS |= {"_advice_rule"}
FILLED = {*catalog.FILLED, "critical_path_summary", "advice"}
UNITLESS = {"value", "weight", "ci_low", "ci_high", "highest", "mean_queue_depth", "lag_correlation"}  # the metric's, or none
UNITLESS |= {
    "operational_intensity",
    "per_step",
    "per_step_calls",
    "base_per_step_calls",
    "change_per_step_calls",
}  # operations per byte; ratios of counts
TERA = {"fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "bandwidth", "memory"}  # as vendors print them, in tera and giga


def as_csv(connection: duckdb.DuckDBPyConnection, view: str) -> str:
    relation = connection.sql(f"SELECT * FROM {view} ORDER BY ALL")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(relation.columns)
    for row in relation.fetchall():
        writer.writerow([f"{value:.10g}" if isinstance(value, float) else "NULL" if value is None else value for value in row])
    return text.getvalue()


@pytest.mark.parametrize("view", NAMES)
def test_a_view_answers_the_tiny_runs_as_checked_by_hand(
    view: str, tiny_runs: duckdb.DuckDBPyConnection, golden: Callable[[Path, str], None]
) -> None:
    golden(GOLDEN / f"{view}.csv", as_csv(tiny_runs, view))


@pytest.fixture(scope="module")
def plain(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tiny runs, with nothing rolled up. Read only."""
    with tiny.connect() as connection:
        connection.execute(tiny.SQL)
        yield connection


@pytest.mark.parametrize("view", [name for name in NAMES if name not in FILLED])
def test_a_view_over_the_tables_answers_as_one_over_roll_ups(
    view: str, plain: duckdb.DuckDBPyConnection, tiny_runs: duckdb.DuckDBPyConnection
) -> None:
    assert as_csv(plain, view) == as_csv(tiny_runs, view)


@pytest.fixture(scope="module")
def unrecorded(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    """A run of one rank of which nothing was recorded. Read only."""
    with tiny.connect() as connection:
        connection.execute("INSERT INTO base.run (run_id, run) VALUES ('r', 'empty')")
        connection.execute("INSERT INTO base.rank (run_id, rank) VALUES ('r', 0)")
        yield connection


@pytest.mark.parametrize("view", [name for name in NAMES if name not in DEFINITIONS])
def test_no_rows_where_nothing_was_recorded(view: str, unrecorded: duckdb.DuckDBPyConnection) -> None:
    rows = unrecorded.sql(f"SELECT * FROM {view}").fetchall()
    assert len(rows) == (1 if view == "_capture" else 0)


def test_every_contract_column_is_there_under_its_name(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    for view, columns in CONTRACT.items():
        assert {"run_id", "run", *columns.split()} <= set(tiny_runs.sql(f"SELECT * FROM {view}").columns), view
    assert tiny_runs.sql("SELECT * FROM metric").columns[: len(REGISTRY)] == REGISTRY


def test_every_view_and_column_says_what_it_is(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    silent = tiny_runs.sql("""
        SELECT view_name FROM duckdb_views() WHERE NOT internal AND comment IS NULL
        UNION ALL
        SELECT table_name || '.' || column_name FROM duckdb_columns()
        WHERE NOT internal AND schema_name = 'main' AND comment IS NULL
    """).fetchall()
    assert silent == []


def test_numbers_carry_their_unit_in_their_name(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    columns = tiny_runs.sql("""
        SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal AND schema_name = 'main'
    """).fetchall()
    for view, column, kind in columns:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column), f"{view}.{column}"
        if view in NAMES and kind == "DOUBLE" and column not in UNITLESS | (TERA if view == "_device_model" else set()):
            assert column.endswith(("_ns", "_bytes", "_ratio", "_per_second")), f"{view}.{column}"
        if column.endswith(("_ns", "_bytes")):
            assert kind in {"BIGINT", "DOUBLE"}, f"{view}.{column} is {kind}"


def test_every_metric_comes_from_a_column_that_exists(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    for identity, source in tiny_runs.sql("SELECT id, source FROM metric").fetchall():
        view, column = source.split(".")
        assert column in tiny_runs.sql(f"SELECT * FROM {view}").columns, identity


def test_every_metric_of_the_samples_is_in_the_registry(tiny_runs: duckdb.DuckDBPyConnection) -> None:
    assert (
        tiny_runs.sql("SELECT DISTINCT metric FROM metric_sample WHERE metric NOT IN (SELECT id FROM metric)").fetchall() == []
    )


def test_views_come_after_what_they_use() -> None:
    seen: set[str] = set()
    for view in catalog.views():
        assert set(view.uses) <= seen, view.name
        seen.add(view.name)


def test_a_view_names_every_view_that_it_reads() -> None:
    for view in catalog.views():
        query = re.sub(r"--[^\n]*|'(?:[^']|'')*'", "", view.sql.partition("\nCOMMENT ON")[0])
        read = set(re.findall(r"\b(?:FROM|JOIN)\s+(\w+)\b(?!\.)", query)) & set(NAMES) - {view.name}
        assert read <= set(view.uses), f"{view.name} reads {read - set(view.uses)}"


def test_roll_ups_are_views() -> None:
    assert set(catalog.ROLLUPS) == {view.name for view in catalog.views() if view.is_rollup}


def test_two_captures_are_not_one_long_idle_span(tiny: ModuleType) -> None:
    with tiny.connect() as connection:
        connection.execute("""
            INSERT INTO base.run (run_id, run) VALUES ('r', 'twice');
            INSERT INTO base.rank (run_id, rank) VALUES ('r', 0);
            INSERT INTO base.step BY NAME SELECT 'r' AS run_id, 0 AS rank, * FROM (VALUES
                (0, 0, 100, true, false, 0), (1, 100, 800, false, false, NULL), (2, 900, 100, true, false, 1)
            ) AS t (step, start_ns, dur_ns, is_profiled, is_warmup, capture);
            INSERT INTO base.kernel BY NAME
            SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, 'k' AS name, 'kernel' AS kind, 'gemm' AS category, *
            FROM (VALUES (0, 10, 50, 0), (1, 70, 60, 0), (2, 950, 20, 2)) AS t (kernel_id, start_ns, dur_ns, step);
        """)
        busy = connection.sql("SELECT scope, busy_ns, span_ns, window_ns, spill_ns FROM device_busy ORDER BY scope").fetchall()
        idle = connection.sql("SELECT step, idle_ns, window_ns FROM breakdown ORDER BY step NULLS LAST").fetchall()
    assert busy == [("capture", 130, 140, 230, 0), ("steps", 100, 110, 200, 30)]
    assert idle == [(0, 20, 100), (2, 80, 100), (None, 10, 140)]
