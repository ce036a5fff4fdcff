"""Kernels and Operators in a browser: what is sorted, filtered and chosen is in the address, and the address brings it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

Visit = Callable[[str], Page]
GPU = "runs=syn-torch-gpu-1"
SGEMM = "kernel|gemm||ampere_sgemm_128x64_tn"
MOST_CALLBACKS = 6  # the page, a block of rows, the cards of what is chosen, two figures, one to spare


def state(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def names(page: Page) -> list[str]:
    """The first ten characters of the names that the grid shows, from the top."""
    rows = page.locator(".ag-center-cols-container .ag-row").all()
    ordered = sorted(rows, key=lambda row: int(row.get_attribute("row-index") or 0))
    return [row.locator("[col-id='name']").inner_text()[:10] for row in ordered]


def test_order_filter_categories_and_choice_are_in_the_address_and_come_back(
    visit: Visit, settled: Callable[[], None], until: Any, address: str
) -> None:
    page = visit(f"{address}/kernels?{GPU}")
    expect(page.locator(".ag-center-cols-container .ag-row[row-index='0'] [col-id='name']")).to_contain_text("ampere_sge")
    page.locator(".ag-header-cell[col-id='min_ns']").click()  # the largest first
    page.locator(".ag-header-cell[col-id='min_ns']").click()
    until(page, "new URLSearchParams(location.search).get('sort') === 'min_ns'")
    settled()
    assert names(page)[0].startswith("Memcpy")
    page.get_by_text("gemm", exact=True).first.click()
    page.get_by_text("elementwise", exact=True).first.click()
    expect(page.get_by_text("2 kernels", exact=True)).to_be_visible()
    page.get_by_label("Filter kernels").fill("AMPERE tn")
    expect(page.get_by_text("1 kernel", exact=True)).to_be_visible()
    page.locator(".ag-row[row-index='0'] [col-id='name']").click()
    expect(page.locator("#where-it-comes-from")).to_be_visible()
    settled()
    kept = {"runs": "syn-torch-gpu-1", "sort": "min_ns", "categories": "gemm,elementwise", "q": "AMPERE tn", "sel": SGEMM}
    assert state(page) == kept
    again = visit(page.url)
    expect(again.get_by_label("Filter kernels")).to_have_value("AMPERE tn")
    expect(again.locator(".ag-row-selected")).to_have_count(1)
    expect(again.locator("#the-chosen-kernel")).to_contain_text("ampere_sgemm_128x64_tn")
    assert names(again) == ["ampere_sge"]
    assert state(again) == kept


def test_the_chosen_kernel_opens_in_few_requests_and_closes(
    visit: Visit, guard: Any, settled: Callable[[], None], address: str
) -> None:
    page = visit(f"{address}/kernels?{GPU}&sel={SGEMM}")
    page.wait_for_timeout(1000)  # long enough for a loop to show
    assert guard.callbacks <= MOST_CALLBACKS
    calls = page.locator("[aria-label='From step to step'] .js-plotly-plot").evaluate("plot => [...plot.data[1].y]")
    assert calls == [1] * 6  # one a profiled step
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#the-chosen-kernel")).to_have_count(0)
    expect(page.locator(".ag-row-selected")).to_have_count(0)
    assert state(page) == {"runs": "syn-torch-gpu-1"}


def test_another_level_and_another_measure_are_another_grid(visit: Visit, settled: Callable[[], None], address: str) -> None:
    page = visit(f"{address}/kernels?runs=syn-torch-gpu-1,syn-torch-gpu-2&q=sgemm")
    page.get_by_label("Level").first.click()
    page.get_by_role("option", name="Family").click()
    page.wait_for_url("**level=family*")
    settled()
    assert names(page) == ["sgemm"]
    page.get_by_label("Compared in").first.click()
    page.get_by_role("option", name="Calls", exact=True).click()
    page.wait_for_url("**by=calls*")
    settled()
    row = page.locator(".ag-row[row-index='0']")
    expect(row.locator("[col-id='value_0']")).to_have_text("6")
    expect(row.locator("[col-id='change_1']")).to_have_text("0")
    assert state(page)["q"] == "sgemm"


def test_an_operator_shows_what_it_runs_or_why_nothing(visit: Visit, address: str) -> None:
    page = visit(f"{address}/operators?runs=syn-torch-0001&sel=op|gemm||aten::addmm")
    expect(page.locator("#its-kernels")).to_contain_text("None, because no kernel was launched inside it")
    expect(page.locator("#its-shapes")).to_contain_text("None, because no shapes were recorded")


def test_axe_finds_nothing_with_a_row_open(
    visit: Visit, settled: Callable[[], None], address: str, axe: str, violations: Any
) -> None:
    page = visit(f"{address}/kernels?runs=syn-torch-gpu-1,syn-torch-gpu-2&categories=gemm,elementwise&sel={SGEMM}")
    page.evaluate(axe)
    assert violations(page) == {}
    page.get_by_label("Switch between light and dark").click()
    settled()
    assert violations(page) == {}
