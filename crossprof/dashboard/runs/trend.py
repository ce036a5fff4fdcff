"""The card below the table of runs: one metric over the runs of one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, dcc, html
from plotly.graph_objects import Figure

from crossprof.dashboard import cards, components
from crossprof.dashboard.figures import trend as figures
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.dashboard.theme import theme
from crossprof.store import Store

__all__ = ["connect_trend", "trend_section"]

_POINTS = (
    "select run_id, run.run, framework, framework_version, started_ns, value, n, ci_low, ci_high "
    "from run join run_metric using (run_id) where rank is null and metric = ? and "
)
_METRIC = "select title, unit from metric where id = ?"
_SUBTITLE = "A point is a run, its bar the 95 % interval; colour is the framework."


def trend_section(store: Store, rows: Sequence[Mapping[str, Any]], query: Mapping[str, str]) -> html.Div:
    """The two choices, and the place of the card that a callback draws. Without a choice, the name that most runs have."""
    names = [str(row["run"]) for row in rows]
    name = query.get("trend") or max(dict.fromkeys(names), key=names.count)
    metrics = frame(store, "select id, title from metric where peer is null").to_dicts()
    data = [{"value": one["id"], "label": one["title"]} for one in metrics]
    shared: dict[str, Any] = {"searchable": True, "size": "xs", "allowDeselect": False, "limit": 100}
    return html.Div(
        [
            html.Div(
                [
                    html.H2("Trend"),
                    dmc.Select(
                        id="trend-metric",
                        value=query.get("metric") or "step_time",
                        data=data,
                        **shared,
                        **components.labelled("Metric of the trend"),
                    ),
                    html.Span("over the runs named", className="dimmed"),
                    dmc.Select(
                        id="trend-name",
                        value=name,
                        data=sorted({*names, name}),
                        **shared,
                        **components.labelled("Name of the runs of the trend"),
                    ),
                ],
                className="trend-choices",
            ),
            html.Div(id="trend-card", className="trend-card"),
            dcc.Store(id={"page": "runs", "retry": "trend"}),
        ],
        className="trend",
    )


def connect_trend(app: Dash, snapshot: Snapshot) -> None:
    """Draw the card for its choices, the baseline, the colour scheme, and after each publish."""

    def draw(
        scheme: str | None, name: str | None, metric: str | None, base: str | None, _version: str | None, _again: int | None
    ) -> Any:
        store = snapshot.store()
        told: dict[str, Any] = next(iter(frame(store, _METRIC, metric).to_dicts()), {"title": metric, "unit": ""})

        def figure() -> Figure:
            points = frame(store, _POINTS + "run.run = ?", metric, name)
            baseline = frame(store, _POINTS + "run_id = ?", metric, base).to_dicts() if base else []
            return figures.over_runs(points, next(iter(baseline), None), theme(scheme), unit=told["unit"])

        query = cards.spelled(_POINTS + "run.run = ? order by started_ns", metric, name)
        body = cards.drawn(figure, page="runs", name="trend")
        return cards.card(f"{told['title']} of {name}", _SUBTITLE, *(body if isinstance(body, list) else [body]), query=query)

    app.callback(
        Output("trend-card", "children"),
        Input("look", "data"),
        Input("trend-name", "value"),
        Input("trend-metric", "value"),
        Input("baseline", "data"),
        Input("catalog", "data"),
        Input({"page": "runs", "retry": "trend"}, "data"),
    )(draw)
