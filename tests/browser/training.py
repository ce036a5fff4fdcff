"""Train two linear layers for some steps under @crossprof.profile, in the framework that the first argument names."""

import sys

import numpy as np

import crossprof

BATCH, WIDTH, STEPS = 64, 256, 16
DATA = np.random.default_rng(0).normal(0, 1, (STEPS, BATCH, WIDTH)).astype("float32")


@crossprof.profile("layers-torch", model="layers", precision="float32", batch_size=BATCH)
def train_torch() -> None:
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, WIDTH))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for batch in crossprof.steps(DATA, samples=BATCH):
        rows = torch.from_numpy(batch)
        loss = (model(rows) - rows).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@crossprof.profile("layers-jax", model="layers", precision="float32", batch_size=BATCH)
def train_jax() -> None:
    import jax
    import jax.numpy as jnp

    def loss(weights: list[jax.Array], rows: jax.Array) -> jax.Array:
        return jnp.square(jax.nn.relu(rows @ weights[0]) @ weights[1] - rows).mean()

    @jax.jit
    def update(weights: list[jax.Array], rows: jax.Array) -> list[jax.Array]:
        return [weight - 1e-3 * change for weight, change in zip(weights, jax.grad(loss)(weights, rows), strict=True)]

    weights = [jnp.eye(WIDTH), jnp.eye(WIDTH)]
    for batch in crossprof.steps(DATA, samples=BATCH):
        weights = jax.block_until_ready(update(weights, batch))


if __name__ == "__main__":
    if sys.argv[1] == "torch":
        import torch  # noqa: F401 - the framework is told by what is imported when the decorated function is called

        train_torch()
    else:
        import jax  # noqa: F401

        train_jax()
