"""The pages in a real browser. Figures and rows are asserted on their data, never on pixels."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

Visit = Callable[[str], Page]
COMPARE = "/compare?runs=syn-torch-0001,syn-tensorflow-1,syn-jax-00000001&base=syn-torch-0001"
PAGES = {"runs": "/", "compare": COMPARE, "run": "/run?run=syn-torch-gpu-1"}
MOST_CALLBACKS = {"runs": 3, "compare": 6, "run": 9}


# what is wider than its card, other than what scrolls there
_SPILLED = """() => [...document.querySelectorAll('.card *')].filter(part => {
    if (part.closest('.scroll, .ag-root-wrapper, .both-ends, .js-plotly-plot, .hidden-label')) return false;
    return part.getBoundingClientRect().right > part.closest('.card').getBoundingClientRect().right + 1;
}).map(part => part.outerHTML.slice(0, 80))"""
# texts of a figure that lie over each other, as a legend over the title of an axis
_COVERED = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => {
    const shown = '.annotation-text, .g-xtitle text, .g-ytitle text, .legendtext, .xtick text, .ytick text';
    const texts = [...plot.querySelectorAll(shown)].map(text => [text.textContent, text.getBoundingClientRect()]);
    const meet = (a, b) => a.left < b.right - 2 && b.left < a.right - 2 && a.top < b.bottom - 2 && b.top < a.bottom - 2;
    return texts.flatMap(([name, a], at) =>
        texts.slice(at + 1).filter(([, b]) => a.width && b.width && meet(a, b)).map(([other]) => name + ' over ' + other));
})"""


def traces(page: Page, name: str) -> list[dict[str, Any]]:
    """The traces of the figure in the card of that title."""
    figure = page.locator(f"[aria-label='{name}'] .js-plotly-plot")
    found: list[dict[str, Any]] = figure.evaluate(
        "plot => plot.calcdata.map(c => ({name: c[0].trace.name, type: c[0].trace.type, points: c.length}))"
    )
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_draws_without_complaint_and_without_a_render_loop(visit: Visit, guard: Any, address: str, name: str) -> None:
    page = visit(address + PAGES[name])
    page.wait_for_timeout(1500)  # long enough for a loop to show
    assert 1 <= guard.callbacks <= MOST_CALLBACKS[name]
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator(".failed").count() == 0


def test_runs_shows_every_run_with_its_figures(visit: Visit, address: str) -> None:
    page = visit(address + "/")
    expect(page.locator(".ag-center-cols-container .ag-row")).to_have_count(6)
    row = page.locator(".ag-row[row-id='syn-torch-0001']")
    expect(row.locator("[col-id='run']")).to_have_text("tiny-transformer")
    expect(row.locator("[col-id='framework']")).to_have_text("PyTorch 2.13.0")
    step_time = row.locator("[col-id='step_time']").inner_text()
    assert 51 < float(step_time.split()[0]) < 53
    assert "[" in step_time


def test_filter_selection_and_baseline_live_in_the_address(visit: Visit, until: Any, address: str) -> None:
    page = visit(address + "/")
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    page.get_by_label("Filter runs").fill("jax")
    expect(page.locator(".ag-center-cols-container .ag-row")).to_have_count(1)
    page.get_by_label("Filter runs").fill("")
    page.locator(".ag-row[row-id='syn-jax-00000001'] .ag-checkbox-input").check()
    page.get_by_role("button", name="Set as baseline").click()
    expect(page.get_by_text("Baseline: tiny-transformer-jax")).to_be_visible()
    page.locator(".ag-row[row-id='syn-torch-0001'] .ag-checkbox-input").check()
    page.get_by_label("Filter runs").fill("tiny")
    until(page, "location.search === '?q=tiny&runs=syn-jax-00000001,syn-torch-0001&base=syn-jax-00000001'")
    again = visit(page.url)
    expect(again.locator(".ag-center-cols-container .ag-row")).to_have_count(4)
    expect(again.get_by_text("Baseline: tiny-transformer-jax")).to_be_visible()
    expect(again.locator(".ag-row[row-id='syn-torch-0001'] .ag-checkbox-input")).to_be_checked()
    again.get_by_role("button", name="Compare 2 runs").click()
    again.wait_for_url("**/compare?runs=syn-jax-00000001,syn-torch-0001&base=syn-jax-00000001")
    expect(again.locator(".verdict .sentence")).to_contain_text("tiny-transformer is slower than tiny-transformer-jax")
    again.go_back()
    expect(again.get_by_text("Baseline: tiny-transformer-jax")).to_be_visible()


