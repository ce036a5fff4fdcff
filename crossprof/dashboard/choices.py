"""Fields at the top of a page that choose what it shows: each stands for a name in the address (assets/choices.js)."""

from __future__ import annotations

from collections.abc import Mapping

from dash import html

__all__ = ["choice"]


def choice(name: str, title: str, options: Mapping[str, str], chosen: str) -> html.Label:
    """A field whose choice opens the same page with `name=value` in its address; the value '' leaves the name out.

    `options` are texts by value, in order.
    """
    entries = [html.Option(text, value=value, selected=value == chosen) for value, text in options.items()]
    return html.Label([html.Span(title), html.Select(entries, **{"data-state": name})], className="choice")
