"""Keras on PyTorch: eager, or torch.compile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crossprof.workloads.batches import Batch
from crossprof.workloads.cell import Cell
from crossprof.workloads.keras_model import (
    adamw,
    by_name,
    inputs_of,
    keras_environment,
    keras_facts,
    keras_model,
    loss_of,
)
from crossprof.workloads.place import Place
from crossprof.workloads.strategy import Strategy

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

RECORDED = "torch"
IS_PROFILED_FIRST = False
MODES = ("eager", "compile")
PHASES = ("train", "infer")
PRECISIONS = ("float32", "bf16")
STRATEGIES: Mapping[str, Strategy] = {}
PACKAGES = ("torch", "keras", "keras_hub")
LARGEST_BYTES = None


def environment(cell: Cell, place: Place) -> Mapping[str, str]:
    """The back end."""
    del cell, place
    return keras_environment("torch")


def build(cell: Cell) -> KerasTorch:
    """The model of keras-hub with our weights."""
    return KerasTorch(cell)


class KerasTorch:
    """A model of keras-hub on PyTorch, which is a module of PyTorch too."""

    def __init__(self, cell: Cell) -> None:
        import torch

        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        self._torch, self._cell = torch, cell
        self._network, self._optimizer = keras_model(cell), adamw()
        self._trained = self._network.trainable_variables
        if cell.phase == "train":
            self._optimizer.build(self._trained)
        self.parameter_count = sum(variable.value.numel() for variable in self._trained)
        self.facts = {**keras_facts(cell), **self._own_facts()}
        self._call = torch.compile(self._network) if cell.mode == "compile" else self._network

    def recording(self) -> None:
        """Nothing is to be done."""

    def train(self, batch: Batch) -> float:
        """One step of AdamW; the loss before it."""
        loss, gradients = self._loss_and_gradients(batch)
        with self._torch.no_grad():
            self._optimizer.apply(gradients, self._trained)
        return loss.item()  # type: ignore[no-any-return]

    def infer(self, batch: Batch) -> Array:
        """The likeliest answers: one a token, or one a sample."""
        with self._torch.inference_mode():
            return self._call(self._placed(batch)[0], training=False).argmax(-1).cpu().numpy()  # type: ignore[no-any-return]

    def forward(self, batch: Batch) -> Array:
        """The logits, in float32."""
        with self._torch.no_grad():
            logits = self._call(self._placed(batch)[0], training=self._cell.phase == "train")
            return logits.float().cpu().numpy()  # type: ignore[no-any-return]

    def gradients(self, batch: Batch) -> Mapping[str, Array]:
        """The gradient of the loss by canonical name."""
        gradients = self._loss_and_gradients(batch)[1]
        return by_name(self._cell, {path: _array(value) for path, value in zip(self._paths(), gradients, strict=True)})

    def weights(self) -> Mapping[str, Array]:
        """What is trained, by canonical name."""
        return by_name(self._cell, {variable.path: _array(variable.value) for variable in self._trained})

    def _loss_and_gradients(self, batch: Batch) -> tuple[Any, list[Any]]:
        self._network.zero_grad()
        inputs, labels = self._placed(batch)
        loss = loss_of(self._call(inputs, training=self._cell.phase == "train"), labels)
        loss.backward()
        return loss, [variable.value.grad for variable in self._trained]

    def _placed(self, batch: Batch) -> Any:
        from keras import ops, tree

        return tree.map_structure(ops.convert_to_tensor, inputs_of(self._cell, batch))

    def _paths(self) -> list[str]:
        return [variable.path for variable in self._trained]

    def _own_facts(self) -> dict[str, Any]:
        has_gpu = self._torch.cuda.is_available()
        one_dnn = " and oneDNN" if self._torch.backends.mkldnn.is_available() else ""
        return {
            "device": "cuda" if has_gpu else "cpu",
            "mathematics": "cuda" if has_gpu else f"{'MKL' if self._torch.backends.mkl.is_available() else 'BLAS'}{one_dnn}",
            "float32": self._torch.get_float32_matmul_precision(),
            "threads": self._torch.get_num_threads(),
        }


def _array(tensor: Any) -> Array:
    return tensor.detach().float().cpu().numpy().copy()  # type: ignore[no-any-return]
