"""What a page is to the shell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dash import Dash

from crossprof.dashboard.snapshot import Snapshot

__all__ = ["Page"]


@dataclass(frozen=True)
class Page:
    """A page: its address and title, what draws it from an address's query, and what connects its callbacks."""

    path: str
    title: str
    layout: Callable[[Snapshot, Mapping[str, str]], Any]
    connect: Callable[[Dash, Snapshot], None]
    is_in_menu: bool = True
    key: str = ""
    """The key that opens the page, after g."""
    shows_runs: bool = True
    """Whether the page is about chosen runs, which come along from page to page."""
