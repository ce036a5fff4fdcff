"""The timeline in a real browser: what is drawn, what pointer and keys do, and that the address holds all of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]

BOTH = "/timeline?runs=launch-a,launch-b"
_MOST_CALLBACKS = 2
_RESTS = """(() => {
    const view = window.timelineParts && timelineParts.current();
    return Boolean(view && view.isReady && view.canvas.isConnected && view.runs.every(run => run.data && !run.isAsking)
        && !document.querySelector('#timeline-table .skeleton'));
})()"""
_INK = """() => {
    const canvas = document.getElementById('timeline-canvas');
    const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    const counts = new Map();
    for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) || 0) + 1);
    const most = [...counts.values()];
    return {share: 1 - Math.max(...most) / pixels.length, colors: most.filter(count => count > 40).length};
}"""
_SPAN = "timelineParts.current().to - timelineParts.current().from"
# the middle of an event on the screen, by run, kind and id
_PLACE = """([place, kind, id]) => {
    const view = timelineParts.current(), run = view.runs[place], data = run.data;
    const at = data.id.findIndex((one, i) => one === id && data.kind[i] === kind);
    const row = timelineParts.nearestRow(view, run, data.lane[at]);
    const box = view.overlay.getBoundingClientRect();
    const x = timelineParts.x(view, run, data.start[at] + data.dur[at] / 2);
    return [box.left + x, box.top + row.y - view.scroll + row.height / 2];
}"""


@pytest.fixture(scope="module")
def launches_address(serve_store: Callable[[Path], Iterator[str]], launches_store: Path) -> Iterator[str]:
    yield from serve_store(launches_store)


@pytest.fixture
def open_timeline(visit: Callable[[str], Page], until: Any, launches_address: str) -> Callable[..., Page]:
    """Open the timeline and wait until all of it is there."""

    def go(path: str = BOTH) -> Page:
        page = visit(launches_address + path)
        until(page, _RESTS)
        return page

    return go


def query(page: Page) -> dict[str, str]:
    found: dict[str, str] = page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
    return found


def test_two_runs_are_drawn_over_each_other_from_the_same_step(
    open_timeline: Callable[..., Page], guard: Any, until: Any
) -> None:
    page = open_timeline()
    ink = page.evaluate(_INK)
    assert ink["share"] > 0.1
    assert ink["colors"] > 4
    labels = page.locator(".timeline-label span").all_inner_texts()
    assert labels == [name for run in ("first", "second") for name in (run, "Steps", "stream 7", "stream 8", "Thread 11")]
    expect(page.locator("#timeline-step")).to_have_text("step 4")
    until(page, "location.search.includes('t=')")
    assert query(page)["t"] == "-40000-2040000", "the two measured steps and a margin"
    assert guard.callbacks <= _MOST_CALLBACKS
    assert "first and second" in (page.locator("#timeline-canvas").get_attribute("aria-label") or "")


def test_idle_time_looks_idle(open_timeline: Callable[..., Page]) -> None:
    page = open_timeline("/timeline?runs=launch-a&t=0-1000000")
    colors = page.evaluate(
        """() => {
            const view = timelineParts.current();
            const row = view.rows.find(row => row.label === 'stream 7');
            const at = us => [...view.context.getImageData(us / 1000 * view.width, row.y + 12, 1, 1).data].slice(0, 3).join();
            return [200, 380, 450, 590, 650, 900].map(at);
        }"""
    )
    ground = colors[0]
    assert [color == ground for color in colors] == [True, True, False, False, True, True]


def test_keys_zoom_move_and_go_back(open_timeline: Callable[..., Page], until: Any) -> None:
    page = open_timeline()
    start = page.evaluate(_SPAN)
    for _ in range(5):
        page.keyboard.press("w")
    assert page.evaluate(_SPAN) / start == pytest.approx(0.6**5)
    page.keyboard.press("S")
    assert page.evaluate(_SPAN) / start == pytest.approx(0.6**4)
    first = page.evaluate("timelineParts.current().from")
    page.keyboard.press("d")
    assert page.evaluate("timelineParts.current().from") > first
    page.keyboard.press("0")
    assert page.evaluate(_SPAN) == pytest.approx(start)
    page.keyboard.press("]")
    expect(page.locator("#timeline-step")).to_have_text("step 5")
    until(page, "location.search.includes('step=1')")


def test_the_wheel_zooms_at_the_pointer_and_with_shift_moves(open_timeline: Callable[..., Page]) -> None:
    page = open_timeline()
    box = page.locator("#timeline-overlay").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 80)
    under = "timelineParts.current().from + (timelineParts.current().to - timelineParts.current().from) / 4"
    before, start = page.evaluate(under), page.evaluate(_SPAN)
    page.mouse.wheel(0, -240)
    page.wait_for_timeout(100)
    assert page.evaluate(_SPAN) < start * 0.6
    assert page.evaluate(under) == pytest.approx(before, abs=start / 500)
    zoomed = page.evaluate(_SPAN)
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 200)
    page.keyboard.up("Shift")
    page.wait_for_timeout(100)
    assert page.evaluate(_SPAN) == pytest.approx(zoomed)
    assert page.evaluate(under) > before


def test_the_strip_shows_where_the_window_is_and_moves_it(open_timeline: Callable[..., Page], until: Any) -> None:
    page = open_timeline()
    until(page, "timelineParts.current().runs.every(run => run.whole)")
    strip, window = page.locator("#timeline-map"), page.locator("#timeline-map-window")
    for _ in range(6):
        page.keyboard.press("w")
    until(
        page,
        "document.getElementById('timeline-map-window').offsetWidth < document.getElementById('timeline-map').offsetWidth / 4",
    )
    before, whole = window.bounding_box(), strip.bounding_box()
    assert before
    assert whole
    span = page.evaluate(_SPAN)
    page.mouse.move(before["x"] + before["width"] / 2, whole["y"] + 5)
    page.mouse.down()
    page.mouse.move(whole["x"] + whole["width"] * 0.75, whole["y"] + 5, steps=4)
    page.mouse.up()
    after = window.bounding_box()
    assert after
    assert after["x"] + after["width"] / 2 == pytest.approx(whole["x"] + whole["width"] * 0.75, abs=2)
    assert page.evaluate(_SPAN) == pytest.approx(span)
    page.mouse.click(whole["x"] + whole["width"] * 0.25, whole["y"] + 5)
    until(
        page,
        "document.getElementById('timeline-map-window').offsetLeft < document.getElementById('timeline-map').offsetWidth / 3",
    )
    until(page, _RESTS)


def test_a_drag_selects_an_area_and_the_table_adds_it_up(
    open_timeline: Callable[..., Page], launches: ModuleType, until: Any
) -> None:
    page = open_timeline("/timeline?runs=launch-a,launch-b&t=0-1000000")
    x, y = page.evaluate(_PLACE, [0, 0, 10])
    quarter = page.evaluate("timelineParts.current().width / 4")
    page.mouse.move(x - quarter, y - 4)
    page.mouse.down()
    page.mouse.move(x, y)
    page.mouse.move(x + quarter, y + 4)
    page.mouse.up()
    expect(page.locator("#timeline-scope")).to_contain_text("Selected area, 500")
    until(page, "document.querySelectorAll('#timeline-table tbody tr').length === 1")  # stream 7 of both runs, and nothing else
    assert page.locator("#timeline-table tbody td").all_text_contents() == [
        launches.GEMM.removeprefix("void "), "gemm", "1", "200", "100\u2009%", "1", "300", "100\u2009%", "+100",
    ]  # fmt: skip
    assert page.locator("#timeline-table .timeline-find").get_attribute("title") == launches.GEMM
    until(page, "location.search.includes('area=')")
    page.keyboard.press("m")
    until(page, "location.search.includes('mark=')")
    page.keyboard.press("Escape")
    expect(page.locator("#timeline-scope")).to_contain_text("All work of devices in these 1.00\u2009ms")


def test_a_click_tells_the_launch_and_leads_to_the_other_run(
    open_timeline: Callable[..., Page], launches: ModuleType, until: Any
) -> None:
    page = open_timeline("/timeline?runs=launch-a,launch-b&t=0-1000000")
    page.mouse.click(*page.evaluate(_PLACE, [0, 0, 10]))
    details = page.locator("#timeline-details")
    expect(details).to_contain_text(launches.GEMM)
    expect(details).to_contain_text("cudaLaunchKernel, thread 11")
    expect(details.get_by_role("link", name="Query in SQL")).to_have_attribute("href", re.compile(r"/sql\?q=SELECT"))
    flows = page.evaluate("timelineParts.current().details.flows.map(flow => [flow.launch.start_ns, flow.work.start_ns])")
    assert flows == [[1_150_000, 1_400_000]]
    until(page, "location.search.includes('sel=0.0.0.10')")
    details.get_by_role("button", name="Find in second").click()
    until(page, "location.search.includes('sel=1.0.0.10')")
    expect(details).to_contain_text("300\u2009µs")
    page.keyboard.press("f")
    assert page.evaluate(_SPAN) == pytest.approx(390_000)


def test_search_counts_highlights_and_steps_through(open_timeline: Callable[..., Page], until: Any) -> None:
    page = open_timeline()
    page.keyboard.press("/")
    page.keyboard.type("CUTLASS")
    expect(page.locator("#timeline-found")).to_have_text("3 calls, 600\u2009µs | 3 calls, 900\u2009µs")
    until(page, "timelineParts.current().runs.every(run => run.data.hit_names && run.data.hit_names.length === 1)")
    page.keyboard.press("Enter")
    until(page, "location.search.includes('sel=0.0.0.10')")
    page.keyboard.press("Enter")
    until(page, "location.search.includes('sel=0.0.0.20')")
    page.keyboard.press("Enter")
    until(page, "location.search.includes('sel=1.0.0.10')")
    page.keyboard.press("Shift+Enter")
    until(page, "location.search.includes('sel=1.0.0.0')")


def test_the_legend_and_the_labels_hide_and_fold(open_timeline: Callable[..., Page], until: Any) -> None:
    page = open_timeline()
    rows = page.evaluate("timelineParts.current().rows.length")
    page.locator(".timeline-label", has_text="Thread 11").first.click()
    assert page.evaluate("timelineParts.current().rows.length") == rows - 1
    page.locator("#timeline-legend").get_by_role("button", name="gemm").click()
    until(page, "location.search.includes('hide=gemm') && location.search.includes('fold=')")
    until(page, "timelineParts.current().runs.every(run => !run.isAsking && ![...run.data.name].some("
          "name => run.data.names[name].includes('cutlass')))")  # fmt: skip


def test_a_link_shows_what_its_sender_sees(open_timeline: Callable[..., Page], until: Any) -> None:
    address = (
        "/timeline?runs=launch-b,launch-a&t=100000-700000&align=start&by=category&search=mem&hide=sync&fold=0/0.host.0"
        "&mark=200000-300000&area=150000-600000@1-2/1-2&sel=1.2.0.1"
    )
    page = open_timeline(address)
    expect(page.locator("#timeline-details")).to_contain_text("cudaMemcpyAsync")
    expect(page.locator("#timeline-table thead")).not_to_contain_text("Name")
    page.wait_for_timeout(600)
    assert page.url.endswith(address)


def test_another_run_is_another_address(open_timeline: Callable[..., Page], until: Any) -> None:
    page = open_timeline("/timeline?runs=launch-a")
    page.locator("#run-picker").click()
    page.get_by_role("option", name="second").click()
    page.wait_for_url("**/timeline?runs=launch-a,launch-b**")
    until(page, "timelineParts.current().runs.length === 2")
    until(page, _RESTS)
    span = page.evaluate(_SPAN)
    page.keyboard.press("w")
    assert page.evaluate(_SPAN) / span == pytest.approx(0.6), "the view before it listens no more"


def test_what_has_nothing_to_draw_says_so(
    visit: Callable[[str], Page], launches_address: str, empty_address: str, guard: Any, until: Any
) -> None:
    page = visit(launches_address + "/timeline?runs=launch-none")
    expect(page.get_by_text("None, because silent recorded no event")).to_be_visible()
    page = visit(empty_address + "/timeline")
    expect(page.get_by_text("crossprof ingest PATH")).to_be_visible()
    page = visit(launches_address + "/timeline?runs=launch-a,launch-none")
    until(page, _RESTS)
    assert page.locator(".timeline-label span").all_inner_texts()[-1] == "silent"
    page = visit(launches_address + "/timeline?runs=nobody")
    expect(page.locator(".failed")).to_contain_text("No run answers to 'nobody'")


def test_a_finger_moves_the_picture_on_a_phone(open_timeline: Callable[..., Page], page: Page) -> None:
    page.set_viewport_size({"width": 480, "height": 900})
    open_timeline()
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    first = page.evaluate("timelineParts.current().from")
    page.evaluate(
        """() => {
            const target = document.getElementById('timeline-overlay'), box = target.getBoundingClientRect();
            const send = (type, x) => target.dispatchEvent(new PointerEvent(type,
                {pointerId: 5, pointerType: 'touch', clientX: box.left + x, clientY: box.top + 60, bubbles: true}));
            target.setPointerCapture = () => {};
            send('pointerdown', 200); send('pointermove', 150); send('pointermove', 100); send('pointerup', 100);
        }"""
    )
    assert page.evaluate("timelineParts.current().from") > first


@pytest.mark.parametrize("width", [1440, 480])
def test_axe_finds_nothing_in_light_and_dark(
    open_timeline: Callable[..., Page], page: Page, axe: str, violations: Any, settled: Callable[[], None], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 1200})
    open_timeline(BOTH + "&t=0-1000000&search=cutlass&sel=0.0.0.10&hide=sync")
    expect(page.locator("#timeline-details")).to_contain_text("cudaLaunchKernel")
    page.evaluate(axe)
    assert violations(page) == {}
    page.get_by_label("Switch between light and dark").click()
    settled()
    assert violations(page) == {}
