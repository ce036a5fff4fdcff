"""`crossprof trigger`: who is asked, and for which step. Windows of real jobs are in tests/collectors/test_triggers_live.py."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from crossprof.cli import main
from tests.ingest.recorded import alive, run_folder

MS = 1_000_000


@pytest.fixture
def rank(tmp_path: Path) -> Any:
    """Makes the folder of a rank that this process records just now."""

    def make(**facts: Any) -> Path:
        given = {"status": "running", "process": alive(), "started_ns": time.time_ns(), "captures": [], **facts}
        return run_folder(tmp_path / "recordings", **given)

    return make


def asked(folder: Path) -> dict[str, Any]:
    request: dict[str, Any] = json.loads((folder / "trigger.json").read_text())
    return request


@pytest.mark.parametrize("job", ["process", "launcher", "bert", "20261123-bert", "20261123-"])
def test_a_job_is_named_by_process_launcher_run_or_id(rank: Any, tmp_path: Path, capsys: Any, job: str) -> None:
    folder = rank()
    named = {"process": str(os.getpid()), "launcher": str(os.getppid())}.get(job, job)
    assert main(["trigger", named, "--steps", "9", "--store", str(tmp_path)]) == 0
    request = asked(folder)
    assert (request["at_step"], request["steps"]) == (None, 9)
    assert f"process {os.getpid()}" in request["asked_by"]
    assert capsys.readouterr().out == "Asked rank 0 of bert (20261123-bert) for a window from the next step on.\n"
    assert not list(folder.glob("*.new"))


def test_all_ranks_begin_with_one_step_that_none_has_come_to(rank: Any, tmp_path: Path) -> None:
    folders = [rank(rank=number, world_size=2) for number in range(2)]
    for folder, last in zip(folders, (70, 74), strict=True):
        lines = [
            json.dumps({"step": step, "start_ns": step * 20 * MS, "end_ns": (step + 1) * 20 * MS}) for step in range(last + 1)
        ]
        (folder / "steps.jsonl").write_text("\n".join([*lines, '{"step": 9']))
    assert main(["trigger", "bert", "--store", str(tmp_path)]) == 0
    assert [asked(folder)["at_step"] for folder in folders] == [75 + 75] * 2  # 1.5 s of 20 ms each after the last


def test_the_latest_of_several_jobs_is_asked_and_what_has_ended_is_not(rank: Any, tmp_path: Path) -> None:
    now = time.time_ns()
    earlier = rank(run_id="a", started_ns=now)
    latest = rank(run_id="b", started_ns=now + 1)
    over = rank(run_id="c", started_ns=now + 2, status="completed")
    assert main(["trigger", "bert", "--store", str(tmp_path)]) == 0
    assert [(folder / "trigger.json").exists() for folder in (earlier, latest, over)] == [False, True, False]


def test_it_waits_until_the_window_is_written(rank: Any, tmp_path: Path, capsys: Any) -> None:
    folder = rank()

    def take() -> None:
        run = json.loads((folder / "run.json").read_text())
        window = {"capture": 0, "trigger": "demand", "state": "complete", "started_ns": time.time_ns(), "files": []}
        (folder / "run.json").write_text(json.dumps({**run, "captures": [window]}))

    Timer(0.3, take).start()
    assert main(["trigger", "bert", "--wait", "20", "--store", str(tmp_path)]) == 0
    assert "The window is written" in capsys.readouterr().out


def test_a_window_that_does_not_come_is_one_line(rank: Any, tmp_path: Path, capsys: Any) -> None:
    rank()
    assert main(["trigger", "bert", "--wait", "0.2", "--store", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("crossprof: No window on rank 0: none came in 0.2 s;")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"status": "completed"}, "the job ended before it."),
        ({"captures": [{"trigger": "demand", "state": "failed", "started_ns": 1 << 62}]}, "it failed"),
    ],
)
def test_a_window_that_will_not_come_is_not_waited_for(
    rank: Any, tmp_path: Path, capsys: Any, monkeypatch: Any, facts: dict[str, Any], said: str
) -> None:
    folder = rank()

    def become(*_: Any, **__: Any) -> None:
        run = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps({**run, **facts}))

    monkeypatch.setattr("crossprof.cli.trigger._ask", become)
    assert main(["trigger", "bert", "--wait", "20", "--store", str(tmp_path)]) == 1
    assert f"No window on rank 0: {said}" in capsys.readouterr().err


def test_a_job_that_was_ingested_while_it_was_waited_for(rank: Any, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    folder = rank()
    monkeypatch.setattr("crossprof.cli.trigger._ask", lambda *_, **__: (folder / "run.json").unlink())
    assert main(["trigger", "bert", "--wait", "20", "--store", str(tmp_path)]) == 0
    assert "`crossprof show 20261123-bert` lists its windows" in capsys.readouterr().out


def test_a_run_may_be_named_by_a_number(rank: Any, tmp_path: Path) -> None:
    folder = rank(run="999999999")
    assert main(["trigger", "999999999", "--store", str(tmp_path)]) == 0
    assert asked(folder)


def test_nobody_who_answers_is_one_line_that_names_who_would(rank: Any, tmp_path: Path, capsys: Any) -> None:
    assert main(["trigger", "bert", "--store", str(tmp_path)]) == 1
    assert "Nothing is recorded there just now; --store names another." in capsys.readouterr().err
    rank()
    (tmp_path / "recordings" / "torn" / "rank-0").mkdir(parents=True)
    (tmp_path / "recordings" / "torn" / "rank-0" / "run.json").write_text("{")
    assert main(["trigger", "gpt", "--store", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert f"answers to 'gpt'. Recorded just now: bert (process {os.getpid()})." in error


def test_a_job_that_is_profiled_as_a_whole_is_told_apart(rank: Any, tmp_path: Path, capsys: Any) -> None:
    folder = rank(options_requested={"schedule": None})
    assert main(["trigger", "bert", "--store", str(tmp_path)]) == 1
    assert "All of bert is one window already" in capsys.readouterr().err
    assert not (folder / "trigger.json").exists()
