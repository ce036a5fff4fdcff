"""The timeline's level of detail, on events that a person can add up."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossprof.dashboard.timeline import timeline as timelines
from crossprof.dashboard.timeline.area import area_table, joined
from crossprof.dashboard.timeline.build import assembled
from crossprof.dashboard.timeline.timeline import Timeline, Window

_OPEN: list[Timeline] = []
ZERO = 1_700_000_000_000_000_000
Row = tuple[str, int, int]  # name, start, duration

_EVENTS = {
    "rank": pl.Int32, "family": pl.String, "device_id": pl.Int64, "place": pl.String, "kind": pl.Int32, "id": pl.Int64,
    "name_key": pl.UInt64, "category": pl.String, "start_ns": pl.Int64, "dur_ns": pl.Int64,
}  # fmt: skip
_NAMES = {"name_key": pl.UInt64, "name": pl.String}
_READINGS = {
    "rank": pl.Int32, "device_id": pl.Int64, "counter": pl.String, "unit": pl.String, "at_ns": pl.Int64, "value": pl.Float64,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


def made(
    rows: Sequence[Row],
    *,
    readings: Sequence[tuple[int, float]] = (),
    counter: str = "memory by the allocator",
    steps: Sequence[tuple[int, int, str]] = (),
) -> Timeline:
    """A timeline of one stream with these kernels, whose category is the name's first word, and of these steps."""
    keys = {name: key for key, name in enumerate({*(name for name, _, _ in rows), *(f"step {n}" for n in range(len(steps)))})}
    events: list[tuple[Any, ...]] = [
        (0, "device", 0, "7", 0, number, keys[name], name.split()[0], ZERO + start, dur)
        for number, (name, start, dur) in enumerate(rows)
    ]
    events += [
        (0, "step", None, None, 4, n, keys[f"step {n}"], kind, ZERO + at, dur) for n, (at, dur, kind) in enumerate(steps)
    ]
    told = [(0, 0, counter, "By", ZERO + at, value) for at, value in readings]
    timeline = Timeline(
        assembled(
            {
                "raw": pl.DataFrame(events, schema=_EVENTS, orient="row").to_arrow(),
                "raw_name": pl.DataFrame({"name_key": keys.values(), "name": keys.keys()}, schema=_NAMES).to_arrow(),
                "raw_reading": pl.DataFrame(told, schema=_READINGS, orient="row").to_arrow(),
            }
        )
    )
    _OPEN.append(timeline)
    return timeline


def lanes(timeline: Timeline) -> tuple[int, ...]:
    return tuple(timeline.frame("SELECT lane_id FROM lane ORDER BY lane_id")["lane_id"])


def busy(timeline: Timeline, shift: int, macro: str, *, start: int = 0, end: int = 1 << 40) -> list[tuple[int, int, int, int]]:
    """Lane, bin, busy time and calls of all bins of a level."""
    rows = timeline.frame(f"FROM {macro}($1, $2, $3, $4, []) ORDER BY lane_id, bin", shift, start, end, list(lanes(timeline)))
    return [tuple(row) for row in rows.select("lane_id", "bin", "busy_ns", "calls").iter_rows()]  # type: ignore[misc]


def test_events_are_cut_at_the_edges_of_bins_and_counted_where_they_start() -> None:
    found = made([("gemm", 0, 10), ("gemm", 12, 8), ("norm", 20, 4), ("copy", 60, 3)])
    assert busy(found, 4, "cut_bins") == [(0, 0, 14, 2), (0, 1, 8, 1), (0, 3, 3, 1)]


def test_an_event_as_long_as_a_bin_is_a_slice_of_its_own() -> None:
    found = made([("gemm", 0, 16), ("norm", 16, 15)])
    assert busy(found, 4, "cut_bins") == [(0, 1, 15, 1)]
    assert found.frame("FROM slices(0, 100, 16, [0], [])")["finish_ns"].to_list() == [16]


def test_a_lane_with_events_over_each_other_is_busy_for_their_union() -> None:
    # the third begins when the first is over and the second still runs, so it comes to lie in the lane of the second
    found = made([("gemm a", 0, 10), ("gemm b", 5, 15), ("gemm c", 12, 18)])
    assert lanes(found) == (0, 1)
    assert busy(found, 6, "cut_bins") == [(0, 0, 10, 1), (1, 0, 25, 2)]


