"""How the steps of an unchanged script are found: which source counts, when the recording begins, and that it is not felt."""

from __future__ import annotations

import atexit
import importlib.util
import json
import sys
from collections.abc import Iterator
from functools import partial
from multiprocessing import process, util
from pathlib import Path

import pytest

import crossprof
from crossprof.collectors import step_sources, unchanged
from crossprof.collectors.found_steps import FoundSteps
from crossprof.collectors.import_hooks import after_import
from crossprof.collectors.request import Request


class Source:
    """An optimizer, or a compiled function."""


@pytest.fixture
def exits(monkeypatch) -> list:
    """What would run at the end of the process."""
    waiting: list = []
    monkeypatch.setattr(atexit, "register", waiting.append)
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    return waiting


@pytest.fixture
def started() -> list[Path]:
    return []


@pytest.fixture
def found(fake, exits, started) -> Iterator[FoundSteps]:
    def request(framework: str) -> Request:
        return Request(name="found", framework=framework, schedule=(1, 1, 1, 2))

    yield FoundSteps(request, named=None, on_start=started.append)
    for end in exits:
        end()


def ended(found: FoundSteps, source: object, times: int, *, name: str = "SGD", is_sure: bool = True) -> None:
    for _ in range(times):
        found(source, name, framework="torch", is_sure=is_sure)


def test_the_first_source_that_is_sure_counts_and_no_other(found, exits, started, recorded):
    first, second = Source(), Source()
    for _ in range(9):
        ended(found, first, 1)
        ended(found, second, 2)
    exits.pop()()
    (one,) = recorded()
    assert one.states == "ubwppubb"  # from the first mark on
    assert (one.run["run"], one.run["status"]) == ("found", "completed")
    assert started == [one.path]


def test_what_is_not_sure_counts_from_its_third_end(found, exits, recorded):
    setup, train = Source(), Source()
    ended(found, setup, 2, is_sure=False)
    ended(found, train, 6, is_sure=False)
    exits.pop()()
    assert len(recorded()[0].steps) == 3


def test_a_source_that_is_gone_makes_room_for_another(found, exits, recorded):
    first, second = Source(), Source()
    ended(found, first, 3)
    del first
    ended(found, second, 3)
    exits.pop()()
    assert len(recorded()[0].steps) == 5


def test_a_name_is_waited_for(fake, exits, recorded):
    found = FoundSteps(lambda framework: Request(name="found", framework=framework), named="Adam", on_start=lambda _: None)
    other, adam = Source(), Source()
    ended(found, other, 5)
    ended(found, adam, 4, name="Adam", is_sure=False)
    exits.pop()()
    assert len(recorded()[0].steps) == 3


def test_a_script_that_records_itself_is_left_to_it(found, recorded):
    source = Source()
    with crossprof.profile("own", schedule=(1, 1, 1, 1)) as run:
        for _ in range(4):
            ended(found, source, 1)
            run.step()
    (one,) = recorded()
    assert (one.run["run"], len(one.steps)) == ("own", 4)


def test_what_breaks_is_told_once_and_never_raised(exits, caplog):
    def broken(framework: str) -> Request:
        raise RuntimeError("no request")

    found = FoundSteps(broken, named=None, on_start=lambda _: None)
    ended(found, Source(), 5)
    assert caplog.messages == ["Steps are found no more: no request"]


def test_the_exception_that_ends_the_script_is_noted_and_still_shown(found, exits, recorded, monkeypatch):
    shown: list = []
    monkeypatch.setattr(sys, "excepthook", lambda *what: shown.append(what))
    ended(found, Source(), 3)
    error = LookupError("user")
    sys.excepthook(LookupError, error, None)
    exits.pop()()
    (one,) = recorded()
    assert (one.run["status"], one.run["error"]) == ("failed", "LookupError: user")
    assert shown == [(LookupError, error, None)]


@pytest.fixture
def finalizers() -> Iterator[None]:
    """What multiprocessing runs at the end of a worker: nothing but the test's own."""
    kept = dict(util._finalizer_registry)
    util._finalizer_registry.clear()
    yield
    util._finalizer_registry.clear()
    util._finalizer_registry.update(kept)


@pytest.mark.parametrize("error", [None, LookupError("user")])
def test_a_worker_of_multiprocessing_ends_its_recording(found, recorded, monkeypatch, finalizers, error):
    """As the end of a worker has it: what atexit knows is not run, and an error is being handled."""
    monkeypatch.setattr(process, "parent_process", lambda: "parent")
    ended(found, Source(), 3)
    try:
        if error is not None:
            raise error
        util._run_finalizers(0)
    except LookupError:
        util._run_finalizers(0)
    (one,) = recorded()
    assert one.run["status"] == ("completed" if error is None else "failed")
    assert one.run["error"] == (None if error is None else "LookupError: user")


