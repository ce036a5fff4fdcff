"""How fast the dashboard's pages are over millions of kernels, in a real browser, beside XProf's server on its own capture.

    python benchmarks/dashboard.py trace.json.gz --kernels 200000 --runs 50 --xplane capture.xplane.pb

The store is that of benchmarks/query.py. A page is ready when no callback is under way and every figure and grid is drawn.
Cold: a browser that was never here, with an empty cache, after one visit that warmed the server. Warm: the same browser comes
again. The server shares two cores with the browser, as on a laptop. XProf draws with scripts from the network, which a machine
may not have; what it answers is measured: the data behind its pages, the first time and again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import query
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from crossprof.dashboard.pages import PAGES
from crossprof.store import Store

_READY_WARM_S, _READY_COLD_S, _COMPARE_S, _CALLBACK_S, _FIRST_LOAD_BYTES = 1.2, 3.5, 2.0, 0.25, 2.5e6
_ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_READY = """() => {
  const state = window.store && window.store.getState();
  if (!state || state.isLoading) return false;
  const callbacks = Object.assign({}, state.callbacks);
  delete callbacks.stored;
  delete callbacks.completed;
  return Object.values(callbacks).flat().length === 0 && document.querySelectorAll('main > *').length > 0
    && document.querySelectorAll('.skeleton').length === 0
    && [...document.querySelectorAll('.dash-graph')].every(graph => graph.querySelector('.main-svg'))
    && [...document.querySelectorAll('.grid')].every(grid => grid.querySelector('.ag-row, .ag-overlay-no-rows-center'));
}"""
_XPROF_TOOLS = ("overview_page", "kernel_stats", "hlo_stats", "memory_profile", "framework_op_stats")


@dataclass
class Visit:
    """One page: seconds until it was ready, cold and warm; of its callbacks; bytes of a cold visit."""

    title: str
    cold_s: float
    warm_s: list[float] = field(default_factory=list)
    callbacks_s: list[float] = field(default_factory=list)
    cold_bytes: int = 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("capture", type=Path, help="a Kineto capture with kernels")
    parser.add_argument("--kernels", type=int, default=200_000, help="of each run")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--store", type=Path, help="keep the store here, and use it again")
    parser.add_argument("--visits", type=int, default=7, help="warm visits of each page; their median counts")
    parser.add_argument("--xplane", type=Path, help="measure XProf's server on this capture too")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.store or Path(scratch)
        root = folder / "store"
        if not root.exists():
            query.grown(options.capture, folder / "trace.json", options.kernels)
            query.fill(root, folder / "trace.json", options.runs)
        with served(root) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_ARGUMENTS)
            visits = [measure(browser, address, title, path, options.visits) for title, path in addresses(root)]
            browser.close()
    is_late = show(visits)
    if options.xplane:
        show_xprof(options.xplane)
    return int(is_late)


def addresses(root: Path) -> Iterator[tuple[str, str]]:
    """Each page of the menu about one run, Compare about three, and the page of a run."""
    with Store(root) as store:
        ids = [run_id for (run_id,) in store.sql("SELECT run_id FROM run ORDER BY run_id LIMIT 3").fetchall()]
    for page in PAGES:
        runs = ids if page.path == "/compare" else ids[:1]
        yield page.title, page.path + (f"?runs={','.join(runs)}" if page.shows_runs and page.path != "/" else "")


@contextmanager
def served(root: Path) -> Iterator[str]:
    """The address of `crossprof serve` over a store, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "crossprof", "serve", "--store", str(root), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _await(url: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=2)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"Nothing answers at {url}.")


def measure(browser: Browser, address: str, title: str, path: str, visits: int) -> Visit:
    """A visit that warms the server, a cold one in a new browser, and warm ones in that."""
    _ready_in(_context(browser), address + path)
    context = _context(browser)
    page = context.new_page()
    found = Visit(title, 0.0)
    _watch(page, found)
    found.cold_s = _ready(page, address + path)
    found.cold_bytes = found.cold_bytes or 0
    bytes_cold = found.cold_bytes
    for _ in range(visits):
        found.warm_s.append(_ready(page, address + path))
    found.cold_bytes = bytes_cold
    context.close()
    return found


