"""Ways of training and answering, in every framework: what is recorded of them, and that they come to the same as without.

Each script of `cells/` runs in processes of its own, once a cell bare and once recorded; here the runs are ingested and asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from crossprof.store import Store
from tests.collectors.processes import Crashed, Launcher, alone, ingested, jax_cluster, rows, run_job, tf_config, torchrun

CELLS = Path(__file__).parent / "cells"


def run_cells(
    script: str, folder: Path, *cells: str, ranks: int = 1, launcher: Launcher = alone, **environment: str
) -> list[dict[str, Any]]:
    """What each rank of a script reports of its cells."""
    run_job(CELLS / script, *cells, folder=folder, ranks=ranks, launcher=launcher, **environment)
    return [json.loads((folder / f"report-{rank}.json").read_text()) for rank in range(ranks)]


def check(store: Store, name: str, cell: Mapping[str, Any], *, ranks: int = 1) -> str:
    """What holds for every cell; its run's id. The wall time is that of one rank."""
    assert cell["recorded"] == cell["bare"]
    assert ("raised" in cell["recorded"]) == cell["fails"]
    (run,) = rows(store, "select * from run where run = ?", name)
    run_id: str = run["run_id"]
    assert run["status"] == ("failed" if cell["fails"] else "completed")
    assert run["world_size"] == ranks
    assert cell.get("phase") in {None, run["phase"]}
    held = rows(store, "select rank, step_count, clock_offset_ns from rank where run_id = ? order by rank", run_id)
    assert [one["rank"] for one in held] == list(range(ranks))
    assert {one["step_count"] for one in held} == {cell["steps"]}
    assert {one["clock_offset_ns"] for one in held} == {0}  # all ranks share the clock of one host
    times = rows(store, "select min(dur_ns) least, sum(dur_ns) whole from step where run_id = ? group by rank", run_id)
    assert all(one["least"] > 0 and one["whole"] < cell["wall_ns"] for one in times)
    found = rows(store, "select code, severity from finding where run_id = ?", run_id)
    assert [one for one in found if one["severity"] == "error"] == []
    assert ("profiler_shared" in {one["code"] for one in found}) == cell.get("shared", False)
    if cell.get("is_timed_only"):
        assert "profiler_unsafe" in {one["code"] for one in found}
        return run_id
    profiled = "select count(*) n from step where run_id = ? and is_profiled and not is_warmup"
    assert rows(store, profiled, run_id)[0]["n"] >= 1
    work = "select count(*) n from op join step using (run_id, rank, step) where run_id = ? and is_profiled"
    assert rows(store, work, run_id)[0]["n"] > 0
    return run_id


def check_all(store: Store, reports: list[dict[str, Any]]) -> None:
    for name, cell in reports[0].items():
        assert all(report[name]["recorded"] == report[name]["bare"] for report in reports)
        wall_ns = max(report[name]["wall_ns"] for report in reports)
        run_id = check(store, name, {**cell, "wall_ns": wall_ns}, ranks=len(reports))
        if cell.get("collective"):
            check_collective(store, run_id, cell["collective"], ranks=len(reports))


def check_collective(store: Store, run_id: str, name: str, *, ranks: int) -> None:
    """Every rank has the collective in its measured steps, and under the category of communication."""
    query = """
        select distinct rank from op join step using (run_id, rank, step)
        where run_id = ? and is_profiled and contains(name, ?) and category = 'communication' order by rank
    """
    assert [one["rank"] for one in rows(store, query, run_id, name)] == list(range(ranks))


def _of(value: object) -> str:
    """What a test's id says of an argument: the script or the back end."""
    if isinstance(value, dict):
        return str(value.get("KERAS_BACKEND", ""))
    return value.removesuffix("_cells.py") if isinstance(value, str) else ""


pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("script", "environment"),
    [
        ("torch_cells.py", {}),
        ("tensorflow_cells.py", {}),
        ("jax_cells.py", {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}),
        ("onnxruntime_cells.py", {}),
        ("keras_cells.py", {"KERAS_BACKEND": "tensorflow"}),
        ("keras_cells.py", {"KERAS_BACKEND": "jax"}),
        ("keras_cells.py", {"KERAS_BACKEND": "torch"}),
        ("lightning_cells.py", {}),
        ("transformers_cells.py", {}),
    ],
    ids=_of,
)
def test_one_process(tmp_path, script, environment):
    pytest.importorskip(script.partition("_")[0])
    reports = run_cells(script, tmp_path, **environment)
    with ingested(tmp_path) as store:
        check_all(store, reports)


@pytest.mark.parametrize(
    ("script", "launcher", "environment"),
    [
        ("distributed_cells.py", torchrun, {}),
        ("lightning_cells.py", torchrun, {}),
        ("transformers_cells.py", torchrun, {}),
        ("keras_cells.py", torchrun, {"KERAS_BACKEND": "tensorflow"}),
        ("keras_cells.py", torchrun, {"KERAS_BACKEND": "jax"}),
        ("keras_cells.py", torchrun, {"KERAS_BACKEND": "torch"}),
        ("onnxruntime_cells.py", torchrun, {}),
        ("jax_cells.py", jax_cluster, {}),
    ],
    ids=_of,
)
def test_two_processes(tmp_path, script, launcher, environment):
    pytest.importorskip({"distributed_cells.py": "torch"}.get(script, script.partition("_")[0]))
    reports = run_cells(script, tmp_path, ranks=2, launcher=launcher, **environment)
    with ingested(tmp_path) as store:
        check_all(store, reports)


def test_two_workers_of_tensorflow(tmp_path):
    """As they are recorded by default: timed, since TensorFlow's own tracer of the host may end such a worker."""
    pytest.importorskip("tensorflow")
    forms = [form + end for form in ("called", "awaited", "iterated", "iterated_asynchronously") for end in ("", "_fails")]
    cells = [f"tensorflow_workers_{form}" for form in forms]
    reports = run_cells("tensorflow_cells.py", tmp_path, *cells, ranks=2, launcher=tf_config)
    with ingested(tmp_path) as store:
        check_all(store, reports)


def test_two_workers_of_tensorflow_at_a_risk(tmp_path):
    """A worker crashes now and then (benchmarks/tf_worker_crash.py): the job is started again then."""
    pytest.importorskip("tensorflow")
    for attempt in range(4):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        try:
            reports = run_cells("tensorflow_cells.py", folder, "tensorflow_workers_at_a_risk", ranks=2, launcher=tf_config)
        except Crashed:
            continue
        with ingested(folder) as store:
            check_all(store, reports)
        return
    pytest.fail("TensorFlow crashed four times")
