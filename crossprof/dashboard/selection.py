"""Which runs a page is about: named in its address, chosen at its top, and carried from page to page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, dcc, html

from crossprof.dashboard import cards, components
from crossprof.dashboard.quantity import instant
from crossprof.dashboard.snapshot import frame
from crossprof.dashboard.theme import framework_title
from crossprof.errors import CrossprofError
from crossprof.store import Store

__all__ = ["chosen", "connect_picker", "names_in", "offered", "picker", "unfilled"]

_MOST_OFFERED = 500  # the latest; others are reached from the page Runs


def names_in(query: Mapping[str, str]) -> list[str]:
    """The runs that an address names, each once: `runs=a,b`, or `run=a`."""
    named = query.get("runs") or query.get("run") or ""
    return list(dict.fromkeys(name for name in named.split(",") if name))


def chosen(store: Store, query: Mapping[str, str], *, most: int = 1) -> list[dict[str, Any]]:
    """The rows of the view run for the runs that an address names; the latest run where it names none; none in an empty store.

    Of more than `most` the first. Raises RunNotFound for a name that no run has, AmbiguousRun for a prefix of several.
    """
    ids = list(dict.fromkeys(store.resolve(name)[0] for name in names_in(query)))[:most]
    if not ids:
        ids = frame(store, "select run_id from run order by started_ns desc nulls last, run_id limit 1")["run_id"].to_list()
    return [_row(store, str(run_id)) for run_id in ids]


def _row(store: Store, run_id: str) -> dict[str, Any]:
    found = frame(store, "select * from run where run_id = ?", run_id).to_dicts()
    if not found:
        raise CrossprofError(f"The run {run_id} was deleted.")
    return found[0]


def picker(store: Store, runs: Sequence[Mapping[str, Any]], *, most: int = 1) -> html.Div:
    """The field at the top of a page that chooses its runs, at most `most`."""
    data = offered(store, runs)
    held = [str(run["run_id"]) for run in runs]
    title = "Run" if most == 1 else f"Runs, at most {most}"
    shared = {"id": "run-picker", "data": data, "searchable": True, "limit": 100, "size": "xs", **components.labelled(title)}
    if most == 1:
        field = dmc.Select(value=held[0] if held else None, allowDeselect=False, **shared)
    else:
        field = dmc.MultiSelect(value=held, maxValues=most, **shared)
    return html.Div(field, className="run-picker" if most == 1 else "run-picker is-several")


def offered(store: Store, runs: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The latest runs and those that are chosen, as the entries of a field."""
    latest = frame(
        store,
        "select run_id, run, framework, started_ns from run order by started_ns desc nulls last, run_id limit ?",
        _MOST_OFFERED,
    ).to_dicts()
    known = {str(row["run_id"]) for row in latest}
    latest += [dict(run) for run in runs if str(run["run_id"]) not in known]
    return [{"value": str(row["run_id"]), "label": _label(row)} for row in latest]


def _label(row: Mapping[str, Any]) -> str:
    return " · ".join((str(row["run"]), framework_title(row["framework"]), instant(row["started_ns"])[:16]))


def unfilled(title: str) -> list[Any]:
    """A page over an empty store: how to fill it."""
    return [
        html.Div(html.H1(title), className="title-row"),
        cards.notice(
            "No runs yet",
            "The store is empty. Any of these adds runs to it; reload this page afterwards.",
            html.P([components.command("crossprof demo"), " profiles a small Transformer in every framework installed."]),
            html.P([components.command("crossprof ingest PATH"), " reads a trace, a log directory or an archive."]),
            html.P(dcc.Link("All runs", href="/")),
        ),
    ]


def connect_picker(app: Dash) -> None:
    """Choosing other runs opens the same page for them."""
    app.clientside_callback(
        ClientsideFunction("crossprof", "pickRuns"), Input("run-picker", "value"), prevent_initial_call=True
    )
