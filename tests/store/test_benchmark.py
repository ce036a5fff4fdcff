"""The budgets of a store of many small runs, as benchmarks/store.py measures them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from crossprof.store import publish

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "store.py"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    specification = importlib.util.spec_from_file_location("benchmark_of_the_store", BENCHMARK)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, specification.name, module)
    specification.loader.exec_module(module)
    return module


def test_every_question_of_the_benchmark_has_an_answer(benchmark: ModuleType, root: Path) -> None:
    benchmark.fill(root, range(10))
    publish(root)
    answers = benchmark.measure(root, 10)
    assert {"run list", "kernel of a run id", "utilization by run", "publish one run more"} <= {
        answer.question for answer in answers
    }
    assert all(answer.best_s > 0 for answer in answers)


@pytest.mark.slow
def test_five_thousand_runs_stay_within_the_budgets(benchmark: ModuleType, root: Path) -> None:
    benchmark.fill(root, range(5000))
    publish(root)
    # the best of several tries: what other programs do on the machine is not the store's doing
    late = [answer for answer in benchmark.measure(root, 5000) if answer.best_s > answer.budget_s]
    assert late == []
