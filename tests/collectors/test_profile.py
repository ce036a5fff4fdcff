"""What a decorated function or a scope promises to the user's code."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import pickle
import threading
import types

import pytest

import crossprof
from crossprof.collectors import recording, registry


def test_bare_decorator_names_the_run_after_the_function(fake, recorded):
    @crossprof.profile
    def train(a, *, b):
        """Doc."""
        return a + b

    assert train(1, b=2) == 3
    assert (train.__name__, train.__doc__, list(inspect.signature(train).parameters)) == ("train", "Doc.", ["a", "b"])
    (one,) = recorded()
    assert one.run["run"].endswith(".train")
    assert one.run["status"] == "completed"


def test_a_profiled_function_pickles_without_its_module(fake):
    """By value, as cloudpickle sends functions of a script: whatever the wrapper holds goes along."""
    names = {"crossprof": crossprof, "lock": threading.Lock()}
    source = "@crossprof.profile('run')\n@crossprof.step\ndef train():\n    return 1\n"
    exec(source, names)

    def held(value):
        if isinstance(value, functools.partial):
            parts = [value.func, *value.args, *value.keywords.values()]
        else:
            parts = [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
        return [value, *(part for outer in parts for part in held(outer))]

    values = [value for value in held(names["train"]) if not isinstance(value, types.FunctionType | functools.partial)]
    assert any(getattr(value, "name", None) == "run" for value in values)
    assert all(pickle.dumps(value) for value in values)


def test_names_of_a_function_are_those_of_the_moment_of_its_call(fake, recorded, monkeypatch):
    seen = []
    monkeypatch.setattr(recording, "detect_framework", lambda namespace: (seen.append(dict(namespace)), ("torch", False))[1])
    names = {"crossprof": crossprof}
    exec("@crossprof.profile('run')\ndef train():\n    return 1\n", names)
    names["bound_later"] = 7
    assert names["train"]() == 1
    assert seen[0]["bound_later"] == 7


def test_arguments_reach_run_json(fake, recorded):
    @crossprof.profile(
        "bert",
        framework="torch",
        model="BERT",
        precision="bf16",
        phase="training",
        batch_size=8,
        tags={"gpus": 2},
        config={"lr": 0.1},
        with_stack=True,
    )
    def train():
        return None

    train()
    run = recorded()[0].run
    wanted = {"run": "bert", "model": "BERT", "precision": "bf16", "phase": "training", "batch_size": 8, "config": {"lr": 0.1}}
    assert {name: run[name] for name in wanted} == wanted
    assert run["tags"] == {"gpus": "2"}
    assert run["options_requested"] == {"schedule": "auto", "with_stack": True}


@pytest.mark.parametrize(
    "wrong",
    [
        {"framework": "theano"},
        {"schedule": "often"},
        {"schedule": (1, 2, 3, 0)},
        {"schedule": (-1,)},
        {"ranks": "first"},
        {"ranks": None},
        {"tags": ["a"]},
        {"config": 3},
        {"batch_size": "many"},
        {"shcedule": "auto"},
    ],
)
def test_wrong_arguments_are_refused_at_once(wrong):
    with pytest.raises(ValueError, match=r"theano|often|profiled|first|ranks=None|tags=|config=3|many|do you mean schedule="):
        crossprof.profile("run", **wrong)


def test_generator_keeps_send_and_return(fake, recorded):
    @crossprof.profile
    def generate():
        got = yield 1
        try:
            yield got
        except KeyError:
            yield "thrown"
        return "end"

    generator = generate()
    assert recorded() == []
    assert [next(generator), generator.send("sent"), generator.throw(KeyError())] == [1, "sent", "thrown"]
    with pytest.raises(StopIteration, match="end"):
        next(generator)
    assert inspect.isgeneratorfunction(generate)
    assert recorded()[0].run["status"] == "completed"


async def test_async_function_and_concurrent_calls_are_one_run(fake, recorded):
    @crossprof.profile("async")
    async def train(number):
        await asyncio.sleep(0.01 * number)
        return number

    assert inspect.iscoroutinefunction(train)
    assert await asyncio.gather(train(1), train(2), train(3)) == [1, 2, 3]
    assert len(recorded()) == 1


async def test_async_generator_keeps_asend_and_athrow(fake, recorded):
    closed = []

    @crossprof.profile
    async def generate():
        try:
            got = yield 1
            try:
                yield got
            except KeyError:
                yield "thrown"
        finally:
            closed.append(True)

    generator = generate()
    assert [await anext(generator), await generator.asend("sent"), await generator.athrow(KeyError())] == [1, "sent", "thrown"]
    with pytest.raises(StopAsyncIteration):
        await anext(generator)
    left = generate()
    assert await anext(left) == 1
    await left.aclose()
    assert closed == [True, True]
    assert [one.run["status"] for one in recorded()] == ["completed", "completed"]


def test_nested_scopes_join_the_outer_one(fake, recorded):
    @crossprof.profile("inner")
    def inner():
        return 2

    with crossprof.profile("outer") as outer, crossprof.profile("middle") as middle:
        assert middle is outer
        assert inner() == 2
    assert [one.run["run"] for one in recorded()] == ["outer"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("user"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(0), "completed"),
        (SystemExit(3), "failed"),
        (asyncio.CancelledError(), "interrupted"),
    ],
)
def test_exceptions_pass_through_unchanged(fake, recorded, error, status):
    @crossprof.profile("run")
    def train():
        for _ in crossprof.steps(range(4)):
            pass
        raise error

    with pytest.raises(type(error)) as caught:
        train()
    assert caught.value is error
    (one,) = recorded()
    assert one.run["status"] == status
    assert (one.run["error"] is None) == (status == "completed")
    assert len(one.steps) == 4


def test_after_twenty_calls_it_says_so_once_and_stops(fake, recorded, caplog, monkeypatch):
    monkeypatch.setattr(registry, "MOST_RUNS", 3)

    @crossprof.profile("often")
    def train_step():
        return 1

    with caplog.at_level(logging.WARNING):
        assert [train_step() for _ in range(6)] == [1] * 6
    assert len(recorded()) == 3
    assert [message for message in caplog.messages if "often" in message] == [
        "'often' was recorded 3 times in this process; further calls are not."
    ]


def test_disabled_does_nothing(fake, recorded, monkeypatch, tmp_path):
    monkeypatch.setenv("CROSSPROF_DISABLE", "1")

    @crossprof.profile("run")
    def train():
        return sum(crossprof.steps(range(30)))

    assert train() == 435
    with crossprof.profile("run") as run:
        run.step(samples=1)
    assert not (tmp_path / "store").exists()
    assert fake.calls == []


def test_marks_outside_a_recording_change_nothing():
    @crossprof.step
    def train_step(value):
        return value

    marked = crossprof.steps([1, 2, 3])
    assert len(marked) == 3
    assert [train_step(item) for item in marked] == [1, 2, 3]
    assert list(crossprof.steps(iter("ab"))) == ["a", "b"]


def test_other_ranks_run_unrecorded(fake, recorded, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with crossprof.profile("run", ranks=[0]):
        pass
    with crossprof.profile("run", ranks="1"):
        pass
    assert [one.run["rank"] for one in recorded()] == [1]


def test_unwritable_store_costs_one_warning(fake, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    scope = crossprof.profile("run", store=tmp_path / "file")

    @scope
    def train():
        return list(crossprof.steps(range(3)))

    with caplog.at_level(logging.WARNING):
        assert [train(), train()] == [[0, 1, 2]] * 2
    assert len(caplog.messages) == 1
    assert "runs unrecorded" in caplog.messages[0]
    assert "CROSSPROF_STORE" in caplog.messages[0]


def test_unwritable_store_is_an_error_when_strict(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSPROF_STRICT", "1")
    (tmp_path / "file").write_text("")
    with pytest.raises(crossprof.errors.CollectorError, match="can't be recorded"), crossprof.profile(store=tmp_path / "file"):
        pass


def test_profiled_class_attribute_stays_a_method(fake, recorded):
    class Trainer:
        rate = 2

        @crossprof.profile
        def fit(self, value):
            return self.rate * value

    assert Trainer().fit(4) == 8
    assert recorded()[0].run["run"].endswith("Trainer.fit")
