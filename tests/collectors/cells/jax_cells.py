"""JAX: loops of every form, arrays sharded over two devices, and steps marked for JAX's own profiler; two processes too."""

import os
import time

import jax

if "JAX_RANK" in os.environ:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(os.environ["JAX_ADDRESS"], num_processes=2, process_id=int(os.environ["JAX_RANK"]))

import jax.numpy as jnp
from cell import BATCHES, SIZE, STEP_SECONDS, cell, forms, main
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import crossprof


def loss_of(weights, batch):
    return ((batch @ weights) ** 2).mean()


@jax.jit
def update(weights, batch):
    loss, gradient = jax.value_and_grad(loss_of)(weights, batch)
    return weights - 0.01 * gradient, loss


class Trained:
    """A training that begins anew with each pass over the batches."""

    def start(self):
        self.weights = jnp.linspace(-1.0, 1.0, 16)[:, None]
        return batches()

    def train(self, batch) -> float:
        self.weights, loss = update(self.weights, batch)
        return round(float(loss), 4)


def batches():
    return [jnp.arange(SIZE * 16, dtype="float32").reshape(SIZE, 16) / (100.0 + number) for number in range(BATCHES)]


class Sharded(Trained):
    """The batch lies over all devices, so the mean of the loss needs all of them."""

    def start(self):
        mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))
        self.spread = NamedSharding(mesh, PartitionSpec("data"))
        self.weights = jax.device_put(jnp.linspace(-1.0, 1.0, 16)[:, None], NamedSharding(mesh, PartitionSpec()))
        return batches()

    def train(self, batch) -> float:
        return super().train(jax.device_put(batch, self.spread))


def record(name):
    return crossprof.profile(name, framework="jax")


trained, sharded = Trained(), Sharded()
if "JAX_RANK" in os.environ:
    forms("jax_two_processes", record, sharded.start, sharded.train, collective="all-reduce")
else:
    forms("jax", record, trained.start, trained.train)
    forms("jax_sharded", record, sharded.start, sharded.train, collective="all-reduce")

    @cell()
    def jax_steps_marked_for_its_own_profiler(name):
        losses = []
        with crossprof.profile(name, framework="jax"):
            for number, batch in enumerate(trained.start()):
                with jax.profiler.StepTraceAnnotation("train", step_num=number):
                    losses.append(trained.train(batch))
                    time.sleep(STEP_SECONDS)
        return losses


if __name__ == "__main__":
    main()
