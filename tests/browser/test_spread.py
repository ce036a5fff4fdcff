"""Memory, Ranks and Scaling in a real browser: drawn without complaint, chosen by the address, accessible, fitting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

Visit = Callable[[str], Page]
PAGES = {"memory": "/memory?runs=memory-a,memory-b&counter=allocator", "ranks": "/ranks?runs=job", "scaling": "/scaling"}
MOST_CALLBACKS = {"memory": 5, "ranks": 7, "scaling": 4}


def traces(page: Page, title: str) -> list[dict[str, Any]]:
    """The traces of the figure in the card of that title."""
    found: list[dict[str, Any]] = page.locator(f"[aria-label='{title}'] .js-plotly-plot").evaluate(
        "plot => plot.calcdata.map(c => ({name: c[0].trace.name, type: c[0].trace.type, y: [...(c[0].trace.y || [])]}))"
    )
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_draws_without_complaint_and_fits(visit: Visit, guard: Any, until: Any, spread_address: str, name: str) -> None:
    page = visit(spread_address + PAGES[name])
    page.wait_for_timeout(1000)  # long enough for a loop to show
    assert 1 <= guard.callbacks <= MOST_CALLBACKS[name]
    assert page.locator(".failed").count() == 0
    for width in (1024, 480):
        page.set_viewport_size({"width": width, "height": 1200})
        until(page, f"document.documentElement.scrollWidth <= {width}", seconds=10)


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_in_light_and_dark(
    visit: Visit, settled: Callable[[], None], spread_address: str, axe: str, violations: Any, name: str
) -> None:
    page = visit(spread_address + PAGES[name])
    page.evaluate(axe)
    assert violations(page) == {}
    page.get_by_label("Switch between light and dark").click()
    settled()
    assert violations(page) == {}


def test_another_counter_and_alignment_are_another_address_and_back(visit: Visit, until: Any, spread_address: str) -> None:
    page = visit(spread_address + "/memory?runs=memory-a")
    assert max(traces(page, "Memory over time")[0]["y"]) == 96
    page.get_by_label("Counted by").select_option("driver")
    until(page, "location.search === '?runs=memory-a&counter=driver'")
    figure = "document.querySelector('[aria-label=\"Memory over time\"] .js-plotly-plot')"
    until(page, f"Math.max(...({figure}?._fullData[0]?.y || [0])) === 300")
    page.get_by_label("Align by").select_option("step")
    until(page, "location.search === '?runs=memory-a&counter=driver&align=step'")
    again = visit(page.url)
    expect(again.get_by_label("Counted by")).to_have_value("driver")
    expect(again.get_by_label("Align by")).to_have_value("step")
    again.get_by_label("Align by").select_option("time")
    until(again, "location.search.endsWith('align=time')")
    again.go_back()
    until(again, "location.search.endsWith('align=step')")
    until(again, "document.querySelector(\"[data-state='align']\")?.value === 'step'")


def test_the_rank_that_holds_the_others_up_stands_on_top(visit: Visit, spread_address: str) -> None:
    page = visit(spread_address + PAGES["ranks"])
    assert [trace["type"] for trace in traces(page, "Step time of each rank")] == ["heatmap"]
    first = page.locator("#summary .ag-row[row-index='0']")
    expect(first.locator("[col-id='rank']")).to_have_text("2")
    expect(first.locator("[col-id='cause_text']")).to_have_text("gemm")


def test_one_rank_is_set_against_nothing(visit: Visit, spread_address: str) -> None:
    page = visit(spread_address + "/ranks?runs=one")
    expect(page.locator(".absent", has_text="one rank ran")).to_have_count(4)


def test_scaling_is_filtered_by_its_address(visit: Visit, until: Any, spread_address: str) -> None:
    page = visit(spread_address + "/scaling")
    expect(page.locator("#scaling .ag-row", has_text="2 of 3 ranks in the store")).to_be_visible()
    page.get_by_label("Batch").select_option("strong")
    until(page, "location.search === '?mode=strong'")
    expect(page.locator("#scaling .ag-center-cols-container .ag-row")).to_have_count(2)


@pytest.mark.parametrize("path", ["/memory", "/ranks", "/scaling"])
def test_an_empty_store_says_how_to_fill_it(visit: Visit, empty_address: str, path: str) -> None:
    expect(visit(empty_address + path).get_by_text("crossprof demo")).to_be_visible()


def test_keys_lead_to_the_pages_and_the_runs_come_along(visit: Visit, spread_address: str) -> None:
    page = visit(spread_address + PAGES["ranks"])
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/memory?runs=job")
    page.keyboard.press("g")
    page.keyboard.press("x")
    page.wait_for_url("**/scaling")
