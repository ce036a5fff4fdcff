"""Which cells a request means, in which order, and what is left out."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from crossprof.bench import devices
from crossprof.bench import plan as plan_module
from crossprof.bench.estimate import guess_s
from crossprof.bench.left_out import grouped
from crossprof.bench.machine import Machine
from crossprof.bench.memory import needed_bytes
from crossprof.bench.plan import Plan, planned
from crossprof.bench.request import Request
from crossprof.errors import CrossprofError
from crossprof.workloads import Cell

MACHINE = Machine(processors=2, memory_bytes=16 * 10**9)


def names(plan: Plan) -> list[str]:
    return [item.cell.name for item in plan.items]


def test_the_whole_survey_at_tiny_is_53_cells_each_three_times():
    plan = planned(Request(), MACHINE)
    counts = {table: sum(table in item.tables for item in plan.items) for table in Request().tables}
    assert counts == {
        "training": 12,
        "utilization": 12,
        "memory": 12,
        "precision": 12,
        "scaling": 11,
        "latency": 12,
        "throughput": 12,
    }
    assert len(plan.items) == len(set(names(plan))) == 53
    assert len(list(plan.visits())) == 159
    assert plan.left_out == ()


def test_what_is_compared_stands_side_by_side_and_repeats_are_apart():
    plan = planned(Request(tables=("training",), models=("bert",), frameworks=("pytorch", "keras_jax"), repeats=2), MACHINE)
    a, b = "bert-tiny-pytorch-eager-train-float32-b8-s32", "bert-tiny-keras-jax-xla-train-float32-b8-s32"
    assert [visit.key for visit in plan.visits()] == [(a, 1), (b, 1), (a, 2), (b, 2)]


def test_what_a_framework_never_does_is_not_asked_of_it():
    plan = planned(Request(tables=("training", "latency"), models=("bert",), frameworks=("pytorch", "onnx_runtime")), MACHINE)
    assert names(plan) == [
        "bert-tiny-pytorch-eager-train-float32-b8-s32",
        "bert-tiny-pytorch-eager-infer-float32-b1-s32",
        "bert-tiny-onnx-runtime-graph-infer-float32-b1-s32",
    ]
    with pytest.raises(CrossprofError, match=r"onnx_runtime do nothing that the tables training ask for"):
        planned(Request(tables=("training",), frameworks=("onnx_runtime",)), MACHINE)


def test_another_mode_is_another_cell():
    plan = planned(Request(tables=("training",), models=("bert",), frameworks=("pytorch", "pytorch:compile")), MACHINE)
    assert [item.cell.mode for item in plan.items] == ["eager", "compile"]


def test_scaling_sets_ranks_against_one_rank_on_as_many_processors():
    plan = planned(Request(tables=("scaling",), frameworks=("pytorch",), strategies=("ddp", "fsdp")), MACHINE)
    found = [
        (cell.strategy, cell.world_size, cell.batch, cell.cores, cell.tags["scaling"])
        for cell in (item.cell for item in plan.items)
    ]
    assert found == [
        ("none", 1, 8, 1, "base"),
        ("ddp", 2, 8, 1, "weak"),
        ("ddp", 2, 4, 1, "strong"),
        ("fsdp", 2, 8, 1, "weak"),
        ("fsdp", 2, 4, 1, "strong"),
    ]


def test_ranks_are_powers_of_two_up_to_the_gpus_that_there_are():
    assert replace(MACHINE, gpus=(80 * 10**9,) * 6).ranks() == (1, 2, 4)
    assert replace(MACHINE, processors=8).ranks() == (1, 2)


def test_ranks_that_there_are_no_gpus_for_are_left_out():
    plan = planned(Request(tables=("scaling",), frameworks=("pytorch",)), replace(MACHINE, gpus=(80 * 10**9,)))
    assert plan.items == ()
    assert [(one.cell.world_size, one.reason) for one in plan.left_out] == [
        (2, "2 ranks need 2 GPUs, or processors where there is no GPU, and there is 1 GPU"),
        (2, "2 ranks need 2 GPUs, or processors where there is no GPU, and there is 1 GPU"),
        (1, "the several ranks that it is for can't be run here"),
    ]


def test_what_is_too_large_is_left_out_with_what_it_needs():
    plan = planned(Request(tables=("memory",), size="survey", frameworks=("pytorch",)), MACHINE)
    assert names(plan) == ["bert-base-pytorch-eager-train-float32-b32-s128"]
    assert [one.cell.size for one in plan.left_out] == ["1.5b", "7b", "13b", "70b", "7b"]
    reason = next(one.reason for one in plan.left_out if one.cell.size == "7b")
    assert reason == "it needs about 202 GB of memory and this machine has 16 GB", "108 of them parameters and their moments"


@pytest.mark.parametrize(
    ("cell", "least", "most"),
    [
        (Cell(model="llama", size="7b", framework="pytorch", batch=1), 108e9, 120e9),  # 16 bytes a parameter, and a little
        (Cell(model="llama", size="7b", framework="pytorch", phase="infer", batch=1), 27e9, 30e9),
        (Cell(model="bert", size="tiny", framework="pytorch"), 1e9, 1.2e9),
    ],
)
def test_needed_memory_is_that_of_the_parameters_and_what_goes_with_them(cell, least, most):
    assert least < needed_bytes(cell) < most


def test_what_is_not_installed_is_left_out(monkeypatch):
    def check(cell):
        if cell.framework == "keras_jax":
            raise CrossprofError("keras_jax needs jax: pip install 'crossprof[workloads]'.")

    monkeypatch.setattr(plan_module, "check", check)
    plan = planned(Request(tables=("training",), models=("bert",)), MACHINE)
    assert [(one.cell.framework, one.reason) for one in plan.left_out] == [
        ("keras_jax", "keras_jax needs jax: pip install 'crossprof[workloads]'.")
    ]
    assert plan.to_json()["left_out"][0]["cell"] == "bert-tiny-keras-jax-xla-train-float32-b8-s32"


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"tables": ("speed",)}, "There is no table 'speed': use training,"),
        ({"size": "huge"}, "There is no size 'huge': use tiny, small, base, survey."),
        ({"frameworks": ("torch",)}, "There is no framework 'torch'."),
        ({"frameworks": ("pytorch:xla",)}, "There is no mode of pytorch 'xla': use eager, compile."),
        ({"models": ("bart",)}, "There is no model 'bart'."),
        (
            {"frameworks": ("pytorch",), "strategies": ("mirrored",)},
            "No strategy of mirrored is one of pytorch: use ddp,",
        ),
    ],
)
def test_what_there_is_not_is_one_line(wish, says):
    with pytest.raises(CrossprofError) as raised:
        Request(**wish)
    assert str(raised.value).startswith(says)


H200 = Machine(processors=16, memory_bytes=128 << 30, gpus=(139 << 30,))


@pytest.mark.parametrize(("size", "least", "most"), [("small", 2.0e9, 2.9e9), ("base", 5.9e9, 33e9)])
def test_on_one_large_gpu_all_that_one_rank_can_do_is_run(size, least, most):
    plan = planned(Request(size=size, frameworks=("pytorch", "keras_jax", "keras_torch")), H200)
    trained = [item.cell for item in plan.items if item.cell.phase == "train"]
    assert len(plan.items) == 36
    assert all(least < needed_bytes(cell) < most for cell in trained)
    assert all(guess_s(item.cell, H200) < 180 for item in plan.items)
    assert [(group.name, group.count) for group in grouped(plan.left_out)] == [
        (f"gpt2-{size}-train-float32", 4),  # of several ranks
        (f"gpt2-{size}-train-float32", 2),  # what these would be set against
    ]


def test_what_is_not_there_at_all_is_one_line_of_the_plan(monkeypatch):
    absent = {"tensorflow", "onnxruntime"}
    run = sys.modules["crossprof.workloads.run"]
    monkeypatch.setattr(run, "find_spec", lambda package: None if package in absent else package)
    plan = planned(Request(size="survey"), H200)
    groups = [(group.name, group.count, group.reason) for group in grouped(plan.left_out)]
    assert groups[0] == ("keras-tensorflow", 25, "keras_tensorflow needs tensorflow: pip install 'crossprof[workloads]'.")
    assert ("llama-70b", 8, "they need about 278 GB to 1,559 GB of memory and a GPU has 149 GB") in groups
    assert len(groups) < 10 < len(plan.left_out)


def test_a_framework_that_leaves_the_gpu_alone_is_given_the_host(monkeypatch):
    """ONNX Runtime of the usual package: what would fit a GPU must fit the host, and takes the host's time."""
    monkeypatch.setattr(devices, "version", lambda package: "" if package == "onnxruntime-gpu" else "1.0")
    cell = Cell(model="llama", size="7b", framework="onnx_runtime", phase="infer", batch=1)
    small_host = replace(H200, memory_bytes=16 << 30)
    assert (small_host.used_by("onnx_runtime").gpus, small_host.used_by("pytorch").gpus) == ((), small_host.gpus)
    assert guess_s(cell, H200) > 3 * guess_s(replace(cell, framework="pytorch", mode="eager"), H200)
    plan = planned(Request(tables=("latency",), size="survey", models=("llama",), frameworks=("onnx_runtime",)), small_host)
    assert plan.left_out[0].reason == "it needs about 28.4 GB of memory and this machine has 17.2 GB"


def test_ranks_of_a_framework_that_leaves_the_gpu_alone_are_those_of_the_host(monkeypatch):
    monkeypatch.setattr(devices, "version", lambda package: "" if package.startswith("jax-") else "1.0")
    plan = planned(Request(tables=("scaling",), frameworks=("keras_jax",)), H200)
    assert [(item.cell.world_size, item.cell.cores) for item in plan.items] == [(1, 8), (2, 8), (2, 8)]


def test_a_file_that_lite_rt_can_not_read_is_not_written():
    plan = planned(Request(tables=("latency",), size="base", models=("bert", "llama"), frameworks=("litert",)), H200)
    assert names(plan) == ["bert-base-litert-graph-infer-float32-b1-s128"]
    assert [one.reason for one in plan.left_out] == [
        "The file that litert reads holds weights of 2.15 GB, and those of llama base are 4.4 GB."
    ]
