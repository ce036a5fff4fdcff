"""A plan is carried out cell by cell, goes on where it was broken off, and says what failed."""

from __future__ import annotations

import json

import pytest

from crossprof.bench.request import Request
from crossprof.bench.session import held
from crossprof.errors import CrossprofError
from crossprof.workloads import TooLong

BERT = {"tables": ("training",), "models": ("bert",)}
TORCH, JAX = "bert-tiny-pytorch-eager-train-float32-b8-s32", "bert-tiny-keras-jax-xla-train-float32-b8-s32"


def test_every_run_has_the_tags_that_tables_find_it_by(bench, double):
    runner = bench(**BERT)
    runner.limit_s = 7200.0
    runner.carry_out()
    assert {run.timeout_s for run in double.runs} == {7200.0}
    tags = [run.tags for run in double.runs]
    assert {tag["bench"] for tag in tags} == {runner.session.id}
    assert [(tag["cell"], tag["repeat"]) for tag in tags] == [(TORCH, "1"), (JAX, "1"), (TORCH, "2"), (JAX, "2")]
    assert [(tag["framework"], tag["proof"]) for tag in tags[:2]] == [("pytorch", "reference"), ("keras_jax", "not proven")]
    assert tags[1]["proof_detail"] == "No record compares keras_jax xla with pytorch for bert."
    assert (tags[0]["load_average"], tags[0]["busy_before"], tags[0]["machine"]) == ("0.25", "0.10", "quiet")
    assert tags[0]["cpu_governor"] == "performance"


def test_a_proof_is_told_in_a_sentence_and_forgotten_when_the_software_changes(bench, double):
    runner = bench(**BERT)
    check = {"what": "gradients", "largest": 2e-6, "tolerance": 1e-3, "holds": True}
    record = {
        "model": "bert", "size": "tiny", "framework": "keras_jax", "mode": "xla", "reference": "pytorch eager",
        "precision": "float32", "checks": [check],
        "software": {"base": {}, "other": {"numpy": runner_version("numpy")}, "crossprof": runner_version("crossprof")},
    }  # fmt: skip
    folder = runner.session.store / "proofs"
    folder.mkdir(parents=True)
    (folder / "one.json").write_text(json.dumps(record))
    assert runner.proofs(runner.visits()) == []
    runner.carry_out()
    assert double.runs[1].tags["proof"] == "proven"
    assert (
        double.runs[1].tags["proof_detail"]
        == "At tiny in float32 against pytorch eager: gradients differ by at most 2e-06 (tolerance 0.001)."
    )
    record["software"]["other"]["numpy"] = "0.9"
    (folder / "one.json").write_text(json.dumps(record))
    assert [one.name for one in runner.proofs(list(runner.plan.visits()))] == ["proof of bert keras_jax xla"]


def runner_version(package):
    from importlib.metadata import version

    from crossprof._version import __version__

    return __version__ if package == "crossprof" else version(package)


def test_a_bench_that_was_killed_goes_on_and_its_half_run_is_run_again(bench, double):
    killed = bench(**BERT)
    double.dies_at = 3
    with pytest.raises(KeyboardInterrupt):
        killed.carry_out()
    assert killed.progress.is_closed
    double.dies_at = 0
    resumed = bench(**BERT)
    assert resumed.session.id == killed.session.id
    assert [visit.key for visit in resumed.visits()] == [(TORCH, 2), (JAX, 2)]
    resumed.carry_out()
    assert len(double.runs) == 5
    assert resumed.visits() == []
    counted = [(run.tags["cell"], run.tags["repeat"], run.status) for run in double.runs if "bench" in run.tags]
    assert counted == [(TORCH, "1", "completed"), (JAX, "1", "completed"), (TORCH, "2", "completed"), (JAX, "2", "completed")]
    assert [run.status for run in double.runs if "bench_failed" in run.tags] == ["killed"]


def test_a_bench_that_is_finished_is_not_continued(bench, double):
    first = bench(**BERT)
    first.carry_out()
    second = bench(**BERT)
    assert second.session.id != first.session.id
    assert len(second.visits()) == 4


def test_another_request_or_a_wish_for_a_new_one_begins_anew(bench, double):
    double.fails = ("keras",)
    first = bench(**BERT)
    first.carry_out()
    assert bench(**BERT).session.id == first.session.id
    assert Request(tables=("memory", "training", "memory")) == Request(tables=("training", "memory"))
    assert bench(**BERT, is_new=True).session.id != first.session.id
    assert bench(**BERT, steps=50).session.id != first.session.id


def test_one_that_was_given_up_for_a_new_one_stays_given_up(bench, double):
    double.fails = ("keras",)
    given_up = bench(**BERT)
    given_up.carry_out()
    double.fails = ()
    finished = bench(**BERT, is_new=True)
    finished.carry_out()
    assert bench(**BERT).session.id not in (given_up.session.id, finished.session.id)


def test_other_software_begins_anew(bench, double, monkeypatch):
    double.fails = ("keras",)
    first = bench(**BERT)
    first.carry_out()
    monkeypatch.setattr("crossprof.bench.session.version", lambda package: "99")
    assert bench(**BERT).session.id != first.session.id


