"""Comparisons of real captures: the same model on two GPUs, and a capture against itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from crossprof.ingest import ingest
from crossprof.store import Store
from crossprof.store.compare import RunDifference
from crossprof.store.metrics import registry

FOLDER = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces")
NAMES = ("torch_h100_qwen15", "torch_mi300_qwen15", "torch_h100_bertsmall", "torch_mi300_bertsmall", "kineto_resnet50_nw0")
pytestmark = pytest.mark.skipif(not (FOLDER / NAMES[0]).is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    root = tmp_path_factory.mktemp("captures") / "store"
    for name in NAMES:
        ingest([FOLDER / name], store=root, name=name)
    with Store(root) as store:
        yield store


def compared(store: Store, base: str, other: str) -> RunDifference:
    (found,) = store.compare(base, other).others
    return found


@pytest.mark.parametrize("model", ["qwen15", "bertsmall"])
def test_the_same_model_on_two_gpus_is_compared_by_category_and_operator(captures: Store, model: str) -> None:
    found = compared(captures, f"torch_h100_{model}", f"torch_mi300_{model}")
    assert [line.partition(":")[0] for line in found.differences] == ["device_model"]
    for side in ("base_ns", "other_ns"):
        work = {one.category: getattr(one, side) for one in found.categories if not one.category.startswith("idle_")}
        assert work.get("other", 0.0) < 0.05 * sum(work.values())
    step_time = found.metric("step_time")
    assert step_time is not None
    assert step_time.verdict == "too_few"
    assert sum(one.base_ns for one in found.waterfall) == pytest.approx(step_time.base)
    assert sum(one.other_ns for one in found.waterfall) == pytest.approx(step_time.other)
    shared = {level.name: level.matched_ratio for level in found.levels}
    assert shared["name"] < 0.2
    assert shared["operator"] > 0.95


def test_a_capture_is_recognised_and_differs_in_nothing_from_itself(captures: Store) -> None:
    found = compared(captures, "kineto_resnet50_nw0", "kineto_resnet50_nw0")
    assert found.is_same_capture
    assert {one.ratio for one in found.metrics if one.base} == {1.0}
    assert {one.verdict for one in found.metrics} <= {"indistinguishable", "too_few"}
    assert all(one.delta_ns == 0 for one in found.waterfall)
    assert found.next_step == "choose another run: one capture can't differ from itself."


@pytest.mark.slow
def test_ten_times_the_same_capture_is_as_fast_a_step(
    captures: Store, load_benchmark: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    (source,) = (FOLDER / "kineto_resnet50_nw0").glob("*.json.gz")
    grown = tmp_path / "ten.json"
    growth = load_benchmark("growth")
    assert growth.grow(source, grown, 1) == 1
    assert growth.grow(source, grown, grown.stat().st_size * 10 - 10_000) == 10
    ingest([grown], store=captures.path, name="ten")
    captures.refresh()
    found = compared(captures, "kineto_resnet50_nw0", "ten")
    # the last step of a capture ends where it ends, but where a copy follows it lasts until that begins: a longer step in six,
    # which moves means and percentiles
    medians = {name for name, metric in registry(captures).items() if metric.statistic == "median"}
    per_step = {one.metric: one for one in found.metrics if one.base and one.metric in medians}
    for metric in ("kernel_time", "kernels_per_step", "compute_time", "copy_time", "op_time"):
        assert per_step[metric].ratio == pytest.approx(1, abs=0.001), metric
    for one in per_step.values():
        assert one.verdict == "indistinguishable", one.metric
    assert "indistinguishable" in found.verdict
