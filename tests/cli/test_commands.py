from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crossprof import __version__
from crossprof.cli import cli, terminal

Crossprof = Callable[..., Any]  # an Answer: code, out, err
Document = Callable[..., Any]

METRIC = {"metric", "value", "unit", "n", "ci_low", "ci_high"}
DIFFERENCE = {"metric", "unit", "base", "other", "n_base", "n_other", "ratio", "ci_low", "ci_high", "verdict"}
FINDING = {"code", "severity", "rank", "count", "detail", "effect"}
VERDICTS = {"better", "worse", "indistinguishable", "different", "too_few", "not_comparable"}


@pytest.fixture
def kineto(tmp_path: Path) -> Path:
    """A trace of one operator in one marked step."""
    step = {
        "ph": "X",
        "cat": "user_annotation",
        "name": "ProfilerStep#1",
        "pid": 1,
        "tid": 1,
        "ts": 0.0,
        "dur": 900.0,
        "args": {},
    }
    op = {
        "ph": "X",
        "cat": "cpu_op",
        "name": "aten::mm",
        "pid": 1,
        "tid": 1,
        "ts": 100.0,
        "dur": 200.0,
        "args": {"External id": 1},
    }
    path = tmp_path / "one.pt.trace.json"
    path.write_text(json.dumps({"schemaVersion": 1, "baseTimeNanoseconds": 10**18, "traceEvents": [step, op]}))
    return path


def test_runs_are_listed_latest_first_and_as_rows(crossprof: Crossprof, document: Document) -> None:
    rows = document("runs")
    assert {row["run"] for row in rows} == {"alpha", "beta", "gamma"}
    assert rows[0].keys() >= {
        "run_id",
        "run",
        "framework",
        "model",
        "precision",
        "status",
        "verdict",
        "started_ns",
        "tags",
        "config",
    }
    assert [(row["tags"], row["config"]) for row in rows if row["run"] == "alpha"] == [({"node": "a"}, {"layers": 2})]
    lines = crossprof("runs").out.splitlines()
    assert lines[0].split()[:2] == ["run", "framework"]
    assert [line for line in lines if line.startswith("alpha ") and line.endswith("20261123-alpha")]


def test_an_empty_store_says_how_to_fill_it(crossprof: Crossprof, document: Document, tmp_path: Path) -> None:
    answer = crossprof("runs", store=tmp_path / "nothing")
    assert (answer.code, answer.out) == (0, "")
    assert "crossprof ingest PATH" in answer.err
    assert document("runs", store=tmp_path / "nothing") == []
    assert not (tmp_path / "nothing").exists()


def test_show_has_the_documented_shape_and_the_right_numbers(crossprof: Crossprof, document: Document) -> None:
    shown = document("show", "alpha")
    assert shown.keys() == {"run", "bottleneck", "metrics", "capture", "captures", "advice", "findings"}
    assert shown["run"]["run_id"] == "20261123-alpha"
    assert all(metric.keys() == METRIC for metric in shown["metrics"])
    assert all(finding.keys() >= FINDING for finding in shown["findings"])
    step_time = next(metric for metric in shown["metrics"] if metric["metric"] == "step_time")
    assert (step_time["value"], step_time["unit"]) == (102e6, "ns")  # the median of 100, 101, 102, 103, 104 ms
    assert step_time["ci_low"] < 102e6 < step_time["ci_high"]
    text = crossprof("show", "alpha").out
    assert "102" in next(line for line in text.splitlines() if line.startswith("step_time "))
    assert next(line for line in text.splitlines() if line.startswith("mlflow ")).split() == ["mlflow", "b2"]


def test_compare_has_the_documented_shape_and_the_right_ratio(document: Document) -> None:
    compared = document("compare", "alpha", "beta", "gamma")
    assert compared["base"] == "alpha"
    assert [other["run"] for other in compared["others"]] == ["beta", "gamma"]
    for other in compared["others"]:
        assert isinstance(other["alike"], bool)
        assert isinstance(other["differences"], list)
        assert all(one.keys() >= DIFFERENCE and one["verdict"] in VERDICTS for one in other["metrics"])
    beta, gamma = ({one["metric"]: one for one in other["metrics"]} for other in compared["others"])
    assert math.isclose(beta["step_time"]["ratio"], 1.2)
    assert beta["step_time"]["ci_low"] < 1.2 < beta["step_time"]["ci_high"]
    assert beta["step_time"]["verdict"] == "worse"
    assert (gamma["step_time"]["verdict"], gamma["step_time"]["ci_low"]) == ("too_few", None)


def test_compare_opens_with_the_verdict_and_says_what_is_next(crossprof: Crossprof) -> None:
    lines = crossprof("compare", "alpha", "beta").out.splitlines()
    assert lines[0] == "Base: alpha"
    assert "beta is slower than alpha" in lines[1]
    assert any(line.startswith("Next: ") for line in lines[:5])
    row = next(line for line in lines if line.startswith("step_time ")).split()
    assert row[1:5] == ["102", "122", "ms", "1.200"]
    assert "worse" in row


