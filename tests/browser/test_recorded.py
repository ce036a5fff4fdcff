"""The pages over real recordings: what the collectors wrote and the ingest read, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crossprof.dashboard.quantity import scale_for
from crossprof.dashboard.snapshot import frame
from crossprof.store import Store

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

Visit = Callable[[str], Page]


@pytest.fixture
def step_times(recorded_store: Path) -> dict[str, float]:
    """The step time of each run, by its name."""
    with Store(recorded_store) as store:
        found = frame(store, "select run, value from run_metric where metric = 'step_time' and rank is null")
    return dict(found.iter_rows())


def test_runs_lists_the_recordings_with_the_stores_step_times(
    visit: Visit, recorded_address: str, step_times: dict[str, float]
) -> None:
    page = visit(recorded_address + "/")
    rows = page.locator(".ag-center-cols-container .ag-row")
    expect(rows).to_have_count(len(step_times))
    scale = scale_for("ns", step_times.values())
    shown = {cell.split("[")[0].strip() for cell in page.locator(".ag-row [col-id='step_time']").all_inner_texts()}
    assert shown == {scale.text(value) for value in step_times.values()}
    expect(page.locator(".ag-row [col-id='framework']", has_text="PyTorch")).to_have_count(1)
    assert page.locator(".failed").count() == 0


@pytest.mark.parametrize("name", ["layers-torch", "layers-jax"])
def test_run_draws_every_figure_of_a_recording(
    visit: Visit, recorded_address: str, step_times: dict[str, float], name: str
) -> None:
    if name not in step_times:
        pytest.skip("JAX is not installed")
    page = visit(f"{recorded_address}/run?run={name}")
    assert page.locator(".failed, .card:not(#advice) .card-body .absent").all_inner_texts() == []
    assert page.locator(".dash-graph").count() == 5
    marks = page.locator("[aria-label='Steps over time'] .js-plotly-plot").evaluate(
        "plot => Object.fromEntries(plot.calcdata.map(c => [c[0].trace.name, c.length]))"
    )
    assert sum(marks.values()) >= 10
    assert marks["profiled"] >= 1
    categories = page.locator("[aria-label='Time by category'] .legend .chip").all_inner_texts()
    assert "gemm" in categories or "fusion" in categories
    assert page.locator("#top-operators tbody tr").count() >= 5
    expect(page.get_by_text("Artifacts", exact=True)).to_be_visible()
    expect(page.locator("code", has_text="steps.jsonl")).to_have_count(1)


def test_compare_draws_two_frameworks_recordings(
    visit: Visit, guard: Any, recorded_address: str, step_times: dict[str, float]
) -> None:
    if len(step_times) < 2:
        pytest.skip("JAX is not installed")
    page = visit(f"{recorded_address}/compare?runs=layers-torch,layers-jax")
    expect(page.locator(".verdict .sentence")).to_contain_text("layers-jax")
    expect(page.locator(".verdict dd").nth(1)).not_to_be_empty()
    assert page.locator(".failed, .card-body .absent").all_inner_texts() == []
    assert page.locator(".dash-graph").count() == 4
    expect(page.locator("#operations .ag-row", has_text="aten::addmm").first).to_be_visible()
    expect(page.get_by_role("row", name="framework torch jax")).to_be_visible()
    assert guard.callbacks <= 6
