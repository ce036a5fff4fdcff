"""The bar that stays in sight on Compare: the runs, which of them is the baseline, and ways to change both in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, dcc, html

from crossprof.dashboard import theme
from crossprof.dashboard.addresses import run_address
from crossprof.dashboard.components import labelled
from crossprof.dashboard.selection import offered
from crossprof.store import Store

__all__ = ["connect_bar", "runs_bar"]

_SWATCHES = {"dash": "is-dash", "longdash": "is-dash", "dot": "is-dot"}


def runs_bar(
    store: Store, runs: Sequence[Mapping[str, Any]], names: Sequence[str], labels: Sequence[str], *, base: str, most: int
) -> html.Div:
    """A chip for each run, in the order of the address; `names` are those of the address, `base` the one of the baseline."""
    shades = theme.shades([run["framework"] for run in runs])
    dashes = [lane.dash for lane in theme.lanes(runs, "light", labels=labels)]
    chips = [
        _chip(run, name, label, shade, dash, is_base=name == base)
        for run, name, label, shade, dash in zip(runs, names, labels, shades, dashes, strict=True)
    ]
    parts: list[Any] = [html.Div(chips, className="chips")] if chips else []
    if len(runs) < most:
        parts.append(_adder(store, {str(run["run_id"]) for run in runs}))
    if len(runs) > 1:
        title = "Make the next run the baseline (key b)"
        parts.append(
            html.Button(
                "Next baseline", id="set-baseline", type="button", className="button", title=title, **{"data-edit-runs": "next"}
            )
        )
    return html.Div(parts, className="runs-bar", role="group", **labelled("Runs that are compared"))


def _chip(run: Mapping[str, Any], name: str, label: str, shade: str, dash: str, *, is_base: bool) -> html.Span:
    swatch = html.Span(className=f"swatch {_SWATCHES.get(dash, '')}".rstrip(), style={"--chip": f"var({shade})"})
    link = dcc.Link([swatch, theme.shortened(label, most=30)], href=run_address(str(run["run_id"])), title=label)
    if is_base:
        standing: Any = html.Span("baseline", className="badge")
    else:
        standing = _button("Make baseline", "base", name, f"Make {label} the baseline")
    remove = _button("×", "remove", name, f"Leave {label} out")
    return html.Span([link, standing, remove], className=f"run-chip{' is-base' if is_base else ''}")


def _button(text: str, edit: str, name: str, title: str) -> html.Button:
    return html.Button(text, type="button", title=title, **{"data-edit-runs": edit, "data-run": name}, **labelled(title))


def _adder(store: Store, held: set[str]) -> dmc.Select:
    return dmc.Select(
        id="add-run",
        data=[one for one in offered(store, []) if one["value"] not in held],
        placeholder="Add a run",
        searchable=True,
        limit=100,
        size="xs",
        className="add-run",
        nothingFoundMessage="No such run",
        comboboxProps={"width": 340, "position": "bottom-start"},
        **labelled("Add a run to the comparison"),
    )


def connect_bar(app: Dash) -> None:
    """Another run, or another unit, is another address; assets/compare.js does the rest."""
    for field, function in (("add-run", "addRun"), ("told-per", "tellPer")):
        app.clientside_callback(ClientsideFunction("crossprof", function), Input(field, "value"), prevent_initial_call=True)
