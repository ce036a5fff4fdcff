"""How the service ends once pages have been looked at: its threads hold connections by then."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_cleanly_after_a_visit(
    synthetic_store: Path, visit: Callable[[str], Page], tmp_path: Path, ending: signal.Signals
) -> None:
    shutil.copytree(synthetic_store, tmp_path / "store")
    command = [sys.executable, "-m", "crossprof", "serve", "--port", "0", "--store", str(tmp_path / "store")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = next(line for line in server.stdout if "http://" in line)
        visit(line[line.index("http://") :].split()[0])
        server.send_signal(ending)
        _, errors = server.communicate(timeout=30)
    assert (server.returncode, errors) == (0, "")
