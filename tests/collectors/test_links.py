"""Links to the runs of other trackers: stand-ins have the attributes that the trackers' own objects have."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

import crossprof
from crossprof.collectors.links import links


@pytest.fixture(autouse=True)
def _none(monkeypatch):
    for name in ("wandb", "mlflow"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in ("WANDB_RUN_ID", "MLFLOW_RUN_ID", "TENSORBOARD_LOGGING_DIR", "AIP_TENSORBOARD_LOG_DIR"):
        monkeypatch.delenv(name, raising=False)


def wandb(url):
    run = types.SimpleNamespace(url=url, offline=url is None, entity="us", project="bert", id="a1")
    return types.SimpleNamespace(run=run)


def mlflow(uri):
    info = types.SimpleNamespace(run_id="b2", experiment_id="7")
    return types.SimpleNamespace(active_run=lambda: types.SimpleNamespace(info=info), get_tracking_uri=lambda: uri)


class SummaryWriter:
    log_dir = Path("logs/first")


SummaryWriter.__module__ = "torch.utils.tensorboard.writer"


def test_nothing_is_loaded_and_nothing_is_linked():
    assert links({}) == {}
    assert not {"wandb", "mlflow"} & set(sys.modules)


def test_runs_that_are_active(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "wandb", wandb("https://wandb.ai/us/bert/runs/a1"))
    monkeypatch.setitem(sys.modules, "mlflow", mlflow("https://user:secret@host/ml/"))
    assert links({"writer": SummaryWriter()}) == {
        "wandb": "https://wandb.ai/us/bert/runs/a1",
        "mlflow": "https://host/ml/#/experiments/7/runs/b2",
        "tensorboard": str(tmp_path / "logs" / "first"),
    }


def test_runs_without_an_address(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", wandb(None))
    monkeypatch.setitem(sys.modules, "mlflow", mlflow("file:///home/me/mlruns"))
    assert links({}) == {"wandb": "us/bert/a1", "mlflow": "b2"}


def test_the_environment_names_runs_to_come(monkeypatch):
    monkeypatch.setenv("WANDB_RUN_ID", "a1")
    monkeypatch.setenv("MLFLOW_RUN_ID", "b2")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", "/logs")
    assert links({}) == {"wandb": "a1", "mlflow": "b2", "tensorboard": "/logs"}


def test_a_tracker_that_fails_to_tell_is_left_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(run=object()))
    monkeypatch.setitem(sys.modules, "mlflow", types.SimpleNamespace())
    assert links({}) == {}


def test_a_run_that_starts_within_the_recording_is_linked(monkeypatch, recorded, fake):
    with crossprof.profile("run"):
        monkeypatch.setitem(sys.modules, "wandb", wandb("https://wandb.ai/us/bert/runs/a1"))
    assert recorded()[0].run["links"]["wandb"] == "https://wandb.ai/us/bert/runs/a1"
