"""Cards: a page is made of them. A card shows data, or says none because ..., or failed because ..., and gives data away."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any

from dash import dcc, html
from plotly.graph_objects import Figure

from crossprof.dashboard import theme
from crossprof.dashboard.addresses import result_address, sql_address
from crossprof.dashboard.components import labelled
from crossprof.errors import CrossprofError
from crossprof.store.literal import literal

__all__ = ["Absent", "absent", "card", "card_id", "columns", "drawn", "failed", "figure_card", "notice", "spelled", "told"]

logger = logging.getLogger(__name__)


class Absent(Exception):
    """There is nothing to draw, and this is why. The message finishes the sentence 'None, because ...'."""


def card(title: str, subtitle: str, *body: Any, query: str = "", command: str = "", class_name: str = "") -> html.Section:
    """A card: what it shows, its unit, scope and how to read it, the body; with a menu of its link, query, CSV and PNG.

    `query` is the SQL that gives the card's rows, ready to run; `command` what shows the same in a terminal.
    """
    data = ({"data-sql": query} if query else {}) | ({"data-command": command} if command else {})
    return html.Section(
        [_menu(title, query, command), *_heading(title, subtitle), *body],
        id=card_id(title),
        className=f"card {class_name}".rstrip(),
        **data,
    )


def card_id(title: str) -> str:
    """What the address of a card of that title ends in."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def notice(title: str, subtitle: str, *body: Any) -> html.Section:
    """A card that tells what to do: it has no data to give away."""
    return html.Section([*_heading(title, subtitle), *body], className="card")


def _heading(title: str, subtitle: str) -> list[Any]:
    return [html.H2(title)] + ([html.P(subtitle, className="subtitle")] if subtitle else [])


def _menu(title: str, query: str, command: str) -> html.Details:
    """What one may take from a card; assets/cards.js does it."""
    entries = [html.Button("Copy link", type="button", **{"data-act": "link"})]
    if query:
        entries += [
            html.Button("Copy SQL", type="button", **{"data-act": "sql"}),
            html.A("Open in SQL", href=sql_address(query)),
            html.A("CSV", href=result_address(query, "csv"), download=""),
        ]
    if command:
        entries.append(html.Button("Copy command", type="button", **{"data-act": "command"}))
    entries.append(html.Button("PNG", type="button", **{"data-act": "png"}))
    handle = html.Summary(html.I(className="icon icon-more"), title="Link, SQL, CSV, PNG", **labelled(f"Menu of {title}"))
    return html.Details([handle, html.Div(entries, className="menu")], className="card-menu")


def columns(*held: Sequence[Any]) -> html.Div:
    """Cards in columns, each as high as it needs: rows of a grid would stretch the shorter card of two."""
    return html.Div([html.Div(list(cards), className="column") for cards in held], className="columns")


def figure_card(page: str, name: str, title: str, subtitle: str, *, query: str = "", height: int = 260) -> html.Section:
    """A card whose figure a callback draws, once the page knows its colour scheme. `height` in pixels is kept free for it."""
    body = html.Div(
        html.Div(className="skeleton"),
        id={"page": page, "figure": name},
        className="card-body",
        style={"--height": f"{height}px"},
        **labelled(title),
        role="group",
    )
    return card(title, subtitle, body, dcc.Store(id={"page": page, "retry": name}), query=query)


def drawn(draw: Callable[[], Figure], *, page: str, name: str) -> Any:
    """A figure's body for its card; or the reason why there is none; or what failed, with a button to try again."""
    return told(lambda: _graph(draw()), page=page, name=name)


def told(tell: Callable[[], Any], *, page: str, name: str) -> Any:
    """What fills a card; or the reason why there is none; or what failed, with a button to try again."""
    try:
        return tell()
    except Absent as absence:
        return absent(str(absence))
    except CrossprofError as error:
        return _failed(str(error), page, name)
    except Exception as error:  # a card that fails says so, and the rest of the page stays
        logger.exception("The card %s failed.", name)
        return _failed(f"{type(error).__name__}: {error}", page, name)


def _graph(figure: Figure) -> list[Any]:
    height = figure["layout"]["height"]
    graph = dcc.Graph(figure=figure, config=theme.GRAPH_CONFIG, style={"height": height})
    return [html.Div(graph, style={"minHeight": height}), *_legend(figure), *_notes(figure)]


def _failed(reason: str, page: str, name: str) -> list[Any]:
    again = html.Button("Try again", type="button", className="button", **{"data-retry-page": page, "data-retry-name": name})
    return [failed(reason), again]


def _legend(figure: Figure) -> list[html.Div]:
    """The names and colours of traces that ask for it, in rows as the width allows: plotly's own would lie over the axis."""
    entries = [trace for trace in figure.data if trace.showlegend and not figure.layout.showlegend]
    chips = [html.Span(trace.name, className="chip", style={"--chip": trace.marker.color}) for trace in entries]
    return [html.Div(chips, className="legend")] if chips else []


def _notes(figure: Figure) -> list[html.P]:
    """What a figure has to say in words, as of runs that it could not draw: in its `meta`, under `notes`."""
    return [html.P(note, className="note") for note in (figure.layout.meta or {}).get("notes", ())]


def absent(reason: str) -> html.P:
    """Nothing to show, and why."""
    return html.P(f"None, because {reason}", className="absent")


def failed(reason: str) -> html.P:
    """What went wrong."""
    return html.P([html.Strong("Failed because "), reason], className="failed", role="alert")


def spelled(query: str, *params: object) -> str:
    """A query with its parameters written out, as one would type it. Texts, numbers and lists of them."""
    parts = query.split("?")
    if len(parts) != len(params) + 1:
        raise ValueError(f"{len(params)} parameters for {len(parts) - 1} places in: {query}")
    return parts[0] + "".join(_literal(value) + part for value, part in zip(params, parts[1:], strict=True))


def _literal(value: object) -> str:
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_literal(one) for one in value) + "]"
    return "NULL" if value is None else str(value)
