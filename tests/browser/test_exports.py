"""Exports as a reader gets them: files from the page of a run, frames in the viewer, a report that needs no server."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crossprof.cli import main

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]


def test_the_flame_graph_of_a_run_opens_with_its_frames(
    visit: Callable[[str], Page], address: str, guard: Any, until: Callable[..., None]
) -> None:
    page = visit(f"{address}/run?run=syn-torch-gpu-1")
    link = page.get_by_role("link", name="Flame graph").get_attribute("href")
    assert link is not None
    page.goto(address + link)
    expect(page).to_have_title("bert-base - speedscope")
    page.keyboard.press("3")  # the sandwich: frames as a table
    expect(page.get_by_text("aten::addmm").first).to_be_visible()


def test_a_trace_is_downloaded_from_the_page_of_a_run(visit: Callable[[str], Page], address: str) -> None:
    page = visit(f"{address}/run?run=syn-torch-gpu-1")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Perfetto trace").click()
    file = waiting.value
    assert file.suggested_filename == "syn-torch-gpu-1.perfetto-trace.gz"
    assert b"ampere_sgemm_128x64_tn" in gzip.decompress(Path(file.path()).read_bytes())


@pytest.mark.parametrize("width", [1200, 400])
def test_a_page_on_one_run_fits_and_axe_finds_nothing(
    page: Page, synthetic_store: Path, tmp_path: Path, axe: str, violations: Callable[[Page], Any], width: int
) -> None:
    file = tmp_path / "run.html"
    assert main(["export", "bert-base", "--format", "html", "-o", str(file), "--store", str(synthetic_store)]) == 0
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(file.as_uri())
    assert asked == [file.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.evaluate(axe)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(page) == {}
