"""`check` over recordings whose step times a person can check: alpha 102 ms, beta a fifth slower, gamma with three steps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from crossprof.ingest import ingest
from crossprof.store import edits, publish

Crossprof = Callable[..., Any]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Away from the pyproject.toml of the repository."""
    monkeypatch.chdir(tmp_path)


def limits(*amounts: str) -> list[str]:
    return [part for amount in amounts for part in ("--max-regression", amount)]


@pytest.mark.parametrize(
    ("other", "amounts", "code", "states"),
    [
        ("beta", ["step_time=3%"], 1, ["failed"]),
        ("beta", ["step_time=25%"], 0, ["passed"]),
        ("beta", ["step_time=10ms"], 1, ["failed"]),
        ("beta", ["step_time=30ms", "throughput=-2%"], 1, ["passed", "failed"]),
        ("beta", ["step_time=20%"], 0, ["undecided"]),
        ("beta", ["step_time=20%", "--strict"], 1, ["undecided"]),
        ("gamma", ["step_time=30%"], 1, ["too_few"]),
        ("gamma", ["step_time=30%", "--allow-missing"], 0, ["too_few"]),
        ("beta", ["kernel_time=3%"], 1, ["not_comparable"]),
        ("beta", ["kernel_time=3%", "step_time=25%", "--allow-missing"], 0, ["not_comparable", "passed"]),
    ],
)
def test_the_exit_code_is_that_of_the_thresholds(
    crossprof: Crossprof, other: str, amounts: list[str], code: int, states: list[str]
) -> None:
    flags = [word for word in amounts if word.startswith("--")]
    answer = crossprof("check", "alpha", other, *limits(*(word for word in amounts if word not in flags)), *flags)
    assert answer.code == code
    assert answer.err == ""
    rows = answer.out.splitlines()[-len(states) :]
    assert [line.split()[1] for line in rows] == states


def test_json_is_one_document_and_stderr_says_what_failed(crossprof: Crossprof) -> None:
    answer = crossprof("check", "alpha", "beta", *limits("step_time=3%", "throughput=25%"), "--json")
    document = json.loads(answer.out)
    assert (answer.code, document["passes"], document["alike"], document["broken"]) == (1, False, True, [])
    failed, passed = document["thresholds"]
    assert (failed["state"], failed["passes"], failed["allowed"]) == ("failed", False, "+3 %")
    assert (failed["base"], failed["other"], failed["allowed_ratio"]) == (102e6, 122.4e6, 1.03)
    assert failed["ci_low"] < 1.2 < failed["ci_high"]
    assert (passed["state"], passed["allowed_ratio"]) == ("passed", 0.75)
    assert answer.err.startswith("crossprof: step_time failed: 122")
    assert len(answer.err.splitlines()) == 1


def test_markdown_is_a_table_that_renders(crossprof: Crossprof, tmp_path: Path) -> None:
    written = tmp_path / "check.md"
    arguments = ("check", "alpha", "beta", *limits("step_time=3%", "throughput=25%"))
    assert crossprof(*arguments, "--markdown", written).out.splitlines()[0] == "beta passes 1 of 2 thresholds against alpha"
    assert crossprof(*arguments, "--markdown", "-").out == written.read_text()
    html = MarkdownIt().enable("table").render(written.read_text())
    assert "<h3>❌ beta passes 1 of 2 thresholds against alpha</h3>" in html
    assert html.count("<tr>") == 3
    assert "<td><code>step_time</code></td>\n<td>❌ failed</td>" in html
    assert '<td style="text-align:right">+3 %</td>' in html


def test_junit_has_a_case_for_each_threshold(crossprof: Crossprof, tmp_path: Path) -> None:
    file = tmp_path / "check.xml"
    amounts = limits("step_time=3%", "throughput=25%", "peak_memory=1GiB", "step_time=20%")
    crossprof("check", "alpha", "beta", *amounts, "--junit", file)
    (suite,) = ElementTree.parse(file).getroot()
    assert (suite.tag, suite.get("name")) == ("testsuite", "beta against alpha")
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "1", "1", "0"]
    found = {case.get("name"): [part.tag for part in case] for case in suite}
    assert found == {
        "step_time +3\u2009%": ["failure", "system-out"],
        "throughput −25\u2009%": ["system-out"],
        "peak_memory +1\u2009GiB": ["error", "system-out"],
        "step_time +20\u2009%": ["system-out"],
    }
    crossprof("check", "alpha", "beta", *amounts, "--junit", file, "--allow-missing", "--strict")
    (suite,) = ElementTree.parse(file).getroot()
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "2", "0", "1"]


