"""The parts that pages are built of: cards, chips, and what a card says when it has nothing to show."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html
from plotly.graph_objects import Figure

from crossprof.dashboard import theme
from crossprof.dashboard.wording import definition
from crossprof.errors import CrossprofError

__all__ = [
    "Absent",
    "absent",
    "card",
    "chip",
    "columns",
    "command",
    "compare_address",
    "defined",
    "definition",
    "drawn",
    "facts",
    "failed",
    "figure_card",
    "labelled",
    "run_address",
]


logger = logging.getLogger(__name__)


class Absent(Exception):
    """There is nothing to draw, and this is why. The message finishes the sentence 'None, because ...'."""


def card(title: str, subtitle: str, *body: Any, class_name: str = "") -> html.Section:
    """A card: what it shows, then its unit, scope and how to read it, then the body."""
    heading = [html.H2(title)] + ([html.P(subtitle, className="subtitle")] if subtitle else [])
    return html.Section([*heading, *body], className=f"card {class_name}".rstrip())


def columns(*held: Sequence[Any]) -> html.Div:
    """Cards in columns, each as high as it needs: rows of a grid would stretch the shorter card of two."""
    return html.Div([html.Div(list(cards), className="column") for cards in held], className="columns")


def figure_card(page: str, name: str, title: str, subtitle: str) -> html.Section:
    """A card whose figure a callback draws, once the page knows its colour scheme."""
    body = html.Div(
        html.Div(className="skeleton"),
        id={"page": page, "figure": name},
        className="card-body",
        **labelled(title),
        role="group",
    )
    return card(title, subtitle, body)


def drawn(draw: Callable[[], Figure], *, name: str) -> Any:
    """A figure's body for its card; or the reason why there is none; or what failed."""
    try:
        figure = draw()
    except Absent as absence:
        return absent(str(absence))
    except CrossprofError as error:
        return failed(str(error))
    except Exception as error:  # a card that fails says so, and the rest of the page stays
        logger.exception("The card %s failed.", name)
        return failed(f"{type(error).__name__}: {error}")
    height = figure["layout"]["height"]
    graph = dcc.Graph(figure=figure, config=theme.GRAPH_CONFIG, style={"height": height})
    return [html.Div(graph, style={"minHeight": height}), *_legend(figure)]


def _legend(figure: Figure) -> list[html.Div]:
    """The names and colours of traces that ask for it, in rows as the width allows: plotly's own would lie over the axis."""
    entries = [trace for trace in figure.data if trace.showlegend and not figure.layout.showlegend]
    chips = [html.Span(trace.name, className="chip", style={"--chip": trace.marker.color}) for trace in entries]
    return [html.Div(chips, className="legend")] if chips else []


def absent(reason: str) -> html.P:
    """Nothing to show, and why."""
    return html.P(f"None, because {reason}", className="absent")


def failed(reason: str) -> html.P:
    """What went wrong."""
    return html.P([html.Strong("Failed because "), reason], className="failed", role="alert")


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


def defined(title: str, definition: str) -> html.Span:
    """A metric's title that explains itself on hover."""
    return html.Span(title, className="defined", title=definition, tabIndex=0) if definition else html.Span(title)


def run_address(run_id: str) -> str:
    """The page of one run."""
    return "/run?" + urlencode({"run": run_id})


def compare_address(run_ids: Sequence[str], base: str) -> str:
    """The page that compares runs against a baseline."""
    return "/compare?" + urlencode({"runs": ",".join(run_ids), "base": base}, safe=",")
