"""The report on real cells of two frameworks, run as `crossprof bench` runs them, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from crossprof.store import Store
from crossprof.survey.report import Report, report_of
from crossprof.survey.row import Row
from crossprof.workloads import is_installed

# Eight processes that load a framework: minutes.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(is_installed, ("pytorch", "keras_tensorflow"))), reason="needs pip install 'crossprof[workloads]'"
    ),
]
SIDES = {"pytorch": "reference", "keras_tensorflow": "proven"}  # `make slow` proves it, in tests/workloads


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    root = tmp_path_factory.mktemp("bench")
    for repeat in ("1", "2"):
        for framework, proof in SIDES.items():
            for way in ({"phase": "train"}, {"phase": "infer", "batch": 1}):
                tags = {"bench": "real", "repeat": repeat, "proof": proof, "proof_detail": ""}
                cell = {"model": "bert", "size": "tiny", "framework": framework, **way, "tags": tags}
                command = [sys.executable, "-m", "crossprof.workloads", json.dumps(cell), "--store", str(root)]
                subprocess.run(command, check=True, capture_output=True, timeout=600)
    with Store(root) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(store: Store) -> Report:
    return report_of(store)


def measured(report: Report) -> list[Row]:
    return [row for table in report.tables for row in table.rows if row.base is not None]


def test_tables_of_what_was_run_have_a_row_with_both_sides(report: Report) -> None:
    found = [(row.label, row.metric) for row in measured(report)]
    (busy,) = {metric for _, metric in found} - {"throughput", "peak_memory", "step_time", "step_time_p99"}
    assert busy in ("device_busy", "device_utilization", "cpu_utilization")
    assert [metric for label, metric in found if label == "BERT tiny, batch 8"] == ["throughput", busy, "peak_memory"]
    assert [metric for label, metric in found if label == "BERT tiny, batch 1"] == ["step_time", "step_time_p99"]
    for row in measured(report):
        for side in (row.base, row.other):
            assert side is not None
            assert len(side.run_ids) == 2
            assert side.figure is not None
            assert side.figure.value > 0


def test_each_has_a_word_with_its_reason_and_a_verdict(report: Report) -> None:
    for row in measured(report):
        assert row.word == "cannot tell here"  # the survey has nothing of this size
        assert row.because.startswith(("Other hardware", "Other size", "The survey says nothing"))
        assert row.verdict in ("better", "worse", "different", "indistinguishable", "not_comparable")
        if row.verdict != "not_comparable":  # a machine that is busy with other work may have let the host run ahead
            assert row.ratio is not None
            assert row.ratio.ci_low is not None
            assert row.ratio.ci_high is not None
            assert row.ratio.ci_low <= row.ratio.value <= row.ratio.ci_high


def test_why_names_frameworks_and_categories(report: Report) -> None:
    (row,) = [row for row in measured(report) if row.metric == "throughput"]
    assert row.parts
    assert "in TensorFlow than in PyTorch" in row.why or "No category" in row.why
    assert "bert-tiny" not in row.why


def test_figures_are_those_of_the_row_s_sql(store: Store, report: Report) -> None:
    for row in measured(report):
        relation = store.sql(row.sql)
        told = {line[0]: dict(zip(relation.columns, line, strict=True)) for line in relation.fetchall()}
        for name, side in (("base", row.base), ("other", row.other)):
            assert side is not None
            assert side.figure is not None
            assert (told[name]["value"], told[name]["ci_low"]) == (side.figure.value, side.figure.ci_low)
            rows = store.sql(
                "SELECT value FROM run_metric WHERE rank IS NULL AND metric = ? AND list_contains(?, run_id)",
                params=[row.metric, list(side.run_ids)],
            ).fetchall()
            assert side.figure.value == pytest.approx(sum(value for (value,) in rows) / 2)