def test_compare_takes_single_metrics(document: Document) -> None:
    (other,) = document("compare", "alpha", "beta", "--metric", "throughput")["others"]
    assert [one["metric"] for one in other["metrics"]] == ["throughput"]


def test_doctor_on_a_run_and_on_a_file_that_is_nowhere_ingested(
    crossprof: Crossprof, document: Document, kineto: Path, tmp_path: Path
) -> None:
    judged = document("doctor", "alpha")
    assert judged.keys() == {"verdict", "findings"}
    assert judged["verdict"] in {"good", "usable", "broken"}
    assert document("doctor", kineto)["verdict"] in {"good", "usable", "broken"}
    assert crossprof("doctor", kineto, store=tmp_path / "nothing").out.startswith(f"{kineto}: ")
    assert not (tmp_path / "nothing").exists()


def test_doctor_leaves_a_run_folder_as_it_is(document: Document, record: Callable[..., Path], tmp_path: Path) -> None:
    folder = record(tmp_path / "recordings", "delta", framework="jax", step_ms=10, count=3)
    before = sorted(path.read_bytes() for path in folder.iterdir())
    document("doctor", folder)
    assert sorted(path.read_bytes() for path in folder.iterdir()) == before


def test_ingest_names_what_it_added_and_knows_it_again(
    crossprof: Crossprof, kineto: Path, tmp_path: Path, document: Document
) -> None:
    store = tmp_path / "own"
    options = ("--name", "old", "--framework", "torch", "--tag", "gpu=h100", "--tag", "x=a=b")
    assert crossprof("ingest", kineto, *options, store=store).out.splitlines()[1].startswith("added")
    assert crossprof("ingest", kineto, *options, store=store).out.splitlines()[1].startswith("present")
    (run,) = document("runs", store=store)
    assert (run["run"], run["framework"], run["tags"]) == ("old", "torch", {"gpu": "h100", "x": "a=b"})


def test_one_bad_file_costs_the_exit_code_but_not_the_others(crossprof: Crossprof, kineto: Path, tmp_path: Path) -> None:
    answer = crossprof("ingest", kineto, tmp_path / "missing.json", store=tmp_path / "own")
    assert answer.code == 1
    assert "added" in answer.out
    assert len(answer.err.splitlines()) == 1


def test_every_command_takes_what_waits_in_recordings(document: Document, record: Callable[..., Path], tmp_path: Path) -> None:
    store = tmp_path / "own"
    record(store / "recordings", "late", framework="torch", step_ms=10, count=6)
    assert [run["run"] for run in document("runs", store=store)] == ["late"]


@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet", "arrow"])
def test_sql_writes_the_same_rows_in_every_format(crossprof: Crossprof, tmp_path: Path, form: str) -> None:
    file = tmp_path / "rows"
    query = "select run, count(*) as steps, map {'a': 1} as m, 'nan'::double as nan from step_time group by run order by run"
    assert crossprof("sql", query, "--format", form, "-o", file).code == 0
    read: dict[str, Callable[[], list[tuple[str, int]]]] = {
        "table": lambda: [(line.split()[0], int(line.split()[1])) for line in file.read_text().splitlines()[1:]],
        "csv": lambda: [(row["run"], int(row["steps"])) for row in csv.DictReader(io.StringIO(file.read_text()))],
        "json": lambda: [(row["run"], row["steps"]) for row in json.loads(file.read_text()) if row["nan"] is None],
        "parquet": lambda: [(row["run"], row["steps"]) for row in pq.read_table(file).to_pylist()],
        "arrow": lambda: [(row["run"], row["steps"]) for row in pa.ipc.open_stream(file.read_bytes()).read_all().to_pylist()],
    }
    assert read[form]() == [("alpha", 30), ("beta", 30), ("gamma", 3)]


@pytest.mark.parametrize(("form", "empty"), [("table", "run\n"), ("csv", "run\n"), ("json", "[]\n")])
def test_sql_without_rows(crossprof: Crossprof, form: str, empty: str) -> None:
    assert crossprof("sql", "select run from run where false", "--format", form).out == empty


def test_long_tables_say_that_they_are_cut_and_csv_is_not(crossprof: Crossprof) -> None:
    answer = crossprof("sql", "from range(2500)")
    assert (len(answer.out.splitlines()), answer.err) == (
        1001,
        "Only the first 1000 rows are shown; --format csv prints all of them.\n",
    )
    text = crossprof("sql", "from range(25000)", "--format", "csv").out
    assert [int(row[0]) for row in list(csv.reader(io.StringIO(text)))[1:]] == list(range(25000))


def test_views_and_metrics_say_what_they_mean(crossprof: Crossprof, document: Document) -> None:
    names = {view["name"] for view in document("views")}
    assert names >= {"step_time", "device_busy", "kernel_summary", "op_summary", "breakdown", "run_metric", "finding", "metric"}
    assert all(view["comment"] for view in document("views"))
    assert {column["name"] for column in document("views", "step_time")} >= {"run_id", "run", "rank", "step", "dur_ns"}
    assert {metric["id"] for metric in document("metrics")} >= {"step_time", "throughput", "peak_memory", "profiler_overhead"}
    (definition,) = document("metrics", "step_time")
    assert definition["better"] == "lower"
    assert "unit" in crossprof("metrics").out.splitlines()[0]
    assert "any run" in crossprof("metrics", "step_time").out


