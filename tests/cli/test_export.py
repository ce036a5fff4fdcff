"""`export`: what it writes where, what it prints, and how it refuses."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Crossprof = Callable[..., Any]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("perfetto", "tiny-transformer.perfetto-trace.gz"),
        ("speedscope", "tiny-transformer.speedscope.json"),
        ("parquet", "tiny-transformer-parquet"),
        ("html", "tiny-transformer.html"),
    ],
)
def test_the_file_is_named_after_the_run(
    crossprof: Crossprof, synthetic_store: Path, tmp_path: Path, form: str, name: str
) -> None:
    answer = crossprof("export", "tiny-transformer", "--format", form, store=synthetic_store)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"Wrote {name}, ")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_json_says_where_it_is_and_how_large(document: Callable[..., Any], synthetic_store: Path, tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_text("older")
    found = document("export", "bert-base", "--format", "perfetto", "-o", "a.gz", store=synthetic_store)
    size = (tmp_path / "a.gz").stat().st_size
    assert found == {"run_id": "syn-torch-gpu-1", "format": "perfetto", "path": "a.gz", "bytes": size}
    assert gzip.decompress((tmp_path / "a.gz").read_bytes())


def test_steps_and_ranks_are_chosen(crossprof: Crossprof, synthetic_store: Path, tmp_path: Path) -> None:
    arguments = ("export", "bert-base", "--format", "speedscope", "-o", "a.json", "--rank", "0", "--step")
    assert crossprof(*arguments, "8", store=synthetic_store).code == 0
    one = sum(len(profile["events"]) for profile in json.loads((tmp_path / "a.json").read_text())["profiles"])
    assert crossprof(*arguments, "8-10", store=synthetic_store).code == 0
    three = sum(len(profile["events"]) for profile in json.loads((tmp_path / "a.json").read_text())["profiles"])
    assert 0 < one < three


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["nobody", "--format", "html"], 1, "No run answers to 'nobody'"),
        (["bert-base"], 2, "--format"),
        (["bert-base", "--format", "chrome"], 2, "'chrome' is not one of"),
        (["bert-base", "--format", "html", "--step", "3"], 2, "html holds the whole run"),
        (["bert-base", "--format", "html", "--rank", "0"], 2, "the page is about the whole run"),
        (["bert-base", "--format", "perfetto", "--step", "x"], 1, "'x' is no step"),
        (["bert-base", "--format", "perfetto", "--step", "5-3"], 1, "'5-3' ends before it begins"),
        (["bert-base", "--format", "perfetto", "--step", "99"], 1, "has no step 99 there. Its steps are 0 to 59"),
        (["bert-base", "--format", "parquet", "--rank", "4"], 1, "has no rank 4"),
        (["bert-base", "--format", "perfetto", "-o", "missing/a"], 1, "missing/a: No such file or directory"),
        (["bert-base", "--format", "parquet", "-o", "missing/a"], 1, "missing/a: No such file or directory"),
        (["bert-base", "--format", "html", "-o", "."], 1, "Is a directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    crossprof: Crossprof, synthetic_store: Path, tmp_path: Path, arguments: list[str], code: int, complaint: str
) -> None:
    answer = crossprof("export", *arguments, store=synthetic_store)
    assert answer.code == code
    assert complaint in answer.err
    assert code == 2 or answer.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_events_has_a_page_and_tables_but_no_frames(crossprof: Crossprof, tmp_path: Path) -> None:
    assert crossprof("export", "alpha", "--format", "html").code == 0
    assert crossprof("export", "alpha", "--format", "perfetto").code == 0  # its steps
    answer = crossprof("export", "alpha", "--format", "speedscope")
    assert (answer.code, answer.out) == (1, "")
    assert "holds no operator, call or kernel there" in answer.err
