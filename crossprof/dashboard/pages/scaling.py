"""Scaling `/scaling?model=bert&by=framework&mode=weak`: what more devices bring, over all runs of a model in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl
from dash import Dash, html

from crossprof.dashboard import cards, components, theme
from crossprof.dashboard.choices import choice
from crossprof.dashboard.drawing import connect_drawing, shown
from crossprof.dashboard.figures import scaling as figures
from crossprof.dashboard.listing import Column, comments, listing
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.quantity import Scale
from crossprof.dashboard.selection import unfilled
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.store import Store

__all__ = ["PAGE", "courses", "draw", "missing"]

_MODELS = (
    "select model, count(distinct devices) filter (samples_per_second is not null) as counts "
    "from scaling group by model order by counts desc, model"
)
_MODES = {"": "all", "weak": "weak: same batch a rank", "strong": "strong: same batch in all"}
_DASHES = {"weak": "solid", "strong": "dash"}
_ALIKE = ("framework", "phase", "precision", "device_model")
"""What runs of a model share, beside it, to belong together: as the view has it."""
_MOST_ROWS = 1000
_CARDS = {
    "throughput": (
        "Throughput",
        "Samples per second of all ranks together, both axes logarithmic. Solid: weak scaling, the batch of a rank stays; "
        "dashed: strong, that of all ranks stays; dotted: the ideal. What was not measured is not bridged.",
    ),
    "efficiency": ("Efficiency", "Throughput over the ideal. Above 100 % where more devices help more than their number says."),
    "exposed": (
        "Exposed communication",
        "Share of a measured step in which a collective ran on a device and no kernel did.",
    ),
}
_COLUMNS = (
    Column("run", "Run", width=150, flex=1),
    Column("framework", "Framework", width=104),
    Column("precision", "Precision", width=90),
    Column("device_model", "Device", width=130, flex=1),
    Column("devices", "Devices", "count", 84),
    Column("mode", "Scaling", width=84),
    Column("batch_size", "Batch of a rank", "count", 90),
    Column("step_ns", "Step", "ns", 90),
    Column("samples_per_second", "Throughput", "samples/s", 120),
    Column("ideal_samples_per_second", "Ideal", "samples/s", 110),
    Column("efficiency_ratio", "Efficiency", "ratio", 100),
    Column("exposed_communication_ratio", "Exposed comm.", "ratio", 108, scale=Scale("%", 0.01)),
    Column("missing", "Missing, because", width=220, flex=2),
)


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page of the model that the address names; of that with most numbers of devices where it names none."""
    store = snapshot.store()
    models = frame(store, _MODELS)
    if models.is_empty():
        return unfilled("Scaling") if frame(store, "select run_id from run limit 1").is_empty() else _untimed()
    names = models["model"].to_list()
    model = query.get("model", "")
    model = model if model in names else names[0]
    mode = query.get("mode", "")
    rows = _rows(store, model, mode)
    return [
        html.Div(
            [
                html.H1("Scaling"),
                choice("model", "Model", {name: theme.shortened(name) for name in names}, model),
                choice("mode", "Batch", _MODES, mode),
            ],
            className="title-row",
        ),
        *_few(models.filter(pl.col("model") == model)["counts"][0]),
        _card("throughput", model, mode),
        cards.columns([_card("efficiency", model, mode)], [_card("exposed", model, mode)]),
        _table(store, rows, model, mode),
        shown([], [], model=model, mode=mode),
    ]


def _untimed() -> list[Any]:
    """A store whose runs have no steps."""
    return [
        html.Div(html.H1("Scaling"), className="title-row"),
        cards.notice(
            "No timed steps",
            "",
            html.P(["No run of this store has steps after warm-up: ", components.command("crossprof.steps()"), " marks them."]),
        ),
    ]


def _few(counts: int) -> list[html.Section]:
    """What to do where a model was run on one number of devices alone."""
    if counts > 1:
        return []
    return [
        cards.notice(
            "One number of devices",
            "A curve needs runs of one model on several: same framework, phase, precision and device.",
            html.P(
                [
                    components.command('@crossprof.profile("NAME", model="MODEL", batch_size=32)'),
                    " names the model of a run; the name of the run stands in where none is given.",
                ]
            ),
        )
    ]


