"""What the process of a cell is told before its framework is loaded."""

import pytest

from crossprof.workloads.cell import Cell
from crossprof.workloads.frameworks import framework_named
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
