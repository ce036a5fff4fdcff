"""The options that commands share, and the store that they open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crossprof import settings
from crossprof.cli.terminal import print_warning
from crossprof.errors import CrossprofError

if TYPE_CHECKING:
    from crossprof.store import Store

__all__ = ["as_json", "open_store", "parsed_tags", "print_json", "store_path", "tags_of"]

Command = TypeVar("Command", bound=Callable[..., Any])


def store_path(command: Command) -> Command:
    """The option --store, handed to the command as an absolute path."""
    return click.option(
        "--store",
        "store",
        metavar="PATH",
        default=None,
        callback=lambda _context, _option, value: settings.store_path(value),
        help="Directory of the store. Default: CROSSPROF_STORE, else ~/.crossprof.",
    )(command)


def as_json(command: Command) -> Command:
    """The flag --json, handed to the command as `is_json`."""
    return click.option("--json", "is_json", is_flag=True, help="Print one JSON document.")(command)


def parsed_tags(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """The callback of an option whose values are tags."""
    return tags_of(values)


def tags_of(texts: Iterable[str]) -> dict[str, str]:
    """The tags that texts of the form key=value name. Raises click.BadParameter."""
    tags = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not key or not separator:
            raise click.BadParameter(f"'{text}' is not of the form key=value.")
        tags[key] = value
    return tags


def open_store(path: Path) -> Store:
    """The store at a path, with what waited in its recordings/ ingested; one that fails costs a warning only."""
    from crossprof.ingest import ingest, pending
    from crossprof.store import Store

    if waiting := pending(path):
        try:
            results = ingest(waiting, store=path)
        except (CrossprofError, OSError) as error:
            print_warning(str(error))
        else:
            for result in results:
                if result.status == "failed":
                    print_warning(f"{result.path} was not ingested: {result.reason}")
    return Store(path)


def print_json(document: object) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(document, indent=2, default=str, allow_nan=False))