def test_a_cell_that_takes_too_long_is_told_what_gives_it_more(bench, double, monkeypatch):
    def run(cell, **_):
        raise TooLong(f"{cell.name} took more than 3600 s and was ended.")

    runner = bench(**BERT)
    monkeypatch.setattr("crossprof.bench.runner.run", run)
    runner.carry_out()
    assert runner.failures[0].reason == f"{TORCH} took more than 3600 s and was ended. --cell-limit gives it more."


def test_a_cell_that_fails_costs_itself_alone_and_is_run_again(bench, double):
    double.fails = ("keras",)
    runner = bench(**BERT)
    runner.carry_out()
    assert [failure.reason for failure in runner.failures] == ["out of luck"] * 2
    assert runner.progress.failed == [f"{JAX}, run {repeat} of 2: out of luck" for repeat in (1, 2)]
    assert runner.session.finished_ns is None
    double.fails = ()
    again = bench(**BERT)
    assert [visit.key for visit in again.visits()] == [(JAX, 1), (JAX, 2)]
    again.carry_out()
    assert again.session.finished_ns is not None


SPREAD = {"tables": ("scaling",), "frameworks": ("pytorch",), "repeats": 1}


def test_ranks_that_do_not_speak_with_each_other_have_failed(bench, double):
    double.spoke = 0
    runner = bench(**SPREAD)
    runner.carry_out()
    assert len(runner.failures) == 2
    assert "The traces of 2 of 2 ranks of run run-1 show no collective." in runner.failures[0].reason
    assert [run.world_size for run in double.runs if "bench" in run.tags] == [1]


@pytest.mark.parametrize(
    ("spoke", "noted"),
    [(2, "in the traces of 2 of 2 processes"), (None, "not recorded: the profiler is off where it may end a worker")],
)
def test_how_it_is_known_that_ranks_spoke_is_noted(bench, double, spoke, noted):
    double.spoke = spoke
    runner = bench(**SPREAD)
    runner.carry_out()
    assert runner.failures == []
    assert [run.tags.get("collectives") for run in double.runs] == [None, noted, noted]


@pytest.mark.parametrize(
    ("strategy", "spoke", "noted"),
    [
        ("mirrored", 1, "in the traces of 1 of 1 processes"),
        ("parameter_server", 0, "none: its workers ask a server, in processes that are not profiled"),
    ],
)
def test_one_process_tells_of_all_ranks_that_are_in_it_or_that_it_coordinates(bench, double, strategy, spoke, noted):
    double.spoke = spoke
    runner = bench(**{**SPREAD, "frameworks": ("keras_tensorflow",), "strategies": (strategy,)})
    runner.carry_out()
    assert runner.failures == []
    assert [run.tags.get("collectives") for run in double.runs] == [None, noted, noted]


def test_a_strategy_that_does_not_work_in_a_mode_is_left_out(bench):
    runner = bench(**{**SPREAD, "frameworks": ("keras_tensorflow:xla",), "strategies": ("mirrored",)})
    assert runner.plan.items == ()
    assert [(one.cell.world_size, one.reason) for one in runner.plan.left_out] == [
        (2, "keras_tensorflow has no strategy 'mirrored' in mode 'xla'. It has it in graph, eager."),
        (2, "keras_tensorflow has no strategy 'mirrored' in mode 'xla'. It has it in graph, eager."),
        (1, "the several ranks that it is for can't be run here"),
    ]


def test_the_time_that_is_left_is_guessed_first_and_then_known(bench, double):
    runner = bench(**BERT)
    runner.estimate.known[TORCH] = [30.0, 36.0, 30.0]
    guess = runner.estimate.of([runner.plan.items[1].cell])
    assert guess == pytest.approx(12 * 30 / 9, rel=0.01), "the guess for JAX, as far off as that for PyTorch was"
    runner.carry_out()
    begun = dict(zip(runner.progress.begun, runner.progress.left_s, strict=True))
    assert begun["proof of bert in keras_jax"] > begun[f"1/4 {TORCH}, run 1 of 2"] > begun[f"4/4 {JAX}, run 2 of 2"]
    assert len(bench(**BERT).estimate.known[JAX]) == 2, "what a bench learnt the next one knows"


def test_a_busy_machine_is_said_once_and_noted_in_the_runs(bench, double, monkeypatch):
    from crossprof.bench import runner as module
    from crossprof.bench.machine import State

    monkeypatch.setattr(module, "state", lambda: State(1.5, 0.9, {}))
    runner = bench(**BERT)
    runner.carry_out()
    assert len(runner.progress.warned) == 1
    assert runner.progress.warned[0].startswith("The load average is 1.5, more than half of the processors (2): ")
    assert {(run.tags["machine"], run.tags["busy_before"]) for run in double.runs} == {("loaded", "0.90")}


def test_two_benches_of_one_store_would_measure_each_other(tmp_path):
    with held(tmp_path), pytest.raises(CrossprofError, match="is under way"), held(tmp_path):
        pass
    with held(tmp_path):
        pass
