"""Train a small Transformer in JAX: same model, data and optimizer as train_torch.py and train_tensorflow.py."""

import jax
import jax.numpy as jnp
import numpy as np

import crossprof

WORDS, LENGTH, BATCH, WIDTH, HEADS, LAYERS, STEPS = 512, 64, 32, 128, 4, 4, 80
MASK = jnp.triu(jnp.full((LENGTH, LENGTH), -1e9), 1)


def initial():
    matrix = np.random.default_rng(0).normal
    norm, sizes = (np.ones(WIDTH), np.zeros(WIDTH)), [(1, 3), (1, 1), (1, 4), (4, 1)]  # qkv, out, up, down, in widths
    dense = [(matrix(0, (a * WIDTH) ** -0.5, (a * WIDTH, b * WIDTH)), np.zeros(b * WIDTH)) for a, b in sizes]
    tables = matrix(0, 1, (WORDS, WIDTH)), matrix(0, 1, (LENGTH, WIDTH)), matrix(0, WIDTH**-0.5, (WIDTH, WORDS))
    return jax.tree.map(lambda leaf: jnp.array(leaf, "float32"), (*tables, [(norm, norm, *dense)] * LAYERS, norm))


def linear(x, layer):
    return x @ layer[0] + layer[1]


def normalize(x, layer):
    return jax.nn.standardize(x, epsilon=1e-5) * layer[0] + layer[1]


def cross_entropy(model, tokens):
    words, positions, head, blocks, norm = model
    x = words[tokens[:, :-1]] + positions
    for norm1, norm2, qkv, out, up, down in blocks:
        q, k, v = linear(normalize(x, norm1), qkv).reshape(BATCH, LENGTH, 3, HEADS, -1).transpose(2, 0, 3, 1, 4)
        weights = jax.nn.softmax(q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5 + MASK)
        x = x + linear((weights @ v).swapaxes(1, 2).reshape(BATCH, LENGTH, WIDTH), out)
        x = x + linear(jax.nn.gelu(linear(normalize(x, norm2), up), approximate=False), down)
    logits = jax.nn.log_softmax(normalize(x, norm) @ head)
    return -jnp.take_along_axis(logits, tokens[:, 1:, None], -1).mean()


@jax.jit
def update(model, mean, square, step, tokens):  # one step of Adam
    loss, gradient = jax.value_and_grad(cross_entropy)(model, tokens)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, square, gradient)
    rate, scale = 1e-3 / (1 - 0.9**step), 1 / (1 - 0.999**step)
    model = jax.tree.map(lambda p, m, s: p - rate * m / (jnp.sqrt(s * scale) + 1e-8), model, mean, square)
    return model, mean, square, loss


@crossprof.profile("transformer-jax", model="transformer", precision="float32", phase="training", batch_size=BATCH)
def train():
    model = initial()
    mean = square = jax.tree.map(jnp.zeros_like, model)
    count = sum(leaf.size for leaf in jax.tree.leaves(model))
    print(f"JAX {jax.__version__} on {jax.default_backend()}, {count:,} parameters")
    starts = np.random.default_rng(0).integers(0, WORDS, (STEPS, BATCH, 1))
    losses = []
    for batch in crossprof.steps((starts + np.arange(LENGTH + 1)) % WORDS, samples=BATCH):  # every row counts up
        model, mean, square, loss = update(model, mean, square, len(losses) + 1.0, batch)
        losses.append(float(loss))
    print(f"loss {losses[0]:.2f} -> {losses[-1]:.2f} in {STEPS} steps")


if __name__ == "__main__":
    train()
