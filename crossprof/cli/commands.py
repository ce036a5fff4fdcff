"""The commands by name; each is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

import click

__all__ = ["Commands"]

_MODULES = {
    "demo": "demo",
    "record": "record",
    "trigger": "trigger",
    "ingest": "ingest",
    "runs": "runs",
    "show": "runs",
    "doctor": "runs",
    "compare": "compare",
    "check": "check",
    "bench": "bench",
    "report": "report",
    "export": "export",
    "sql": "query",
    "views": "query",
    "metrics": "query",
    "serve": "serve",
    "rename": "edits",
    "tag": "edits",
    "note": "edits",
    "pin": "edits",
    "delete": "lifecycle",
    "reindex": "lifecycle",
    "gc": "lifecycle",
}


class Commands(Mapping[str, click.Command]):
    """What a click.Group holds: one command waits for the imports of no other."""

    def __getitem__(self, name: str) -> click.Command:
        command: click.Command = getattr(import_module(f"crossprof.cli.{_MODULES[name]}"), name)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)
