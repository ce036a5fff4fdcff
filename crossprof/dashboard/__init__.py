"""The dashboard room: pages over the store's views. It draws and decides nothing.

`crossprof.dashboard.quantity` writes numbers for the command line too, so no Dash is loaded until a dashboard is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dash import Dash

__all__ = ["create_app", "serve"]


def create_app(
    store_path: str | os.PathLike[str] | None, *, token: str | None = None, allowed_hosts: Collection[str] = ()
) -> Dash:
    """The dashboard over a store, as a Dash application whose `server` is the Flask application: see `app.create_app`."""
    from crossprof.dashboard import app

    return app.create_app(store_path, token=token, allowed_hosts=allowed_hosts)


def serve(
    store_path: str | os.PathLike[str] | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8050,
    token: str | None = None,
    allowed_hosts: Collection[str] = (),
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the dashboard until Ctrl-C; `on_ready` gets its address: see `server.serve`. Raises StoreError: it can't listen."""
    from crossprof.dashboard import server

    server.serve(store_path, host=host, port=port, token=token, allowed_hosts=allowed_hosts, on_ready=on_ready)
