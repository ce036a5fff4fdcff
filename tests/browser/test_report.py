"""Reports as a reader opens them: from a file, in light and dark, on a narrow screen and on paper, with nothing loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from crossprof.cli import main

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

_BACKGROUND = "getComputedStyle(document.body).backgroundColor"
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_OUTSIDE = """() => [...document.querySelectorAll('svg rect, svg line')].filter(part => {
  const own = part.getBoundingClientRect(), all = part.ownerSVGElement.getBoundingClientRect();
  return own.left < all.left - 1 || own.right > all.right + 1 || own.bottom > all.bottom + 1;
}).length"""
_COVERED = """() => [...document.querySelectorAll('svg')].flatMap(figure => {
  const texts = [...figure.querySelectorAll('text')].map(text => text.getBoundingClientRect());
  return texts.filter((one, place) => texts.slice(place + 1).some(other =>
    one.left < other.right && other.left < one.right && one.top + 3 < other.bottom && other.top + 3 < one.bottom));
}).length"""


@pytest.fixture(params=[("bert-base", "bert-base-fp32"), ("syn-torch-0001", "tiny-transformer-tf", "tiny-transformer-jax")])
def report(request: pytest.FixtureRequest, synthetic_store: Path, tmp_path: Path) -> str:
    """The address of a report on two runs with device work, or on three without."""
    file = tmp_path / "report.html"
    assert main(["report", *request.param, "-o", str(file), "--store", str(synthetic_store)]) == 0
    return file.as_uri()


@pytest.fixture
def opened(page: Page, report: str) -> Page:
    """The page, opened. Nothing but the file itself is asked for, and nothing is complained of."""
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report)
    page.evaluate("() => document.fonts.ready")
    assert (asked, complaints) == ([report], [])
    return page


@pytest.mark.parametrize("width", [1200, 400])
def test_it_fits_wide_and_narrow_screens(opened: Page, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    assert opened.evaluate(_OVERFLOW) <= 0
    assert opened.evaluate(_OUTSIDE) == 0
    assert opened.evaluate(_COVERED) == 0


def test_axe_finds_nothing_in_light_and_dark(opened: Page, axe: str, violations: Callable[[Page], Any]) -> None:
    opened.evaluate(axe)
    light = opened.evaluate(_BACKGROUND)
    assert violations(opened) == {}
    opened.emulate_media(color_scheme="dark")
    assert opened.evaluate(_BACKGROUND) != light
    assert violations(opened) == {}


def test_paper_is_white_in_the_dark_too(opened: Page) -> None:
    opened.emulate_media(color_scheme="dark", media="print")
    assert opened.evaluate(_BACKGROUND) == "rgba(0, 0, 0, 0)"
    assert opened.evaluate("getComputedStyle(document.body).color") == "rgb(26, 29, 33)"


def test_a_metrics_name_leads_to_its_definition(opened: Page) -> None:
    opened.get_by_role("link", name="Step time", exact=True).click()
    assert opened.url.endswith("#metric-step_time")
    assert opened.locator("#metric-step_time").inner_text() == "Step time step_time"
    assert opened.locator("#metric-step_time").is_visible()
