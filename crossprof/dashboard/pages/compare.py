"""Compare `/compare?runs=a,b,c&base=a`: which is faster, by how much, how sure, and where the difference sits."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, dcc, html

from crossprof.dashboard import cards, components
from crossprof.dashboard.addresses import page_address, report_address
from crossprof.dashboard.compare import verdicts
from crossprof.dashboard.compare.bar import connect_bar, runs_bar
from crossprof.dashboard.compare.circumstances import overhead_card, settings_card
from crossprof.dashboard.compare.compared import compared
from crossprof.dashboard.compare.matched_work import connect_operations, matched_by, operations_card
from crossprof.dashboard.compare.waterfall import waterfall_card
from crossprof.dashboard.drawing import shown
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.selection import names_in, unfilled
from crossprof.dashboard.small_multiples import SMALL_MULTIPLES, connect_multiple
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.dashboard.toggles import connect_toggles
from crossprof.errors import CrossprofError
from crossprof.store import Store
from crossprof.store.compare import Comparison, RunDifference
from crossprof.store.step_unit import UNITS, StepUnit, known_units

__all__ = ["PAGE"]

_MOST_RUNS = 8
_ELSEWHERE = {"Timeline": "/timeline", "Kernels": "/kernels", "Memory": "/memory"}
_VALUES = (
    "select metric, run, value, unit, n, ci_low, ci_high from run_metric join metric on metric.id = run_metric.metric "
    "where rank is null and list_contains(?, run_id) order by all"
)
_PARTS = "from category_breakdown where list_contains(?, run_id)"


@dataclass(frozen=True)
class _Asked:
    """What an address asks for: the runs in its order, which of them is the baseline, and for what times are told."""

    names: tuple[str, ...]
    base: str
    per: StepUnit

    @property
    def base_first(self) -> tuple[str, ...]:
        return (self.base, *(name for name in self.names if name != self.base))


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page: the runs, verdicts, metrics, what the difference is made of, figures, operations, circumstances."""
    asked = _asked(query)
    if len(asked.names) > _MOST_RUNS:
        raise CrossprofError(f"{len(asked.names)} runs are too many to tell apart on one page: choose at most {_MOST_RUNS}.")
    if len(asked.names) < 2:
        return _too_few(snapshot.store(), asked)
    found = compared(snapshot, asked.base_first, asked.per)
    store = snapshot.store()  # after what may have moved it on to a newer catalog
    labels, sides = _in_order(found, asked)
    runs = [_row(store, side[0]) for side in sides]
    ids = [side[0] for side in sides]
    return [
        _title_row(store, asked, sides),
        runs_bar(store, runs, asked.names, labels, base=asked.base, most=_MOST_RUNS),
        html.Div([_verdict(found, asked, other, query) for other in found.others], className="cards"),
        _metrics(store, found, sides),
        *_waterfalls(found),
        *_multiples(store, sides, query),
        operations_card(found, query),
        overhead_card(store, ids, labels),
        settings_card(store, ids, labels, query),
        shown(sides, labels, names=list(asked.base_first), per=asked.per),
    ]


def _asked(query: Mapping[str, str]) -> _Asked:
    names = names_in(query)
    base = query.get("base") or (names[0] if names else "")
    if base and base not in names:
        names.insert(0, base)
    units: dict[str, StepUnit] = {unit: unit for unit in UNITS}
    return _Asked(tuple(names), base, units.get(query.get("norm", ""), "step"))


def _row(store: Store, run_id: str) -> dict[str, Any]:
    return frame(store, "select * from run where run_id = ?", run_id).to_dicts()[0]


def _in_order(found: Comparison, asked: _Asked) -> tuple[list[str], list[tuple[str, ...]]]:
    """Names and run ids of all sides in the order of the address, so that a run keeps its colour as baseline."""
    told = [(found.base, found.base_ids), *((other.run, other.run_ids) for other in found.others)]
    by_name = dict(zip(asked.base_first, told, strict=True))
    labels = [by_name[name][0] for name in asked.names]
    return [_told_apart(labels, place) for place in range(len(labels))], [by_name[name][1] for name in asked.names]


def _told_apart(labels: Sequence[str], place: int) -> str:
    """A label; numbered where an earlier one is the same, as of a run against itself."""
    earlier = labels[:place].count(labels[place])
    return f"{labels[place]} #{earlier + 1}" if earlier else labels[place]


