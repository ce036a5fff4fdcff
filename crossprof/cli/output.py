"""Text into a file that somebody named: it appears whole, or not at all. `-` is stdout."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["STDOUT", "write_text"]

STDOUT = "-"


def write_text(target: str, text: str) -> None:
    """Write to stdout, else beside the file and renamed over it. What is no regular file, such as a pipe, is written to.

    A file that is there keeps its permissions. Raises OSError.
    """
    if target == STDOUT:
        click.echo(text, nl=False)
        return
    from crossprof.store.export.staged import staged  # brings every export along

    with staged(Path(target)) as file:
        file.write(text.encode())
