"""What every page does alike: keys, the menu of a card, runs that come along, a figure that failed and is tried again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

Visit = Callable[[str], Page]
COMPARE = "/compare?runs=syn-torch-0001,syn-jax-00000001&base=syn-torch-0001"


def test_keys_open_pages_and_the_list_of_keys(visit: Visit, address: str) -> None:
    page = visit(address + COMPARE)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Compare")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/?runs=syn-torch-0001,syn-jax-00000001&base=syn-torch-0001")
    expect(page.get_by_role("button", name="Compare 2 runs")).to_be_enabled()
    page.keyboard.press("/")
    expect(page.locator("#filter")).to_be_focused()
    page.keyboard.type("gr")  # in a field keys are text
    expect(page.locator("#filter")).to_have_value("gr")


def test_the_menu_carries_the_runs_along(visit: Visit, address: str) -> None:
    page = visit(address + "/run?run=syn-torch-gpu-1")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Runs").click()
    page.wait_for_url("**/?runs=syn-torch-gpu-1")


def test_on_a_narrow_screen_the_menu_opens(visit: Visit, page: Page, address: str) -> None:
    page.set_viewport_size({"width": 480, "height": 900})
    visit(address + "/")
    links = page.get_by_role("navigation", name="Pages")
    expect(links).to_be_hidden()
    page.get_by_role("button", name="Pages").click()
    links.get_by_role("link", name="Compare").click()
    page.wait_for_url("**/compare*")
    expect(links).to_be_hidden()


def test_a_card_gives_its_link_its_query_and_a_picture(visit: Visit, page: Page, address: str, tmp_path: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(address + COMPARE)
    card = page.locator("#step-time")
    card.get_by_label("Menu of Step time").click()
    card.get_by_role("button", name="Copy link").click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    expect(card.locator(".card-menu[open]")).to_have_count(0)
    link = page.evaluate("navigator.clipboard.readText()")
    assert urlsplit(link).fragment == "step-time"

    card.get_by_label("Menu of Step time").click()
    card.get_by_role("button", name="Copy SQL").click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    expect(card.locator(".card-menu[open]")).to_have_count(0)
    query = page.evaluate("navigator.clipboard.readText()")
    assert query.startswith("select")
    assert "from step_time" in query
    assert "'syn-torch-0001', 'syn-jax-00000001'" in query
    opened = card.get_by_role("link", name="Open in SQL", include_hidden=True).get_attribute("href")
    assert parse_qs(urlsplit(opened or "").query)["q"] == [query]

    card.get_by_label("Menu of Step time").click()
    with page.expect_download() as saved:
        card.get_by_role("button", name="PNG").click()
    saved.value.save_as(tmp_path / "card.png")
    picture = Image.open(tmp_path / "card.png").convert("RGB")
    box = card.bounding_box()
    assert box is not None
    assert picture.width == pytest.approx(2 * box["width"], abs=4)
    assert len(picture.getcolors(1 << 24) or []) > 100

    page.goto(link)
    expect(page.locator("#step-time.is-linked")).to_be_in_viewport()


def test_a_figure_that_failed_is_tried_again_in_its_place(page: Page, settled: Callable[[], None], address: str) -> None:
    """The first answer for one figure is the server's failure, the second its figure."""
    failed: list[Any] = []

    def fail_once(route: Any) -> None:
        asks = route.request.post_data or ""
        if '"figure":"memory"' in asks and not failed:
            failed.append(asks)
            data = asks.replace('"sides":[["syn-torch-0001"]', '"sides":[["nobody"]')
            route.continue_(post_data=data)
        else:
            route.continue_()

    page.route("**/_dash-update-component*", fail_once)
    page.goto(address + COMPARE)
    settled()
    card = page.locator("#memory")
    expect(card.locator(".failed")).to_be_visible()
    card.get_by_role("button", name="Try again").click()
    expect(card.locator(".main-svg").first).to_be_visible()
