"""axe-core over the pages, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

_PAGES = {
    "runs": "/",
    "compare": "/compare?runs=syn-torch-0001,syn-tensorflow-1,syn-jax-00000001",
    "run": "/run?run=syn-torch-gpu-1",
}
_BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.mark.parametrize("name", _PAGES)
def test_axe_finds_nothing_in_light_and_dark(
    visit: Callable[[str], Page], settled: Callable[[], None], address: str, axe: str, violations: Any, name: str
) -> None:
    page = visit(address + _PAGES[name])
    page.evaluate(axe)
    light = page.evaluate(_BACKGROUND)
    assert violations(page) == {}
    page.get_by_label("Switch between light and dark").click()
    settled()
    assert page.evaluate(_BACKGROUND) != light
    assert violations(page) == {}
