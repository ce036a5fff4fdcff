"""Figures from small frames, without a store and without a browser."""

import polars as pl
import pytest

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures import categories, ranks, series, step_time
from crossprof.dashboard.theme import bare, category_order, lanes, shortened, theme

LOOK = theme("light")
RUNS = [
    {"run_id": "a", "run": "one", "framework": "torch"},
    {"run_id": "b", "run": "two", "framework": "jax"},
    {"run_id": "c", "run": "one", "framework": "torch"},
]
LANES = lanes(RUNS, "light")

STEPS = pl.DataFrame(
    {
        "run_id": ["a"] * 7 + ["b"] * 2,
        "rank": [0] * 9,
        "step": [0, 1, 2, 3, 4, 5, 6, 0, 1],
        "dur_ns": [90e6, 10e6, 20e6, 30e6, 40e6, 50e6, 70e6, 5e6, 7e6],
        "is_profiled": [False] * 6 + [True] + [False] * 2,
        "is_warmup": [True] + [False] * 8,
    }
)


def test_lanes_tell_runs_apart() -> None:
    assert [lane.label for lane in LANES] == ["one · a", "two", "one · c"]
    assert LANES[0].color != LANES[2].color
    assert LANES[0].color != LANES[1].color
    many = lanes([{"run_id": str(n), "run": f"r{n}", "framework": "torch"} for n in range(4)], "dark")
    assert len({(lane.color, lane.dash) for lane in many}) == 4


def test_the_distribution_leaves_out_warm_up_and_keeps_profiled_steps_apart() -> None:
    figure = step_time.distribution(STEPS, LANES, LOOK)
    boxes = {box.name: box for box in figure.data}
    assert list(boxes) == ["one · a · bare, 5 steps", "one · a · profiled, 1 step", "two · bare, 2 steps"]
    bare = boxes["one · a · bare, 5 steps"]
    assert (bare.q1[0], bare.median[0], bare.q3[0]) == (20.0, 30.0, 40.0)
    assert bare.upperfence[0] == pytest.approx(48.0)
    assert figure.layout.xaxis.title.text == "ms"


def test_a_long_label_keeps_what_tells_runs_of_one_name_apart() -> None:
    assert shortened("short") == "short"
    long = "void at::native::(anonymous namespace)::CatArrayBatchedCopy<c10::BFloat16, void>(int)"
    assert bare(long) == "CatArrayBatchedCopy<BFloat16, void>(int)"
    assert shortened("Qwen_Qwen1.5-0.5B-Chat__1016005 (c646df603a7f)", most=28) == "Qwen_Qwen1.5… (c646df603a7f)"
    cut = shortened("x" * 60 + "-seed07", most=30)
    assert len(cut) == 30
    assert cut.endswith("-seed07")


def test_a_figure_of_rows_is_as_high_as_its_rows_and_names_each_above_it() -> None:
    few, many = (step_time.distribution(STEPS, LANES[:count], LOOK) for count in (1, 2))
    assert few.layout.height < many.layout.height
    assert [note.text for note in many.layout.annotations] == list(many.layout.yaxis.categoryarray)


def test_nothing_to_draw_is_said_with_its_reason() -> None:
    with pytest.raises(Absent, match="warm-up"):
        step_time.distribution(STEPS.filter(pl.col("is_warmup")), LANES, LOOK)
    with pytest.raises(Absent, match="step markers"):
        step_time.over_time(STEPS.clear(), LANES[0], LOOK)
    with pytest.raises(Absent, match="telemetry"):
        series.telemetry(pl.DataFrame(schema={"run_id": str, "metric": str}), LANES, LOOK, titles={"x": "X"})


def test_one_step_makes_no_course() -> None:
    with pytest.raises(Absent, match=r"marks one step, of 3.00.ms"):
        step_time.over_time(pl.DataFrame({"run_id": ["a"], "rank": [0], "step": [7], "dur_ns": [3_000_000]}), LANES[0], LOOK)
    one = {
        "step": 6,
        "spread_ns": 37e6,
        "slowest_rank": 6,
        "skew_ns": 30e6,
        "latest_rank": 2,
        "residual_ns": None,
        "is_warmup": False,
    }
    with pytest.raises(Absent, match=r"step 6, .* on rank 6, lasted 37.0.ms longer .* on rank 2, came 30.0.ms after"):
        ranks.skew(pl.DataFrame([one]), LOOK)


