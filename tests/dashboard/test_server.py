"""The service: what it binds, what it refuses to bind, how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from crossprof.dashboard import serve
from crossprof.errors import StoreError


def test_another_address_needs_a_token(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="CROSSPROF_TOKEN"):
        serve(tmp_path, host="0.0.0.0", port=0)


def test_a_port_in_use_is_one_line_that_names_the_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StoreError, match=f"Port {port} .*--port") as caught:
            serve(tmp_path, port=port)
    assert "\n" not in str(caught.value)


def test_an_address_of_another_machine_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="--host"):
        serve(tmp_path, host="192.0.2.1", port=0, token="secret")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_ends_without_a_traceback(tmp_path: Path, ending: signal.Signals) -> None:
    code = (
        "import signal, sys; from crossprof.dashboard import serve\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"  # as a shell does for a job in the background
        "serve(sys.argv[1], port=0, on_ready=lambda url: print(url, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        url = child.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}healthz", timeout=20) as answer:
            assert answer.read() == b"ok\n"
        began = time.monotonic()
        child.send_signal(ending)
        assert child.wait(timeout=20) == 0, child.stderr.read()
        assert time.monotonic() - began < 10
        assert "Traceback" not in child.stderr.read()