def test_what_takes_no_time_opens_no_lane() -> None:
    found = made([("copy start", 5, 0), ("copy start", 5, 0), ("gemm", 5, 10), ("copy start", 8, 0)])
    assert found.frame("SELECT depth, count(*) AS n FROM event JOIN lane USING (lane_id) GROUP BY ALL ORDER BY ALL").rows() == [
        (0, 3),
        (1, 1),
    ]


def test_a_bin_has_the_category_with_most_time_and_the_name_of_the_longest() -> None:
    found = made([("gemm a", 0, 6), ("gemm b", 6, 1), ("norm", 8, 5), ("norm", 14, 1)])
    row = found.rows("FROM cut_bins(4, 0, 16, [0], [])")[0]
    assert (found.categories[row["category_id"]], row["busy_ns"], row["calls"]) == ("gemm", 13, 4)
    assert found.names(pl.Series([row["name_id"]])) == {row["name_id"]: "gemm a"}
    hidden = [found.categories.index("gemm")]
    row = found.rows("FROM cut_bins(4, 0, 16, [0], $1)", hidden)[0]
    assert (found.categories[row["category_id"]], row["busy_ns"], row["calls"]) == ("norm", 6, 2)


@settings(deadline=None, max_examples=10)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["gemm", "norm", "copy"]), st.integers(0, 3000), st.integers(0, 700)), min_size=1, max_size=40
    ),
    shift=st.integers(0, 11),
)
def test_every_level_adds_up_to_the_union_to_the_nanosecond(rows: list[Row], shift: int) -> None:
    found = made(rows)
    origin = min(start for _, start, _ in rows)
    exact = dict.fromkeys(lanes(found), 0)
    for lane in exact:
        spans = found.frame("SELECT start_ns, finish_ns FROM event WHERE lane_id = $1", lane).rows()
        exact[lane] = len(set(itertools.chain.from_iterable(range(start, finish) for start, finish in spans)))
    long = found.frame(
        "SELECT lane_id, finish_ns - covered_ns AS dur FROM event WHERE finish_ns - start_ns >= $1", 1 << shift
    ).rows()
    levels = found.frame("SELECT DISTINCT shift FROM level")["shift"].to_list()
    for macro in ("cut_bins", "kept_bins") if shift in levels else ("cut_bins",):
        bins = busy(found, shift, macro)
        assert all(0 <= ns <= 1 << shift for _, _, ns, _ in bins)
        for lane, total in exact.items():
            assert sum(ns for at, _, ns, _ in bins if at == lane) + sum(ns for at, ns in long if at == lane) == total
    assert sum(dur for _, _, dur in rows) == found.frame("SELECT sum(finish_ns - start_ns) AS dur FROM event")["dur"][0]
    assert found.frame("FROM extent")["span_ns"][0] == max(start + dur for _, start, dur in rows) - origin


def test_levels_that_are_kept_are_those_that_would_be_cut() -> None:
    found = made([("gemm" if n % 3 else "norm", n * 37, 5 + n % 29) for n in range(5000)])
    kept = found.frame("SELECT DISTINCT shift FROM level ORDER BY shift")["shift"].to_list()
    assert len(kept) > 5
    for shift in kept:
        assert busy(found, shift, "kept_bins", start=1000, end=99_000) == busy(found, shift, "cut_bins", start=1000, end=99_000)


def test_few_events_are_drawn_as_they_are_and_many_in_bins(monkeypatch: pytest.MonkeyPatch) -> None:
    found = made([("gemm", n * 10, 8) for n in range(200)])
    shift, slices, bins = found.drawn(Window(0, 2000, 100, (0,)))
    assert (shift, len(slices), len(bins)) == (None, 200, 0)
    monkeypatch.setattr(timelines, "MOST_SLICES", 50)
    shift, slices, bins = found.drawn(Window(0, 2000, 100, (0,)))
    assert (shift, len(slices), len(bins)) == (5, 0, 63)
    assert bins["busy_ns"].sum() == 1600
    _, slices, _ = found.drawn(Window(0, 400, 100, (0,)))
    assert len(slices) == 40, "few in the window are slices again"


def test_an_answer_never_exceeds_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    found = made([("gemm", n * 10, 8 if n % 2 else 30) for n in range(400)])
    monkeypatch.setattr(timelines, "MOST_SLICES", 10)
    monkeypatch.setattr(timelines, "MOST_ROWS", 40)
    shift, slices, bins = found.drawn(Window(0, 4000, 4000, lanes(found)))
    assert shift is not None
    assert len(slices) + len(bins) <= 40
    assert len(slices) + len(bins) > 0


