"""The figures that one run and a comparison share, a card each: the rows behind it, its switch, and what draws it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import polars as pl
from dash import Dash, Input, Output, html
from plotly.graph_objects import Figure

from crossprof.dashboard import cards, theme
from crossprof.dashboard.drawing import Sides, lanes_of
from crossprof.dashboard.figures import breakdown, categories, roofline, series, step_time
from crossprof.dashboard.readings import ACTIVITY, POWER, UTILIZATION
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.dashboard.toggles import Toggle
from crossprof.store import Store
from crossprof.store.composition import compositions
from crossprof.store.step_unit import StepUnit, per_step

__all__ = ["SMALL_MULTIPLES", "Multiple", "Shown", "connect_multiple", "height_for"]

_STEPS = (
    "select run_id, rank, step, dur_ns / per_step as dur_ns, is_profiled, is_warmup "
    "from step_time join step_size using (run_id, run) where unit = ? and run_id = ?"
)
_BREAKDOWN = (
    "select time_part.*, hidden_communication_ratio, hidden_copy_ratio "
    "from time_part join mean_breakdown using (run_id, scope) where place = 'device' and run_id = ?"
)
_DEVICES = "from mean_breakdown where run_id = ?"
_PLACED = "from op_flops where flops_per_second is not null and operational_intensity > 0 and run_id = ?"
_WORK = f"{_PLACED} qualify row_number() over (partition by run_id order by rank, device_ns desc) <= 16"
_PEAKS = (
    "select run_id, model, bf16_flops_per_second, memory_bytes_per_second, derivation, citation "
    "from device_peak where run_id = ?"
)
_MEMORY = "select run_id, rank, device_id, allocator, at_ns, counter, bytes from memory_course where run_id = ?"
_COUNTED = "from memory_peak where run_id = ?"  # tells at once whether memory_course has rows
_MEASURED = "from category_summary where is_measured and run_id = ?"  # the same of category_breakdown
_MEMORY_STEPS = (
    "select run_id, rank, device_id, allocator, step, counter, peak_bytes as bytes from memory_step where run_id = ?"
)
_COUNTERS = ("driver", "process", "allocator")  # the most alike across frameworks first


@dataclass(frozen=True)
class Shown:
    """What a page is about: its runs, the unit that times are told for, and the way of the card's switch."""

    sides: Sides
    per: StepUnit
    way: str
    lanes: Sequence[theme.Lane]
    look: theme.Theme

    @property
    def height(self) -> int:
        """The height of a figure about so many runs."""
        return height_for(len(self.sides))


@dataclass(frozen=True)
class Multiple:
    """A figure card: its title, how to read it, what draws it, the SQL of its rows with `?` for the run id, and its switch.

    `none` is why there may be no rows at all: such a card is small from the start. `known` has rows whenever `query` has,
    where that one takes long. `extra` is the height in pixels of what stands below the figure: the names of its colours.
    """

    title: str
    reading: str
    draw: Callable[[Store, Shown], Figure]
    query: str
    none: str
    toggle: Toggle | None = None
    known: str = ""
    extra: int = 0

    def card(self, page: str, name: str, sides: Sides, address: Mapping[str, str]) -> html.Section:
        """The card on a page about these runs."""
        query = self._spelled(sides)
        height = height_for(len(sides)) + self.extra
        card = cards.figure_card(page, name, self.title, self.reading, query=query, height=height)
        if self.toggle is not None:
            card.children.insert(1, self.toggle.control(page, address))
        return card

    def absent(self, sides: Sides) -> html.Section:
        """The card where there are no rows."""
        return cards.card(self.title, "", cards.absent(self.none), query=self._spelled(sides))

    def has_rows(self, store: Store, sides: Sides) -> bool:
        """Whether there is anything to draw for any of these runs."""
        query = self._spelled(sides, self.known)
        return not frame(store, f"select 1 as one from ({query}) limit 1").is_empty()

    def _spelled(self, sides: Sides, query: str = "") -> str:
        ids = [run_id for side in sides for run_id in side]
        return cards.spelled(_of_several(query or self.query).replace("unit = ? and ", ""), ids)


def height_for(runs: int) -> int:
    """The height of every figure of a comparison of so many runs, so that cards side by side end together."""
    return max(280, 62 + 56 * runs)


