"""Run `/run?run=ID`: what bounds one run and what to do about it, what it measured, whether to trust it, the circumstances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import Dash, html

from crossprof.dashboard import cards, components
from crossprof.dashboard.addresses import export_address, flame_address
from crossprof.dashboard.drawing import COURSE, connect_figure, connect_words, shown
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.quantity import instant
from crossprof.dashboard.run import facts, overview, windows
from crossprof.dashboard.selection import chosen, picker, unfilled
from crossprof.dashboard.small_multiples import SMALL_MULTIPLES, connect_multiple
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.toggles import connect_toggles
from crossprof.dashboard.wording import TRUST
from crossprof.store import Store

__all__ = ["PAGE"]

_DRAWN = {"parts": overview.PARTS, "course": COURSE}
_SHARED = ("categories", "memory", "utilization")
_OF_DEVICES = ("activity", "power")
_TELEMETRY = ("memory", "utilization", *_OF_DEVICES)


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page of the run that the address names, of the latest where it names none."""
    store = snapshot.store()
    found = chosen(store, query)
    if not found:
        return unfilled("Run")
    run, run_id = found[0], str(found[0]["run_id"])
    figures = {name: drawing.card("run", name, [[run_id]]) for name, drawing in _DRAWN.items()}
    figures |= {name: _shared(store, name, run_id, query) for name in _SHARED}
    figures |= {name: _shared(store, name, run_id, query) for name in _OF_DEVICES if _is_told(store, name, run_id)}
    bound = overview.bottleneck(store, run_id)
    totals = overview.capture_totals(store, run_id)
    has_steps = bound.get("scope") == "steps"
    ranks = overview.ranks(store, run_id)
    taken = windows.windows(store, run_id)
    told = [overview.advice_card(run_id), facts.findings(store, run_id)]
    largest = [overview.top_kernels(store, run_id), overview.top_operators(store, run_id)]
    (largest if run["device_kind"] in (None, "cpu") else told).append(figures["categories"])  # where there is room for it
    return [
        _title(run, picker(store, found)),
        _exports(run_id, run["run"]),
        overview.verdict(bound, run_id),
        figures["parts"],
        *([] if has_steps else [totals]),
        cards.columns(told, largest),
        *([ranks] if ranks else []),
        figures["course"],
        html.Div([figures[name] for name in _TELEMETRY if name in figures], className="cards filled"),
        facts.metrics(store, run_id),
        *([totals] if has_steps else []),
        cards.columns(
            [
                facts.identity(run),
                *([taken] if taken else []),
                facts.captures(store, run_id),
            ],
            [facts.environment(run), facts.options(run)],
        ),
        facts.artifacts(store, run_id),
        shown([[run_id]], [run["run"]], per="step"),
    ]


def _title(run: Mapping[str, Any], others: html.Div) -> html.Div:
    pin = [html.Span("★", className="pin is-pinned", title="Pinned")] if run["is_pinned"] else []
    return html.Div(
        [
            html.H1(run["run"]),
            *pin,
            html.Span(f"capture {run['verdict']}", className=f"badge is-{run['verdict']}", title=TRUST[run["verdict"]]),
            components.chip(run["framework"]),
            html.Span(_summary(run), className="dimmed"),
            html.Div(className="spacer"),
            others,
        ],
        className="title-row",
    )


def _summary(run: Mapping[str, Any]) -> str:
    parts = (run["framework_version"], run["model"], run["precision"], run["device_model"], instant(run["started_ns"]) + " UTC")
    return " · ".join(part for part in parts if part)


def _shared(store: Store, name: str, run_id: str, query: Mapping[str, str]) -> html.Section:
    """A figure that Compare has too."""
    multiple, sides = SMALL_MULTIPLES[name], [[run_id]]
    return multiple.card("run", name, sides, query) if multiple.has_rows(store, sides) else multiple.absent(sides)


def _is_told(store: Store, name: str, run_id: str) -> bool:
    """Whether there is telemetry that only some devices have: a page on a CPU need not say so twice."""
    return SMALL_MULTIPLES[name].has_rows(store, [[run_id]])


def _exports(run_id: str, name: str) -> html.Div:
    """The run in other tools: the flame graph opens beside, the others are files."""
    files = {"perfetto": "Perfetto trace", "speedscope": "speedscope", "parquet": "Parquet", "html": "HTML report"}
    links = [html.A(title, href=export_address(run_id, form), download="") for form, title in files.items()]
    flames = html.A("Flame graph", href=flame_address(run_id, name), target="_blank", rel="noopener")
    return html.Div([flames, html.Span("Export", className="dimmed"), *links], className="exports")


def connect(app: Dash, snapshot: Snapshot) -> None:
    """The figures follow the colour scheme."""
    for name, drawing in _DRAWN.items():
        connect_figure(app, snapshot, page="run", name=name, drawing=drawing)
    for name in (*_SHARED, *_OF_DEVICES):
        connect_multiple(app, snapshot, "run", name)
    connect_toggles(app, "run")
    connect_words(app, snapshot, page="run", name="advice", tell=overview.advice)


PAGE = Page("/run", "Run", layout, connect, is_in_menu=False)
