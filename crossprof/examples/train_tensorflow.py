"""Train a small Transformer in TensorFlow: same model, data and optimizer as train_torch.py and train_jax.py."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import Model, layers, losses, optimizers

import crossprof

WORDS, LENGTH, BATCH, WIDTH, HEADS, LAYERS, STEPS = 512, 64, 32, 128, 4, 4, 80
MASK = np.triu(np.full((LENGTH, LENGTH), -1e9, "float32"), 1)


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = layers.LayerNormalization(epsilon=1e-5), layers.LayerNormalization(epsilon=1e-5)
        self.qkv, self.out = layers.Dense(3 * WIDTH), layers.Dense(WIDTH)
        self.up, self.down = layers.Dense(4 * WIDTH, activation="gelu"), layers.Dense(WIDTH)

    def call(self, x):
        qkv = tf.reshape(self.qkv(self.norm1(x)), (BATCH, LENGTH, 3, HEADS, WIDTH // HEADS))
        q, k, v = tf.unstack(tf.transpose(qkv, (2, 0, 3, 1, 4)))
        weights = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / (WIDTH // HEADS) ** 0.5 + MASK)
        x = x + self.out(tf.reshape(tf.transpose(weights @ v, (0, 2, 1, 3)), (BATCH, LENGTH, WIDTH)))
        return x + self.down(self.up(self.norm2(x)))


class Transformer(Model):
    def __init__(self):
        super().__init__()
        self.word, self.position = layers.Embedding(WORDS, WIDTH), layers.Embedding(LENGTH, WIDTH)
        self.blocks = [Block() for _ in range(LAYERS)]
        self.norm, self.head = layers.LayerNormalization(epsilon=1e-5), layers.Dense(WORDS, use_bias=False)

    def call(self, tokens):
        x = self.word(tokens) + self.position(tf.range(LENGTH))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


@crossprof.profile("transformer-tensorflow", model="transformer", precision="float32", phase="training", batch_size=BATCH)
def train():
    model, optimizer = Transformer(), optimizers.Adam(1e-3, epsilon=1e-8)
    cross_entropy = losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def update(tokens):
        with tf.GradientTape() as tape:
            loss = cross_entropy(tokens[:, 1:], model(tokens[:, :-1]))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True))
        return loss

    starts = np.random.default_rng(0).integers(0, WORDS, (STEPS, BATCH, 1))
    history = []
    for batch in crossprof.steps((starts + np.arange(LENGTH + 1)) % WORDS, samples=BATCH):  # every row counts up
        history.append(float(update(tf.constant(batch))))
    device = "gpu" if tf.config.list_physical_devices("GPU") else "cpu"
    print(f"TensorFlow {tf.__version__} on {device}, {model.count_params():,} parameters")
    print(f"loss {history[0]:.2f} -> {history[-1]:.2f} in {STEPS} steps")


if __name__ == "__main__":
    train()