def test_numbers_of_other_tools_are_there_for_those_who_name_them(crossprof: Crossprof, document: Document) -> None:
    assert [metric["id"] for metric in document("metrics") if metric["peer"]] == []
    assert {metric["peer"] for metric in document("metrics", "tracelens")} == {"tracelens"}
    assert crossprof("metrics", "hta").out.splitlines()[1].startswith("hta.busy ")
    assert "ProfilerStep" in crossprof("metrics", "hta.busy").out
    assert document("show", "alpha", "--peers")["peers"] == []  # alpha has no trace
    assert "No other tool has a number" in crossprof("show", "alpha", "--peers").out


def test_deleted_runs_are_gone_and_a_rebuilt_catalog_is_the_same(crossprof: Crossprof, document: Document, store: Path) -> None:
    assert "Deleted 1 run" in crossprof("delete", "beta", store=store).out
    assert "Deleted 1 run" in crossprof("delete", "gamma@all", "--now", store=store).out
    left = document("runs", store=store)
    assert [run["run"] for run in left] == ["alpha"]
    assert crossprof("reindex", store=store).code == 0
    assert document("runs", store=store) == left
    assert crossprof("gc", "--now", store=store).code == 0
    assert [path.name for path in (store / "runs").iterdir() if list(path.iterdir())] == ["run_id=20261123-alpha"]


def test_numbers_stand_to_the_right_and_a_missing_cell_is_a_dash() -> None:
    columns = [terminal.Column("name"), terminal.Column("n", is_number=True)]
    assert (
        terminal.plain_table(columns, [["a\nb", "7"], ["c", None], ["d", "1234"]])
        == "name     n\na b      7\nc        -\nd     1234\n"
    )


def test_every_command_names_its_options(process: Crossprof) -> None:
    assert process("--version").out.split()[-1] == __version__
    named = (
        "demo record trigger ingest runs show doctor compare check bench report export sql views metrics serve rename tag note "
        "pin delete reindex gc"
    )
    assert " ".join(cli.commands) == named
    inner = [
        part for command in cli.commands.values() if isinstance(command, click.Group) for part in command.commands.values()
    ]
    for command in (*inner, *(command for command in cli.commands.values() if not isinstance(command, click.Group))):
        assert "--store" in {option for parameter in command.params for option in parameter.opts}
        assert command.help


def test_a_reader_that_leaves_early_is_no_error(filled: Path) -> None:
    command = f"{sys.executable} -m crossprof sql 'from range(1000000)' --format csv --store '{filled}' | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "range\n", "")


def test_a_terminal_gets_colour_and_a_pipe_does_not(filled: Path) -> None:
    pty = pytest.importorskip("pty", reason="only POSIX has terminals that a test can open")
    main_end, terminal_end = pty.openpty()
    command = [sys.executable, "-m", "crossprof", "compare", "alpha", "beta", "--store", str(filled)]
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {
        "TERM": "xterm-256color",
        "COLUMNS": "150",
    }
    subprocess.run(command, stdout=terminal_end, env=environment, timeout=60, check=True)
    os.close(terminal_end)
    shown = b""
    while len(shown) < 1_000_000:
        try:
            shown += os.read(main_end, 65536)
        except OSError:  # Linux says so at the end
            break
    os.close(main_end)
    assert "\x1b[31mworse" in shown.decode()
    piped = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=True).stdout
    assert "\x1b" not in piped
    assert not set("─│╭╮━┃") & set(piped)


@pytest.mark.parametrize("query", ["select 1", "selct 1"])
def test_sql_ends_with_its_thread(crossprof: Crossprof, query: str) -> None:
    """A thread that still lets go of DuckDB when the interpreter ends, aborts it: exit code 134 after the right answer."""
    crossprof("sql", query)
    assert "crossprof-sql" not in {thread.name for thread in threading.enumerate()}


def test_a_process_leaves_with_its_exit_code_and_all_that_it_printed(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    wrong = run("ingest", str(tmp_path / "nothing.json"), "--store", store)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert run("nonsense").returncode == 2
    rows = run("sql", "FROM range(20000)", "--format", "csv", "--store", store)
    assert rows.stdout.count("\n") == 20_001
    with Path("/dev/full").open("w") as full:
        told = subprocess.run([sys.executable, "-m", "crossprof", "--help"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert told.returncode == 1


def test_exit_handlers_and_other_threads_have_their_time(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import atexit, threading, time\n"
        "from crossprof.cli import run\n"
        "atexit.register(print, 'handled', flush=True)\n"
        "threading.Thread(target=lambda: (time.sleep(0.5), print('done', flush=True))).start()\n"
        "run()\n"
    )
    done = subprocess.run([sys.executable, script, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (0, ["done", "handled"])


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "crossprof", *arguments], capture_output=True, text=True, check=False)
