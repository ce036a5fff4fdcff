"""`crossprof bench` as it is typed: what it prints, and its exit code."""

from __future__ import annotations

import json

import pytest

from crossprof.bench.machine import Machine
from crossprof.bench.request import Request
from crossprof.cli import main
from crossprof.cli.bench import _NOTHING
from crossprof.cli.bench_progress import _Bar, told_time

TORCH, JAX = "bert-tiny-pytorch-eager-train-float32-b8-s32", "bert-tiny-keras-jax-xla-train-float32-b8-s32"


@pytest.fixture
def bench(tmp_path, double, monkeypatch, capsys):
    """Types the command for two cells; its exit code and what it printed."""
    monkeypatch.setattr("crossprof.cli.bench._report", lambda session: print(f"the report of {session.id}"))
    monkeypatch.setattr(Machine, "here", classmethod(lambda cls: Machine(processors=2, memory_bytes=16 * 10**9)))

    def typed(*arguments):
        usual = ["--table", "training", "--models", "bert", "--frameworks", "pytorch,keras_jax", "--repeats", "2"]
        code = main(["bench", *usual, "--store", str(tmp_path), *arguments])
        return code, *capsys.readouterr()

    return typed


def test_a_plan_is_shown_and_nothing_is_run(bench, double):
    code, out, _ = bench("--plan")
    assert code == 0
    assert [line.split() for line in out.splitlines()[1:3]] == [
        [TORCH, "2", "of", "2", "training"],
        [JAX, "2", "of", "2", "training"],
    ]
    assert out.splitlines()[-2:] == [
        "2 runs of each cell give wide intervals: of 2 numbers Student's t at 95 % is 12.7, of 3 it is 4.3 (--repeats 3).",
        "4 runs and 1 proof, about 55 s (4 runs guessed, and corrected on the way).",
    ], "a bench that is not begun has no name"
    assert double.runs == []


def test_three_runs_of_each_cell_are_usual(bench):
    _, out, _ = bench("--plan", "--repeats", "3")
    assert Request().repeats == 3
    assert [line.split()[1:4] for line in out.splitlines()[1:3]] == [["3", "of", "3"]] * 2
    assert "Student" not in out


def test_a_cell_that_comes_near_its_limit_is_told(bench):
    _, out, _ = bench("--plan", "--cell-limit", "0.3")
    told = f"A run is ended after 18 s (--cell-limit), which 2 cells may come near, foremost {JAX}: about 12 s."
    assert told in out.splitlines()
    _, out, _ = bench("--plan", "--json", "--cell-limit", "0.4")
    assert (json.loads(out)["near_the_limit"], json.loads(out)["bench"]) == ([JAX], None)


def test_what_leaves_a_gpu_alone_is_told(bench, monkeypatch):
    gpu = Machine(processors=2, memory_bytes=16 * 10**9, gpus=(80 * 10**9,))
    monkeypatch.setattr(Machine, "here", classmethod(lambda cls: gpu))
    monkeypatch.setattr("crossprof.bench.devices.version", lambda package: "2.13.0+cpu" if package == "torch" else "")
    _, out, _ = bench("--plan", "--repeats", "3")
    assert out.splitlines()[4:6] == [
        "pytorch leaves the GPU alone and works on the processors: torch 2.13.0+cpu is built without.",
        "keras_jax leaves the GPU alone and works on the processors: jax-cuda13-plugin is not installed.",
    ]


def test_a_bench_tells_what_is_run_and_what_is_in_the_store(bench, double, tmp_path):
    code, out, err = bench()
    assert code == 0
    assert [line.split()[1:] for line in err.splitlines() if "run 1 of 2" in line] == [
        ["1/4", f"{TORCH},", "run", "1", "of", "2", "(about", "43", "s", "left)"],
        ["2/4", f"{JAX},", "run", "1", "of", "2", "(about", "0", "s", "left)"],
    ]
    session = double.runs[0].tags["bench"]
    assert out.splitlines()[-3:] == [f"the report of {session}", "", f"Bench {session}: 4 of 4 runs are in {tmp_path}."]


def test_failures_are_listed_at_the_end_and_make_the_exit_code(bench, double):
    double.fails = ("keras",)
    code, out, _ = bench()
    assert code == 1
    assert out.splitlines()[-3:-1] == [f"Failed: {JAX}, run {n} of 2: out of luck" for n in (1, 2)]
    assert "2 of 4 runs are in" in out
    double.fails = ()
    code, out, _ = bench()
    assert code == 0
    assert "2 runs and 1 proof" in out
    assert "2 runs kept from before" in out


def test_a_bench_that_is_stopped_says_how_it_goes_on(bench, double):
    double.dies_at = 2
    code, _, err = bench()
    assert code == 130
    assert err.splitlines()[-1] == "Stopped. The same command goes on from here."


def test_a_bench_of_nothing_is_an_error_and_is_not_begun(bench, tmp_path):
    code, out, err = bench("--size", "survey", "--models", "llama")
    assert code == 1
    assert [line.split(maxsplit=2) for line in out.splitlines()[2:]] == [
        ["llama-7b-train-float32", "2", "they need about 202 GB of memory and this machine has 16 GB"],
        ["llama-13b-train-float32", "2", "they need about 353 GB of memory and this machine has 16 GB"],
        ["llama-70b-train-float32", "2", "they need about 1,559 GB of memory and this machine has 16 GB"],
    ]
    assert err == f"crossprof: {_NOTHING}\n"
    assert list(tmp_path.glob("bench/*.json")) == []


@pytest.mark.parametrize(("seconds", "told"), [(89, "about 89 s"), (600, "about 10 min"), (45_000, "about 12.5 h")])
def test_a_time_is_told_as_people_say_it(seconds, told):
    assert told_time(seconds) == told


def test_the_bar_gives_the_cursor_back(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    bar = _Bar()
    bar.begin("1/4 a cell", remaining_s=60)
    drawn = capsys.readouterr().err
    bar.close()
    assert "\x1b[?25l" in drawn
    assert "\x1b[?25h" in capsys.readouterr().err


def test_scripts_read_one_document(bench):
    code, out, _ = bench("--json", "--repeats", "1")
    assert code == 0
    told = json.loads(out)
    assert told["cells"] == [{"cell": TORCH, "tables": ["training"]}, {"cell": JAX, "tables": ["training"]}]
    assert (told["repeats"], told["lacking"], told["failed"], told["left_out"], told["seconds_left"]) == (1, [], [], [], 0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--size", "huge"), "There is no size 'huge': use tiny, small, base, survey."),
        (("--frameworks", "torch"), "There is no framework 'torch'."),
        (("--repeats", "0"), "0 is not in the range x>=1."),
    ],
)
def test_wrong_usage_is_two(bench, arguments, says):
    code, _, err = bench(*arguments)
    assert code == 2
    assert says in err


def test_the_survey_is_asked_for_by_the_word_all(bench):
    _, out, _ = bench("--table", "all", "--plan", "--size", "survey", "--models", "llama", "--json")
    assert {table for one in json.loads(out)["left_out"] for table in one["tables"]} == {
        "training", "utilization", "memory", "precision", "scaling", "latency", "throughput",
    }  # fmt: skip
