"""A recording of our own into the tables: every value checked by hand, and what is broken costs a finding, no steps."""

import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crossprof.errors import TraceError
from crossprof.ingest.derive import derive
from crossprof.ingest.recording import rank_folders, read_recording
from crossprof.ingest.run_folder import stage_recording
from tests.ingest.recorded import BASE, BOOT_ID, DEAD_PID, KINETO, MS, alive, run_folder

Connection = duckdb.DuckDBPyConnection
NAMESPACE = str(Path("/proc/self/ns/pid").readlink())


def staged(connection: Connection, folder: Path) -> Connection:
    stage_recording(connection, read_recording(folder))
    derive(connection, run_id="20261123-bert", rank=0)
    return connection


def findings(connection: Connection) -> dict[str, tuple[Any, ...]]:
    rows = connection.execute("SELECT code, severity, count, detail FROM finding").fetchall()
    return {row[0]: row[1:] for row in rows}


def test_the_run_is_what_run_json_says(scratch: Connection, tmp_path: Path) -> None:
    staged(scratch, run_folder(tmp_path, links={"wandb": "a1"}))
    assert scratch.execute("SELECT links FROM run").fetchall() == [({"wandb": "a1"},)]
    run = scratch.execute(
        """SELECT run_id, run, framework, framework_version, model, precision, phase, batch_size, world_size, status, source,
            host FROM run"""
    ).fetchall()
    assert run == [
        ("20261123-bert", "bert", "torch", "2.13.0", "bert-base", "bf16", None, 32, 1, "completed", "recording", "node-1")
    ]
    origin = scratch.execute(
        """SELECT started_ns, ended_ns, python_version, git_commit, git_is_dirty, tags, config->>'lr', versions, environment,
            options_requested->>'record_shapes', crossprof_version FROM run"""
    ).fetchall()
    tags, versions, environment = {"team": "nlp"}, {"torch": "2.13.0"}, {"OMP_NUM_THREADS": "8"}
    assert origin == [
        (BASE, BASE + 10 * MS, "3.11.9", "abc", True, tags, "0.1", versions, environment, "true", "0.1.0"),
    ]
    rank = scratch.execute(
        """SELECT rank, boot_id, clock_offset_ns, step_count, profiled_step_count, capture_count, profiler_start_ns,
            profiler_stop_ns, profiler_export_ns, sampler_cpu_ratio FROM rank"""
    ).fetchall()
    assert rank == [(0, BOOT_ID, 0, 4, 2, 1, 5, 7, 9, 0.01)]


def test_a_name_that_is_not_utf8_costs_nothing_else(scratch: Connection, tmp_path: Path) -> None:
    """The environment comes with half surrogates in place of such bytes."""
    staged(scratch, run_folder(tmp_path, environment={"DATA": "/data/\udcff"}, config={"lr": 0.1}))
    assert scratch.execute("SELECT environment['DATA'], config->>'lr' FROM run").fetchall() == [("/data/?", "0.1")]


def test_our_own_steps_win_over_the_profilers(scratch: Connection, tmp_path: Path) -> None:
    staged(scratch, run_folder(tmp_path))
    rows = scratch.execute(
        "SELECT step, start_ns, dur_ns, is_profiled, is_warmup, capture, samples, source FROM step ORDER BY step"
    ).fetchall()
    assert rows == [
        (0, BASE, MS, False, True, None, 32, "crossprof"),
        (1, BASE + MS, MS, False, False, None, 32, "crossprof"),
        (2, BASE + 2 * MS, MS, True, True, 0, 32, "crossprof"),
        (3, BASE + 3 * MS, MS, True, False, 0, 32, "crossprof"),
    ]
    assert scratch.execute("SELECT name, start_ns, step FROM op").fetchall() == [("aten::mm", BASE + 3_100_000, 3)]


