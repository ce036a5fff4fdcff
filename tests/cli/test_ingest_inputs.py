"""`ingest` as it is typed: standard input, archives, late ranks, and ranks that can't be read."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import Answer
from tests.ingest.ranks import rank_trace

Crossprof = Callable[..., Answer]


def test_standard_input_is_a_run_of_that_name(
    crossprof: Crossprof, document: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = rank_trace(tmp_path, 0, world_size=1).read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    answer = crossprof("ingest", "-", "--name", "piped", store=tmp_path / "own")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[1].endswith("standard input (piped)")
    assert [run["run"] for run in document("runs", store=tmp_path / "own")] == ["piped"]


@pytest.mark.parametrize(
    "arguments", [["-"], ["x", "--name", "a", "--run", "b"], ["x", "--jobs", "0"], ["x", "--jobs", "many"]], ids=" ".join
)
def test_wrong_usage(crossprof: Crossprof, tmp_path: Path, arguments: list[str]) -> None:
    answer = crossprof("ingest", *arguments, store=tmp_path / "own")
    assert answer.code == 2
    assert "Usage:" in answer.err
    assert not (tmp_path / "own").exists()


def test_an_archive_says_what_it_left_out(crossprof: Crossprof, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("../out.json", "x")
        file.writestr("a.json", rank_trace(tmp_path, 0, world_size=1).read_bytes())
    answer = crossprof("ingest", tmp_path / "a.zip", store=tmp_path / "own")
    assert answer.code == 0
    assert answer.err.splitlines() == [
        f"{tmp_path}/a.zip!/../out.json: skipped: its name leads out of the archive.",
    ]


def test_late_ranks_join_a_run_that_is_named(crossprof: Crossprof, document: Callable[..., Any], tmp_path: Path) -> None:
    store = tmp_path / "own"
    crossprof("ingest", rank_trace(tmp_path, 0), "--name", "tp2", store=store)
    assert "rank" in crossprof("doctor", "tp2", store=store).out
    answer = crossprof("ingest", rank_trace(tmp_path, 1), "--run", "tp2", "--jobs", "2", store=store)
    assert answer.out.splitlines()[1].startswith("added")
    (run,) = document("runs", store=store)
    assert (run["run"], run["part_count"], run["is_partial"]) == ("tp2", 2, False)
    refused = crossprof("ingest", rank_trace(tmp_path / "b", 1, traceName="b"), "--run", "tp2", store=store)
    assert (refused.code, len(refused.err.splitlines())) == (1, 1)
    assert "--force" in refused.err
    unknown = crossprof("ingest", tmp_path / "rank1.json", "--run", "nobody", store=store)
    assert (unknown.code, "'nobody'" in unknown.err) == (1, True)


@pytest.mark.parametrize("is_ingested", [True, False])
def test_doctor_names_the_rank_that_could_not_be_read(
    crossprof: Crossprof, document: Callable[..., Any], tmp_path: Path, *, is_ingested: bool
) -> None:
    store = tmp_path / "own"
    for rank in range(3):
        rank_trace(tmp_path / "job", rank, world_size=3)
    (tmp_path / "job" / "rank1.json").write_text("")
    if is_ingested:
        answer = crossprof("ingest", tmp_path / "job", store=store)
        assert (answer.code, answer.err.count("\n")) == (1, 1)
    judged = document("doctor", "job" if is_ingested else tmp_path / "job", store=store)
    assert judged["verdict"] == "usable"
    details = {finding["code"]: finding["detail"] for finding in judged["findings"]}
    assert "rank1.json: this is an empty file" in details["rank_failed"]
    assert "not in the store: 1." in details["missing_ranks"]
