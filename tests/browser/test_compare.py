"""Compare and Metrics in a real browser: switches, runs and baseline change in place, and the address says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

Visit = Callable[[str], Page]
CPU = "/compare?runs=syn-torch-0001,syn-jax-00000001&base=syn-torch-0001"
GPU = "/compare?runs=syn-torch-gpu-1,syn-torch-gpu-2&base=syn-torch-gpu-1"


def kinds(page: Page, title: str) -> set[str]:
    """The kinds of the traces of the figure in the card of that title."""
    figure = page.locator(f"[aria-label='{title}'] .js-plotly-plot")
    return set(figure.evaluate("plot => plot.calcdata.map(c => c[0].trace.type)"))


def test_switches_work_in_place_and_the_address_brings_them_back(visit: Visit, settled: Any, until: Any, address: str) -> None:
    page = visit(address + CPU)
    assert kinds(page, "Step time") == {"box"}
    for way in ("ECDF", "Share", "Not in all"):
        page.locator(".toggle label").get_by_text(way, exact=True).click()
    for what in ("memory", "telemetry"):
        page.get_by_role("radiogroup", name=f"What {what} is aligned by").get_by_text("Step", exact=True).click()
    state = "['dist', 'bars', 'align', 'telemetry', 'only'].map(name => new URLSearchParams(location.search).get(name)).join()"
    until(page, f"{state} === 'ecdf,share,step,step,lone'", seconds=20)
    settled()
    assert kinds(page, "Step time") == {"scatter"}
    rows = page.locator("#operations .ag-center-cols-container .ag-row")
    expect(rows).to_have_count(9)
    again = visit(page.url)
    assert kinds(again, "Step time") == {"scatter"}
    again.get_by_text("Box", exact=True).click()
    until(again, "!location.search.includes('dist=')")


def test_runs_and_baseline_change_where_they_stand(visit: Visit, settled: Any, page: Page, address: str) -> None:
    visit(address + CPU)
    page.get_by_role("textbox", name="Add a run to the comparison").click()
    page.get_by_role("option", name="tiny-transformer-tf").click()
    page.wait_for_url("**runs=syn-torch-0001,syn-jax-00000001,syn-tensorflow-1&base=syn-torch-0001")
    settled()
    expect(page.locator(".verdict")).to_have_count(2)
    page.keyboard.press("b")
    page.wait_for_url("**&base=syn-jax-00000001")
    settled()
    expect(page.locator(".run-chip.is-base")).to_contain_text("tiny-transformer-jax")
    page.get_by_role("button", name="Leave tiny-transformer out").click()
    page.wait_for_url("**runs=syn-jax-00000001,syn-tensorflow-1&base=syn-jax-00000001")
    expect(page.locator(".verdict")).to_have_count(1)
    page.go_back()
    expect(page.locator(".verdict")).to_have_count(2)


def test_the_runs_stay_in_sight_and_nothing_moves_while_figures_load(visit: Visit, page: Page, address: str) -> None:
    page.add_init_script(
        "window.moved = []; new PerformanceObserver(list => list.getEntries().forEach(entry => window.moved.push(entry.value)))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    visit(address + GPU)
    assert sum(page.evaluate("window.moved")) < 0.1
    page.mouse.wheel(0, 2000)
    page.wait_for_timeout(300)
    box = page.locator(".runs-bar").bounding_box()
    assert box is not None
    assert box["y"] == pytest.approx(48, abs=1)


def test_times_per_sample_are_another_address(visit: Visit, settled: Any, page: Page, address: str) -> None:
    visit(address + CPU)
    page.get_by_text("per sample", exact=True).click()
    page.wait_for_url("**&norm=sample")
    settled()
    expect(page.get_by_text("per sample, in parts that add up to it").first).to_be_visible()


def test_operations_change_their_level_and_lead_to_their_page(visit: Visit, settled: Any, page: Page, address: str) -> None:
    visit(address + GPU)
    page.get_by_text("Family", exact=True).click()
    expect(page.locator("#operations-reading")).to_contain_text("Matched by family")
    settled()
    link = page.locator("#operations .ag-row a").first
    assert "/kernels?runs=syn-torch-gpu-1,syn-torch-gpu-2&find=" in (link.get_attribute("href") or "")


def test_what_is_the_same_shows_when_asked(visit: Visit, page: Page, address: str) -> None:
    visit(address + GPU)
    same = page.locator("table.settings tr.is-same").first
    expect(same).to_be_hidden()
    page.locator("#what-differs-between-the-runs").get_by_text("All", exact=True).click()
    expect(same).to_be_visible()


def test_the_report_downloads(visit: Visit, page: Page, address: str, tmp_path: Path) -> None:
    visit(address + CPU)
    with page.expect_download() as download:
        page.get_by_role("link", name="Report").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "report.html"
    assert "tiny-transformer-jax against tiny-transformer" in path.read_text("utf-8")


def test_a_metric_leads_to_its_definition_and_can_be_found(
    visit: Visit, settled: Any, until: Any, page: Page, address: str
) -> None:
    visit(address + CPU)
    page.get_by_role("link", name="Throughput", exact=True).first.click()
    page.wait_for_url("**/metrics?runs=syn-torch-0001,syn-jax-00000001#throughput")
    settled()
    until(page, "document.getElementById('throughput').classList.contains('is-linked')")
    box = page.locator("#throughput").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 300
    page.get_by_label("Find a metric").fill("idle host")
    until(page, "location.search.includes('q=idle+host')")
    expect(page.locator("#idle_host_time")).to_be_visible()
    expect(page.locator("#throughput")).to_be_hidden()
