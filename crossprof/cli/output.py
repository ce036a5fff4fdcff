"""Text into a file that somebody named: it appears whole, or not at all. `-` is stdout."""

from __future__ import annotations

import os
import tempfile
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
    path = Path(target)
    if path.exists() and not path.is_file():
        path.write_text(text, "utf-8")
        return
    path = path.resolve()  # a link stays, and what it leads to is replaced
    try:
        descriptor, staged = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None  # the file that was named, not the one beside it
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(staged).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        Path(staged).replace(path)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The mask of the process, which can't be read without setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
