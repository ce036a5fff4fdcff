"""The report on made-up runs whose figures are known: what is set beside what, and how it comes out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from known_bench import GIGA, TF, bench, pair, row_of
from made_runs import store_of

from crossprof.errors import CrossprofError
from crossprof.store import Store
from crossprof.store.student import quantile
from crossprof.survey.claims import claims_of
from crossprof.survey.report import Report, report_of


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(store_of(tmp_path_factory.mktemp("bench"), bench())) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(store: Store) -> Report:
    return report_of(store)


def test_every_table_is_there_with_every_claim(report: Report) -> None:
    names = "training utilization memory precision scaling latency throughput"
    assert [table.name for table in report.tables] == names.split()
    for table in report.tables:
        assert {row.claim for row in table.rows} - {None} == set(claims_of(table.name))
        assert table.question.endswith("?")


def test_a_row_has_the_figures_of_its_repeats(report: Report) -> None:
    row = row_of(report, "training", label="BERT base, batch 8")
    assert row.base is not None
    assert row.other is not None
    assert row.base.figure is not None
    assert row.base.figure.value == pytest.approx((8 / 1000e-6 + 8 / 1002e-6) / 2, rel=1e-6)
    assert row.base.figure.n == 40
    assert len(row.other.run_ids) == 2  # neither the killed run nor the one that lacks a rank
    assert row.ratio is not None
    assert row.ratio.value == pytest.approx(1001 / 1052, rel=1e-3)
    assert row.ratio.ci_low is not None
    assert row.ratio.ci_high is not None
    assert row.ratio.ci_low < row.ratio.value < row.ratio.ci_high
    assert (row.verdict, row.word) == ("worse", "supports")
    assert (row.hardware, row.model, row.size) == ("NVIDIA A100-SXM4-80GB (gpu)", "bert", "base")


def test_another_direction_contradicts(report: Report) -> None:
    row = row_of(report, "training", label="LLaMA-2 7b, batch 8")
    assert (row.verdict, row.word) == ("better", "contradicts")
    assert "in direction" in row.because


def test_repeats_that_disagree_are_indistinguishable(report: Report) -> None:
    row = row_of(report, "training", label="Mistral 7b, batch 8")
    assert (row.verdict, row.word, row.because) == (
        "indistinguishable",
        "cannot tell here",
        "The repeats disagree in direction.",
    )
    assert row.notes == ("The repeats disagree: other over base is 0.909 and 1.11.",)
    assert row.ratio is not None
    assert row.ratio.ci_low is not None
    assert row.ratio.ci_high is not None
    assert row.ratio.ci_low <= 1000 / 1100
    assert row.ratio.ci_high >= 1000 / 900


def test_what_is_not_proven_is_shown_and_not_compared(report: Report) -> None:
    row = row_of(report, "training", label="GPT-2 1.5b, batch 8")
    assert (row.ratio, row.verdict, row.word) == (None, "not_comparable", "cannot tell here")
    assert row.because == "TensorFlow is not proven the same: logits differ by 0.2, more than 0.0001."
    assert row.base is not None
    assert row.base.figure is not None


def test_another_framework_has_no_claim_and_a_verdict_all_the_same(report: Report) -> None:
    row = row_of(report, "training", label="BERT base, batch 8", framework="keras_jax")
    assert (row.claim, row.word, row.verdict) == (None, "cannot tell here", "better")
    assert row.because == "The survey says nothing of JAX."


def test_a_cpu_is_no_gpu_and_its_difference_is_explained(report: Report) -> None:
    row = row_of(report, "training", label="BERT tiny, batch 8")
    assert row.because == "Other hardware: the survey measured on a GPU, this is AMD EPYC (cpu)."
    assert row.verdict == "worse"
    assert row.why.startswith("Largest difference: gemm on the host, 1.2 ms more a profiled step in TensorFlow than in PyTorch")
    assert [(part.category, part.delta_ns) for part in row.parts][:2] == [
        ("gemm", pytest.approx(1_200_000, rel=0.01)),
        ("elementwise", pytest.approx(-300_000, rel=0.01)),
    ]


def test_one_number_a_run_has_student_s_interval_over_the_repeats(report: Report) -> None:
    row = row_of(report, "memory", label="LLaMA-2 7b, batch 8")
    assert row.other is not None
    figure = row.other.figure
    assert figure is not None
    assert figure.value == 135 * GIGA
    assert figure.n == 2
    spread = (136 / 134) ** 0.5  # of two numbers, by their logarithms: half their distance is the error of the mean
    middle = (134 * 136) ** 0.5 * GIGA
    assert figure.ci_high == pytest.approx(middle * spread ** quantile(1, 0.975), rel=1e-4)
    assert figure.ci_low == pytest.approx(middle / spread ** quantile(1, 0.975), rel=1e-4)
    assert row.ratio is not None
    assert row.ratio.value == pytest.approx(135 / 128.5)
    assert row.parts == ()


def test_without_a_device_a_row_says_what_it_measures_instead(report: Report) -> None:
    row = row_of(report, "utilization", label="BERT tiny, batch 8")
    assert row.metric == "cpu_utilization"
    assert row.claim is not None
    assert row.claim.label == "A100"
    assert "No figure of a device: it is the share of all cores of the host that the process used." in row.notes
    (told,) = [note for note in row_of(report, "memory", label="BERT tiny, batch 8").notes if "resident" in note]
    assert told == "Without a device it is the resident memory of the process, the framework itself included."
    assert row_of(report, "memory", label="LLaMA-2 7b, batch 8").notes == ()


def test_precision_is_what_one_framework_gains(report: Report) -> None:
    row = row_of(report, "precision", label="BERT base, batch 8, bf16", metric="precision_gain")
    assert row.base is not None
    assert row.other is not None
    assert row.base.figure is not None
    assert row.other.figure is not None
    assert row.base.figure.value == pytest.approx(1001 / 401, rel=1e-3)
    assert row.other.figure.value == pytest.approx(1052 / 701, rel=1e-3)
    assert (row.verdict, row.word) == ("worse", "supports")


def test_losses_are_set_beside_those_of_float32_step_by_step(report: Report) -> None:
    row = row_of(report, "precision", label="BERT base, batch 8, bf16", metric="loss_distance")
    assert row.base is not None
    assert row.other is not None
    assert row.base.figure is not None
    assert row.other.figure is not None
    assert (row.base.figure.value, row.other.figure.value) == (pytest.approx(0.03 / 3), pytest.approx(0.1))
    assert (row.verdict, row.word) == ("different", "cannot tell here")


def test_scaling_is_all_ranks_over_one(report: Report) -> None:
    weak, strong = "GPT-2 tiny, batch 8, 2 ranks (weak)", "GPT-2 tiny, batch 4, 2 ranks (strong)"
    for label in (weak, strong):
        row = row_of(report, "scaling", label=label, metric="speedup")
        figures = [side.figure for side in (row.base, row.other) if side]
        assert [figure and figure.value for figure in figures] == [pytest.approx(1.9, rel=1e-3), pytest.approx(1.5, rel=1e-3)]
        assert row.verdict == "worse"
        assert row.because.startswith("Other hardware")
        efficiency = row_of(report, "scaling", label=label, metric="efficiency")
        assert efficiency.base is not None
        assert efficiency.base.figure is not None
        assert efficiency.base.figure.value == pytest.approx(0.95, rel=1e-3)
        assert row.why.startswith("PyTorch: Largest difference: ")
        assert "less a profiled step in 2 ranks than in one rank" in row.why or label == weak
    (table,) = [table for table in report.tables if table.name == "scaling"]
    assert {row.label for row in table.rows if row.base} == {weak, strong}
    share = row_of(report, "scaling", label=weak, metric="communication_share")
    assert share.base is not None
    assert share.base.figure is not None
    assert share.base.figure.value == pytest.approx(0.2, rel=1e-3)
    assert row_of(report, "scaling", label=strong, metric="communication_share").verdict == "not_measured"


def test_latency_has_its_median_and_its_tail(report: Report) -> None:
    row = row_of(report, "latency", label="BERT base, batch 1", metric="step_time")
    assert (row.word, row.verdict) == ("supports", "worse")
    tail = row_of(report, "latency", label="BERT base, batch 1", metric="step_time_p99")
    assert tail.claim is None


def test_what_was_not_measured_names_the_command(report: Report) -> None:
    row = row_of(report, "memory", label="LLaMA-2 70B", framework=None)
    assert (row.base, row.other, row.sql, row.verdict) == (None, None, "", "not_measured")
    assert row.because == "Not measured. On GPUs that hold it: `crossprof bench --table memory --size survey`."


def test_a_decision_rests_on_measured_rows_alone(report: Report) -> None:
    tables = {table.name: table for table in report.tables}
    by_purpose = {decision.purpose: decision for decision in report.decisions}
    assert list(by_purpose) == ["training", "production", "scaling", "memory"]
    for decision in report.decisions:
        assert bool(decision.statements) != bool(decision.lacking)
        for statement in decision.statements:
            row = tables[statement.table].rows[statement.row]
            assert row.ratio is not None
            assert row.label in statement.text
    texts = [statement.text for statement in by_purpose["training"].statements]
    fast = (
        "BERT base, batch 8, on NVIDIA A100-SXM4-80GB (gpu): JAX is ahead of PyTorch, with 2 times PyTorch's speed of training"
    )
    assert any(text.startswith(fast) for text in texts)
    assert any("Mistral 7b" in text and "no sure difference between PyTorch and TensorFlow" in text for text in texts)
    assert not any("GPT-2 1.5b" in text for text in texts)
    (scaling, _) = (statement.text for statement in by_purpose["scaling"].statements)
    assert "PyTorch is ahead; the closest to it, TensorFlow, has 0.789 times PyTorch's efficiency" in scaling


def test_json_holds_it_all(report: Report) -> None:
    document = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert [table["table"] for table in document["tables"]] == [table.name for table in report.tables]
    row = document["tables"][0]["rows"][0]
    assert {"label", "metric", "base", "other", "ratio", "claim", "word", "because", "verdict", "why", "sql"} <= set(row)
    assert row["claim"]["ratio"] == 0.95
    assert document["software"]["keras_jax"] == "1.0"


def test_the_sql_of_a_row_gives_its_figures(store: Store, report: Report) -> None:
    traced = 0
    for table in report.tables:
        for row in table.rows:
            if not row.sql:
                continue
            relation = store.sql(row.sql)
            lines = {line[0]: dict(zip(relation.columns, line, strict=True)) for line in relation.fetchall()}
            for name, side in (("base", row.base), ("other", row.other)):
                if side is None or side.figure is None:
                    assert name not in lines
                    continue
                figure = side.figure
                told = lines[name]
                assert (told["value"], told["ci_low"], told["ci_high"]) == (figure.value, figure.ci_low, figure.ci_high)
                traced += 1
    assert traced > 20


def test_three_numbers_come_from_run_metric_as_it_stands(store: Store, report: Report) -> None:
    """By hand, without the row's SQL."""
    for table, label, metric in (
        ("training", "BERT base, batch 8", "throughput"),
        ("latency", "BERT base, batch 1", "step_time"),
        ("memory", "LLaMA-2 7b, batch 8", "peak_memory"),
    ):
        side = row_of(report, table, label=label, metric=metric).other
        assert side is not None
        assert side.figure is not None
        rows = store.sql(
            "SELECT value, ci_low, ci_high FROM run_metric WHERE rank IS NULL AND metric = ? AND list_contains(?, run_id)",
            params=[metric, list(side.run_ids)],
        ).fetchall()
        assert side.figure.value == pytest.approx(sum(row[0] for row in rows) / 2)
        if metric != "peak_memory":
            assert side.figure.ci_low == min(row[1] for row in rows)
            assert side.figure.ci_high == max(row[2] for row in rows)