def test_steps_over_time_mark_what_is_not_counted() -> None:
    figure = step_time.over_time(STEPS.filter(pl.col("run_id") == "a"), LANES[0], LOOK)
    points = {trace.name: (list(trace.x), list(trace.y)) for trace in figure.data}
    assert points["bare"] == ([1, 2, 3, 4, 5], [10.0, 20.0, 30.0, 40.0, 50.0])
    assert points["profiled"] == ([6], [70.0])
    assert points["warm-up, not counted"] == ([0], [90.0])


def test_categories_stack_to_the_time_of_a_step_and_name_their_coverage() -> None:
    times = pl.DataFrame(
        {
            "run_id": ["a", "a", "b"],
            "category": ["other", "gemm", "gemm"],
            "ns_per_step": [1e6, 3e6, 2e6],
            "coverage_ratio": [0.8, 0.8, None],
        }
    )
    figure = categories.per_step(times, LANES, LOOK)
    bars = {bar.name: dict(zip(bar.y, bar.x, strict=True)) for bar in figure.data}
    assert list(bars) == ["gemm", "other"]
    assert bars["gemm"] == {"one · a · operators cover 80.0 %": 3.0, "two · device": 2.0}
    assert bars["other"] == {"one · a · operators cover 80.0 %": 1.0}
    assert [list(row) for row in figure.data[0].customdata] == [["3.00\u2009ms", "75.0"], ["2.00\u2009ms", "100"]]
    assert "one · c · no measured step" in figure.layout.yaxis.categoryarray


def test_memory_starts_at_each_runs_first_reading() -> None:
    events = pl.DataFrame({"run_id": ["a", "a", "b"], "at_ns": [10**18, 10**18 + 10**9, 5], "bytes": [2**30, 2**31, 2**30]})
    figure = series.memory(events, LANES, LOOK, counter="process")
    assert list(figure.data[0].x) == [0.0, 1.0]
    assert figure.layout.xaxis.title.text == "s from the first reading"
    assert list(figure.data[0].y) == [1.0, 2.0]
    assert figure.data[1].mode == "markers"
    assert figure.layout.yaxis.title.text == "Process, resident, GiB"


def test_a_long_series_is_thinned_and_keeps_its_peak() -> None:
    peak = pl.Series([100] * 50_000).scatter(31_234, 999)
    events = pl.DataFrame({"run_id": ["a"] * 50_000, "at_ns": range(0, 50_000_000, 1000), "bytes": peak})
    figure = series.memory(events, LANES, LOOK, counter="process")
    assert len(figure.data[0].x) <= 1501
    assert max(figure.data[0].y) == 999


def test_one_panel_a_metric_in_the_order_asked_for() -> None:
    rows = [("a", "cpu", 1, 0.5, "1"), ("b", "cpu", 2, 1.5, "1"), ("a", "gpu", 3, 0.9, "1"), ("b", "tpu", 4, 0.4, "1")]
    rows.append(("a", "power", 5, 250.0, "W"))
    samples = pl.DataFrame(rows, schema=["run_id", "metric", "at_ns", "value", "unit"], orient="row")
    titles = {"gpu": "Device", "tpu": "Device", "cpu": "Process", "absent": "None", "power": "Power"}
    figure = series.telemetry(samples, LANES, LOOK, titles=titles)
    axes = [figure.layout[name].title.text for name in ("yaxis", "yaxis2", "yaxis3")]
    assert axes == ["Device, %", "Process, %", "Power, W"]
    assert [list(line.y) for line in figure.data] == [[pytest.approx(90.0)], [pytest.approx(40.0)], [50.0], [150.0], [250.0]]


def test_unknown_categories_come_before_the_rest_without_a_name() -> None:
    assert category_order(["other", "zeta", "copy", "gemm"]) == ["gemm", "copy", "zeta", "other"]


def test_utilization_lies_in_the_step_that_it_was_read_in() -> None:
    samples = pl.DataFrame(
        {"run_id": ["a", "a"], "metric": ["gpu"] * 2, "step": [3, 2], "step_ratio": [0.25, 0.5], "value": [0.8, 0.4]}
    ).with_columns(unit=pl.lit("1"))
    figure = series.telemetry_by_step(samples, LANES, LOOK, titles={"gpu": "Device"})
    assert list(figure.data[0].x) == [2.5, 3.25]
    assert list(figure.data[0].y) == pytest.approx([40, 80])
    assert figure.layout.xaxis.title.text == "step"
    with pytest.raises(Absent, match="during a step"):
        series.telemetry_by_step(samples.clear(), LANES, LOOK, titles={"gpu": "Device"})
