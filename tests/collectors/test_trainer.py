"""What callbacks have in common, driven by a trainer that is a few lines long."""

from __future__ import annotations

import gc
import importlib
import logging
import sys
import types
import weakref

import pytest

import crossprof
from crossprof.collectors import integrations, registry
from crossprof.collectors.integrations import NAMES, accelerate
from crossprof.collectors.integrations.trainer import TrainerScope, contained

FIT = """
def fit(scope, batches, fails_at=None, within=None):
    scope.begin(length=batches, samples=4, model="tiny", config={"depth": 2})
    for number in range(batches):
        scope.step()
        if number == fails_at:
            raise ValueError("bad")
        if within is not None and number == 5:
            within()
    scope.pause()
    scope.end()
"""


@pytest.fixture
def fit(fake):
    """The training function of a library named tinylib."""
    library = types.ModuleType("tinylib.loops")
    exec(FIT, vars(library))
    return library.fit


def scope(name, **settings):
    return TrainerScope(name, settings, library="tinylib")


def test_a_training_is_a_run(fit, recorded):
    fit(scope("fit", precision="bf16", config={"lr": 1}), 20)
    (one,) = recorded()
    assert one.states == "uubbbbbwpppppubbbbbb"
    assert (one.run["model"], one.run["precision"], one.run["config"]) == ("tiny", "bf16", {"depth": 2, "lr": 1})
    assert {step["samples"] for step in one.steps} == {4}
    assert one.codes == set()


def test_a_known_length_shrinks_the_schedule(fit, recorded):
    fit(scope("fit"), 8)
    assert recorded()[0].codes == set()


def test_a_training_that_failed_is_closed_by_the_next_scope(fit, recorded):
    with pytest.raises(ValueError, match="bad"):
        fit(scope("first"), 20, fails_at=15)
    assert registry.current() is not None  # nobody called back
    with crossprof.profile("second"):
        pass
    first, second = recorded()
    assert (first.run["run"], first.run["status"], len(first.steps)) == ("first", "failed", 15)
    assert second.run["run"] == "second"


def test_a_training_that_failed_holds_nothing_and_is_over_when_another_stands_in_its_place(fit, recorded):
    for _ in range(3):  # as a retry does: the next frame may take the place in memory of the one before
        held = lambda: None  # noqa: E731 - stands for a model
        model = weakref.ref(held)
        with pytest.raises(ValueError, match="bad"):
            fit(scope("fit"), 20, fails_at=3, within=held)
        del held
        gc.collect()
        assert model() is None
    registry.would_join()
    assert [(one.run["status"], len(one.steps)) for one in recorded()] == [("failed", 3)] * 3


def test_a_writer_beside_the_training_is_linked(fit, recorded, monkeypatch, tmp_path):
    kind = type("SummaryWriter", (), {"__module__": "torch.utils.tensorboard.writer", "log_dir": str(tmp_path / "logs")})
    monkeypatch.setitem(globals(), "writer", kind())
    fit(scope("fit"), 3)
    accelerator = types.SimpleNamespace(distributed_type="NO", gradient_accumulation_steps=1, mixed_precision="no")
    with accelerate.profile(accelerator, "accelerate"):
        pass
    assert [one.run["links"].get("tensorboard") for one in recorded()] == [str(tmp_path / "logs")] * 2


KERAS = """
class Callback:
    params, model = None, None

def fit(callback):
    callback.on_train_begin()
    callback.on_train_batch_begin(0)
    raise ValueError("bad")

def evaluate(callback):
    callback.on_test_begin()
    for number in range(4):
        callback.on_test_batch_begin(number)
    callback.on_test_end()
"""


def test_evaluate_after_a_fit_that_failed_is_a_run_of_its_own(fake, recorded, monkeypatch):
    keras = types.ModuleType("keras")
    exec(KERAS, vars(keras))
    keras.callbacks = keras
    keras.backend = types.SimpleNamespace(backend=lambda: "torch")
    keras.config = types.SimpleNamespace(dtype_policy=lambda: types.SimpleNamespace(name="float32"))
    name = "crossprof.collectors.integrations.keras"
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(integrations, "keras", None, raising=False)
    callback = importlib.import_module(name).Callback("keras")
    monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ValueError, match="bad"):
        keras.fit(callback)
    keras.evaluate(callback)
    assert [(one.run["status"], one.run["phase"], len(one.steps)) for one in recorded()] == [
        ("failed", "training", 0),
        ("completed", "inference", 4),
    ]


def test_a_training_within_a_training_joins_it(fit, recorded):
    fit(scope("outer"), 20, within=lambda: fit(scope("inner"), 3))
    (one,) = recorded()
    assert one.run["run"] == "outer"
    assert len(one.steps) == 20


def test_a_training_in_a_scope_of_the_users_own_joins_it_and_leaves_its_end_to_it(fit, recorded):
    with pytest.raises(ValueError, match="bad"), crossprof.profile("around"):
        fit(scope("fit"), 20, fails_at=15)
    (one,) = recorded()
    assert (one.run["run"], one.run["status"], one.run["error"]) == ("around", "failed", "ValueError: bad")


def test_an_argument_that_makes_no_sense_is_refused_where_it_is_given():
    with pytest.raises(ValueError, match="theano"):
        scope("fit", framework="theano")


def test_a_callback_that_fails_is_logged_and_raises_nothing(caplog, monkeypatch):
    @contained
    class Callback:
        def on_begin(self):
            raise RuntimeError("broken")

        def plain(self):
            raise RuntimeError("broken")

    with caplog.at_level(logging.WARNING):
        Callback().on_begin()
    assert "on_begin of crossprof's callback failed: broken" in caplog.text
    with pytest.raises(RuntimeError):
        Callback().plain()
    monkeypatch.setenv("CROSSPROF_STRICT", "1")
    with pytest.raises(RuntimeError):
        Callback().on_begin()


def test_integrations_are_named_by_their_libraries():
    assert crossprof._INTEGRATIONS == NAMES
    assert tuple(sorted(NAMES)) == NAMES
    with pytest.raises(AttributeError, match="theano"):
        crossprof.theano  # noqa: B018
