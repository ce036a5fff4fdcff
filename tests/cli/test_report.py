"""`report`: which file it writes, in which format, and what it leaves alone."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crossprof.cli.output import write_text

Crossprof = Callable[..., Any]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_name_it_writes_report_html_and_replaces_its_own(crossprof: Crossprof, tmp_path: Path) -> None:
    for _ in range(2):
        answer = crossprof("report", "alpha", "beta", "gamma")
        assert (answer.code, answer.out) == (0, "Wrote report.html\n")
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    for _ in range(2):
        assert crossprof("report", "alpha", "beta", "--format", "markdown").out == "Wrote report.md\n"
    assert "# beta against alpha" in (tmp_path / "report.md").read_text()


def test_what_it_did_not_write_is_replaced_only_by_name(crossprof: Crossprof, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<html>of somebody else</html>")
    answer = crossprof("report", "alpha", "beta")
    assert (answer.code, answer.out) == (1, "")
    assert "-o report.html" in answer.err
    assert "somebody else" in (tmp_path / "report.html").read_text()
    assert crossprof("report", "alpha", "beta", "-o", "report.html").code == 0
    assert "somebody else" not in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["-o", "a.md"], "<!-- crossprof"),
        (["-o", "a.html"], "<!DOCTYPE html>"),
        (["-o", "a.txt"], "<!DOCTYPE html>"),
        (["-o", "a.txt", "--format", "markdown"], "<!-- crossprof"),
    ],
)
def test_the_format_is_that_of_the_file(crossprof: Crossprof, tmp_path: Path, arguments: list[str], begins: str) -> None:
    assert crossprof("report", "alpha", "beta", *arguments).code == 0
    assert (tmp_path / arguments[1]).read_text().startswith(begins)


def test_a_hyphen_is_stdout(crossprof: Crossprof, tmp_path: Path) -> None:
    answer = crossprof("report", "alpha", "beta", "-o", "-", "--format", "markdown")
    assert answer.out.startswith("<!-- crossprof")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_not_there_leaves_the_file_as_it_was(crossprof: Crossprof, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("as it was")
    assert crossprof("report", "alpha", "nobody", "-o", "a.html").code == 1
    assert (tmp_path / "a.html").read_text() == "as it was"


def test_a_folder_that_is_not_there_is_one_line(crossprof: Crossprof) -> None:
    answer = crossprof("report", "alpha", "beta", "-o", "no/such/report.html")
    assert answer.code == 1
    assert len(answer.err.splitlines()) == 1
    assert "no/such" in answer.err


def test_writing_keeps_links_and_permissions_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_text(str(link), "new")
    assert link.is_symlink()
    assert (real.read_text(), stat.S_IMODE(real.stat().st_mode)) == ("new", 0o640)

    write_text("/dev/null", "no file")
    assert Path("/dev/null").is_char_device()

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_text(str(real), "lost")
    assert real.read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.txt", "real.txt"]


def test_neither_report_nor_check_needs_the_dashboards_packages(process: Crossprof, filled: Path, tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    for name in ("dash", "plotly", "flask", "dash_ag_grid"):
        (tmp_path / "without" / f"{name}.py").write_text("raise ImportError('not installed')")
    for command in (("report", "alpha", "beta"), ("check", "alpha", "beta", "--max-regression", "step_time=30%")):
        answer = process(*command, "--store", filled, PYTHONPATH=f"{tmp_path / 'without'}:{Path(__file__).parents[2]}")
        assert answer.code == 0, answer.err