def _of_sides(store: Store, query: str, shown: Shown, *before: object) -> pl.DataFrame:
    """The rows of all runs, under the name of their side's lane: a run may be on two sides, alone and among its repeats."""
    ids = sorted({run_id for side in shown.sides for run_id in side})
    rows = frame(store, _of_several(query), *before, ids)
    sides = zip(shown.lanes, shown.sides, strict=True)
    return pl.concat(
        [rows.filter(pl.col("run_id").is_in(side)).with_columns(run_id=pl.lit(lane.run_id)) for lane, side in sides]
    )


def _one_by_one(store: Store, query: str, shown: Shown) -> pl.DataFrame:
    """As `_of_sides`, by a query for each run: through the joins of some views a list of runs reaches no file."""
    found = [
        frame(store, query, run_id).with_columns(run_id=pl.lit(lane.run_id))
        for lane, side in zip(shown.lanes, shown.sides, strict=True)
        for run_id in side
    ]
    return pl.concat(found, how="vertical_relaxed")


def _of_several(query: str) -> str:
    """A query about a run as one about a list of runs."""
    return query.replace("run_id = ?", "list_contains(?, run_id)")


def _of_firsts(store: Store, query: str, shown: Shown) -> pl.DataFrame:
    """As `_of_sides`, of the first run of each."""
    return _of_sides(store, query, replace(shown, sides=[side[:1] for side in shown.sides]))


def _step_time(store: Store, shown: Shown) -> Figure:
    steps = _of_sides(store, _STEPS, shown, shown.per)
    draw = {"box": step_time.distribution, "ecdf": step_time.cumulative}[shown.way]
    return draw(steps, shown.lanes, shown.look, unit=shown.per, height=shown.height)


def _breakdown(store: Store, shown: Shown) -> Figure:
    rows = _of_firsts(store, _BREAKDOWN, shown)
    return breakdown.parts(rows, shown.lanes, shown.look, height=shown.height)


def _categories(store: Store, shown: Shown) -> Figure:
    rows: list[tuple[str, str, float, float | None]] = []
    sizes = per_step(store, shown.sides, shown.per)
    for lane, side, made_of, size in zip(shown.lanes, shown.sides, compositions(store, shown.sides), sizes, strict=True):
        coverage = _coverage(store, side[0]) if made_of.place == "host" else None
        rows += [(lane.run_id, category, ns, coverage) for category, ns in made_of.over(size).categories.items()]
    schema = {"run_id": pl.String, "category": pl.String, "ns_per_step": pl.Float64, "coverage_ratio": pl.Float64}
    times = pl.DataFrame(rows, schema=schema, orient="row")
    if shown.way == "share":
        return categories.shares(times, shown.lanes, shown.look, height=shown.height)
    return categories.per_step(times, shown.lanes, shown.look, unit=shown.per, height=shown.height)


def _coverage(store: Store, run_id: str) -> float | None:
    found = frame(store, "select value from run_metric where metric = 'op_coverage' and rank is null and run_id = ?", run_id)
    return found["value"][0] if len(found) else None


def _roofline(store: Store, shown: Shown) -> Figure:
    work, peaks = (_of_firsts(store, query, shown) for query in (_WORK, _PEAKS))
    return roofline.roofline(work, peaks, shown.lanes, shown.look, height=shown.height)


def _memory(store: Store, shown: Shown) -> Figure:
    is_by_step = shown.way == "step"
    readings = _one_by_one(store, _MEMORY_STEPS if is_by_step else _MEMORY, shown)
    counts = dict(readings.group_by("counter").agg(pl.col("run_id").n_unique()).iter_rows())
    counter = max(_COUNTERS, key=lambda name: (counts.get(name, 0), -_COUNTERS.index(name)))
    counted = readings.filter(pl.col("counter") == counter)
    largest = counted.sort("bytes", descending=True).unique("run_id", keep="first", maintain_order=True)
    source = ["rank", "device_id", "allocator"]  # each counts on its own: show the one that holds most
    one_each = counted.join(largest, on=["run_id", *source], how="semi", nulls_equal=True)
    draw = series.memory_by_step if is_by_step else series.memory
    return draw(one_each, shown.lanes, shown.look, counter=counter, height=shown.height)


def _telemetry(titles: Mapping[str, str], *, source: str = "utilization", place: str = "at_ns") -> str:
    """The rows of some metrics of telemetry."""
    named = ", ".join(f"'{metric}'" for metric in titles)
    return (
        f"select run_id, rank, device_id, metric, {place}, value, unit from {source} where metric in ({named}) and run_id = ?"
    )


