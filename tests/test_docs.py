"""The docs say what the code is: every table, view, metric, command and setting appears, and nothing that no longer exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import duckdb
import pytest
import yaml

from crossprof import settings
from crossprof.cli import cli
from crossprof.cli.check_file import read_file
from crossprof.store import catalog
from crossprof.store.metrics import registry
from crossprof.store.threshold import parse

ROOT = Path(__file__).resolve().parents[1]
PROSE = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/bench.md",
    "docs/benchmarks.md",
    "docs/ci.md",
    "docs/collecting.md",
    "docs/critical_path.md",
    "docs/decisions.md",
    "docs/findings.md",
    "docs/formats.md",
    "docs/guide.md",
    "docs/overhead.md",
    "docs/peers.md",
    "docs/reconciliation.md",
    "docs/record.md",
    "docs/robustness.md",
    "docs/triggers.md",
    "docs/survey.md",
    "docs/telemetry.md",
    "docs/workloads.md",
]


def test_the_reference_is_what_the_code_says(load_docs: Callable[[str], ModuleType]) -> None:
    assert load_docs("generate").stale() == []


@pytest.mark.parametrize("name", PROSE)
def test_commands_named_in_prose_exist(name: str) -> None:
    text = (ROOT / name).read_text()
    for command in re.findall(r"(?:^|`)crossprof ([a-z]+)", text, flags=re.MULTILINE):
        assert command in cli.commands, f"{name} names `crossprof {command}`"


def test_workflows_in_the_docs_are_yaml_and_their_commands_valid() -> None:
    commands = []
    for block in _blocks("ci", "yaml"):
        for job in yaml.safe_load(block)["jobs"].values():
            assert job["runs-on"]
            assert all(("uses" in step) != ("run" in step) for step in job["steps"])
            commands += [line for step in job["steps"] for line in step.get("run", "").splitlines()]
    commands += [line for block in _blocks("ci", "") for line in block.splitlines()]
    called = [shlex.split(line.partition(" >> ")[0])[1:] for line in commands if line.strip().startswith("crossprof ")]
    assert {name for name, *_ in called} == {"runs", "check", "report"}
    for name, *arguments in called:
        cli.commands[name].make_context(name, list(arguments))


def test_committed_thresholds_in_the_docs_are_read(tmp_path: Path, tiny_runs: duckdb.DuckDBPyConnection) -> None:
    blocks = [block for name in ("ci", "guide") for block in _blocks(name, "toml")]
    assert len(blocks) == 2
    for block in blocks:
        (tmp_path / "pyproject.toml").write_text(block)
        amounts = read_file(tmp_path / "pyproject.toml").amounts
        assert [parse(metric, amount, registry(tiny_runs)).metric for metric, amount in amounts.items()]


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / f"{page}.md").read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("name", PROSE)
def test_settings_named_in_prose_exist(name: str) -> None:
    known = {setting.name for setting in settings.SETTINGS} | {"CROSSPROF_CORPUS"}
    assert set(re.findall(r"CROSSPROF_[A-Z_]+", (ROOT / name).read_text())) <= known


@pytest.mark.parametrize("name", PROSE)
def test_links_to_files_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{name} links to {target}"


@pytest.mark.parametrize("name", PROSE)
def test_make_targets_named_in_prose_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", (ROOT / name).read_text())) <= targets


def test_every_view_and_command_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text()
    public = [view.name for view in catalog.views() if not view.name.startswith("_")]
    assert [name for name in [*public, *cli.commands] if f"`{name}`" not in guide and f"crossprof {name}" not in guide] == []


def test_every_setting_read_in_the_code_is_in_the_table() -> None:
    known = {setting.name for setting in settings.SETTINGS}
    named: set[str] = set()
    for path in (ROOT / "crossprof").rglob("*.py"):
        named |= set(re.findall(r"\"(CROSSPROF_[A-Z_]+)\"", path.read_text()))
    assert named <= known


# How the code names a finding: in SQL as a column, a field or before its severity; in Python at the head of a row or a call.
CODES = (
    r"'([a-z]+(?:_[a-z]+)+)' AS code\b",
    r"'([a-z]+(?:_[a-z]+)+)', '(?:error|warning|info)'",
    r"code := '([a-z_]+)'",
    r"(?:THEN|ELSE) '([a-z]+(?:_[a-z]+)+)'(?= (?:ELSE|END,\n\s+'warning'|END AS code))",
    r'"([a-z]+(?:_[a-z]+)+)", "(?:error|warning|info)"',
    r'(?:found\.append\(|_damaged\(|damage_code or )\(?"([a-z]+(?:_[a-z]+)+)"',
    r'"(profiler_\w+)" (?:if is_busy|else)',
)


def test_every_finding_is_explained_and_nothing_else() -> None:
    named = set(re.findall(r"^\| `([a-z_]+)` \|", (ROOT / "docs" / "findings.md").read_text(), flags=re.MULTILINE))
    source = "\n".join(path.read_text() for ending in ("py", "sql") for path in (ROOT / "crossprof").rglob(f"*.{ending}"))
    codes = {code for pattern in CODES for code in re.findall(pattern, source)}
    assert codes - named == set()
    assert {code for code in named if not re.search(rf"['\"]{code}['\"]", source)} <= BUILT


BUILT = {"run_failed", "run_interrupted"}  # from the status of a run