@pytest.mark.parametrize(
    ("span", "pixels", "shift"), [(1000, 1000, 0), (1001, 1000, 0), (2000, 1000, 1), (3000, 1000, 2), (10, 999, 0)]
)
def test_bins_are_no_narrower_than_a_pixel(span: int, pixels: int, shift: int) -> None:
    assert Window(0, span, pixels, ()).shift == shift


def test_counters_have_the_highest_and_last_of_a_bin_and_the_last_before_the_window() -> None:
    found = made([("gemm", 0, 10)], readings=[(0, 5.0), (20, 7.0), (33, 9.0), (34, 2.0), (90, 1.0)])
    _, counters = found.counters(Window(32, 96, 4, ()))
    assert counters.select("bin", "highest", "last").rows() == [(1, 7.0, 7.0), (2, 9.0, 2.0), (5, 1.0, 1.0)]


def test_what_is_read_now_and_then_shows_its_nearest_reading_before_the_first() -> None:
    readings = [(500, 5.0), (900, 7.0)]
    found = made([("gemm", 0, 1000)], readings=readings, counter="system.cpu.utilization")
    early, across = (found.counters(Window(*span, 100, ()))[1] for span in ((100, 200), (100, 600)))
    assert early.select("bin", "last").rows() == [(100, 5.0)]
    assert across.select("bin", "last").rows() == [(100 >> 3, 5.0), (500 >> 3, 5.0)]
    assert made([("gemm", 0, 1000)], readings=readings).counters(Window(100, 200, 100, ()))[1].is_empty(), (
        "allocations are known"
    )


def test_an_area_counts_what_lies_inside_of_it() -> None:
    first = made([("gemm", 0, 10), ("gemm", 20, 10), ("norm", 40, 10)])
    second = made([("gemm", 0, 40), ("copy", 45, 1)])
    window = Window(5, 45, 1, (0,))
    rows = joined([(first, window), (second, window)]).to_dicts()
    assert [(row["name"], row["total_ns_0"], row["calls_0"], row["total_ns_1"], row["change_ns"]) for row in rows] == [
        ("gemm", 15, 2, 35, 20),
        ("norm", 5, 1, None, -5),
    ]
    assert rows[0]["share_ratio_0"] == pytest.approx(0.75)
    told = area_table([(first, window), (second, window)], ["a", "b"], by="category")
    assert told["columns"] == ["Category", "Calls", "Time, ns", "Share", "Calls", "Time, ns", "Share", "Change, ns"]
    assert told["rows"][1] == ["norm", "1", "5.00", "25.0\u2009%", "–", "–", "–", "−5.00"]
    assert (told["groups"], told["texts"], told["left_out"]) == ([["", 1], ["a", 3], ["b", 3], ["", 1]], 1, 0)


def test_search_ignores_case_counts_and_goes_both_ways() -> None:
    found = made([("gemm Alpha", 0, 10), ("norm beta", 20, 5), ("gemm ALPHA 2", 40, 10)])
    assert found.tally("alpha", [0], []) == {"calls": 2, "total_ns": 20, "names": 2}
    assert found.neighbour("alpha", [0], [], 0, direction=1) == {"kind": 0, "rank": 0, "id": 2}
    assert found.neighbour("alpha", [0], [], 40, direction=-1) == {"kind": 0, "rank": 0, "id": 0}
    assert found.neighbour("alpha", [0], [], 40, direction=1) is None
    assert found.hits("alpha", Window(0, 64, 4, (0,))).rows() == [(0, 0), (0, 2)]


def test_the_page_opens_at_the_measured_steps_or_at_what_there_is() -> None:
    kernels = [("gemm", 100, 10), ("gemm", 250, 10)]
    steps = [(0, 90, "step_bare"), (90, 100, "step_profiled_warmup"), (190, 100, "step_profiled"), (290, 100, "step_profiled")]
    assert made(kernels, steps=steps).frame("FROM opening()").rows() == [(190, 390)]
    assert made(kernels, steps=steps).frame("SELECT step FROM measured()")["step"].to_list() == [2, 3]
    assert made(kernels, steps=steps[:2]).frame("FROM opening()").rows() == [(90, 190)]
    assert made(kernels).frame("FROM opening()").rows() == [(0, 160)], "from the first event"
    assert made([]).frame("FROM opening()").rows() == [(None, None)]