def test_readings_find_their_device_by_uuid(scratch: Connection, tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    with (folder / "samples.jsonl").open("a") as file:
        file.write(
            json.dumps({"at_ns": BASE, "source": "nvml", "device": "GPU-z", "values": {"hw.gpu.utilization": 1.0}}) + "\n"
        )
        own = {"at_ns": BASE, "source": "framework", "device": None, "device_id": 1, "values": {"hw.gpu.memory.allocated": 7}}
        file.write(json.dumps(own) + "\n")
    staged(scratch, folder)
    rows = scratch.execute("SELECT metric, device_id, value, unit, is_valid, source FROM sample ORDER BY metric").fetchall()
    assert rows == [
        ("hw.gpu.memory.allocated", 1, 7.0, None, True, "framework"),  # the framework's own number of the device
        ("hw.gpu.utilization", 0, 0.5, "1", True, "nvml"),
        ("process.memory.usage", -1, 5e9, "By", True, "psutil"),
        ("system.cpu.utilization", None, None, "1", False, "psutil"),
    ]
    assert "GPU-z" in findings(scratch)["device_unknown"][2]


def test_a_killed_recording_keeps_its_whole_lines(scratch: Connection, tmp_path: Path) -> None:
    folder = run_folder(tmp_path, status="running", ended_ns=None, captures=[], trace=None)
    with (folder / "steps.jsonl").open("a") as file:
        file.write('{"step": 4, "start_ns": 17000')
    staged(scratch, folder)
    assert scratch.execute("SELECT status, ended_ns FROM run").fetchall() == [("killed", None)]
    assert scratch.execute("SELECT count(*) FROM step").fetchall() == [(4,)]
    found = findings(scratch)
    assert found["recording_killed"][:2] == ("warning", 1)
    assert found["lines_torn"][:2] == ("info", 1)
    assert "ended before its trace was written" in found["capture_failed"][2]


def test_a_recording_without_lines_is_read(scratch: Connection, tmp_path: Path) -> None:
    folder = run_folder(tmp_path, status="running")
    (folder / "steps.jsonl").unlink()
    (folder / "samples.jsonl").write_text("")
    staged(scratch, folder)
    assert scratch.execute("SELECT count(*) FROM run").fetchall() == [(1,)]
    assert scratch.execute("SELECT count(*) FROM sample").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("trace", "reason"),
    [(None, "there is no such file"), ("", "an empty file"), ("<html>", "HTML")],
    ids=["missing", "empty", "something else"],
)
def test_a_broken_capture_costs_a_finding_and_no_steps(
    scratch: Connection, tmp_path: Path, trace: str | None, reason: str
) -> None:
    staged(scratch, run_folder(tmp_path, trace=trace))
    severity, count, detail = findings(scratch)["capture_failed"]
    assert (severity, count) == ("error", 1)
    assert reason in detail
    assert scratch.execute("SELECT count(*) FROM step").fetchall() == [(4,)]


def test_a_trace_that_run_json_had_no_time_to_name_is_found(scratch: Connection, tmp_path: Path) -> None:
    staged(scratch, run_folder(tmp_path, status="running", captures=[]))
    assert scratch.execute("SELECT name FROM op").fetchall() == [("aten::mm",)]


def test_a_trace_that_is_compressed_meanwhile_is_found(scratch: Connection, tmp_path: Path) -> None:
    folder = run_folder(tmp_path, trace=None)
    (folder / "capture-0" / "trace.json.gz").write_bytes(gzip.compress(json.dumps(KINETO).encode()))
    staged(scratch, folder)
    assert scratch.execute("SELECT name FROM op").fetchall() == [("aten::mm",)]


def test_each_window_says_why_it_was_taken(scratch: Connection, tmp_path: Path) -> None:
    window = {"trigger": "slow_step", "reason": "step 1 took long", "state": "complete", "first_step": 2, "last_step": 3}
    told = {**window, "capture": 0, "started_ns": 1, "stopped_ns": 2, "bytes": 3, "files": ["capture-0/trace.json"]}
    staged(scratch, run_folder(tmp_path, captures=[told, {"capture": 1, "state": "failed", "files": []}]))
    assert scratch.execute("SELECT * EXCLUDE (run_id, rank) FROM capture ORDER BY capture").fetchall() == [
        (0, "slow_step", "step 1 took long", "complete", 2, 3, 1, 2, 3),
        (1, None, None, "failed", None, None, None, None, None),
    ]