def test_a_ratio_is_that_of_the_comparison(store: Store, report: Report) -> None:
    row = row_of(report, "training", label="LLaMA-2 7b, batch 8")
    assert row.base is not None
    assert row.other is not None
    assert row.ratio is not None
    (found,) = store.compare(f"{row.base.run}@all", f"{row.other.run}@all", metrics=["throughput"]).others[0].metrics
    assert (found.ratio, found.ci_low, found.ci_high) == (row.ratio.value, row.ratio.ci_low, row.ratio.ci_high)


def test_the_latest_session_counts_and_an_earlier_one_can_be_asked_for(tmp_path: Path) -> None:
    earlier = [*pair(1000, 1000), *pair(1200, 1200, **TF)]
    later = [replace(run, bench="b2", step_us=run.step_us / 2, at_s=run.at_s + 100) for run in pair(1000, 1000)]
    with Store(store_of(tmp_path / "store", [*earlier, *later])) as store:
        latest = row_of(report_of(store), "training", label="BERT base, batch 8")
        first = row_of(report_of(store, bench="b1"), "training", label="BERT base, batch 8")
        with pytest.raises(CrossprofError, match=r"is of the session 'b9'. It has b1, b2\."):
            report_of(store, bench="b9")
    assert "What is compared was measured in different sessions." in latest.notes
    assert first.notes == ()
    assert latest.ratio is not None
    assert first.ratio is not None
    assert latest.ratio.value == pytest.approx(first.ratio.value / 2, rel=1e-3)


def test_an_empty_store_has_the_survey_s_rows_and_says_what_to_do(tmp_path: Path) -> None:
    with Store(tmp_path / "none") as store:
        found = report_of(store)
    assert sum(len(table.rows) for table in found.tables) == 23
    assert {row.word for table in found.tables for row in table.rows} == {"cannot tell here"}
    assert all("crossprof bench --table" in decision.lacking for decision in found.decisions)
    assert found.hardware == ()