def test_a_name_that_no_format_can_hold_is_shown_as_far_as_it_goes(
    crossprof: Crossprof, record: Callable[..., Path], tmp_path: Path
) -> None:
    folder = record(tmp_path / "recordings", "odd", framework="torch", step_ms=100, count=30)
    odd = "a|b \x0c<b> *x* ]]>&amp; `tick"
    ingest([folder], store=tmp_path / "own")
    record(tmp_path / "recordings", "plain", framework="torch", step_ms=101, count=30)
    ingest([tmp_path / "recordings"], store=tmp_path / "own")
    edits.rename(tmp_path / "own", "20261123-odd", odd)
    publish(tmp_path / "own")
    file, page = tmp_path / "odd.xml", tmp_path / "odd.md"
    command = ("check", "20261123-odd", "plain", *limits("step_time=3%"), "--junit", file, "--markdown", page)
    assert crossprof(*command, store=tmp_path / "own").code == 0
    (suite,) = ElementTree.parse(file).getroot()
    assert suite.get("name") == "plain against " + odd.replace("\x0c", "\ufffd")
    html = MarkdownIt().enable("table").render(page.read_text())
    assert "against a|b &lt;b&gt; *x* ]]&gt;&amp;amp; `tick</h3>" in html


@pytest.fixture(scope="module")
def tagged(filled: Path, record: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs named nightly, of 100, 101 and 120 ms; the first two have the tag branch=main. Read only."""
    store = tmp_path_factory.mktemp("tagged") / "store"
    shutil.copytree(filled, store, symlinks=True)
    for name, step_ms in (("one", 100), ("two", 101), ("three", 120)):
        record(store.parent / "recordings", name, framework="torch", step_ms=step_ms, count=30)
    ingest([store.parent / "recordings"], store=store)
    for name in ("one", "two", "three"):
        edits.rename(store, f"20261123-{name}", "nightly")
        edits.tag(store, f"20261123-{name}", {"branch": "fix" if name == "three" else "main", "gpu": name})
    publish(store)
    return store


def test_the_base_may_be_chosen_by_tags_of_the_same_name(crossprof: Crossprof, tagged: Path) -> None:
    def base_of(*arguments: str) -> list[str]:
        answer = crossprof("check", "20261123-three", *limits("step_time=3%"), "--json", *arguments, store=tagged)
        ids: list[str] = json.loads(answer.out)["base_ids"]
        return ids

    assert base_of("--base-tag", "branch=main") == ["20261123-two"], "the latest: of one start, by id"
    assert base_of("--base-tag", "branch=main", "--base-tag", "gpu=one") == ["20261123-one"]
    assert sorted(base_of("--base-tag", "branch=main", "--pool")) == ["20261123-one", "20261123-two"]
    answer = crossprof("check", "20261123-three", *limits("step_time=3%"), "--base-tag", "branch=other", store=tagged)
    assert (answer.code, answer.out) == (1, "")
    assert "branch=other" in answer.err


def test_a_run_is_never_part_of_its_own_base(crossprof: Crossprof, tagged: Path) -> None:
    three = crossprof("check", "nightly@all", "20261123-three", *limits("step_time=3%"), "--json", store=tagged)
    assert sorted(json.loads(three.out)["base_ids"]) == ["20261123-one", "20261123-two"]
    answer = crossprof("check", "alpha", "alpha", *limits("step_time=3%"))
    assert (answer.code, answer.out) == (1, "")
    assert "can't differ from itself" in answer.err


def test_runs_that_are_not_alike_fail_unless_that_is_allowed(
    crossprof: Crossprof, record: Callable[..., Path], tmp_path: Path
) -> None:
    for name, step_ms in (("small", 100), ("large", 101)):
        folder = record(tmp_path / "recordings", name, framework="torch", step_ms=step_ms, count=30)
        document = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(
            json.dumps(document | {"batch_size": 8 if name == "small" else 16, "framework_version": name})
        )
    ingest([tmp_path / "recordings"], store=tmp_path / "own")
    command = ("check", "small", "large", *limits("step_time=3%"))
    answer = crossprof(*command, store=tmp_path / "own")
    assert answer.code == 1
    assert "the runs are not alike (batch_size: 8 vs 16)" in answer.out
    answer = crossprof(*command, "--allow-unlike", store=tmp_path / "own")
    assert answer.code == 0
    assert "Differs: batch_size: 8 vs 16." in answer.out


def test_one_capture_under_two_names_is_no_comparison(
    crossprof: Crossprof, record: Callable[..., Path], tmp_path: Path
) -> None:
    for name in ("one", "again"):  # of the same nanoseconds
        record(tmp_path / "recordings", name, framework="torch", step_ms=100, count=30)
    ingest([tmp_path / "recordings"], store=tmp_path / "own")
    answer = crossprof("check", "one", "again", *limits("step_time=3%"), store=tmp_path / "own")
    assert (answer.code, answer.out) == (1, "")
    assert "one and again hold the same capture" in answer.err


def test_what_two_devices_do_not_share_is_said(crossprof: Crossprof, synthetic_store: Path) -> None:
    def reason(base: str, other: str, limit: str) -> str:
        answer = crossprof("check", base, other, *limits(limit), "--json", "--allow-unlike", store=synthetic_store)
        assert answer.code == 1
        (one,) = json.loads(answer.out)["thresholds"]
        assert one["state"] == "not_comparable"
        text: str = one["reason"]
        return text

    assert reason("bert-base", "tiny-transformer-jax", "kernel_time=3%") == "tiny-transformer-jax has no such figure"
    unlike = reason("bert-base", "tiny-transformer-jax", "peak_memory=3%")
    assert unlike.startswith("the two figures do not mean the same: comparing them takes the same kind of device (")
    assert "device_kind: gpu vs cpu" in unlike


def test_a_committed_file_holds_thresholds_and_base(crossprof: Crossprof, tagged: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.crossprof.check]\nbaseline = {tag = "branch=main", pool = true}\nallow-missing = true\n'
        '[tool.crossprof.check.max-regression]\nstep_time = "3%"\npeak_memory = "100 MiB"\n'
    )
    answer = crossprof("check", "20261123-three", "--json", store=tagged)
    document = json.loads(answer.out)
    assert sorted(document["base_ids"]) == ["20261123-one", "20261123-two"]
    states = {one["metric"]: (one["state"], one["passes"]) for one in document["thresholds"]}
    assert states == {"step_time": ("failed", False), "peak_memory": ("not_comparable", True)}
    document = json.loads(crossprof("check", "alpha", "20261123-three", *limits("step_time=40%"), "--json", store=tagged).out)
    assert [one["allowed"] for one in document["thresholds"]] == ["+100 MiB", "+40 %"], "a flag stands above the file"
    assert document["base_ids"] == ["20261123-alpha"]


def test_the_nearest_file_counts_and_may_be_named(
    crossprof: Crossprof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.crossprof.check]\nmax-regression = {step_time = "3%"}\nbaseline = "alpha"\n'
    )
    below = tmp_path / "model"
    below.mkdir()
    monkeypatch.chdir(below)
    (below / "pyproject.toml").write_text("[tool.ruff]\n")
    assert crossprof("check", "beta").code == 1
    (below / "crossprof.toml").write_text('[check]\nmax-regression = {step_time = "30%"}\nbaseline = "alpha"\n')
    assert crossprof("check", "beta").code == 0
    assert crossprof("check", "beta", "--config", tmp_path / "pyproject.toml").code == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["alpha", "beta"], "No threshold"),
        (["alpha", "beta", *limits("step_time")], "'step_time=' is no threshold"),
        (["alpha", "beta", *limits("nothing=3%")], "No metric is named 'nothing'"),
        (["alpha", "beta", "gamma", *limits("step_time=3%")], "At most a base and one other"),
        (["beta", *limits("step_time=3%")], "No base"),
        (["alpha", "beta", *limits("step_time=3%"), "--base-tag", "a=b"], "BASE is named"),
        (["beta", *limits("step_time=3%"), "--base-tag", "main"], "not of the form key=value"),
        (["alpha", "beta", *limits("step_time=3%"), "--json", "--junit", "-"], "Only one of"),
        (["alpha", "beta", "--config", "missing.toml"], "missing.toml"),
    ],
)
def test_wrong_usage_is_exit_code_2(crossprof: Crossprof, arguments: list[str], says: str) -> None:
    answer = crossprof("check", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[check", "no TOML"),
        ("[other]", "no table [check]"),
        ("check = 3", "is no table"),
        ("[check]\nmax_regression = {}", "unknown key 'max_regression'. Known are max-regression, baseline, strict"),
        ("[check]\nmax-regression = {step_time = 3}", 'texts such as "3%"'),
        ("[check]\nstrict = 1", "true or false"),
        ("[check]\nbaseline = {run = 'alpha'}", "unknown key 'run'"),
        ("[check]\nbaseline = {tag = 3}", "texts"),
        ("[check]\nbaseline = 3", "texts"),
        ("[check]\nmax-regression = '3%'", "is no table"),
    ],
)
def test_a_file_that_says_what_nobody_reads_is_wrong_usage(crossprof: Crossprof, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    answer = crossprof("check", "alpha", "beta", "--config", tmp_path / "own.toml")
    assert answer.code == 2
    assert says in answer.err
