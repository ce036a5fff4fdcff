"""Keras on JAX: compiled by XLA; alone, or with the batch sharded over several processes."""

from __future__ import annotations

import os
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

RECORDED = "jax"
IS_PROFILED_FIRST = False
MODES = ("xla",)
PHASES = ("train", "infer")
PRECISIONS = ("float32", "bf16")
STRATEGIES = {"sharding": Strategy(is_bound=False)}
PACKAGES = ("jax", "keras", "keras_hub")
LARGEST_BYTES = None


def environment(cell: Cell, place: Place) -> Mapping[str, str]:
    """The back end, and one GPU for each process."""
    del cell
    return {**keras_environment("jax"), **place.own_gpu()}


def build(cell: Cell) -> KerasJax:
    """The model of keras-hub with our weights."""
    return KerasJax(cell)


class KerasJax:
    """A model of keras-hub on JAX: its state lives outside of it, and each step gives a new one in the place of the old."""

    def __init__(self, cell: Cell) -> None:
        import jax

        if cell.world_size > 1:
            _join(jax, cell)
        jax.config.update("jax_default_matmul_precision", "highest")
        self._jax, self._cell = jax, cell
        self._network, self._optimizer = keras_model(cell), adamw()
        if cell.phase == "train":
            self._optimizer.build(self._network.trainable_variables)
        self._paths = [variable.path for variable in self._network.trainable_variables]
        self._shares, self._whole = _shardings(jax)
        self._state = self._first_state()
        self.parameter_count = sum(variable.size for variable in self._state[0])
        self._step = jax.jit(self._stepped, donate_argnums=0)
        self._answer = jax.jit(lambda state, inputs: self._logits(state, inputs).argmax(-1))
        self._forward = jax.jit(self._logits_in_phase)
        self._gradients = jax.jit(jax.grad(self._loss, has_aux=True))
        self.facts = {**keras_facts(cell), **self._own_facts()}

    def recording(self) -> None:
        """Nothing is to be done."""

    def train(self, batch: Batch) -> float:
        """One step of AdamW; the loss before it."""
        loss, self._state = self._step(self._state, *self._placed(batch))
        return float(loss)

    def infer(self, batch: Batch) -> Array:
        """The likeliest answers: one a token, or one a sample."""
        return self._local(self._answer(self._state, self._placed(batch)[0]))

    def forward(self, batch: Batch) -> Array:
        """The logits, in float32."""
        return self._local(self._forward(self._state, self._placed(batch)[0])).astype("float32")

    def gradients(self, batch: Batch) -> Mapping[str, Array]:
        """The gradient of the loss by canonical name."""
        gradients, _ = self._gradients(self._state[0], self._state[1], *self._placed(batch))
        return by_name(self._cell, dict(zip(self._paths, map(self._local, gradients), strict=True)))

    def weights(self) -> Mapping[str, Array]:
        """What is trained, by canonical name."""
        return by_name(self._cell, dict(zip(self._paths, map(self._local, self._state[0]), strict=True)))

    def _first_state(self) -> Any:
        network = self._network
        groups = (network.trainable_variables, network.non_trainable_variables, self._optimizer.variables)
        return tuple([self._taken(variable) for variable in group] for group in groups)

    def _taken(self, variable: Any) -> Any:
        """What a variable holds, which it lets go of, as it does in `fit` of Keras: the state would be in memory twice."""
        value = self._copied(variable.value)
        variable._value = None
        return value

    def _logits(self, state: Any, inputs: Any) -> Any:
        return self._network.stateless_call(state[0], state[1], inputs, training=False)[0]

    def _logits_in_phase(self, state: Any, inputs: Any) -> Any:
        return self._network.stateless_call(state[0], state[1], inputs, training=self._cell.phase == "train")[0]

    def _loss(self, trained: Any, others: Any, inputs: Any, labels: Any) -> Any:
        logits, others = self._network.stateless_call(trained, others, inputs, training=self._cell.phase == "train")
        loss = loss_of(logits, labels)
        return loss, (loss, others)

    def _stepped(self, state: Any, inputs: Any, labels: Any) -> Any:
        trained, others, moments = state
        gradients, (loss, others) = self._jax.grad(self._loss, has_aux=True)(trained, others, inputs, labels)
        trained, moments = self._optimizer.stateless_apply(moments, gradients, trained)
        return loss, (trained, others, moments)

    def _placed(self, batch: Batch) -> Any:
        inputs = inputs_of(self._cell, batch)
        if self._shares is None:
            return inputs
        return self._jax.tree.map(lambda rows: self._jax.make_array_from_process_local_data(self._shares, rows), inputs)

    def _copied(self, value: Any) -> Any:
        """A copy that a step may overwrite, on every process where there are several."""
        import numpy

        if self._whole is None:
            return self._jax.numpy.array(value, copy=True)
        return self._jax.make_array_from_process_local_data(self._whole, numpy.asarray(value))

    def _local(self, value: Any) -> Array:
        """What this process holds of an array."""
        import numpy

        shards = sorted(value.addressable_shards, key=lambda shard: shard.index and (shard.index[0].start or 0))
        held = [numpy.asarray(shard.data) for shard in shards]
        return held[0] if value.is_fully_replicated or len(held) == 1 else numpy.concatenate(held)

    def _own_facts(self) -> dict[str, Any]:
        device = self._jax.devices()[0].platform
        return {
            "device": device,
            "mathematics": "XLA" if device == "cpu" else f"XLA and the libraries of {device}",
            "float32": "highest",
            "communication": "XLA, gloo" if self._cell.world_size > 1 and device == "cpu" else None,
        }


def _join(jax: Any, cell: Cell) -> None:
    """Make one job of the ranks' processes."""
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    if not jax.distributed.is_initialized():
        jax.distributed.initialize(address, num_processes=cell.world_size, process_id=int(os.environ["RANK"]))


def _shardings(jax: Any) -> tuple[Any, Any]:
    """How rows are shared among all devices, and how the rest is on each; None for one device alone."""
    if jax.process_count() == 1:
        return None, None
    import numpy

    mesh = jax.sharding.Mesh(numpy.array(jax.devices()), ("rows",))
    spread = jax.sharding.PartitionSpec
    return jax.sharding.NamedSharding(mesh, spread("rows")), jax.sharding.NamedSharding(mesh, spread())
