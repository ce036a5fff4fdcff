"""The dashboard over a synthetic store in the system's chromium, and a guard that fails on any complaint of the browser."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Page, Request, Response, expect
from werkzeug.serving import make_server

from crossprof.dashboard import create_app

expect.set_options(timeout=30_000)  # a loaded machine draws late; what never comes still fails
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--font-render-hinting=none",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
]
_AXE = "4.14.1"
_ALLOWED = {"aria-required-children"}  # AG Grid's own header groups
_SETTLED = """() => {
  const state = window.store && window.store.getState();
  if (!state || state.isLoading) return false;
  const callbacks = Object.assign({}, state.callbacks);
  delete callbacks.stored;
  delete callbacks.completed;
  return Object.values(callbacks).flat().length === 0 && document.querySelectorAll("main > *").length > 0;
}"""
_DRAWN = """() => document.querySelectorAll('.skeleton').length === 0
  && [...document.querySelectorAll('.dash-graph')].every(graph => graph.querySelector('.main-svg'))
  && [...document.querySelectorAll('.grid')].every(grid => grid.querySelector('.ag-row, .ag-overlay-no-rows-center'))"""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    viewport = {"width": 1440, "height": 1480}
    return {**browser_context_args, "viewport": viewport, "reduced_motion": "reduce", "timezone_id": "UTC", "locale": "en-US"}


def _served(path: Path, *, token: str | None = None) -> Iterator[str]:
    application = create_app(path, token=token).server
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()
    application.extensions["crossprof"].close()


@pytest.fixture(scope="session")
def serve_store() -> Any:
    """Serves a store as long as a fixture yields from it."""
    return _served


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real traces."""
    folder = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces")
    if not (folder / "torch_h100_bertsmall").is_dir():
        pytest.skip("no real traces: set CROSSPROF_CORPUS to their folder")
    return folder


@pytest.fixture(scope="session")
def address(synthetic_store: Path) -> Iterator[str]:
    yield from _served(synthetic_store)


@pytest.fixture(scope="session")
def spread_address(spread_store: Path) -> Iterator[str]:
    """A dashboard over runs of several ranks, with memory, on several numbers of devices."""
    yield from _served(spread_store)


@pytest.fixture(scope="session")
def recorded_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of real recordings: a small network trained in PyTorch, and in JAX where that is installed."""
    pytest.importorskip("torch")
    path = tmp_path_factory.mktemp("recorded")
    frameworks = [name for name in ("torch", "jax") if importlib.util.find_spec(name)]
    environment = {**os.environ, "CROSSPROF_STORE": str(path), "CROSSPROF_INGEST": "0", "JAX_PLATFORMS": "cpu"}
    for name in frameworks:
        _run([sys.executable, str(Path(__file__).with_name("training.py")), name], environment)
    _run([sys.executable, "-m", "crossprof", "ingest", *map(str, path.glob("recordings/*"))], environment)
    return path


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def recorded_address(recorded_store: Path) -> Iterator[str]:
    yield from _served(recorded_store)


@pytest.fixture
def empty_address(tmp_path: Path) -> Iterator[str]:
    yield from _served(tmp_path / "empty")


@pytest.fixture
def locked_address(synthetic_store: Path) -> Iterator[str]:
    """A dashboard that asks for the token 'secret'."""
    yield from _served(synthetic_store, token="secret")


@pytest.fixture
def growing(tmp_path: Path, synthetic: ModuleType) -> Iterator[tuple[str, Any]]:
    """The address of a store with one run, and what adds the next."""
    synthetic.write_store(tmp_path, synthetic.DEMO[:1])
    for address in _served(tmp_path):
        yield address, lambda: synthetic.write_store(tmp_path, synthetic.DEMO[1:2])


class Guard:
    """What a browser did while a page was open, and what it complained of."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.callbacks = 0
        page.on("console", lambda message: self._complain(f"console {message.text}") if message.type == "error" else None)
        page.on("pageerror", lambda error: self._complain(f"page error {error}"))
        page.on("requestfailed", self._failed)
        page.on("request", self._sent)
        page.on("response", self._answered)

    def _complain(self, what: str) -> None:
        self.complaints.append(what[:500])

    def _failed(self, request: Request) -> None:
        if "ABORTED" not in (request.failure or ""):
            self._complain(f"failed {request.url}: {request.failure}")

    def _sent(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self._complain(f"request to another host: {request.url}")
        self.callbacks += "_dash-update-component" in request.url

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self._complain(f"{response.status} {response.url}")


@pytest.fixture
def guard(page: Page) -> Iterator[Guard]:
    """Fails the test on a console or page error, a failed request or callback, or a request to another host."""
    watching = Guard(page)
    yield watching
    assert watching.complaints == []


def until(page: Page, condition: str, *, seconds: float = 60) -> None:
    """Wait for a JavaScript condition. page.wait_for_function would evaluate it inside the page, which the policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"still not true after {seconds} s: {condition}"
        page.wait_for_timeout(50)


@pytest.fixture(name="until")
def _until() -> Any:
    return until


def settle(page: Page) -> None:
    """Wait until no callback is under way, every figure and grid is drawn, fonts are there and two frames have passed."""
    until(page, _SETTLED)
    until(page, _DRAWN)
    page.evaluate(
        "() => document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))"
    )


@pytest.fixture
def settled(page: Page) -> Any:
    """Wait until the page rests."""
    return lambda: settle(page)


@pytest.fixture
def visit(page: Page, guard: Guard) -> Any:
    """Open an address and wait until the page rests."""

    def go(url: str) -> Page:
        page.goto(url)
        settle(page)
        return page

    return go


@pytest.fixture(scope="session")
def axe(pytestconfig: pytest.Config) -> str:
    """The script of axe-core. It comes from npm once and is kept in pytest's cache; without npm, the test is skipped."""
    cache: Path = pytestconfig.cache.mkdir("axe")  # type: ignore[union-attr]
    script = cache / f"axe-{_AXE}.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed: axe-core can't be fetched")
        packed = subprocess.run([npm, "pack", f"axe-core@{_AXE}"], cwd=cache, capture_output=True, timeout=120, check=False)
        if packed.returncode:
            pytest.skip("axe-core can't be fetched from npm")
        with tarfile.open(cache / f"axe-core-{_AXE}.tgz") as archive:
            member = archive.extractfile("package/axe.min.js")
            assert member is not None
            script.write_bytes(member.read())
    return script.read_text("utf-8")


@pytest.fixture
def violations() -> Any:
    """What axe-core, once it is in a page, finds wrong there."""
    return _violations


def _violations(page: Page) -> dict[str, list[str]]:
    found = page.evaluate("() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa']}).then(result => result.violations)")
    return {one["id"]: [node["html"][:160] for node in one["nodes"][:4]] for one in found if one["id"] not in _ALLOWED}
