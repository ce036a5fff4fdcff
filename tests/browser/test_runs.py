"""The pages Runs and Run in a real browser: find, group, pin, tag, note, delete, follow; and the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from crossprof.store import Store

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

Visit = Callable[[str], Page]
ROWS = ".ag-center-cols-container .ag-row"


@pytest.fixture
def own(tmp_path: Path, synthetic: ModuleType, serve_store: Any) -> Iterator[tuple[str, Path]]:
    """The address and the folder of a store that a test may change."""
    synthetic.write_store(tmp_path, synthetic.DEMO[:3])
    for address in serve_store(tmp_path):
        yield address, tmp_path


def row(page: Page, run_id: str) -> Locator:
    return page.locator(f".ag-row[row-id='{run_id}']")


_SHOWN = """() => {
    const ids = [];
    dash_ag_grid.getApi('runs').forEachNodeAfterFilterAndSort(node => ids.push(node.data.run_id));
    return ids;
}"""


def shown(page: Page) -> list[str]:
    """The ids of the rows from top to bottom, headings too."""
    found: list[str] = page.evaluate(_SHOWN)
    return found


def choose(page: Page, field: str, option: str) -> None:
    page.get_by_role("combobox", name=field).or_(page.get_by_label(field, exact=True)).first.click()
    page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")


def test_choices_narrow_and_groups_fold_and_both_are_in_the_address(visit: Visit, until: Any, address: str) -> None:
    page = visit(address + "/")
    choose(page, "Only runs of", "PyTorch")
    expect(page.locator("#run-matches")).to_have_text("4 shown")
    choose(page, "Only runs of", "precision=float32")
    expect(page.locator("#run-matches")).to_have_text("3 shown")
    choose(page, "Group by", "Name")
    until(page, "location.search === '?only=framework:PyTorch,tag:precision=float32&group=name'")
    names = ["group:bert-base-fp32", "syn-torch-gpu-2", "group:tiny-transformer", "syn-torch-0002", "syn-torch-0001"]
    assert shown(page) == names
    page.get_by_role("button", name="tiny-transformer 2 runs").click()
    until(page, f"JSON.stringify(({_SHOWN})()) === JSON.stringify({names[:3]})")
    again = visit(page.url)
    expect(again.locator("#run-matches")).to_have_text("3 shown")
    assert shown(again) == names


_VISIBLE = "(name => dash_ag_grid.getApi('runs').getColumn(name).isVisible())"


def test_columns_are_chosen_and_kept_and_sorting_is_in_the_address(visit: Visit, until: Any, address: str) -> None:
    page = visit(address + "/")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Host").check()
    page.get_by_label("Precision").uncheck()
    until(page, f"{_VISIBLE}('host') && !{_VISIBLE}('precision')")
    page.locator(".ag-header-cell[col-id='step_time']").click()
    until(page, "location.search.includes('sort=step_time:asc') && location.search.includes('cols=')")
    assert shown(page)[0] == "syn-torch-gpu-1"
    again = visit(page.url)
    assert shown(again)[0] == "syn-torch-gpu-1"
    until(visit(address + "/"), f"{_VISIBLE}('host') && !{_VISIBLE}('precision')")


def test_pins_tags_and_notes_go_to_the_store_and_come_back(visit: Visit, settled: Any, own: tuple[str, Path]) -> None:
    address, store = own
    page = visit(address + "/")
    assert shown(page)[0] == "syn-jax-00000001"
    page.get_by_role("button", name="Pin tiny-transformer", exact=True).click()
    expect(page.locator("#runs-message")).to_have_text("tiny-transformer is pinned.")
    assert shown(page)[0] == "syn-torch-0001"
    _type(page, "tags", "gpu=h100, team=a")
    expect(page.locator("#runs-message")).to_have_text("The tags of tiny-transformer are saved.")
    _type(page, "note", "the good one")
    expect(page.locator("#runs-message")).to_have_text("The note of tiny-transformer is saved.")
    _type(page, "tags", "fast")
    expect(page.locator("#runs-message")).to_contain_text("'fast' is no tag")
    settled()
    expect(row(page, "syn-torch-0001").locator("[col-id='tags']")).to_have_text("gpu=h100, team=a")
    with Store(store) as opened:
        held = opened.sql("select tags, note, is_pinned from run where run_id = 'syn-torch-0001'").fetchall()
    assert held == [({"gpu": "h100", "team": "a"}, "the good one", True)]
    again = visit(address + "/?only=tag:gpu=h100")
    assert shown(again) == ["syn-torch-0001"]
    expect(visit(address + "/run?run=syn-torch-0001").get_by_text("the good one")).to_be_visible()


def _type(page: Page, column: str, text: str) -> None:
    page.evaluate(f"dash_ag_grid.getApi('runs').ensureColumnVisible('{column}')")
    row(page, "syn-torch-0001").locator(f"[col-id='{column}']").dblclick()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_deleting_asks_first(visit: Visit, own: tuple[str, Path]) -> None:
    address, _ = own
    page = visit(address + "/")
    expect(page.locator("#delete")).to_be_disabled()
    row(page, "syn-torch-0001").locator(".ag-checkbox-input").check()
    page.locator("#delete").click()
    expect(page.locator("#deletion")).to_contain_text("artifacts/syn-torch-0001/rank-0/capture-0/trace.json.gz")
    page.get_by_role("button", name="Keep them").click()
    expect(page.locator("#deletion")).to_be_hidden()
    expect(page.locator(ROWS)).to_have_count(3)
    page.locator("#delete").click()
    page.locator("#delete-now").click()
    expect(page.locator("#runs-message")).to_have_text("Deleted 1 run.")
    expect(page.get_by_text("2 in this store")).to_be_visible()
    expect(page.locator(ROWS)).to_have_count(2)


def test_a_baseline_shows_changes_and_a_line_in_the_trend(visit: Visit, address: str) -> None:
    page = visit(address + "/?base=syn-torch-0001&trend=tiny-transformer")
    expect(row(page, "syn-jax-00000001").locator("[col-id='delta_step_time'] .better")).to_contain_text("▼ −2")
    plot = page.locator("#trend-card .js-plotly-plot")
    assert plot.evaluate("plot => [plot.data.length, plot.data[0].x.length, plot.layout.shapes.length]") == [1, 2, 1]
    choose(page, "Metric of the trend", "Peak memory")
    expect(page.get_by_role("heading", name="Peak memory of tiny-transformer")).to_be_visible()
    assert page.url.endswith("&metric=peak_memory")


def test_rows_are_walked_selected_and_opened_by_keys(visit: Visit, until: Any, address: str) -> None:
    page = visit(address + "/")
    for key in ("j", "j", "k", "j", "x"):
        page.keyboard.press(key)
    until(page, "location.search === '?runs=syn-torch-gpu-1'")
    page.keyboard.press("Enter")
    page.wait_for_url("**/run?run=syn-torch-gpu-1")
    expect(page.get_by_role("heading", name="bert-base", exact=True)).to_be_visible()


def test_the_page_of_a_run_opens_with_its_verdict_and_advice(visit: Visit, address: str) -> None:
    page = visit(address + "/run?run=syn-torch-gpu-1")
    expect(page.locator(".verdict .sentence")).to_contain_text("bound this run")
    expect(page.locator("#advice li").first).to_be_visible()
    names = page.locator("[aria-label='What the time is made of'] .js-plotly-plot").evaluate(
        "plot => plot.data.map(one => one.name)"
    )
    assert names[0].startswith("compute")
    assert page.locator("#top-kernels tbody tr").count() == 4
    assert page.locator("#top-operators tbody tr").count() == 6
