"""The page Survey and its file, over a made-up report: rows that open, addresses that hold, any width, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crossprof.dashboard.survey import reported
from crossprof.dashboard.survey.document import as_survey_html
from crossprof.survey.report import Report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

FIRST = "training-bert-tiny-throughput-keras-tensorflow-graph"
MOST_CALLBACKS = 4
_SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# what leaves its card, marks that leave their plot, texts of a row that lie over each other
_UNTIDY = """() => {
  const box = (part) => part.getBoundingClientRect();
  const ink = (part) => { const text = document.createRange(); text.selectNodeContents(part); return box(text); };
  const found = [];
  for (const part of document.querySelectorAll('.card *')) {
    if (part.closest('.scroll:not(:has(> .claims)), .card-menu, caption')) continue;
    const end = box(part.closest('.card')).right + 1;
    if (box(part).width && box(part).right > end) found.push('spilled ' + part.outerHTML.slice(0, 90));
  }
  for (const mark of document.querySelectorAll('.forest > span, .tick')) {
    const plot = box(mark.closest('.plot')), own = box(mark);
    if (own.left < plot.left - 6 || own.right > plot.right + 6) found.push('outside ' + mark.outerHTML.slice(0, 90));
  }
  for (const row of document.querySelectorAll('tr.claim')) {
    const texts = [...row.querySelectorAll('th, .value, .interval, .badge, .because')].filter((one) => !one.closest('.forest'));
    texts.forEach((one, place) => texts.slice(place + 1).forEach((other) => {
      const [a, b] = [one.matches('.badge') ? box(one) : ink(one), other.matches('.badge') ? box(other) : ink(other)];
      const covers = a.left + 1 < b.right && b.left + 1 < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom;
      if (covers && a.width && b.width) found.push(`covered ${one.textContent} by ${other.textContent}`);
    }));
  }
  return found.slice(0, 8);
}"""

Visit = Callable[[str], Page]


@pytest.fixture(scope="module")
def report(survey_report: ModuleType) -> Report:
    """Two tables of the made-up report, with a row of every kind."""
    made: Report = survey_report.made_up(is_extreme=True)
    return replace(made, tables=(made.tables[0], made.tables[2]))


@pytest.fixture(scope="module")
def survey(synthetic_store: Path, report: Report, serve_store: Callable[[Path], Iterator[str]]) -> Iterator[str]:
    """The address of the page, over that report."""
    with pytest.MonkeyPatch.context() as double:
        double.setattr(reported, "report_of", lambda _store, bench: report)
        for address in serve_store(synthetic_store):
            yield f"{address}/survey"


@pytest.fixture
def file(page: Page, report: Report, tmp_path: Path) -> Page:
    """The file, opened. Nothing but itself is asked for, and nothing is complained of."""
    path = tmp_path / "survey.html"
    path.write_text(as_survey_html(report), "utf-8")
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    assert (asked, complaints) == ([path.as_uri()], [])
    return page


def below(page: Page, place: int = 0) -> Any:
    return page.locator("tr.below").nth(place)


def test_what_is_open_and_which_rows_are_shown_is_in_the_address(
    visit: Visit, guard: Any, settled: Callable[[], None], survey: str
) -> None:
    page = visit(survey)
    assert guard.callbacks <= MOST_CALLBACKS
    expect(below(page).locator("dl.told")).to_have_count(0)
    below(page).locator("summary").click()
    expect(below(page).locator("dl.told")).to_contain_text("bert-base, 1 run: syn-torch-gpu-1")
    expect(below(page).locator("table.waterfall tfoot")).to_contain_text("Step")
    page.get_by_text("Measured", exact=True).click()
    expect(page.locator("tr.is-unmeasured").first).to_be_hidden()
    settled()
    assert page.url == f"{survey}?open={FIRST}&rows=measured"
    page = visit(page.url)
    expect(below(page).locator("table.waterfall")).to_be_visible()
    expect(page.locator("tr.is-unmeasured").first).to_be_hidden()
    below(page).locator("summary").click()
    settled()
    assert page.url == f"{survey}?rows=measured"


def test_a_sentence_leads_to_its_row_and_a_link_to_a_row_is_followed(visit: Visit, survey: str) -> None:
    page = visit(survey)
    page.locator(".decision").get_by_role("link", name="Training memory").click()
    row = page.locator("tr.claim.is-linked")
    expect(row).to_have_count(1)
    expect(row).to_be_in_viewport()
    page = visit(page.url)
    expect(page.locator("tr.claim.is-linked")).to_be_in_viewport()
    assert page.locator("tr.claim.is-linked").get_attribute("id") == page.url.partition("#")[2]


def test_a_row_gives_its_query_and_leads_to_the_comparison(visit: Visit, page: Page, survey: str, report: Report) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(f"{survey}?open={FIRST}")
    below(page).get_by_role("button", name="Copy SQL").click()
    expect(below(page).get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == report.tables[0].rows[0].sql
    below(page).get_by_role("link", name="Compare the two").click()
    page.wait_for_url("**/compare?runs=bert-base%40all,bert-base-fp32%40all&base=bert-base%40all")
    expect(page.locator(".verdict")).to_contain_text("bert-base-fp32 is slower than bert-base")


def test_the_page_gives_the_report_as_a_file(visit: Visit, survey: str, report: Report, tmp_path: Path) -> None:
    page = visit(survey)
    with page.expect_download() as told:
        page.get_by_role("link", name="Report", exact=True).click()
    told.value.save_as(tmp_path / "survey.html")
    assert (tmp_path / "survey.html").read_text("utf-8") == as_survey_html(report)


def test_it_is_tidy_at_any_width(visit: Visit, page: Page, survey: str) -> None:
    visit(f"{survey}?open={FIRST}")
    for width in (1440, 1024, 900, 480):
        page.set_viewport_size({"width": width, "height": 1480})
        assert page.evaluate(_UNTIDY) == [], f"at {width} px"
        assert page.evaluate(_SIDEWAYS) <= 0, f"at {width} px"


def test_axe_finds_nothing_in_light_and_dark(
    visit: Visit, settled: Callable[[], None], survey: str, axe: str, violations: Any
) -> None:
    page = visit(f"{survey}?open={FIRST}")
    page.evaluate(axe)
    assert violations(page) == {}
    page.get_by_label("Switch between light and dark").click()
    settled()
    assert violations(page) == {}


def test_the_file_is_tidy_at_any_width_in_light_and_dark(file: Page, axe: str, violations: Any) -> None:
    file.evaluate(axe)
    file.locator("summary").first.click()
    for scheme in ("light", "dark"):
        file.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(file) == {}
        for width in (1440, 480):
            file.set_viewport_size({"width": width, "height": 900})
            assert file.evaluate(_UNTIDY) == [], f"at {width} px"
            assert file.evaluate(_SIDEWAYS) <= 0, f"at {width} px"
