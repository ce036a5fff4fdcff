"""The report on one run: what it says is the store's, in one file that loads nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from crossprof.dashboard.report import gather_run, run_as_html
from crossprof.store import Store


@pytest.fixture(scope="module")
def store(synthetic_store: Path) -> Iterator[Store]:
    with Store(synthetic_store) as opened:
        yield opened


def told(store: Store, run_id: str) -> str:
    return run_as_html(gather_run(store, run_id))


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_it_tells_the_metrics_with_definitions_findings_kernels_and_operators(store: Store) -> None:
    page = told(store, "syn-torch-gpu-1")
    titles = re.findall(r"<h2>([^<]+)</h2>", page)
    assert titles == [
        "Advice", "Metrics", "Step time", "Time by category", "Kernels", "Operators", "Findings", "Further metrics",
        "Circumstances", "Definitions", "How this was made",
    ]  # fmt: skip
    ((calls, total),) = store.sql(
        "SELECT sum(calls), sum(total_ns) FROM kernel_summary WHERE run_id = ? AND name LIKE 'ampere%'", ["syn-torch-gpu-1"]
    ).fetchall()
    assert re.search(rf"ampere_sgemm_128x64_tn gemm {calls} {total / 1e6:.1f}", text(page))
    assert "ops_hidden" in page
    assert "Tag precision bf16" in text(page)
    assert "crossprof export syn-torch-gpu-1 --format html" in page
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


def test_shares_are_of_all_kernels_of_the_run(store: Store) -> None:
    rows = gather_run(store, "syn-torch-gpu-1").kernels
    assert sum(row["share_ratio"] for row in rows) == pytest.approx(1)
    assert [row["total_ns"] for row in rows] == sorted((row["total_ns"] for row in rows), reverse=True)


def test_it_loads_nothing_and_no_name_becomes_markup(store: Store) -> None:
    page = told(store, "syn-torch-gpu-1")
    assert not re.search(r"<script|\ssrc=|url\(|href=\"(?!#)", page)
    assert "GeluFunctor&lt;float&gt;" in page
    assert len(page) < 100_000


def test_a_run_that_says_little_has_a_short_page(store: Store) -> None:
    page = told(store, "syn-jax-00000001")
    assert "<h2>Kernels</h2>" not in page
    assert "<h2>Operators</h2>" in page
