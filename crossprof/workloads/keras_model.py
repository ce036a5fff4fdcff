"""What the three back ends of Keras share: a model of keras-hub with our weights, in the precision of a cell."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crossprof.workloads.batches import Batch
from crossprof.workloads.cell import Cell
from crossprof.workloads.models import model_named
from crossprof.workloads.optimizer import BETAS, EPSILON, LEARNING_RATE, WEIGHT_DECAY
from crossprof.workloads.parameter import from_keras, to_keras
from crossprof.workloads.weights import drawn

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

__all__ = ["adamw", "by_name", "inputs_of", "keras_environment", "keras_facts", "keras_model", "loss_of"]


_AS_NEEDED = {
    "jax": {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
    "tensorflow": {"TF_FORCE_GPU_ALLOW_GROWTH": "true"},
    "torch": {},
}
"""What lets a back end take memory of a GPU as it needs it: 75 % or all of it at once would be its figure of memory."""


def keras_environment(backend: str) -> Mapping[str, str]:
    """The back end, memory as it is needed, no look at any hub, and none of TensorFlow's chatter."""
    return {"KERAS_BACKEND": backend, "HF_HUB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "2", **_AS_NEEDED[backend]}


def keras_model(cell: Cell) -> Any:
    """The model of keras-hub, with our weights."""
    import keras

    if keras.backend.backend() != "tensorflow":
        _load_hub_alone()
    keras.config.set_dtype_policy("mixed_bfloat16" if cell.precision == "bf16" else "float32")
    model = model_named(cell.model).keras_model(cell.shape)
    _load(model, cell)
    return model


def _load_hub_alone() -> None:
    """Load keras-hub without TensorFlow, which it takes along on every back end where it finds it.

    Its preprocessing would need it, and nothing else does; half a gigabyte of it would be in every figure of memory.
    """
    hidden = [name for name in ("tensorflow", "tensorflow_text") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: an import of it fails
    import keras_hub  # noqa: F401

    for name in hidden:
        del sys.modules[name]


def adamw() -> Any:
    """The optimizer."""
    import keras

    first, second = BETAS
    return keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY, beta_1=first, beta_2=second, epsilon=EPSILON)


def loss_of(logits: Any, labels: Any) -> Any:
    """The mean cross entropy, in float32."""
    from keras import ops

    return ops.mean(ops.sparse_categorical_crossentropy(labels, ops.cast(logits, "float32"), from_logits=True))


def inputs_of(cell: Cell, batch: Batch) -> tuple[Any, Array]:
    """What the model is called with, and the labels."""
    return model_named(cell.model).keras_inputs(batch.inputs), batch.labels.astype("int32")


def by_name(cell: Cell, values: Mapping[str, Array]) -> dict[str, Array]:
    """Values of trained Keras variables, by path, as those of the canonical parameters, by name."""
    table = model_named(cell.model).parameters(cell.shape)
    return {parameter.name: from_keras(parameter, values) for parameter in table if parameter.is_trained}


def keras_facts(cell: Cell) -> dict[str, Any]:
    """How Keras works here, whatever the back end."""
    return {
        "library": "keras-hub",
        "attention": _attention(cell),
        "image_layout": "channels last" if cell.shape.image else None,
        "optimizer": "keras.optimizers.AdamW",
    }


def _attention(cell: Cell) -> str | None:
    """How attention is computed: BERT and GPT-2 have Keras's layer, the decoders of Llama and Mistral ask the back end."""
    from keras_hub.src.utils.keras_utils import fused_attention_op_available

    if not cell.shape.heads:
        return None
    is_fused = cell.model in {"bert", "gpt2"} or fused_attention_op_available()
    return "keras.ops.dot_product_attention" if is_fused else "einsum, softmax, einsum"


def _load(model: Any, cell: Cell) -> None:
    """Put our weights into the model. A variable that one side lacks is an error, never left as it was."""
    variables = {variable.path: variable for variable in model.weights}
    for parameter, value in drawn(model_named(cell.model).parameters(cell.shape), cell.seed):
        held = [variables.pop(path) for path in parameter.keras]
        for variable, part in zip(held, to_keras(parameter, value, [tuple(one.shape) for one in held]), strict=True):
            variable.assign(part)
    if variables:
        raise AssertionError(f"{cell.model} has variables that our table lacks: {', '.join(sorted(variables))}.")
