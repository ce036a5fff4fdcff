"""TensorFlow: loops of every form around a tf.function, and MirroredStrategy on two logical CPUs."""

import os
import time

import tensorflow as tf
from cell import BATCHES, SIZE, STEP_SECONDS, cell, forms, main

import crossprof

if "TF_CONFIG" not in os.environ:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


class Trained:
    """A training that begins anew with each pass over the batches."""

    def start(self):
        self.weights = tf.Variable(tf.linspace(-1.0, 1.0, 16)[:, None])
        self.update = tf.function(self.step)
        return batches()

    def step(self, batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(batch @ self.weights))
        self.weights.assign_sub(0.01 * tape.gradient(loss, self.weights))
        return loss

    def train(self, batch) -> float:
        return round(float(self.update(batch)), 4)


def batches():
    return [tf.reshape(tf.range(SIZE * 16, dtype=tf.float32) / (100.0 + number), (SIZE, 16)) for number in range(BATCHES)]


trained = Trained()
forms("tensorflow", lambda name: crossprof.profile(name, framework="tensorflow"), trained.start, trained.train)


def distributed(name, strategy):
    """A loop of one's own: the sum of what each replica says, and the weights that all of them hold."""
    with strategy.scope():
        weights = tf.Variable(tf.linspace(-1.0, 1.0, 16)[:, None], synchronization=tf.VariableSynchronization.ON_READ)

    def replica(batch):
        loss = tf.reduce_mean(tf.square(batch @ weights))
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, loss)

    @tf.function
    def step(batch):
        return strategy.reduce(tf.distribute.ReduceOp.MEAN, strategy.run(replica, args=(batch,)), axis=None)

    options = {"multi_worker": True} if "TF_CONFIG" in os.environ else {}
    with crossprof.profile(name, framework="tensorflow", **options):
        losses = []
        for batch in crossprof.steps(batches(), samples=SIZE):
            losses.append(round(float(step(batch)), 4))
            time.sleep(STEP_SECONDS)
        return losses


if "TF_CONFIG" in os.environ:
    multi_worker = tf.distribute.MultiWorkerMirroredStrategy()

    @cell(collective="CollectiveReduce")
    def tensorflow_multi_worker(name):
        return distributed(name, multi_worker)

else:

    @cell(collective="CollectiveReduce")
    def tensorflow_mirrored(name):
        return distributed(name, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))


if __name__ == "__main__":
    main()
