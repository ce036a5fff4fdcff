"""The page Metrics: every definition, in groups, with what chosen runs have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import plotly.utils
import pytest

from crossprof.dashboard.pages import metrics
from crossprof.dashboard.snapshot import Snapshot, frame


@pytest.fixture(scope="module")
def snapshot(synthetic_store: Path) -> Snapshot:
    return Snapshot(synthetic_store)


def text_of(layout: Any) -> str:
    return json.dumps(layout, cls=plotly.utils.PlotlyJSONEncoder, ensure_ascii=False)


def test_every_metric_is_defined_once_in_its_group(snapshot: Snapshot) -> None:
    registry = frame(snapshot.store(), "select * from metric").to_dicts()
    assert {metric["topic"] for metric in registry} == {
        "time", "device", "host", "communication", "memory", "work", "quality", "peer"
    }  # fmt: skip
    held = text_of(metrics.layout(snapshot, {}))
    for metric in registry:
        assert held.count(f'"id": "{metric["id"]}"') == 1
        assert json.dumps(metric["numerator"], ensure_ascii=False) in held


def test_chosen_runs_stand_beside(snapshot: Snapshot) -> None:
    held = text_of(metrics.layout(snapshot, {"runs": "syn-torch-0001,bert-base"}))
    assert "Step time in the chosen runs" in held
    assert "TraceLens: busy time in the chosen runs" in held
    assert held.count('"title": "syn-torch-0001"') == held.count('"title": "syn-torch-gpu-1"') > 100


def test_an_empty_store_still_defines(tmp_path: Path) -> None:
    assert "step_time.dur_ns" in text_of(metrics.layout(Snapshot(tmp_path / "nothing"), {}))
