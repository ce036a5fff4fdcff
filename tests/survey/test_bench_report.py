"""`crossprof bench report`, as a user calls it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
from made_runs import Made, store_of

from crossprof.cli import main
from crossprof.cli.bench_report import report
from crossprof.survey.report import report_of


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    other: dict[str, Any] = {"framework": "keras_tensorflow", "mode": "graph"}
    told = [Made(1000), Made(1050, **other, loaded=True)]
    return store_of(tmp_path_factory.mktemp("bench"), told)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["bench", "report", *arguments]) == 0
    return capsys.readouterr().out


def test_a_table_says_what_is_claimed_what_was_measured_and_why(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = answer(capsys, "--store", str(store), "--table", "training")
    (row,) = [line for line in text.splitlines() if "BERT base, batch 8 " in line]
    for part in (
        "throughput",
        "× 0.95",
        "8,000 samples/s [",
        "7,619 samples/s [",
        "TensorFlow",
        "0.952",
        "worse",
        "cannot tell here",
    ):
        assert part in row
    assert "  1: Too few repeats: 1 of a side, where 2 are needed.\n" in text
    assert "  1: One repeat of a side: how much repeats differ is not known, and not in the interval.\n" in text
    assert "  1: The machine was busy with other work at the start of 1 of the 2 runs.\n" in text
    assert "  2, 3, 4: Not measured. On GPUs that hold it: `crossprof bench --table training --size survey`.\n" in text
    assert (
        "BERT base, batch 8, on NVIDIA A100-SXM4-80GB (gpu): PyTorch is ahead; the closest to it, TensorFlow, has 0.952" in text
    )
    assert "Software: keras_tensorflow 1.0, pytorch 1.0\n" in text
    assert "Training memory" not in text
    assert "Nothing that can be compared was measured" not in text


def test_json_is_one_document_of_the_tables_asked_for(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(answer(capsys, "--store", str(store), "--json", "--table", "latency", "--table", "memory"))
    assert [table["table"] for table in document["tables"]] == ["memory", "latency"]
    assert {"decisions", "hardware", "software", "made_ns", "version"} <= set(document)


def test_html_is_one_file_of_the_tables_asked_for(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "survey.html"
    told = answer(capsys, "--store", str(store), "--table", "training", "--html", str(file))
    assert told == f"Wrote {file}\n"
    text = file.read_text("utf-8")
    assert re.findall("<h2>([^<]+)</h2>", text) == ["What to choose", "Training speed", "Measured on"]
    assert "8,000\u2009samples/s" in text
    assert "0.952" in text
    assert answer(capsys, "--store", str(store), "--table", "training", "--html", "-").startswith("<!DOCTYPE html>")


def test_json_and_html_are_two_answers(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "report", "--store", str(store), "--json", "--html", str(tmp_path / "survey.html")]) == 2
    assert "two answers" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_a_bench_has_the_survey_s_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = answer(capsys, "--store", str(tmp_path / "none"))
    assert text.count("not_measured") == 23
    assert "TensorFlow ahead" not in text
    assert text.count("PyTorch ahead") == 3
    assert "Nothing was measured yet: `crossprof bench --table all --size tiny` does so.\n" in text


def test_a_session_that_is_not_there_is_one_line(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "report", "--store", str(store), "--bench", "b7"]) == 1
    assert capsys.readouterr().err == "crossprof: No run of the store is of the session 'b7'. It has b1.\n"


def test_the_tables_that_can_be_asked_for_are_those_of_the_report(store: Path) -> None:
    from crossprof.store import Store

    (choices,) = [option.type for option in report.params if option.name == "tables"]
    assert isinstance(choices, click.Choice)
    with Store(store) as opened:
        assert list(choices.choices) == [table.name for table in report_of(opened).tables]