def _too_few(store: Store, asked: _Asked) -> list[Any]:
    """One run or none: the bar to add others, and how to come here with some. With an empty store, how to fill it."""
    if frame(store, "select run_id from run limit 1").is_empty():
        return unfilled("Compare")
    rows = [_row(store, store.resolve(name)[0]) for name in asked.names]
    steps = html.P(["Add a run above, or choose two or more on the page ", dcc.Link("Runs", href="/"), " and press Compare."])
    again = html.P(["On the command line: ", components.command("crossprof compare BASE OTHER...")])
    return [
        html.Div(html.H1("Compare"), className="title-row"),
        runs_bar(store, rows, asked.names, [row["run"] for row in rows], base=asked.base, most=_MOST_RUNS),
        cards.notice("Nothing to compare yet", "", steps, again),
    ]


def _title_row(store: Store, asked: _Asked, sides: Sequence[Sequence[str]]) -> html.Div:
    ids = [run_id for side in sides for run_id in side]
    links = [dcc.Link(title, href=page_address(path, [side[0] for side in sides])) for title, path in _ELSEWHERE.items()]
    report = html.A(
        "Report", href=report_address(asked.names, asked.base), download="report.html", title="One HTML file to send on"
    )
    return html.Div(
        [
            html.H1("Compare"),
            html.Nav(
                [html.Span("Open in", className="dimmed"), *links, report],
                className="page-links",
                **components.labelled("These runs elsewhere"),
            ),
            html.Div(className="spacer"),
            _units(known_units(store, ids), asked.per),
        ],
        className="title-row",
    )


def _units(known: Sequence[StepUnit], per: StepUnit) -> dmc.SegmentedControl:
    """What times of work are told for; a unit that some run does not know the number of can't be chosen."""
    lacking = [unit for unit in UNITS if unit not in known]
    why = f"Not all of these runs say how many {' or '.join(f'{unit}s' for unit in lacking)} a step has." if lacking else ""
    return dmc.SegmentedControl(
        id="told-per",
        data=[{"value": unit, "label": f"per {unit}", "disabled": unit not in known} for unit in UNITS],
        value=per,
        size="xs",
        className="toggle",
        **components.labelled(f"What times of work are told for. {why}".strip()),
    )


def _verdict(found: Comparison, asked: _Asked, other: RunDifference, query: Mapping[str, str]) -> html.Section:
    name = dict(zip(asked.base_first[1:], found.others, strict=True))
    named = next(key for key, one in name.items() if one is other)
    options = [] if asked.per == "step" else ["--per", asked.per]
    by = matched_by(found, query)
    command = shlex.join(["crossprof", "compare", asked.base, named, *options, *(["--by", by] if by else [])])
    ids = [*found.base_ids, *other.run_ids]
    return verdicts.verdict_card(found.base, other, is_only=len(found.others) == 1, ids=ids, command=command)


def _metrics(store: Store, found: Comparison, sides: Sequence[Sequence[str]]) -> html.Section:
    registry = frame(store, "select * from metric").to_dicts()
    reading = "Change against the baseline and the 95 % interval of that change. A name leads to its definition."
    query = cards.spelled(_VALUES, [run_id for side in sides for run_id in side])
    return cards.card("Metrics", reading, *verdicts.metrics(found, registry), query=query)


def _waterfalls(found: Comparison) -> list[html.Div]:
    """What each difference is made of; after them why others have no parts."""
    held: tuple[list[html.Section], list[html.Section]] = [], []
    for other in found.others:
        query = cards.spelled(_PARTS, [*found.base_ids, *other.run_ids])
        card = waterfall_card(found.base, other, is_only=len(found.others) == 1, unit=found.per, query=query)
        held[not other.categories].append(card)
    return [html.Div(part, className="cards") for part in held if part]


def _multiples(store: Store, sides: Sequence[Sequence[str]], query: Mapping[str, str]) -> list[html.Div]:
    """The figures that have something to draw, two in a row; after them why the others have not."""
    drawn = [name for name, multiple in SMALL_MULTIPLES.items() if multiple.has_rows(store, sides)]
    missing = [multiple.absent(sides) for name, multiple in SMALL_MULTIPLES.items() if name not in drawn]
    held = [SMALL_MULTIPLES[name].card("compare", name, sides, query) for name in drawn], missing
    return [html.Div(part, className="multiples") for part in held if part]


def connect(app: Dash, snapshot: Snapshot) -> None:
    """Figures, grid and switches answer in place; other runs, another baseline or unit is another address."""
    for name in SMALL_MULTIPLES:
        connect_multiple(app, snapshot, "compare", name)
    connect_operations(app, snapshot)
    connect_bar(app)
    connect_toggles(app, "compare")


PAGE = Page("/compare", "Compare", layout, connect, key="c")
