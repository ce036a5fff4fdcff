"""Figures that are made of two cells: what stands against either of them stands against the figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from known_bench import CPU, TF, pair, row_of
from made_runs import Made, store_of

from crossprof.store import Store
from crossprof.survey.names import title_of
from crossprof.survey.report import report_of

PYTORCH: dict[str, Any] = {}
BF16: dict[str, Any] = {"precision": "bf16", "losses": (4.0, 3.03)}


def test_a_figure_of_two_cells_is_no_better_than_the_worse_of_them(tmp_path: Path) -> None:
    """One run of float32, of another session on a busy machine, is under both figures of TensorFlow."""
    half = Made(1000, bench="b0", loaded=True, losses=(4.0, 3.0), **TF)
    runs = [*pair(1000, 1002, losses=(4.0, 3.0)), half, *pair(400, 402, **BF16), *pair(700, 702, **BF16, **TF)]
    with Store(store_of(tmp_path / "store", runs)) as store:
        row = row_of(report_of(store), "precision", label="BERT base, batch 8, bf16", metric="precision_gain")
    assert (row.word, row.because) == ("cannot tell here", "Too few repeats: 1 of a side, where 2 are needed.")
    assert row.notes == (
        "What is compared was measured in different sessions.",
        "One repeat of a side: how much repeats differ is not known, and not in the interval.",
        "The machine was busy with other work at the start of 1 of the 7 runs.",
    )


def test_what_was_timed_handing_work_out_has_no_gain_either(tmp_path: Path) -> None:
    ahead = pair(700, 702, ahead=True, **BF16, **TF)
    runs = [run for facts in (PYTORCH, TF) for run in pair(1000, 1002, losses=(4.0, 3.0), **facts)]
    with Store(store_of(tmp_path / "store", [*runs, *pair(400, 402, **BF16), *ahead])) as store:
        report = report_of(store)
    row = row_of(report, "precision", label="BERT base, batch 8, bf16", metric="precision_gain")
    assert (row.ratio, row.verdict, row.word) == (None, "not_comparable", "cannot tell here")
    assert row.notes == (
        "TensorFlow: Not compared in step times: bf16 was timed handing work out, not doing it (host_ran_ahead).",
    )
    losses = row_of(report, "precision", label="BERT base, batch 8, bf16", metric="loss_distance")
    assert losses.ratio is not None


def test_ranks_are_set_against_one_on_as_many_cores(tmp_path: Path) -> None:
    """The same machine, at another time with more of its processors."""
    gpt: dict[str, Any] = {"model": "gpt2", "size": "tiny", "device": CPU}
    two: dict[str, Any] = {**gpt, "strategy": "ddp", "world_size": 2, "scaling": "weak"}
    runs = [*pair(1000, 1000, **gpt, scaling="base", cores=1), *pair(1000, 1000, **two, cores=1)]
    runs += [*pair(500, 500, **gpt, scaling="base", cores=2), *pair(1000, 1000, **two, cores=2)]
    with Store(store_of(tmp_path / "store", runs)) as store:
        (table,) = [table for table in report_of(store).tables if table.name == "scaling"]
    found = [row.base.figure.value for row in table.rows if row.metric == "speedup" and row.base and row.base.figure]
    assert found == [pytest.approx(2.0), pytest.approx(1.0)]


def test_two_strategies_of_a_framework_are_told_apart_and_one_tells_what_both_spend_on_communication(tmp_path: Path) -> None:
    gpt: dict[str, Any] = {"model": "gpt2", "size": "tiny", "device": CPU}
    two: dict[str, Any] = {**gpt, "world_size": 2, "scaling": "weak"}
    runs = [run for facts in (PYTORCH, TF) for run in pair(1000, 1000, **gpt, **facts, scaling="base")]
    runs += pair(1000, 1002, **two, strategy="ddp", parts={"gemm": 0.5, "communication": 0.1})
    runs += pair(1250, 1252, **two, **TF, strategy="multiworker")
    runs += pair(1600, 1602, **two, **TF, strategy="mirrored", processes=1, parts={"gemm": 1.0, "communication": 0.4})
    with Store(store_of(tmp_path / "store", runs)) as store:
        report = report_of(store)
        (table,) = [table for table in report.tables if table.name == "scaling"]
        rows = {(title_of(row.other), row.metric): row for row in table.rows if row.other}
        told = {line[0]: line[1] for line in store.sql(rows["TensorFlow (mirrored)", "communication_share"].sql).fetchall()}
    assert [*rows] == [
        ("TensorFlow (mirrored)", "speedup"),
        ("TensorFlow (mirrored)", "efficiency"),
        ("TensorFlow (mirrored)", "communication_share"),
        ("TensorFlow", "speedup"),
        ("TensorFlow", "efficiency"),
    ]
    values = {key: row.other.figure.value for key, row in rows.items() if row.other and row.other.figure}
    assert values["TensorFlow (mirrored)", "speedup"] == pytest.approx(2 / 1.6, rel=2e-3)
    assert values["TensorFlow", "speedup"] == pytest.approx(2 / 1.25, rel=2e-3)
    share = rows["TensorFlow (mirrored)", "communication_share"]
    assert told == {"base": pytest.approx(0.1, rel=1e-3), "other": pytest.approx(0.2, rel=1e-3)}, "the mean of two devices"
    assert share.ratio is not None
    assert share.ratio.value == pytest.approx(2, rel=1e-3)
    assert (share.verdict, share.claim is not None) == ("worse", True)
    assert any("add up over all ranks" in note for note in share.notes)
    why = rows["TensorFlow (mirrored)", "speedup"].why
    assert "TensorFlow (mirrored): Largest difference: gemm on the host" in why
    assert "in 2 ranks than in one rank" in why
    (decided,) = [one.statements for one in report.decisions if one.purpose == "scaling"]
    assert [statement.text.split("closest to it, ")[1].split(",")[0] for statement in decided] == ["TensorFlow"]


def test_a_figure_of_zero_has_no_ratio_and_says_so(tmp_path: Path) -> None:
    same = {**BF16, "losses": (4.0, 3.0)}
    runs = [run for facts in (PYTORCH, TF) for run in pair(1000, 1002, losses=(4.0, 3.0), **facts)]
    with Store(store_of(tmp_path / "store", [*runs, *pair(400, 402, **same), *pair(700, 702, **BF16, **TF)])) as store:
        row = row_of(report_of(store), "precision", label="BERT base, batch 8, bf16", metric="loss_distance")
    assert (row.ratio, row.because) == (None, "The two are not compared: A figure of 0 has no ratio.")