def _context(browser: Browser) -> BrowserContext:
    return browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="UTC", locale="en-US")


def _ready_in(context: BrowserContext, url: str) -> float:
    seconds = _ready(context.new_page(), url)
    context.close()
    return seconds


def _ready(page: Page, url: str) -> float:
    page.goto("about:blank")
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    while not page.evaluate(_READY):
        if time.perf_counter() - start > 120:
            raise SystemExit(f"{url} is not ready after two minutes.")
        time.sleep(0.01)
    return time.perf_counter() - start


def _watch(page: Page, found: Visit) -> None:
    """Note how long callbacks take, and what comes over the network, by the browser's own account."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    started: dict[str, float] = {}

    def sent(event: dict[str, Any]) -> None:
        if "_dash-update-component" in event["request"]["url"]:
            started[event["requestId"]] = event["timestamp"]

    def finished(event: dict[str, Any]) -> None:
        found.cold_bytes += int(event["encodedDataLength"])
        if event["requestId"] in started:
            found.callbacks_s.append(event["timestamp"] - started.pop(event["requestId"]))

    session.on("Network.requestWillBeSent", sent)
    session.on("Network.loadingFinished", finished)


def show(visits: Sequence[Visit]) -> bool:
    """Print a line a page. True where a budget is not kept."""
    late: list[str] = []
    print(f"{'page':12} {'cold s':>7} {'warm s':>7} {'callbacks':>10} {'p95 ms':>7} {'cold MB':>8}")
    for one in visits:
        warm = statistics.median(one.warm_s)
        callbacks = _p95(one.callbacks_s)
        budget = _COMPARE_S if one.title == "Compare" else _READY_WARM_S
        over = [
            name
            for name, value, most in (
                ("cold", one.cold_s, _READY_COLD_S),
                ("warm", warm, budget),
                ("callbacks", callbacks, _CALLBACK_S),
                ("bytes", one.cold_bytes, _FIRST_LOAD_BYTES),
            )
            if value > most
        ]
        late += over
        row = f"{one.cold_s:7.2f} {warm:7.2f} {len(one.callbacks_s) / (1 + len(one.warm_s)):10.1f} {callbacks * 1e3:7.0f}"
        print(f"{one.title:12} {row} {one.cold_bytes / 1e6:8.2f}{'  over: ' + ', '.join(over) if over else ''}")
    together = [seconds for one in visits for seconds in one.callbacks_s]
    print(f"Callbacks of all pages: p95 {_p95(together) * 1e3:.0f} ms, {len(together)} of them.")
    return bool(late)


def _p95(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=20)[-1] if len(times) > 1 else max(times, default=0.0)


def show_xprof(capture: Path) -> None:
    """Print how long XProf's server takes to answer for the data behind each of its pages, the first time and again."""
    executable = shutil.which("xprof", path=str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"])
    if executable is None:
        print("xprof is not installed.")
        return
    with tempfile.TemporaryDirectory() as logdir, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        session = Path(logdir) / "plugins/profile/run"
        session.mkdir(parents=True)
        shutil.copy(capture, session / "host.xplane.pb")
        server = subprocess.Popen(
            [executable, "server", "--logdir", logdir, "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            root = f"http://127.0.0.1:{port}/data/plugin/profile"
            _await(f"{root}/runs", 120)
            print(f"\n{'XProf, data of':20} {'first s':>8} {'again s':>8} {'MB':>6}")
            for tool in _XPROF_TOOLS:
                first, again = (_answer(f"{root}/data?run=run&tag={tool}&host=host") for _ in range(2))
                print(f"{tool:20} {first[0]:8.2f} {again[0]:8.2f} {first[1] / 1e6:6.2f}")
        finally:
            server.terminate()
            server.wait()


def _answer(url: str) -> tuple[float, int]:
    start = time.perf_counter()
    with urllib.request.urlopen(url, timeout=300) as answer:
        held = answer.read()
    return time.perf_counter() - start, len(held)


if __name__ == "__main__":
    sys.exit(main())
