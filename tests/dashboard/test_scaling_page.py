"""The page Scaling over made-up runs on 1 to 4 devices (spread.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import plotly.utils
import pytest

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.pages import scaling
from crossprof.dashboard.snapshot import Snapshot


@pytest.fixture(scope="module")
def snapshot(spread_store: Path) -> Snapshot:
    return Snapshot(spread_store)


def points(snapshot: Snapshot, name: str, *, mode: str = "", of: str = "markers") -> dict[str, dict[int, float]]:
    """The points, or the lines, of each course of a figure, by devices."""
    figure = scaling.draw(name, snapshot.store(), {"model": "bert", "mode": mode}, "light")
    traces = [trace for trace in figure.data if trace.mode == of and "ideal" not in trace.name]
    return {trace.name: dict(zip(trace.x, trace.y, strict=True)) for trace in traces}


def test_each_run_is_a_point_of_the_line_that_it_scales_along(snapshot: Snapshot) -> None:
    assert points(snapshot, "throughput") == {
        "PyTorch · weak": {1: 80, 2: 128, 3: None, 4: 200},
        "PyTorch · strong": {1: 80, 2: 100},
    }
    efficiency = points(snapshot, "efficiency")
    assert efficiency["PyTorch · weak"] == {1: 100, 2: pytest.approx(80), 3: None, 4: pytest.approx(62.5)}
    assert efficiency["PyTorch · strong"] == {1: 100, 2: pytest.approx(62.5)}


def test_a_line_does_not_bridge_what_is_missing(snapshot: Snapshot) -> None:
    assert points(snapshot, "throughput", of="lines")["PyTorch · weak"] == {1: 80, 2: 128, 3: None, 4: 200}
    figure = scaling.draw("throughput", snapshot.store(), {"model": "bert", "mode": "weak"}, "light")
    assert all(trace.connectgaps is False for trace in figure.data if trace.mode == "lines" and "ideal" not in trace.name)


def test_the_ideal_grows_with_devices(snapshot: Snapshot) -> None:
    figure = scaling.draw("throughput", snapshot.store(), {"model": "bert", "mode": "weak"}, "dark")
    ideal = next(trace for trace in figure.data if trace.name == "PyTorch · weak · ideal")
    assert dict(zip(ideal.x, ideal.y, strict=True)) == {1: 80, 2: 160, 3: 240, 4: 320}


def test_the_mode_of_the_address_chooses_the_runs(snapshot: Snapshot) -> None:
    assert list(points(snapshot, "efficiency", mode="strong")) == ["PyTorch · strong"]


def test_the_table_says_why_a_figure_is_missing_and_the_model_with_most_counts_opens(snapshot: Snapshot) -> None:
    layout = scaling.layout(snapshot, {})
    assert next(part for part in layout if getattr(part, "id", "") == "runs-shown").data["model"] == "bert"
    text = json.dumps(layout, cls=plotly.utils.PlotlyJSONEncoder, ensure_ascii=False)
    assert "2 of 3 ranks in the store" in text
    assert "All: torch, training, bf16, NVIDIA H100 80GB HBM3." in text
    assert "One number of devices" not in text
    assert "One number of devices" in json.dumps(scaling.layout(snapshot, {"model": "job"}), cls=plotly.utils.PlotlyJSONEncoder)


def test_without_work_on_devices_nothing_is_exposed(snapshot: Snapshot) -> None:
    with pytest.raises(Absent):
        points(snapshot, "exposed")
    figure: Any = scaling.draw("exposed", snapshot.store(), {"model": "job", "mode": ""}, "light")
    assert [list(trace.y) for trace in figure.data if trace.mode == "markers"] == [[pytest.approx(100 * 500 / 2008)]]