@pytest.fixture
def importing(monkeypatch, tmp_path) -> Iterator[None]:
    """Modules of the test's own, and the finders as they were."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("late_module", None)


def test_something_is_done_once_a_module_is_there(importing, tmp_path, caplog):
    (tmp_path / "late_module.py").write_text("value = 1")
    done: list = []
    after_import({"late_module": lambda: done.append(sys.modules["late_module"].value), "json": lambda: done.append("json")})
    assert done == ["json"]
    import late_module  # pyright: ignore[reportMissingImports]

    assert done == ["json", 1]
    assert late_module.value == 1
    after_import({"json": lambda: 1 / 0})
    assert caplog.messages == ["Steps of json can't be found: division by zero. Mark them: see crossprof.steps."]


def test_a_module_that_is_only_looked_for_is_still_waited_for(importing, tmp_path):
    (tmp_path / "late_module.py").write_text("")
    done: list = []
    after_import({"late_module": lambda: done.append(1)})
    for _ in range(2):
        assert importlib.util.find_spec("late_module") is not None
    assert done == []
    __import__("late_module")
    assert done == [1]


def test_a_module_that_is_not_there_fails_as_ever(importing):
    after_import({"no_such_module": lambda: None})
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_module"):
            __import__("no_such_module")


def test_the_process_does_what_the_command_says(fake, exits, recorded, monkeypatch, tmp_path, importing):
    (tmp_path / "late_module.py").write_text("")
    told: list = []
    monkeypatch.setattr(unchanged, "SOURCES", {"late_module": told.append})
    wanted = {"name": None, "framework": None, "tags": {"by": "test"}, "schedule": [1, 1, 0, 1]}
    noted = tmp_path / "noted"
    monkeypatch.setenv("CROSSPROF_RECORD", json.dumps({**wanted, "step": None, "noted": str(noted)}))
    unchanged.record_this_process()
    __import__("late_module")
    (found,) = told
    ended(found, Source(), 4)
    exits.pop()()
    (one,) = recorded()
    assert noted.read_text() == f"{one.path}\n"
    assert (one.run["framework"], one.run["tags"]) == ("torch", {"by": "test"})
    assert one.states == "ubp"


def test_a_command_on_another_host_is_not_told(fake, exits, recorded, monkeypatch, tmp_path):
    told: list = []
    monkeypatch.setattr(unchanged, "SOURCES", {"json": told.append})
    wanted = {"name": "far", "framework": None, "step": None, "noted": str(tmp_path / "gone" / "noted")}
    monkeypatch.setenv("CROSSPROF_RECORD", json.dumps(wanted))
    unchanged.record_this_process()
    ended(told[0], Source(), 4)
    exits.pop()()
    assert len(recorded()[0].steps) == 3


@pytest.mark.parametrize("given", [{}, {"CROSSPROF_RECORD": "{}", "CROSSPROF_DISABLE": "1"}])
def test_without_a_word_nothing_is_watched(monkeypatch, given):
    monkeypatch.setattr(unchanged, "after_import", lambda actions: pytest.fail("watched"))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    unchanged.record_this_process()


def seen_by(seen: list, source: object, name: str, *, framework: str, is_sure: bool) -> None:
    seen.append((name, framework, is_sure))


def test_torch_tells_of_every_optimizer():
    torch = pytest.importorskip("torch")
    from torch.optim import optimizer as module

    before, seen = dict(module._global_optimizer_post_hooks), []
    step_sources.watch_torch(partial(seen_by, seen))
    try:
        weight = torch.nn.Parameter(torch.ones(2))
        optimizer = torch.optim.SGD([weight], lr=0.1)
        for _ in range(2):
            weight.sum().backward()
            optimizer.step()
    finally:
        module._global_optimizer_post_hooks.clear()
        module._global_optimizer_post_hooks.update(before)
    assert seen == [("SGD", "torch", True)] * 2


def test_jax_tells_of_outermost_calls_of_the_users_own():
    jax = pytest.importorskip("jax")
    from jax._src import api

    inner = jax.jit(lambda x: x * 2)

    @jax.jit
    def update(x):
        return inner(x) + 1

    seen: list = []
    step_sources.watch_jax(partial(seen_by, seen))
    try:
        x = jax.numpy.ones(3)
        for _ in range(3):
            x = update(x)
        jax.numpy.sin(x) + x
    finally:
        api._post_hook_state.set_global(None)
    assert seen == [("update", "jax", False)] * 2  # the first call compiles, and is not told of


def test_jax_keeps_its_hook_where_it_looks_for_nans():
    jax = pytest.importorskip("jax")
    with jax.debug_nans(True), pytest.raises(RuntimeError, match="debug_nans"):
        step_sources.watch_jax(partial(seen_by, []))
