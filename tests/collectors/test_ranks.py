"""Ranks and the run id that they agree on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

import crossprof
from crossprof.collectors import run_id as run_ids
from crossprof.collectors.ranks import Rank, current_rank, is_wanted

LAUNCHERS = re.compile("RANK|WORLD_SIZE|OMPI_|SLURM_|TF_CONFIG|TORCHELASTIC|PMIX|MASTER_")


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch):
    for name in list(os.environ):
        if LAUNCHERS.search(name):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, Rank(0, 0, 1)),
        ({"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8"}, Rank(5, 1, 8)),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, Rank(1, 1, 2)),
        ({"SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_NTASKS": "4"}, Rank(3, 1, 4)),
        ({"RANK": "9", "WORLD_SIZE": "two"}, Rank(0, 0, 1)),
    ],
)
def test_launchers(monkeypatch, environment, rank):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert current_rank() == rank


@pytest.mark.parametrize(
    ("cluster", "task", "rank"),
    [
        ({"worker": ["a", "b"]}, {"type": "worker", "index": 1}, Rank(1, 0, 2)),
        ({"chief": ["a"], "worker": ["b", "c"]}, {"type": "worker", "index": 1}, Rank(2, 0, 3)),
        ({"chief": ["a"], "worker": ["b", "c"]}, {"type": "chief", "index": 0}, Rank(0, 0, 3)),
        ({"worker": ["a"], "ps": ["b"]}, {"type": "ps", "index": 0}, Rank(0, 0, 1)),
    ],
)
def test_tf_config(monkeypatch, cluster, task, rank):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    assert current_rank() == rank


def test_which_ranks_record():
    wanted = ["all", 1, "1", "0,1", [1, 3]]
    assert all(is_wanted(Rank(1, 1, 4), ranks) for ranks in wanted)
    assert not any(is_wanted(Rank(2, 2, 4), ranks) for ranks in wanted[1:])


def test_fresh_ids_are_path_safe_and_in_order_of_time(tmp_path):
    ids = [run_ids.run_id("my run/α", 1, rank=Rank(), store=tmp_path) for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", one) for one in ids)
    assert [one[:18] for one in ids] == sorted(one[:18] for one in ids)


@pytest.mark.parametrize(
    "environment",
    [
        {"CROSSPROF_RUN_ID": "night/7"},
        {"TORCHELASTIC_RUN_ID": "job-1", "TORCHELASTIC_RESTART_COUNT": "0"},
        {"SLURM_JOB_ID": "77", "SLURM_STEP_ID": "0"},
        {"PMIX_NAMESPACE": "prterun-a"},
        {"TORCHELASTIC_RUN_ID": "none", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"},
    ],
)
def test_ranks_agree_without_talking(monkeypatch, tmp_path, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    first = [run_ids.run_id("bert", 1, rank=Rank(number, number, 4), store=tmp_path) for number in (2, 0, 3, 1)]
    second = [run_ids.run_id("bert", 2, rank=Rank(number, number, 4), store=tmp_path) for number in (0, 1, 2, 3)]
    assert len(set(first)) == len(set(second)) == 1
    assert first[0] != second[0]
    assert "/" not in first[0]


def test_the_next_job_at_the_same_address_agrees_anew(monkeypatch, tmp_path):
    monkeypatch.setenv("MASTER_PORT", "29500")
    jobs = [{run_ids.run_id("bert", 1, rank=Rank(number, 0, 2), store=tmp_path) for number in (0, 1)} for _ in range(3)]
    assert [len(job) for job in jobs] == [1, 1, 1]
    assert len(set.union(*jobs)) == 3


def test_an_old_agreement_is_spent(monkeypatch, tmp_path):
    monkeypatch.setenv("MASTER_PORT", "29500")
    crashed = run_ids.run_id("bert", 1, rank=Rank(0, 0, 2), store=tmp_path)
    (written,) = tmp_path.glob("recordings/.agreements/*/id")
    os.utime(written, (1, 1))
    later = {run_ids.run_id("bert", 1, rank=Rank(number, 0, 2), store=tmp_path) for number in (1, 0)}
    assert len(later) == 1
    assert crashed not in later


@pytest.mark.parametrize("kept", ["recordings/night", "artifacts/night", "runs/run_id=night"])
def test_a_job_that_is_started_again_under_its_id_keeps_both(monkeypatch, tmp_path, kept):
    monkeypatch.setenv("CROSSPROF_RUN_ID", "night")
    (tmp_path / kept).mkdir(parents=True)
    assert run_ids.run_id("bert", 1, rank=Rank(), store=tmp_path) == "night-2"


@pytest.mark.parametrize("moved", ["artifacts/{}", "runs/run_id={}"])
def test_ranks_of_a_job_that_is_started_again_after_its_ingest_agree_on_an_id_of_their_own(monkeypatch, tmp_path, moved):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "static")
    jobs = []
    for _ in range(3):
        (job,) = {run_ids.run_id("bert", 1, rank=Rank(number, 0, 2), store=tmp_path) for number in (1, 0)}
        target = tmp_path / moved.format(job)
        target.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "recordings" / job).rename(target)
        jobs.append(job)
    assert len(set(jobs)) == 3
    assert all(job.startswith("static-0-bert-") for job in jobs)


@pytest.mark.parametrize("world_size", [1, 2])
@pytest.mark.parametrize("names", [("模型", "数据"), ("a" * 300 + "x", "a" * 300 + "y"), ("train", "evaluate"), ("a/b", "a b")])
def test_names_never_share_an_id(monkeypatch, tmp_path, names, world_size):
    monkeypatch.setenv("CROSSPROF_RUN_ID", "exp1")
    ids = [run_ids.run_id(name, 1, rank=Rank(0, 0, world_size), store=tmp_path) for name in names]
    assert len(set(ids)) == 2
    assert all(re.fullmatch(r"exp1[A-Za-z0-9._-]{0,124}", one) for one in ids)
    assert (ids[0] == "exp1") == (world_size == 1)


def test_one_given_id_keeps_all_runs_of_a_process(fake, monkeypatch, recorded):
    monkeypatch.setenv("CROSSPROF_RUN_ID", "exp1")
    for name in ("train", "evaluate", "train"):
        with crossprof.profile(name):
            pass
    assert [(one.run["run_id"], one.run["run"]) for one in recorded()] == [
        ("exp1", "train"),
        ("exp1-2", "evaluate"),
        ("exp1-3", "train"),
    ]


def test_two_processes_record_one_run(tmp_path):
    code = "import crossprof\nwith crossprof.profile('pair') as run:\n    for _ in crossprof.steps(range(3)): pass\n"
    common = os.environ | {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "29511",
        "CROSSPROF_STORE": str(tmp_path),
    }
    ranks = [
        subprocess.Popen([sys.executable, "-c", code], env=common | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in (0, 1)
    ]
    assert [process.wait(timeout=60) for process in ranks] == [0, 0]
    documents = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("recordings/*/rank-*/run.json"))]
    assert [document["rank"] for document in documents] == [0, 1]
    assert len({document["run_id"] for document in documents}) == 1
    assert {document["world_size"] for document in documents} == {2}