def test_steps_of_a_window_that_was_dropped_enter_no_statistic(scratch: Connection, tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    with (folder / "steps.jsonl").open("a") as file:
        for number in (4, 5):
            line = {"step": number, "start_ns": BASE + number * MS, "end_ns": BASE + (number + 1) * MS, "state": "profiled"}
            file.write(json.dumps({**line, "capture": 1, "samples": 32, "tokens": None}) + "\n")
    staged(scratch, folder)
    rows = scratch.execute("SELECT step, is_profiled, is_warmup, capture FROM step WHERE step > 1 ORDER BY step").fetchall()
    assert rows == [(2, True, True, 0), (3, True, False, 0), (4, False, True, None), (5, False, True, None)]


def test_findings_of_the_collectors_are_carried_over(scratch: Connection, tmp_path: Path) -> None:
    noted = {"code": "ended_early", "severity": "warning", "count": 2, "detail": "short", "effect": None}
    staged(scratch, run_folder(tmp_path, findings=[noted]))
    assert findings(scratch)["ended_early"] == ("warning", 2, "short")


def test_a_nan_in_the_users_config_is_no_obstacle(scratch: Connection, tmp_path: Path) -> None:
    staged(scratch, run_folder(tmp_path, config={"loss": float("nan")}))
    assert scratch.execute("SELECT config->>'loss' FROM run").fetchall() == [(None,)]


@pytest.mark.parametrize("name", ["lr=0.1", "step=5", "seed[1]", "a*b?", "it's", "name=x"])
def test_the_name_of_a_folder_changes_nothing(
    scratch: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = run_folder(tmp_path / name)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    staged(scratch, folder)
    assert scratch.execute("SELECT name FROM op").fetchall() == [("aten::mm",)]
    assert scratch.execute("SELECT count(*), min(step) FROM step").fetchall() == [(4, 0)]
    assert scratch.execute("SELECT count(*) FROM sample").fetchall() == [(3,)]


@pytest.mark.parametrize(
    ("facts", "is_alive"),
    [
        ({"status": "completed", "process": alive()}, False),
        ({"status": "running", "process": alive(), "started_ns": time.time_ns()}, True),
        ({"status": "running"}, False),
        ({"status": "running", "process": alive(), "started_ns": BASE}, False),  # the number went to a later process
        ({"status": "running", "host": {"name": "elsewhere", "boot_id": "other"}}, True),  # its folder is still written to
        ({"status": "running", "process": {"pid": DEAD_PID, "pid_namespace": "pid:[1]"}}, True),
        ({"status": "running", "process": {"pid": DEAD_PID, "pid_namespace": NAMESPACE}}, False),
    ],
    ids=["ended", "running", "gone", "another process", "another host", "another container", "gone from ours"],
)
def test_who_still_writes_to_a_folder(tmp_path: Path, facts: dict[str, Any], is_alive: bool) -> None:
    assert read_recording(run_folder(tmp_path, **facts)).is_alive() is is_alive


@pytest.mark.parametrize(
    "facts",
    [{"host": {"name": "elsewhere", "boot_id": "other"}}, {"process": {**alive(), "pid_namespace": "pid:[1]"}}],
    ids=["another host", "another container"],
)
def test_a_silent_recording_of_elsewhere_is_dead(tmp_path: Path, facts: dict[str, Any]) -> None:
    folder = run_folder(tmp_path, status="running", **facts)
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert not read_recording(folder).is_alive()


def test_a_process_that_nobody_has_waited_for_is_dead(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    time.sleep(0.5)  # it ends, and stays in the process table until wait
    folder = run_folder(tmp_path, status="running", process={"pid": child.pid}, started_ns=time.time_ns())
    try:
        assert not read_recording(folder).is_alive()
    finally:
        child.wait()


def test_folders_are_found_from_a_rank_a_run_and_all_runs(tmp_path: Path) -> None:
    jobs = tmp_path / "all" / "jobs"
    jobs.mkdir(parents=True)
    folders = [run_folder(jobs, rank=rank) for rank in (0, 2, 10)]
    assert rank_folders(folders[1]) == [folders[1]]
    assert rank_folders(folders[0].parent) == folders
    assert rank_folders(jobs) == folders
    assert rank_folders(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "[" * 100_000, '{"schema": 1}']
    + [
        json.dumps({"run_id": "a", **odd})
        for odd in (
            {"run_id": 7},
            {"rank": "one"},
            {"rank": True},
            {"rank": -1},
            {"host": "h"},
            {"process": [1]},
            {"process": {"pid": "7"}},
            {"started_ns": "now"},
            {"captures": {"capture": 0}},
            {"captures": [{"capture": "first"}]},
            {"captures": [{"capture": 0, "files": "trace.json"}]},
            {"captures": [{"capture": 0, "files": [1]}]},
        )
    ],
    ids=lambda text: text[:70],
)
def test_a_broken_run_json_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(TraceError, match=r"run\.json") as caught:
        read_recording(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_ended_the_code_and_how_few_steps_it_timed_are_found(scratch: Connection, tmp_path: Path) -> None:
    staged(scratch, run_folder(tmp_path, status="failed", error="ValueError: nan in loss"))
    found = findings(scratch)
    assert found["run_failed"][:2] == ("warning", 1)
    assert "ValueError: nan in loss" in found["run_failed"][2]
    assert found["few_steps"][:2] == ("warning", 1)


def test_a_whole_run_of_enough_steps_has_neither_finding(scratch: Connection, tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    with (folder / "steps.jsonl").open("a") as file:
        for step in range(4, 9):
            line = {"step": step, "start_ns": BASE + step * MS, "end_ns": BASE + (step + 1) * MS, "state": "bare"}
            file.write(json.dumps({**line, "capture": None, "samples": 32, "tokens": None}) + "\n")
    staged(scratch, folder)
    assert not {"run_failed", "run_completed", "few_steps"} & set(findings(scratch))
