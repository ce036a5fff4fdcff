"""The small parts that pages are built of: chips, commands to copy, tables of facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from crossprof.dashboard import theme
from crossprof.dashboard.addresses import run_address
from crossprof.dashboard.wording import definition

__all__ = ["chip", "command", "defined", "definition", "facts", "labelled", "run_legend"]


def labelled(text: str) -> dict[str, Any]:
    """A component's name for screen readers: an attribute that is no Python name."""
    return {"aria-label": text}


def chip(framework: str | None, text: str | None = None, *, shade: str | None = None) -> html.Span:
    """A framework, or another text, with a square in the framework's colour, or in that of a CSS variable."""
    style = {"--chip": f"var({shade})"} if shade else {}
    return html.Span(
        text or theme.framework_title(framework), className=f"chip framework-{framework or 'unknown'}", style=style
    )


def command(text: str) -> html.Code:
    """A command to copy."""
    return html.Code(text, className="command")


def facts(rows: Mapping[str, Any]) -> html.Table:
    """A table of names and values."""
    body = [html.Tr([html.Th(name, scope="row"), html.Td(value)]) for name, value in rows.items()]
    return html.Table(html.Tbody(body), className="plain facts")


def defined(title: str, definition: str, href: str = "") -> html.Span | dcc.Link:
    """A metric's title that explains itself on hover, and leads to its whole definition where `href` says so."""
    if href:
        return dcc.Link(title, href=href, className="defined", title=definition)
    return html.Span(title, className="defined", title=definition, tabIndex=0) if definition else html.Span(title)


def run_legend(runs: Sequence[Mapping[str, Any]]) -> html.Div:
    """The colours of several runs, each a link to its page; nothing for one run, whose name the page says anyway."""
    shades = theme.shades([run["framework"] for run in runs])
    chips = [
        dcc.Link(chip(run["framework"], label, shade=shade), href=run_address(str(run["run_id"])))
        for run, label, shade in zip(runs, theme.named(runs), shades, strict=True)
    ]
    return html.Div(chips if len(runs) > 1 else [], className="legend")
