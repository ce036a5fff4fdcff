"""Every real capture: kernels, their total and the busy union against figures that were read straight from the files."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crossprof.errors import TraceError

Ingested = Callable[[Path], duckdb.DuckDBPyConnection]

FOLDER = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces")
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text()) if (FOLDER / "expected.json").is_file() else {}
KINETO = [
    pytest.param(FOLDER / name / file, case["ranks"][str(rank)], id=f"{name}-{rank}")
    for name, case in EXPECTED.items()
    if case["format"] == "kineto"
    for rank, file in enumerate(case["files"])
]
XPLANE = [
    pytest.param(FOLDER / name / case["files"][0], case["planes"], id=name)
    for name, case in EXPECTED.items()
    if case["format"] == "xplane"
]
ABSENT = [pytest.param(None, {}, marks=pytest.mark.skip("no real traces: set CROSSPROF_CORPUS to their folder"))]
US = 1000

# The union of intervals: an interval counts from the furthest end before it on.
BUSY = """
WITH reach AS (
    SELECT start_ns, start_ns + dur_ns AS end_ns,
        max(start_ns + dur_ns) OVER (ORDER BY start_ns, kernel_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_ns
    FROM kernel WHERE kind {kinds} AND {where}
)
SELECT coalesce(sum(greatest(0, end_ns - greatest(start_ns, coalesce(before_ns, start_ns)))), 0) FROM reach
"""
WORK = "IN ('kernel', 'collective')"


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-6, abs=1)


def busy_us(
    connection: duckdb.DuckDBPyConnection, *, kinds: str = "<> 'async'", where: str = "true", by: str = "run_id"
) -> float:
    return one(connection, BUSY.format(kinds=kinds, where=where)) / US


def one(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(("path", "truth"), KINETO or ABSENT)
def test_kineto_capture(ingested: Ingested, path: Path, truth: dict[str, Any]) -> None:
    database = ingested(path)
    assert one(database, "SELECT value::BIGINT FROM staged_fact WHERE key = 'n_events'") == truth["n_events"]
    assert one(database, f"SELECT count(*) FROM kernel WHERE kind {WORK}") == truth["kernel_count"]
    assert one(database, f"SELECT coalesce(sum(dur_ns), 0) / {US} FROM kernel WHERE kind {WORK}") == near(
        truth["kernel_total_us"]
    )
    assert one(database, "SELECT count(*) FROM kernel WHERE kind IN ('memcpy', 'memset')") == truth["memops"]
    assert busy_us(database) == near(truth["gpu_busy_union_us"])
    assert busy_us(database, kinds=WORK) == near(truth["kernel_only_union_us"])
    assert one(database, "SELECT count(*) FROM step") == truth["host_steps"]
    if truth["gpu_span_us"] is not None:
        span = one(database, f"SELECT (max(start_ns + dur_ns) - min(start_ns)) / {US} FROM kernel")
        assert span == near(truth["gpu_span_us"])
    assert one(database, "SELECT count(*) FROM op WHERE self_ns < 0 OR self_ns > dur_ns") == 0


@pytest.mark.parametrize(("path", "planes"), XPLANE or ABSENT)
def test_xplane_capture(ingested: Ingested, path: Path, planes: dict[str, Any]) -> None:
    database = ingested(path)
    for plane, truth in planes.items():
        lines = {line: figures for line, figures in truth["lines"].items() if line.startswith("Stream #") or line == "XLA Ops"}
        # Only kernel lines occur on the streams of these captures; a line of copies would have to be told apart here.
        assert all("Memcpy" not in line for line in lines)
        on_device = f"device_id = {int(plane.rsplit(':', 1)[1])}"
        events = sum(figures["events"] for figures in lines.values())
        total_us = sum(figures["total_us"] for figures in lines.values())
        work = "IN ('kernel', 'collective', 'memcpy')" if "XLA Ops" in lines else WORK
        assert one(database, f"SELECT count(*) FROM kernel WHERE kind {work} AND {on_device}") == events
        got = one(database, f"SELECT coalesce(sum(dur_ns), 0) / {US} FROM kernel WHERE kind {work} AND {on_device}")
        assert got == near(total_us)
        assert busy_us(database, where=on_device) == near((truth["busy_us"] or {"busy": 0})["busy"])
    if not planes:
        assert one(database, "SELECT count(*) FROM op") > 0
        assert one(database, "SELECT count(*) FROM kernel") == 0


@pytest.mark.parametrize("name", [name for name in EXPECTED if name == "xp_corrupt_tpu"])
def test_unrecoverable_capture_is_refused_in_one_line(ingested: Ingested, name: str) -> None:
    path = FOLDER / name / EXPECTED[name]["files"][0]
    with pytest.raises(TraceError) as error:
        ingested(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
