"""The budgets of a store of many small runs, as benchmarks/store.py measures them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import even_steps
import pytest

from crossprof.store import Store, publish


@pytest.fixture
def benchmark(load_benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return load_benchmark("store")


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


@pytest.mark.slow
def test_every_view_is_asked_of_runs_that_are_copies(load_benchmark: Callable[[str], ModuleType], tmp_path: Path) -> None:
    query = load_benchmark("query")
    trace = tmp_path / "grown" / "trace.json"
    query.grown(even_steps.write(tmp_path / "six.json", 6), trace, 60)
    query.fill(tmp_path / "store", trace, 3)
    with Store(tmp_path / "store") as store:
        kernels = store.sql("SELECT count(*) FROM kernel GROUP BY run_id").fetchall()
        (found,) = store.compare("run-0", "run-2").others
    assert len(kernels) == 3
    assert len(set(kernels)) == 1
    assert kernels[0][0] >= 60
    assert {one.ratio for one in found.metrics if one.base} == {1.0}
    answers = {answer.question: answer for answer in query.measure(tmp_path / "store", tries=2)}
    assert {"run list", "compare two runs", "kernel_launch", "critical_path"} <= answers.keys()
    assert answers["kernel_summary"].rows == 1
    assert query.ask_hta(tmp_path / "no-python", trace) == {}
