"""Keras on TensorFlow: eager, as a graph, or compiled by XLA; alone, on several devices, or in several processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
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
from crossprof.workloads.parameter_server import ParameterServer
from crossprof.workloads.place import Place
from crossprof.workloads.strategy import Strategy
from crossprof.workloads.work import rows_of

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

RECORDED = "tensorflow"
IS_PROFILED_FIRST = False
MODES = ("graph", "eager", "xla")
PHASES = ("train", "infer")
PRECISIONS = ("float32", "bf16")
STRATEGIES = {
    "mirrored": Strategy(is_spread=False, modes=("graph", "eager")),
    "multiworker": Strategy(modes=("graph", "eager")),
    "parameter_server": Strategy(is_spread=False, has_collectives=False, modes=("graph",)),
}
"""What XLA compiles can't reach variables of another device, and ends a worker of several; a coordinator takes graphs alone."""
PACKAGES = ("tensorflow", "keras", "keras_hub")
LARGEST_BYTES = None


def environment(cell: Cell, place: Place) -> Mapping[str, str]:
    """The back end, who the workers are, and one GPU for each."""
    del cell
    if place.world_size == 1:
        return keras_environment("tensorflow")
    workers = {"cluster": {"worker": list(place.addresses)}, "task": {"type": "worker", "index": place.rank}}
    return {**keras_environment("tensorflow"), **place.own_gpu(), "TF_CONFIG": json.dumps(workers)}


def build(cell: Cell) -> KerasTensorFlow:
    """The model of keras-hub with our weights."""
    return KerasTensorFlow(cell)