def _query(mode: str) -> str:
    kept = " and mode in (?, 'base')" if mode else ""
    return f"select * from scaling where model = ?{kept} order by devices, run limit {_MOST_ROWS}"


def _rows(store: Store, model: str, mode: str) -> pl.DataFrame:
    return frame(store, _query(mode), model, *([mode] if mode else []))


def courses(rows: pl.DataFrame, scheme: str | None) -> list[figures.Course]:
    """Runs that belong together: a colour for each group, a line for the runs that are set against one base, and that base.

    `rows` are of the view scaling.
    """
    groups = [_group(key, part) for key, part in rows.group_by(_ALIKE, maintain_order=True)]
    labels = _labels([group for group, _ in groups])
    runs = [{"run_id": str(place), "framework": group["framework"]} for place, (group, _) in enumerate(groups)]
    found = []
    for lane, (_, part) in zip(theme.lanes(runs, scheme, labels=labels), groups, strict=True):
        others = part.filter(pl.col("mode") != "base")
        for (mode, base), mine in others.group_by("mode", "base_run_id", maintain_order=True):
            line = pl.concat([part.filter(pl.col("run_id") == base), mine])
            found.append(figures.Course(f"{lane.label} · {mode}", lane.color, _DASHES[str(mode)], line))
        drawn = pl.concat([part.head(0), *(one.rows for one in found)])
        alone = part.join(drawn, on="run_id", how="anti")
        if len(alone):
            found.append(figures.Course(lane.label, lane.color, None, alone))
    return found


def _group(key: tuple[Any, ...], part: pl.DataFrame) -> tuple[dict[str, Any], pl.DataFrame]:
    """What runs share, by name, and these runs."""
    return dict(zip(_ALIKE, key, strict=True)), part


def _labels(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    """The framework of each group, and of the rest what is not the same in all."""
    differing = [field for field in _ALIKE[1:] if len({group[field] for group in groups}) > 1]
    return [
        " · ".join([theme.framework_title(group["framework"]), *(str(group[field] or "unknown") for field in differing)])
        for group in groups
    ]


def missing(row: Mapping[str, Any]) -> str | None:
    """Why a run has no throughput; None where it has one."""
    if row["samples_per_second"] is not None:
        return None
    if row["ranks"] < row["world_size"]:
        return f"{row['ranks']:,} of {row['world_size']:,} ranks in the store"
    return "its steps tell no samples: crossprof.steps(..., samples=N)"


def _card(name: str, model: str, mode: str) -> html.Section:
    query = cards.spelled(_query(mode), model, *([mode] if mode else []))
    return cards.figure_card("scaling", name, *_CARDS[name], query=query, height=300)


def _table(store: Store, rows: pl.DataFrame, model: str, mode: str) -> html.Section:
    reasons = [missing(row) for row in rows.to_dicts()]
    shown_rows = rows.with_columns(missing=pl.Series("missing", reasons, pl.String))
    query = cards.spelled(_query(mode), model, *([mode] if mode else []))
    same = [field for field in _ALIKE if rows[field].n_unique() == 1]
    columns = [column for column in _COLUMNS if column.field not in same]
    alike = ", ".join(str(rows[field][0]) for field in same if rows[field][0] is not None)
    subtitle = (f"All: {alike}. " if alike else "") + "Hover over a title for its definition."
    grid = listing("scaling", shown_rows, columns, comments(store, "scaling"))
    return cards.card("Runs of this model", subtitle, grid, query=query)


def draw(name: str, store: Store, held: Mapping[str, Any], scheme: str | None) -> Any:
    """The figure of a card of this page."""
    lines = courses(_rows(store, held["model"], held["mode"]), scheme)
    figure = getattr(figures, name)
    return figure(lines, theme.theme(scheme))


def connect(app: Dash, snapshot: Snapshot) -> None:
    """Each figure is a request of its own and follows the colour scheme."""
    for name in _CARDS:
        connect_drawing(app, snapshot, page="scaling", name=name, draw=partial(draw, name))


PAGE = Page("/scaling", "Scaling", layout, connect, key="x", shows_runs=False)