def _draw_telemetry(titles: Mapping[str, str], store: Store, shown: Shown) -> Figure:
    is_by_step = shown.way == "step"
    by_step = _telemetry(titles, source="utilization_step", place="step, step_ratio")
    samples = _one_by_one(store, by_step if is_by_step else _telemetry(titles), shown)
    first = samples.sort("rank", "device_id").unique(["run_id", "metric"], keep="first", maintain_order=True)
    one_each = samples.join(first, on=["run_id", "metric", "rank", "device_id"], how="semi", nulls_equal=True)
    draw = series.telemetry_by_step if is_by_step else series.telemetry
    return draw(one_each, shown.lanes, shown.look, titles=titles, height=shown.height)


SMALL_MULTIPLES = {
    "step_time": Multiple(
        "Step time",
        "Bare steps are filled or solid, profiled ones hollow or faint. Box: quartiles; whiskers: 5th to 95th percentile. "
        "Warm-up is left out.",
        _step_time,
        _STEPS,
        "no step of these runs is marked. crossprof.steps() or run.step() marks steps.",
        Toggle("dist", "How step times are shown", {"box": "Box", "ecdf": "ECDF"}),
        extra=44,
    ),
    "breakdown": Multiple(
        "What the device does",
        "Of the mean measured step, or of the whole capture where it marks none; what overlaps counts once, compute first.",
        _breakdown,
        _BREAKDOWN,
        "no device work was recorded in any of these runs: on a CPU, operators are all there is.",
        known=_DEVICES,
        extra=44,
    ),
    "categories": Multiple(
        "Time by category",
        "Of a measured step: what the device did at each moment; where only the CPU worked, the self time of operators, "
        "with the share of the step that they cover.",
        _categories,
        "from category_breakdown where run_id = ?",
        "no work of a measured step was recorded: the captures mark no steps, or hold neither kernels nor operators.",
        Toggle("bars", "Length of the bars", {"time": "Time", "share": "Share"}),
        known=_MEASURED,
        extra=44,
    ),
    "roofline": Multiple(
        "Roofline",
        "A marker an operator, its area after its time on the device. Lines: what the device can do, by its vendor.",
        _roofline,
        _PLACED,
        roofline.NONE,
        extra=44,
    ),
    "memory": Multiple(
        "Memory",
        "The driver's count, else the process's, else the allocator's, as most runs here have; of several devices the fullest.",
        _memory,
        _MEMORY,
        "no allocation and no memory reading was recorded.",
        Toggle("align", "What memory is aligned by", {"time": "Time", "step": "Step"}),
        known=_COUNTED,
    ),
    "utilization": Multiple(
        "Utilization",
        "Telemetry of the first device and process: the driver's figure, and the process's share of the cores.",
        partial(_draw_telemetry, UTILIZATION),
        _telemetry(UTILIZATION),
        "no telemetry was recorded. An imported trace has none; a recording samples it all the time.",
        Toggle("telemetry", "What telemetry is aligned by", {"time": "Time", "step": "Step"}),
    ),
    "activity": Multiple(
        "What the cores do",
        "Telemetry of the first device: the share of its SMs with work, of its tensor cores, of the bandwidth of its memory.",
        partial(_draw_telemetry, ACTIVITY),
        _telemetry(ACTIVITY),
        "no device of these runs counts it: NVIDIA's do from Hopper on, and TPUs.",
    ),
    "power": Multiple(
        "Power",
        "Telemetry of the first device: what its board draws, and when heat or a limit of power held its clocks back.",
        partial(_draw_telemetry, POWER),
        _telemetry(POWER),
        "no device of these runs tells its power.",
    ),
}


def connect_multiple(app: Dash, snapshot: Snapshot, page: str, name: str) -> None:
    """Draw a figure by a request of its own, so that the first shows early; anew with another colour scheme or way."""
    multiple = SMALL_MULTIPLES[name]

    def draw(scheme: str | None, held: dict[str, Any], _again: int | None, way: str = "") -> Any:
        def figure(store: Store) -> Figure:
            lanes = [replace(lane, run_id=f"{lane.run_id} {place}") for place, lane in enumerate(lanes_of(store, held, scheme))]
            return multiple.draw(store, Shown(held["sides"], held["per"], way, lanes, theme.theme(scheme)))

        key = ("multiple", name, scheme, way, json.dumps(held))  # the same on every page
        return cards.drawn(lambda: snapshot.remembered(figure, *key), page=page, name=name)

    app.callback(
        Output({"page": page, "figure": name}, "children"),
        Input("look", "data"),
        Input("runs-shown", "data"),
        Input({"page": page, "retry": name}, "data"),
        *([multiple.toggle.input(page)] if multiple.toggle else []),
    )(draw)
