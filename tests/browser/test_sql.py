"""The page SQL in a real browser: ask, chart, share, take a file away."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from crossprof.dashboard.addresses import sql_address
from crossprof.dashboard.sandbox import landlock

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
    pytest.mark.skipif(not landlock.version(), reason="the kernel has no Landlock"),
]

Visit = Callable[[str], Page]
ASKED = """select run, framework, count(*) as steps, avg(dur_ns) / 1e6 as mean_ms
from step_time join run using (run_id, run)
group by all order by run"""
CELL = "#sql-grid .ag-row[row-index='0'] [col-id='{}']"


def typed(page: Page, query: str) -> None:
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(query)


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def traces(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.locator("#sql-figure .js-plotly-plot").evaluate(
        "plot => plot.calcdata.map(c => ({name: c[0].trace.name, type: c[0].trace.type, points: c.length}))"
    )
    return found


def test_the_editor_is_loaded_on_its_page_alone(visit: Visit, address: str) -> None:
    page = visit(address + "/")
    assert page.evaluate("typeof window.CodeMirror") == "undefined"
    page = visit(address + "/sql")
    expect(page.locator(".cm-editor")).to_be_visible()
    expect(page.locator(".sql-text")).to_be_hidden()


def test_a_query_is_run_by_keys_and_lives_in_the_address(visit: Visit, settled: Any, guard: Any, address: str) -> None:
    page = visit(address + "/sql")
    expect(page.locator(".cm-editor")).to_be_visible()
    typed(page, ASKED)
    page.keyboard.press("Control+Enter")
    expect(page.locator(CELL.format(0))).to_have_text("bert-base")
    settled()
    heads = page.locator("#sql-grid .ag-header-cell-text").all_inner_texts()
    assert heads == ["run", "framework", "steps", "mean_ms"]
    assert asked(page) == {"q": [ASKED]}
    assert guard.callbacks <= 8

    page.locator("#sql-kind").get_by_text("bar", exact=True).click()
    page.wait_for_selector("#sql-figure .js-plotly-plot .main-svg")
    page.get_by_label("colour").first.click()
    page.get_by_role("option", name="framework", exact=True).click()
    settled()
    assert {trace["name"] for trace in traces(page)} == {"torch", "tensorflow", "jax"}
    held = asked(page)
    assert (held["kind"], held["x"], held["y"], held["colour"]) == (["bar"], ["run"], ["steps"], ["framework"])

    again = visit(page.url)
    expect(again.locator(CELL.format(0))).to_have_text("bert-base")
    again.wait_for_selector("#sql-figure .js-plotly-plot .main-svg")
    settled()
    assert {trace["name"] for trace in traces(again)} == {"torch", "tensorflow", "jax"}
    assert "select run, framework" in again.locator(".cm-content").inner_text()
    again.reload()
    settled()
    again.locator("#sql-history").select_option(index=1)
    assert "select run, framework" in again.locator(".cm-content").inner_text()


def test_an_error_points_at_its_place_and_the_next_query_is_answered(visit: Visit, settled: Any, address: str) -> None:
    page = visit(address + sql_address("select run,\n  foo from run"))
    expect(page.locator("#sql-answer .failed")).to_contain_text('"foo" not found')
    expect(page.locator("#sql-answer .failed")).to_contain_text("(line 2, column 3)")
    expect(page.locator("#sql-answer .plan")).to_have_text("  foo from run\n  ^")
    typed(page, "select 9007199254740993 as big, 'ü' as umlaut, null as nothing")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(CELL.format(0))).to_have_text("9007199254740993")
    expect(page.locator(CELL.format(2))).to_have_text("NULL")
    for query in ("from '/etc/passwd'", "copy (select 1) to 'x'", "drop view run"):
        typed(page, query)
        page.keyboard.press("Control+Enter")
        expect(page.locator("#sql-answer .failed")).to_contain_text("Failed because")


def test_a_query_that_runs_is_stopped(visit: Visit, settled: Any, address: str) -> None:
    page = visit(f"{address}/sql")
    typed(page, "select count(*) from range(1000000000) as a, range(1000000000) as b")
    page.keyboard.press("Control+Enter")
    page.locator("#sql-stop").click()
    expect(page.locator("#sql-answer")).to_contain_text("Stopped.")
    settled()
    expect(page.locator("#sql-stop")).to_be_hidden()
    expect(page.locator("#sql-run")).to_be_enabled()


def test_files_are_saved_and_a_refusal_is_said(visit: Visit, settled: Any, address: str, tmp_path: Path) -> None:
    page = visit(address + sql_address("select run, run_id from run order by run"))
    expect(page.locator(CELL.format(0))).to_have_text("bert-base")
    for form, opening in (("CSV", b"run,run_id\nbert-base,"), ("Parquet", b"PAR1"), ("Arrow", b"\xff\xff\xff\xff")):
        with page.expect_download() as saved:
            page.get_by_role("link", name=form, exact=True).click()
        assert saved.value.suggested_filename == f"result.{form.lower()}"
        saved.value.save_as(tmp_path / form)
        assert (tmp_path / form).read_bytes().startswith(opening)


def test_views_tell_their_columns_and_put_them_into_the_query(visit: Visit, address: str) -> None:
    page = visit(address + "/sql")
    expect(page.locator(".cm-editor")).to_be_visible()
    page.get_by_label("Find a view or column").fill("bus_bytes")
    expect(page.locator("#sql-schema [data-view]:visible")).to_have_count(1)
    view = page.locator("[data-view='collective_summary']")
    view.locator("summary").click()
    column = view.get_by_role("button", name="bus_bytes_per_second")
    expect(column).to_have_attribute("title", re.compile(r"\w+ \w+"))
    view.get_by_role("button", name="from collective_summary").click()
    assert page.locator(".cm-content").inner_text().strip() == "from collective_summary"


def test_views_and_columns_are_completed(visit: Visit, address: str) -> None:
    page = visit(address + "/sql")
    expect(page.locator(".cm-editor")).to_be_visible()
    typed(page, "select * from kernel_s")
    page.keyboard.press("Control+Space")
    expect(page.locator(".cm-tooltip-autocomplete li").first).to_contain_text("kernel_s")
    page.wait_for_timeout(150)  # CodeMirror takes no choice in the first moment
    page.keyboard.press("Enter")
    expect(page.locator(".cm-content")).to_contain_text("select * from kernel_sequence")
    typed(page, "from kernel_summary where shar")
    page.keyboard.press("Control+Space")
    expect(page.locator(".cm-tooltip-autocomplete li").first).to_contain_text("share_ratio")


def test_an_example_is_one_choice_away(visit: Visit, address: str) -> None:
    page = visit(address + "/sql")
    expect(page.locator(".cm-editor")).to_be_visible()
    page.locator("#sql-examples").select_option(label="Step times: median and tail")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#sql-answer")).to_contain_text("rows ·")
    expect(page.locator("#sql-grid .ag-header-cell-text").nth(4)).to_have_text("p50_ms")


@pytest.mark.parametrize("width", [480, 1440])
def test_nothing_is_wider_than_the_page(visit: Visit, settled: Any, address: str, width: int) -> None:
    page = visit(address + "/sql")
    page.set_viewport_size({"width": width, "height": 1000})
    page.goto(address + sql_address(ASKED) + "&kind=bar&x=run&y=steps")
    page.wait_for_selector("#sql-figure .js-plotly-plot .main-svg")
    settled()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("query", ["", ASKED, "select foo from run", "explain from run"])
def test_axe_finds_nothing_in_light_and_dark(
    visit: Visit, settled: Any, address: str, axe: str, violations: Any, query: str
) -> None:
    page = visit(address + (sql_address(query) + "&kind=bar" if query else "/sql"))
    expect(page.locator(".cm-editor")).to_be_visible()
    if query == ASKED:
        page.wait_for_selector("#sql-figure .js-plotly-plot .main-svg")
    page.evaluate(axe)
    assert violations(page) == {}
    page.get_by_label("Switch between light and dark").click()
    settled()
    assert violations(page) == {}
