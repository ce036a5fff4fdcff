"""axe-core over the pages, light and dark. It comes from npm once and is kept in pytest's cache; without it, skipped."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

_VERSION = "4.14.1"
_PAGES = {
    "runs": "/",
    "compare": "/compare?runs=syn-torch-0001,syn-tensorflow-1,syn-jax-00000001",
    "run": "/run?run=syn-torch-gpu-1",
}
_BACKGROUND = "getComputedStyle(document.body).backgroundColor"
_ALLOWED = {"aria-required-children"}  # AG Grid's own header groups


@pytest.fixture(scope="session")
def axe(pytestconfig: pytest.Config) -> str:
    cache: Path = pytestconfig.cache.mkdir("axe")  # type: ignore[union-attr]
    script = cache / f"axe-{_VERSION}.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed: axe-core can't be fetched")
        packed = subprocess.run([npm, "pack", f"axe-core@{_VERSION}"], cwd=cache, capture_output=True, timeout=120, check=False)
        if packed.returncode:
            pytest.skip("axe-core can't be fetched from npm")
        with tarfile.open(cache / f"axe-core-{_VERSION}.tgz") as archive:
            member = archive.extractfile("package/axe.min.js")
            assert member is not None
            script.write_bytes(member.read())
    return script.read_text("utf-8")


@pytest.mark.parametrize("name", _PAGES)
def test_axe_finds_nothing_in_light_and_dark(
    visit: Callable[[str], Page], settled: Callable[[], None], address: str, axe: str, name: str
) -> None:
    page = visit(address + _PAGES[name])
    page.evaluate(axe)
    light = page.evaluate(_BACKGROUND)
    assert _violations(page) == {}
    page.get_by_label("Switch between light and dark").click()
    settled()
    assert page.evaluate(_BACKGROUND) != light
    assert _violations(page) == {}


def _violations(page: Page) -> dict[str, list[str]]:
    found = page.evaluate("() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa']}).then(result => result.violations)")
    return {one["id"]: [node["html"][:160] for node in one["nodes"][:4]] for one in found if one["id"] not in _ALLOWED}
