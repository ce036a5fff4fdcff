"""Every page over every kind of store: made-up runs, own recordings, real captures of GPUs and TPUs, and nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from crossprof.dashboard.pages import PAGES
from crossprof.ingest import ingest
from crossprof.store import Store

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

CAPTURES = ("torch_h100_bertsmall", "torch_mi300_bertsmall", "torch_b200_eager", "megatron_tp8_a100", "xp_tpu_v6e_inference")
MOST_CALLBACKS = 14  # of a page as it loads; a loop makes hundreds
_BACKGROUND = "getComputedStyle(document.body).backgroundColor"
# what is wider than its card, other than what scrolls there; and whether the page itself scrolls sideways
_SPILLED = """() => [...document.querySelectorAll('.card *')].filter(part => {
    const scrolls = '.scroll, .ag-root-wrapper, .both-ends, .js-plotly-plot, .hidden-label, .card-menu, .cm-editor';
    if (part.closest(scrolls)) return false;
    return part.getBoundingClientRect().right > part.closest('.card').getBoundingClientRect().right + 1;
}).map(part => part.outerHTML.slice(0, 80))
  .concat(document.documentElement.scrollWidth > window.innerWidth + 1 ? ['the page itself'] : [])"""

Visit = Callable[[str], Page]
EVERY = pytest.mark.parametrize("path", [page.path for page in PAGES])


@pytest.fixture(scope="session")
def captures_store(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    root = tmp_path_factory.mktemp("captures") / "store"
    for name in CAPTURES:
        ingest([corpus / name], store=root, name=name)
    return root


@pytest.fixture(scope="session")
def captures(captures_store: Path, serve_store: Callable[[Path], Iterator[str]]) -> Iterator[dict[str, str]]:
    for address in serve_store(captures_store):
        yield pages(address, captures_store)


@pytest.fixture(scope="session")
def made_up(address: str, synthetic_store: Path) -> dict[str, str]:
    return pages(address, synthetic_store)


@pytest.fixture(scope="session")
def recorded(recorded_address: str, recorded_store: Path) -> dict[str, str]:
    return pages(recorded_address, recorded_store)


def pages(address: str, path: Path) -> dict[str, str]:
    """The address of each page, about two runs of a store: the first and the last by name."""
    with Store(path) as store:
        ids = store.sql("select run_id from run order by run").pl()["run_id"].to_list()
    query = f"?runs={ids[0]},{ids[-1]}"
    return {page.path: address + page.path + (query if page.shows_runs and page.path != "/" else "") for page in PAGES}


def is_sound(page: Page, guard: Any) -> None:
    """Nothing failed, nothing goes round in circles, nothing leaves its card, at any width."""
    page.wait_for_timeout(800)  # long enough for a loop to show
    assert 1 <= guard.callbacks <= MOST_CALLBACKS
    assert page.locator(".failed").count() == 0, page.locator(".failed").all_inner_texts()
    for width in (1440, 1024, 480):
        page.set_viewport_size({"width": width, "height": 1480})
        for _ in range(50):  # figures follow the width a little later
            page.wait_for_timeout(200)
            spilled = page.evaluate(_SPILLED)
            if not spilled:
                break
        assert spilled == [], f"at {width} px"


@EVERY
def test_over_made_up_runs(visit: Visit, guard: Any, made_up: dict[str, str], path: str) -> None:
    is_sound(visit(made_up[path]), guard)


@EVERY
def test_over_own_recordings(visit: Visit, guard: Any, recorded: dict[str, str], path: str) -> None:
    is_sound(visit(recorded[path]), guard)


@EVERY
def test_over_captures_of_gpus_and_tpus(visit: Visit, guard: Any, captures: dict[str, str], path: str) -> None:
    is_sound(visit(captures[path]), guard)


@EVERY
def test_over_nothing(visit: Visit, guard: Any, empty_address: str, path: str) -> None:
    page = visit(empty_address + path)
    is_sound(page, guard)
    assert page.locator("main h1").count() == 1


@EVERY
def test_axe_finds_nothing_in_light_and_dark(
    visit: Visit, settled: Callable[[], None], made_up: dict[str, str], axe: str, violations: Any, path: str
) -> None:
    page = visit(made_up[path])
    page.evaluate(axe)
    light = page.evaluate(_BACKGROUND)
    assert violations(page) == {}
    page.get_by_label("Switch between light and dark").click()
    settled()
    assert page.evaluate(_BACKGROUND) != light
    assert violations(page) == {}
