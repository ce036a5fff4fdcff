from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from crossprof.cli import demo, main

INSTALLED = [name for name in demo.FRAMEWORKS if find_spec(name)]


@pytest.mark.parametrize("name", demo.FRAMEWORKS)
def test_the_scripts_are_short_and_alike(name: str) -> None:
    text = files("crossprof.examples").joinpath(f"train_{name}.py").read_text("utf-8")
    assert len([line for line in text.splitlines() if line.strip()]) <= 50
    sizes = next(node for node in ast.parse(text).body if isinstance(node, ast.Assign))
    assert ast.unparse(sizes) == "WORDS, LENGTH, BATCH, WIDTH, HEADS, LAYERS, STEPS = (512, 64, 32, 128, 4, 4, 80)"
    assert f'@crossprof.profile("transformer-{name}", model="transformer", precision="float32"' in text


def test_without_a_framework_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda _name: None)
    assert main(["demo", "--store", str(tmp_path)]) == 1
    *left_out, error = capsys.readouterr().err.splitlines()
    assert [f"pip install 'crossprof[{name}]'" in line for name, line in zip(demo.FRAMEWORKS, left_out, strict=True)] == [
        True
    ] * 3
    assert error.startswith("crossprof: The demo needs at least one framework")


def test_a_script_that_fails_is_left_out_and_all_of_them_are_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda name: name == "torch" or None)
    monkeypatch.setattr(demo.sys, "executable", "/bin/false")
    assert main(["demo", "--store", str(tmp_path)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "ended with exit code 1" in lines[-2]
    assert lines[-1].startswith("crossprof: No training script")


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED, reason="no framework is installed")
def test_the_demo_records_compares_and_ends(tmp_path: Path) -> None:
    environment = {**os.environ, "CROSSPROF_DEMO_SERVE": "0", "CROSSPROF_STORE": str(tmp_path / "store")}

    def crossprof(*arguments: str) -> str:
        command = [sys.executable, "-m", "crossprof", *arguments]
        return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=900, check=True).stdout

    printed = crossprof("demo")
    counts = re.findall(r"([\d,]+) parameters", printed)
    assert counts == ["932,608"] * len(INSTALLED)
    runs: list[dict[str, Any]] = json.loads(crossprof("runs", "--json"))
    assert {run["run"] for run in runs} == {f"transformer-{name}" for name in INSTALLED}
    assert {run["status"] for run in runs} == {"completed"}
    if len(INSTALLED) > 1:
        assert printed.count("Base: transformer-") == 1
        names = [f"transformer-{name}" for name in INSTALLED]
        compared = json.loads(crossprof("compare", *names, "--json"))
        for other in compared["others"]:
            step_time = next(one for one in other["metrics"] if one["metric"] == "step_time")
            assert step_time["n_base"] >= 60
            assert step_time["ci_low"] < step_time["ratio"] < step_time["ci_high"]
    query = "select framework, count(*) as steps from step_time join run using (run_id) group by all"
    rows = json.loads(crossprof("sql", query, "--format", "json"))
    assert {(row["framework"], row["steps"]) for row in rows} == {(name, 80) for name in INSTALLED}
