"""`serve`: the dashboard and its address."""

from __future__ import annotations

from pathlib import Path

import click

from crossprof import settings
from crossprof.cli.options import store_path
from crossprof.errors import CrossprofError

__all__ = ["serve", "serve_store"]


@click.command()
@click.option("--host", default=None, help="Address to bind. Default: CROSSPROF_HOST, else 127.0.0.1.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    help="Port to bind; 0 takes a free one. Default: CROSSPROF_PORT, else 8050.",
)
@click.option(
    "--token",
    default=None,
    help="Secret that a browser must present. Better set as CROSSPROF_TOKEN, where ps does not show it.",
)
@store_path
def serve(host: str | None, port: int | None, token: str | None, store: Path) -> None:
    """Open the dashboard, and ingest what training leaves in the store. Ctrl-C ends it."""
    serve_store(store, host=host, port=port, token=token)


def serve_store(store: Path, *, host: str | None = None, port: int | None = None, token: str | None = None) -> None:
    """Serve the dashboard of a store until Ctrl-C; what is None comes from the environment."""
    from crossprof.dashboard import serve as serve_dashboard

    allowed = (settings.get("CROSSPROF_ALLOWED_HOSTS") or "").split(",")
    try:
        serve_dashboard(
            store,
            host=host or settings.get("CROSSPROF_HOST") or "127.0.0.1",
            port=_port() if port is None else port,
            token=token or settings.get("CROSSPROF_TOKEN"),
            allowed_hosts=[name.strip() for name in allowed if name.strip()],
            on_ready=lambda url: click.echo(f"The dashboard of {store} is at {url} (Ctrl-C ends it)"),
        )
    except ModuleNotFoundError as error:
        raise CrossprofError(
            f"The dashboard needs {error.name}, which is not installed: pip install 'crossprof[dashboard]'"
        ) from None


def _port() -> int:
    text = settings.get("CROSSPROF_PORT") or ""
    if not text.isdecimal() or int(text) > 65535:
        raise CrossprofError(f"CROSSPROF_PORT is '{text}': set it to a number from 0 to 65535.")
    return int(text)
