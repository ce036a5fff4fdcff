"""Wrong input: one line that says what and what to do, the right exit code, no traceback."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crossprof.cli import application

Crossprof = Callable[..., Any]
Process = Callable[..., Any]

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "empty.json").touch()
    (tmp_path / "no-traces").mkdir()
    (tmp_path / "no-traces" / "notes.txt").write_text("no trace")
    (tmp_path / "picture.json").write_bytes(PNG)
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ingest", "missing.json"], "missing.json"),
        (["ingest", "missing/*.json"], "missing/*.json"),
        (["ingest", "empty.json"], "empty"),
        (["ingest", "no-traces"], "no-traces"),
        (["ingest", "picture.json"], "picture.json"),
        (["doctor", "picture.json"], "picture.json"),
        (["doctor", "missing.json"], "missing.json"),
        (["show", "nobody"], "'nobody'"),
        (["compare", "nobody", "nothing"], "'nobody'"),
        (["delete", "nobody"], "'nobody'"),
        (["sql", "selct 1"], "selct"),
        (["sql", "select * from nothing_here"], "nothing_here"),
        (["sql", "select error('on the way') from range(10)"], "on the way"),
        (["sql", "select 1", "-o", "no/such/folder"], "no/such/folder"),
        (["views", "nothing_here"], "crossprof views"),
        (["metrics", "nothing_here"], "crossprof metrics"),
        (["reindex", "--store", "nowhere"], "nowhere"),
        (["gc", "--store", "nowhere"], "nowhere"),
    ],
    ids=" ".join,
)
def test_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    filled: Path,
    folder: Path,
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CROSSPROF_STORE", str(filled))
    assert application.main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("crossprof: ")
    assert says in line
    assert not (folder / "nowhere").exists()


def test_a_metric_that_does_not_exist(crossprof: Crossprof) -> None:
    answer = crossprof("compare", "alpha", "beta", "--metric", "speed")
    assert answer.code == 1
    (line,) = answer.err.splitlines()
    assert "speed" in line


@pytest.mark.parametrize(
    "arguments",
    [["ingest"], ["show"], ["compare", "alone"], ["sql", "select 1", "--format", "xml"],
     ["ingest", "x", "--tag", "nokey"], ["serve", "--port", "70000"], ["runs", "--nonsense"]],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert application.main(arguments) == 2
    assert "Usage:" in capsys.readouterr().err


def test_the_exit_code_is_that_of_the_process(process: Process) -> None:
    answer = process("nonsense")
    assert answer.code == 2
    assert "Usage:" in answer.err
    assert "Traceback" not in answer.err


def test_a_port_in_use(process: Process, taken_port: int) -> None:
    pytest.importorskip("dash", reason="the dashboard is an extra")
    answer = process("serve", "--port", str(taken_port))
    assert answer.code == 1
    (line,) = answer.err.splitlines()
    assert str(taken_port) in line
    assert "--port" in line


def test_a_setting_that_is_no_port(crossprof: Crossprof, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dash", reason="the dashboard is an extra")
    monkeypatch.setenv("CROSSPROF_PORT", "http")
    answer = crossprof("serve")
    assert answer.code == 1
    (line,) = answer.err.splitlines()
    assert "CROSSPROF_PORT" in line


@pytest.mark.parametrize("arguments", [["ingest", "empty.json"], ["reindex"]], ids=" ".join)
def test_a_store_that_can_not_be_written(
    crossprof: Crossprof, monkeypatch: pytest.MonkeyPatch, folder: Path, arguments: list[str]
) -> None:
    monkeypatch.chdir(folder)
    (folder / "store").mkdir(mode=0o500)
    if os.access(folder / "store", os.W_OK):  # root may write anywhere: nobody can make a folder in a file, though
        (folder / "store").rmdir()
        (folder / "file").touch()
        store = folder / "file" / "store" if arguments[0] == "ingest" else folder / "file"
    else:
        store = folder / "store"
    answer = crossprof(*arguments, store=store)
    assert answer.code == 1
    (line,) = answer.err.splitlines()
    assert "store" in line


def test_a_missing_dashboard_names_the_command_that_installs_it(process: Process, tmp_path: Path) -> None:
    (tmp_path / "dash").mkdir()
    (tmp_path / "dash" / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'dash'\", name='dash')")
    answer = process("serve", PYTHONPATH=str(tmp_path))
    assert answer.code == 1
    assert answer.err == "crossprof: The dashboard needs dash, which is not installed: pip install 'crossprof[dashboard]'\n"


def test_what_nobody_foresaw_is_one_line_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_store: Path) -> None:
        raise ZeroDivisionError("first line\nsecond line")

    monkeypatch.setattr("crossprof.cli.runs.open_store", broken)
    assert application.main(["runs"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("crossprof: ZeroDivisionError: first line second line")
    assert "CROSSPROF_STRICT=1" in line
    monkeypatch.setenv("CROSSPROF_STRICT", "1")
    assert application.main(["runs"]) == 1
    assert "Traceback" in capsys.readouterr().err


def _await_rows(running: subprocess.Popen[str], output: Path, *, at_least: int) -> None:
    """Returns once the query is under way: its file is opened just before DuckDB is asked, and grows with the answer."""
    deadline = time.monotonic() + 60
    while not output.exists() or output.stat().st_size < at_least:
        assert running.poll() is None, "it ended before Ctrl-C was pressed"
        assert time.monotonic() < deadline, "it never began to write"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("query", "at_least"),
    [
        ("select count(*) from range(1000000) a, range(1000000) b where a.range + b.range = 7", 0),
        ("from range(1000000000000)", 1),
    ],
    ids=["one number after hours", "rows without end"],
)
def test_ctrl_c_is_exit_code_130(filled: Path, tmp_path: Path, query: str, at_least: int) -> None:
    output = tmp_path / "rows.csv"
    command = [sys.executable, "-m", "crossprof", "sql", query, "--format", "csv", "-o", str(output), "--store", str(filled)]

    def attend() -> None:  # a test run in the background ignores Ctrl-C, and its children would too
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=attend) as running:  # noqa: PLW1509
        try:
            _await_rows(running, output, at_least=at_least)
            time.sleep(0.3)  # well inside the query
            running.send_signal(signal.SIGINT)
            _, complaint = running.communicate(timeout=10)
        finally:
            running.kill()
    assert running.returncode == 130
    assert "Traceback" not in complaint
