"""How the survey's models and frameworks are called in tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from crossprof.survey.repeats import Repeats
from crossprof.survey.row import Side

__all__ = ["framework_rank", "label_of", "machine", "model_rank", "model_title", "title_of"]

_MODELS = {"bert": "BERT", "gpt2": "GPT-2", "llama": "LLaMA-2", "mistral": "Mistral", "resnet50": "ResNet-50"}
_SIZES = ("tiny", "small", "base", "1.5b", "7b", "13b", "70b")
_FRAMEWORKS = {
    "pytorch": "PyTorch",
    "keras_tensorflow": "TensorFlow",
    "keras_jax": "JAX",
    "keras_torch": "Keras on PyTorch",
    "onnx_runtime": "ONNX Runtime",
    "litert": "LiteRT",
}
_USUAL = {"pytorch": "eager", "keras_tensorflow": "graph", "keras_jax": "xla", "keras_torch": "eager"}
_USUAL_STRATEGIES = {"none", "ddp", "multiworker", "sharding"}


def title_of(cell: Repeats | Side) -> str:
    """The framework, with mode and strategy where those are not the usual ones: TensorFlow, PyTorch (compile, fsdp)."""
    name = _FRAMEWORKS.get(cell.framework, cell.framework)
    unusual = [] if cell.mode == _USUAL.get(cell.framework, cell.mode) else [cell.mode]
    unusual += [] if cell.strategy in _USUAL_STRATEGIES else [cell.strategy.replace("_", " ")]
    return f"{name} ({', '.join(unusual)})" if unusual else name


def model_title(cell: Repeats) -> str:
    """The model as the survey writes it."""
    return _MODELS.get(cell.model, cell.model)


def label_of(cell: Repeats) -> str:
    """What was run: BERT tiny, batch 8."""
    precision = "" if cell.precision == "float32" else f", {cell.precision}"
    return f"{model_title(cell)} {cell.size}, batch {cell.batch}{precision}"


def model_rank(cell: Repeats) -> tuple[int, str, int, str]:
    """Where a model stands among all: as in the survey, small ones first."""
    return (*_place(list(_MODELS), cell.model), *_place(_SIZES, cell.size))


def framework_rank(cell: Repeats) -> tuple[int, str, bool, str, str]:
    """Where a framework stands among all: PyTorch eager first, then TensorFlow, each in its usual mode first."""
    return (*_place(list(_FRAMEWORKS), cell.framework), cell.mode != _USUAL.get(cell.framework), cell.mode, cell.strategy)


def _place(known: Sequence[str], name: str) -> tuple[int, str]:
    return (known.index(name), name) if name in known else (len(known), name)


def machine(cell: Repeats) -> str:
    """What it ran on."""
    return cell.device if cell.device_kind.lower() in cell.device.lower() else f"{cell.device} ({cell.device_kind})"
