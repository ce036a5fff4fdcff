"""What the process of a cell is told before its framework is loaded."""

from types import SimpleNamespace
from typing import Any

import pytest

from crossprof.workloads.cell import Cell
from crossprof.workloads.frameworks import framework_named
from crossprof.workloads.frameworks.onnx_runtime import _providers
from crossprof.workloads.place import Place

ALONE = Place(0, ("127.0.0.1:1",))


@pytest.mark.parametrize(
    ("framework", "variable"),
    [
        ("keras_jax", ("XLA_PYTHON_CLIENT_PREALLOCATE", "false")),
        ("keras_tensorflow", ("TF_FORCE_GPU_ALLOW_GROWTH", "true")),
        ("keras_torch", ("KERAS_BACKEND", "torch")),
    ],
)
def test_memory_of_a_gpu_is_taken_as_it_is_needed(framework, variable):
    """The driver's count of a pool that was taken at once says nothing of the model."""
    told = framework_named(framework).environment(Cell(model="bert", size="tiny", framework=framework), ALONE)
    assert variable in told.items()


@pytest.mark.parametrize("framework", ["keras_jax", "keras_tensorflow"])
@pytest.mark.parametrize(("seen", "own"), [(None, ["0", "1"]), ("5, 3", ["5", "3"]), ("", [None, None]), ("7", ["7", None])])
def test_each_of_several_processes_sees_one_gpu(monkeypatch, framework, seen, own):
    """They take all that they see, and two processes would each work on both."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if seen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
    strategy = next(name for name, one in framework_named(framework).STRATEGIES.items() if one.is_spread)
    cell = Cell(model="bert", size="tiny", framework=framework, strategy=strategy, world_size=2)
    places = [Place(rank, ("127.0.0.1:1", "127.0.0.1:2")) for rank in range(2)]
    told = [framework_named(framework).environment(cell, place).get("CUDA_VISIBLE_DEVICES") for place in places]
    assert told == own
    assert "CUDA_VISIBLE_DEVICES" not in framework_named(framework).environment(cell, ALONE)


def test_onnx_runtime_takes_the_gpu_without_tf32():
    """Its CUDA provider multiplies in TF32 unless it is told not to, and no other framework here does in float32."""
    double: Any = SimpleNamespace(get_available_providers=lambda: ["CPUExecutionProvider", "CUDAExecutionProvider"])
    assert _providers(double) == [("CUDAExecutionProvider", {"use_tf32": "0"}), ("CPUExecutionProvider", {})]
