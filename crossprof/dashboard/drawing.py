"""Which figure draws which view: the queries behind the figure cards, and the callbacks that fill them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dash import Dash, Input, Output, dcc, html
from plotly.graph_objects import Figure

from crossprof.dashboard import cards, theme
from crossprof.dashboard.figures import step_time
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.store import Store

__all__ = ["COURSE", "Drawing", "connect_drawing", "connect_figure", "connect_words", "lanes_of", "shown"]

_STEPS = "select run_id, rank, step, dur_ns, is_profiled, is_warmup from step_time"

Sides = Sequence[Sequence[str]]
"""The runs of a page: each a run id, or those of its pooled repeats."""

Draw = Callable[[Store, Sides, Sequence[theme.Lane], theme.Theme], Figure]


@dataclass(frozen=True)
class Drawing:
    """A figure card: its title, how to read it, the rows that it shows, and what draws them."""

    title: str
    subtitle: str
    select: str
    draw: Draw

    def card(self, page: str, name: str, sides: Sides) -> html.Section:
        """The card of a page's figure about these runs."""
        named = ", ".join(f"'{run_id}'" for side in sides for run_id in side)
        return cards.figure_card(page, name, self.title, self.subtitle, query=f"{self.select} where run_id in ({named})")


def _draw_course(store: Store, sides: Sides, lanes: Sequence[theme.Lane], look: theme.Theme) -> Figure:
    return step_time.over_time(frame(store, f"{_STEPS} where run_id = ?", sides[0][0]), lanes[0], look)


COURSE = Drawing(
    "Steps over time", "Wall time of each step on the host. Warm-up steps may lie above the axis.", _STEPS, _draw_course
)


def shown(sides: Sides, labels: Sequence[str], **state: Any) -> dcc.Store:
    """What the figures of a page are about: its runs, and what else its address says."""
    return dcc.Store(id="runs-shown", data={**state, "sides": [list(side) for side in sides], "labels": list(labels)})


def connect_figure(app: Dash, snapshot: Snapshot, *, page: str, name: str, drawing: Drawing) -> None:
    """Draw a figure by a request of its own, so that the first shows early, and anew when the colour scheme changes."""

    def draw(store: Store, held: Mapping[str, Any], scheme: str | None) -> Figure:
        return drawing.draw(store, held["sides"], lanes_of(store, held, scheme), theme.theme(scheme))

    connect_drawing(app, snapshot, page=page, name=name, draw=draw)


def connect_drawing(
    app: Dash,
    snapshot: Snapshot,
    *,
    page: str,
    name: str,
    draw: Callable[[Store, Mapping[str, Any], str | None], Figure],
) -> None:
    """As `connect_figure`, for a figure that needs more of what `shown` holds than the runs."""

    def answer(scheme: str | None, held: dict[str, Any], _again: int | None = None) -> Any:
        def figure() -> Figure:
            return snapshot.remembered(lambda store: draw(store, held, scheme), page, name, scheme, json.dumps(held))

        return cards.drawn(figure, page=page, name=name)

    app.callback(
        Output({"page": page, "figure": name}, "children"),
        Input("look", "data"),
        Input("runs-shown", "data"),
        Input({"page": page, "retry": name}, "data"),
    )(answer)


def connect_words(app: Dash, snapshot: Snapshot, *, page: str, name: str, tell: Callable[[Store, str], Any]) -> None:
    """Fill a card about the first run of a page by a request of its own; what it says is the same in every colour scheme."""

    def answer(held: dict[str, Any], _again: int | None = None) -> Any:
        run_id = held["sides"][0][0]
        return cards.told(
            lambda: snapshot.remembered(lambda store: tell(store, run_id), page, name, run_id), page=page, name=name
        )

    app.callback(
        Output({"page": page, "figure": name}, "children"),
        Input("runs-shown", "data"),
        Input({"page": page, "retry": name}, "data"),
    )(answer)


def lanes_of(store: Store, held: Mapping[str, Any], scheme: str | None) -> list[theme.Lane]:
    """The lanes of the runs that `shown` holds."""
    runs = [
        frame(store, "select run_id, run, framework from run where run_id = ?", side[0]).to_dicts()[0] for side in held["sides"]
    ]
    return theme.lanes(runs, scheme, labels=held["labels"])