class KerasTensorFlow:
    """A model of keras-hub on TensorFlow, stepped by a custom loop: in several workers `fit` of Keras 3 can't."""

    def __init__(self, cell: Cell) -> None:
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
        self._tf, self._cell = tf, cell
        self._server = ParameterServer(cell.world_size, cores=cell.cores) if cell.strategy == "parameter_server" else None
        self._strategy = self._server.strategy if self._server else _strategy(tf, cell)
        with self._strategy.scope() if self._strategy else nullcontext():
            self._network = keras_model(cell)
            self._optimizer = adamw()
            if cell.phase == "train":
                self._optimizer.build(self._network.trainable_variables)
        self._variables = self._network.trainable_variables
        self.parameter_count = sum(int(tf.size(variable)) for variable in self._variables)
        self.facts = {**keras_facts(cell), **self._own_facts()}
        self._train = self._trainer()
        self._answer = self._compiled(lambda inputs: tf.argmax(self._network(inputs, training=False), axis=-1))
        self._logits = self._compiled(lambda inputs: self._network(inputs, training=self._is_training))
        self._gradients = self._compiled(self._loss_and_gradients)

    def recording(self) -> None:
        """Nothing is to be done."""

    def train(self, batch: Batch) -> float:
        """One step of AdamW; the loss before it."""
        if self._server:
            ranks = range(self._cell.world_size)
            return float(self._train(*(self._as_tensors(rows_of(self._cell, batch, rank)) for rank in ranks)))
        return float(self._train(*self._placed(batch)))

    def infer(self, batch: Batch) -> Array:
        """The likeliest answers: one a token, or one a sample."""
        return self._answer(self._placed(batch)[0]).numpy()  # type: ignore[no-any-return]

    def forward(self, batch: Batch) -> Array:
        """The logits, in float32."""
        return self._logits(self._placed(batch)[0]).numpy().astype("float32")  # type: ignore[no-any-return]

    def gradients(self, batch: Batch) -> Mapping[str, Array]:
        """The gradient of the loss by canonical name."""
        _, gradients = self._gradients(*self._placed(batch))
        return by_name(self._cell, dict(zip(self._paths(), (value.numpy() for value in gradients), strict=True)))

    def weights(self) -> Mapping[str, Array]:
        """What is trained, by canonical name. Raises AssertionError where the copies on several devices differ."""
        found = {}
        for variable in self._variables:
            first, *others = self._copies(variable)
            if any((other != first).any() for other in others):
                raise AssertionError(f"The copies of {variable.path} differ between the devices.")
            found[variable.path] = first
        return by_name(self._cell, found)

    @property
    def _is_training(self) -> bool:
        return self._cell.phase == "train"

    def _trainer(self) -> Callable[..., Any]:
        """What makes a step of placed batches."""
        if self._server is None:
            return self._compiled(self._step if self._strategy is None else self._step_together)
        return self._server.trainer(
            self._loss_and_gradients,
            lambda gradients: self._optimizer.apply(gradients, self._variables),
            self._variables,
            self._compiled,
        )

    def _step(self, inputs: Any, labels: Any) -> Any:
        loss, gradients = self._loss_and_gradients(inputs, labels)
        self._optimizer.apply(gradients, self._variables)  # in a replica it adds up the gradients of all
        return loss

    def _step_together(self, inputs: Any, labels: Any) -> Any:
        losses = self._strategy.run(self._step, args=(inputs, labels))
        return self._strategy.reduce("MEAN", losses, axis=None)

    def _loss_and_gradients(self, inputs: Any, labels: Any) -> Any:
        with self._tf.GradientTape() as tape:
            loss = loss_of(self._network(inputs, training=self._is_training), labels)
            part = loss / self._cell.world_size
        # An embedding's gradient is sparse, and Keras's Adam squares its repeated rows one by one: another optimizer's step.
        return loss, [self._tf.convert_to_tensor(gradient) for gradient in tape.gradient(part, self._variables)]

    def _compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if self._cell.mode == "eager":
            return function
        return self._tf.function(function, jit_compile=self._cell.mode == "xla")  # type: ignore[no-any-return]

    def _placed(self, batch: Batch) -> Any:
        """The batch as tensors; where one process has several devices, a part of it on each."""
        if self._cell.strategy != "mirrored":
            return self._as_tensors(batch)
        return self._tf.nest.map_structure(self._parted, inputs_of(self._cell, batch))

    def _as_tensors(self, batch: Batch) -> Any:
        return self._tf.nest.map_structure(self._tf.constant, inputs_of(self._cell, batch))

    def _parted(self, values: Array) -> Any:
        rows = self._cell.batch
        return self._strategy.experimental_distribute_values_from_function(
            lambda replica: self._tf.constant(
                values[replica.replica_id_in_sync_group * rows : (replica.replica_id_in_sync_group + 1) * rows]
            )
        )

    def _paths(self) -> list[str]:
        return [variable.path for variable in self._variables]

    def _copies(self, variable: Any) -> list[Array]:
        """The values of a variable on each device of this process."""
        if self._strategy is None:
            return [variable.numpy()]
        return [copy.numpy() for copy in self._strategy.experimental_local_results(variable.value)]

    def _own_facts(self) -> dict[str, Any]:
        has_gpu = bool(self._tf.config.list_physical_devices("GPU"))
        return {
            "device": "gpu" if has_gpu else "cpu",
            "mathematics": "cuda" if has_gpu else "Eigen and oneDNN",
            "float32": "highest",
            "communication": type(self._strategy).__name__ if self._strategy else None,
        }


def _strategy(tf: Any, cell: Cell) -> Any:
    """What spreads the work. On a machine without as many GPUs, its processors are split into devices."""
    if cell.strategy == "multiworker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    if cell.strategy != "mirrored":
        return None
    gpus = tf.config.list_physical_devices("GPU")
    if len(gpus) >= cell.world_size:
        return tf.distribute.MirroredStrategy([f"GPU:{index}" for index in range(cell.world_size)])
    parts = [tf.config.LogicalDeviceConfiguration() for _ in range(cell.world_size)]
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
    return tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(cell.world_size)])
