"""The dashboard as a service: one process, threads, until Ctrl-C."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Collection
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from waitress.server import create_server  # type: ignore[import-untyped]

from crossprof.dashboard.app import create_app
from crossprof.dashboard.service.recordings import Watcher
from crossprof.dashboard.service.security import is_loopback
from crossprof.errors import StoreError
from crossprof.settings import store_path as resolved_path

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["serve"]

_THREADS = 8
_PATIENCE_S = 10.0


def serve(
    store_path: str | os.PathLike[str] | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8050,
    token: str | None = None,
    allowed_hosts: Collection[str] = (),
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the dashboard until Ctrl-C or SIGTERM, and ingest what appears in recordings/ meanwhile.

    `on_ready` gets the address once requests are answered. Port 0 takes any free one. Logging in by token is asked of
    all when there is one.

    Raises:
        StoreError: the port is taken, the address is not this machine's, or is open to others without a token.
    """
    if not is_loopback(host) and not token:
        raise StoreError(f"{host} is open to other machines: set CROSSPROF_TOKEN to a secret, or serve on 127.0.0.1.")
    bound = _bind(host, port)
    try:
        names = {*allowed_hosts, *_own_names(host)}
        app = create_app(store_path, token=token, allowed_hosts=names)
        server = create_server(app.server, sockets=[bound], threads=_THREADS, ident=None, clear_untrusted_proxy_headers=True)
    except BaseException:
        bound.close()
        raise
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a page asks for its figures at once: queues are normal
    workers = [thread for thread in threading.enumerate() if thread.name.startswith("waitress-")]
    watcher = Watcher(resolved_path(store_path))
    watcher.start()
    try:
        with _signals_end(), suppress(KeyboardInterrupt):
            if on_ready is not None:
                on_ready(_address(host, bound.getsockname()[1]))
            server.run()
    finally:
        watcher.close()
        server.close()
        app.server.extensions["crossprof"].close()
        _join(workers)


def _join(threads: list[threading.Thread]) -> None:
    """Wait for the threads of requests to be gone.

    waitress and threading count one as ended before it lets go of its connections. The interpreter's end in the middle of that
    would abort the process.
    """
    end = time.monotonic() + _PATIENCE_S
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(128)  # a second server on the same port fails here, before it opens the store
    except (OSError, OverflowError) as error:
        bound.close()
        raise StoreError(_cannot_bind(host, port, error)) from None
    return bound


def _cannot_bind(host: str, port: int, error: Exception) -> str:
    if getattr(error, "errno", None) == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use: choose another with --port, or end what listens there."
    reason = getattr(error, "strerror", None) or str(error)
    return f"Can't listen on {host} port {port} ({reason}): choose others with --host and --port."


def _address(host: str, port: int) -> str:
    """What to open in a browser on this machine."""
    local = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host)  # noqa: S104
    return f"http://{local or (f'[{host}]' if ':' in host else host)}:{port}/"


def _own_names(host: str) -> set[str]:
    """The names that this machine answers to beyond its loopback ones. A foreign page can't take on any of them."""
    return set() if is_loopback(host) else {host, socket.gethostname()}


@contextmanager
def _signals_end() -> Iterator[None]:
    """Within it SIGINT and SIGTERM end the server.

    Process 1 of a container would ignore SIGTERM otherwise, and a job that a script starts in the background SIGINT.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    earlier = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
