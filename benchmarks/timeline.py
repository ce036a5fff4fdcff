"""How fast the timeline answers and redraws, on a store of large runs.

    python benchmarks/timeline.py STORE --runs 10

Windows of random place and width, from the whole run down to a 2^14th of it, are asked of one run after another through the
server, every lane of the run, with half a window of margin on either side, as the page asks. The picture is drawn in chromium,
moved a little each time, with as many slices as one answer holds; the time counts until the pixels are there.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from werkzeug.serving import make_server

from crossprof.dashboard import create_app
from crossprof.store import Store

_ANSWER_S, _REDRAW_S = 0.060, 0.030
_PIXELS = 2 * 1200
_ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_REDRAW = """(count) => {
    const view = timelineParts.current(), times = [], pixel = () => view.context.getImageData(0, 0, 1, 1);
    pixel();
    for (let i = 0; i < count; i++) {
        const by = (view.to - view.from) * (i % 2 ? 0.01 : -0.01);
        view.from += by; view.to += by;
        const start = performance.now();
        timelineParts.paint(view);
        pixel();
        times.push((performance.now() - start) / 1000);
    }
    return times;
}"""
_SLICES = "timelineParts.current().runs.map(run => run.data.start.length + run.data.bin.length)"
_HAS_ALL = (
    "window.timelineParts && timelineParts.current() && timelineParts.current().runs.every(run => run.data && !run.isAsking)"
)


@dataclass(frozen=True)
class Figures:
    """Seconds that the server took to answer, that a run took to be read, and bytes of an answer as sent."""

    answers: list[float]
    firsts: list[float]
    sizes: list[int]


def server_answers(store: Path, run_ids: Sequence[str], *, windows: int) -> Figures:
    """The times of random windows of each run, its first reading apart."""
    random.seed(7)
    server = create_app(store).server
    client = server.test_client()
    found = Figures([], [], [])
    for run_id in run_ids:
        start = time.perf_counter()
        answer = client.get(f"/timeline/tracks?runs={run_id}")
        assert answer.status_code == 200, answer.text
        told = answer.get_json()[0]
        found.firsts.append(time.perf_counter() - start)
        lanes = max((lane for track in told["tracks"] for lane in track["lanes"]), default=0)
        for _ in range(windows):
            width = max(1000, int(told["span"] * 2 ** -random.uniform(0, 14)))
            first = random.randint(0, max(0, told["span"] - width)) - width // 2
            query = f"run={run_id}&from={first}&to={first + 2 * width}&px={_PIXELS}&lanes=0-{lanes}"
            start = time.perf_counter()
            answer = client.get(f"/timeline/slices?{query}", headers={"Accept-Encoding": "gzip"})
            found.answers.append(time.perf_counter() - start)
            found.sizes.append(len(answer.data))
            assert answer.status_code == 200, answer.text
    server.extensions["crossprof"].close()
    return found


def redraws(store: Path, run_id: str, *, count: int = 100, slices: int = 15_000) -> tuple[list[float], int]:
    """The times of drawing about so many slices and bins anew, and how many they were."""
    from playwright.sync_api import sync_playwright

    application = create_app(store).server
    server = make_server("127.0.0.1", 0, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(f"http://127.0.0.1:{server.port}/timeline?runs={run_id}")
        best = 0
        for _ in range(24):  # zoom in until an answer holds that many
            while not page.evaluate(_HAS_ALL):
                page.wait_for_timeout(50)
            best = sum(page.evaluate(_SLICES))
            if best >= slices * 0.6:
                break
            page.evaluate("timelineParts.current().act.zoom(0.75, 0.5)")
            page.wait_for_timeout(50)
        times: list[float] = page.evaluate(_REDRAW, count)
        browser.close()
    server.shutdown()
    application.extensions["crossprof"].close()
    return times, best


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values stays under."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--runs", type=int, default=10, help="how many runs are asked (10)")
    parser.add_argument("--windows", type=int, default=100, help="windows a run (100)")
    asked = parser.parse_args()
    with Store(asked.store) as store:
        run_ids = [row[0] for row in store.sql("select run_id from run order by run_id").fetchall()][: asked.runs]
    found = server_answers(asked.store, run_ids, windows=asked.windows)
    answer = percentile(found.answers, 0.95)
    print(f"first reading of a run     {statistics.median(found.firsts):6.2f} s, at most {max(found.firsts):.2f} s")
    print(f"answer of the server, p50  {statistics.median(found.answers) * 1000:6.1f} ms")
    print(f"                      p95  {answer * 1000:6.1f} ms   {'within' if answer <= _ANSWER_S else 'beyond'} 60 ms")
    print(
        f"bytes of an answer,   p95  {percentile(found.sizes, 0.95) / 1024:6.0f} KiB, at most {max(found.sizes) / 1024:.0f} KiB"
    )
    times, drawn = redraws(asked.store, run_ids[0])
    redraw = percentile(times, 0.95)
    print(f"redraw of {drawn:,} events and bins, p50 {statistics.median(times) * 1000:.1f} ms")
    print(f"                      p95  {redraw * 1000:6.1f} ms   {'within' if redraw <= _REDRAW_S else 'beyond'} 30 ms")


if __name__ == "__main__":
    main()