def test_compare_draws_verdict_metrics_and_figures(visit: Visit, address: str) -> None:
    page = visit(address + COMPARE)
    expect(page.locator(".verdict .sentence")).to_have_count(2)
    expect(page.locator(".verdict .sentence").nth(1)).to_contain_text(
        "tiny-transformer-jax is faster than tiny-transformer by a factor of 1.2"
    )
    expect(page.locator("table.metrics").first.locator("tr", has_text="Step time").first).to_contain_text("worse")
    assert [trace["type"] for trace in traces(page, "Step time")] == ["box"] * 6
    assert "gemm" in [trace["name"] for trace in traces(page, "Time by category")]
    assert [trace["points"] for trace in traces(page, "Memory")] == [15, 21, 12]
    assert len(traces(page, "Utilization")) == 3
    expect(page.locator("#operations .ag-row", has_text="aten::addmm").first).to_be_visible()


def test_another_baseline_is_a_new_comparison(visit: Visit, address: str) -> None:
    page = visit(address + COMPARE)
    page.get_by_role("button", name="Make tiny-transformer-jax the baseline").click()
    page.wait_for_url("**base=syn-jax-00000001")
    expect(page.locator(".verdict .sentence").first).to_contain_text("than tiny-transformer-jax")


def test_run_shows_metrics_findings_options_and_steps(visit: Visit, address: str) -> None:
    page = visit(address + PAGES["run"])
    expect(page.get_by_role("heading", name="bert-base")).to_be_visible()
    assert [trace["name"] for trace in traces(page, "Steps over time")] == ["bare", "profiled", "warm-up, not counted"]
    expect(page.get_by_text("These figures were made up for a test.")).to_be_visible()
    expect(page.locator("b", has_text="false")).to_be_visible()
    assert "wall time" in (page.get_by_text("Step time", exact=True).first.get_attribute("title") or "").lower()


def test_an_empty_store_says_how_to_fill_it(visit: Visit, empty_address: str) -> None:
    page = visit(empty_address + "/")
    expect(page.get_by_text("crossprof demo")).to_be_visible()
    expect(page.get_by_text("crossprof ingest PATH")).to_be_visible()
    expect(visit(empty_address + "/compare").get_by_text("crossprof ingest PATH")).to_be_visible()
    expect(visit(empty_address + "/run?run=absent").locator(".failed")).to_contain_text("No run answers to 'absent'")
    expect(visit(empty_address + "/nowhere").get_by_text("No such page")).to_be_visible()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_overlaps_and_the_page_never_scrolls_sideways(
    visit: Visit, until: Any, page: Page, address: str, name: str
) -> None:
    visit(address + PAGES[name])
    for width in (1440, 1024, 480):
        page.set_viewport_size({"width": width, "height": 1200})
        until(page, f"document.documentElement.scrollWidth <= {width}", seconds=10)  # figures follow a moment later
        _fits(page)


def _fits(page: Page) -> None:
    header, first = (page.locator(part).bounding_box() for part in (".header", ".title-row"))
    assert header is not None
    assert first is not None
    assert header["height"] == 48
    assert first["y"] >= header["y"] + header["height"]
    boxes = [box for box in (part.bounding_box() for part in page.locator(".header a, .header button").all()) if box]
    boxes.sort(key=lambda box: box["x"])
    assert all(left["x"] + left["width"] <= right["x"] + 0.5 for left, right in itertools.pairwise(boxes))
    assert page.evaluate(_SPILLED) == []
    assert page.evaluate(_COVERED) == []


def test_the_colour_scheme_follows_the_system_and_the_switch(visit: Visit, until: Any, page: Page, address: str) -> None:
    page.emulate_media(color_scheme="dark")
    visit(address + "/run?run=syn-torch-0001")
    dark = "rgb(19, 20, 22)"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    assert page.locator(".js-plotly-plot").first.evaluate("plot => plot.layout.font.color") == "#E3E5E8"
    page.get_by_label("Switch between light and dark").click()
    until(page, "document.querySelector('.js-plotly-plot')?.layout?.font?.color === '#1A1D21'")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    visit(address + "/run?run=syn-torch-0001")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_with_a_token_the_login_leads_to_the_page_asked_for(visit: Visit, page: Page, guard: Any, locked_address: str) -> None:
    page.goto(locked_address + "/run?run=bert-base")
    page.get_by_label("Token of this server").fill("secret")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/run?run=bert-base")
    expect(page.get_by_role("heading", name="bert-base")).to_be_visible()


def test_a_run_that_is_published_meanwhile_appears(visit: Visit, growing: tuple[str, Callable[[], None]]) -> None:
    address, publish_another = growing
    page = visit(address + "/?q=tiny")
    rows = page.locator(".ag-center-cols-container .ag-row")
    expect(rows).to_have_count(1)
    publish_another()
    page.evaluate("dash_clientside.set_props('refresh', {n_intervals: 1})")
    expect(rows).to_have_count(2)
    expect(page.get_by_text("2 in this store")).to_be_visible()
