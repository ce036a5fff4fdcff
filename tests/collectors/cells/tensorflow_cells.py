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


class Distributed:
    """A loop of one's own: the sum of what each replica says, and the weights that all of them hold."""

    def __init__(self, strategy):
        self.strategy = strategy
        self.step = tf.function(self.of_replicas)

    def start(self):
        with self.strategy.scope():
            values = tf.linspace(-1.0, 1.0, 16)[:, None]
            self.weights = tf.Variable(values, synchronization=tf.VariableSynchronization.ON_READ)
        return batches()

    def of_replicas(self, batch):
        mean = tf.distribute.ReduceOp.MEAN
        return self.strategy.reduce(mean, self.strategy.run(self.of_one, args=(batch,)), axis=None)

    def of_one(self, batch):
        loss = tf.reduce_mean(tf.square(batch @ self.weights))
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, loss)

    def train(self, batch) -> float:
        return round(float(self.step(batch)), 4)


def record(name, **options):
    return crossprof.profile(name, framework="tensorflow", **options)


if "TF_CONFIG" in os.environ:
    workers = Distributed(tf.distribute.MultiWorkerMirroredStrategy())
    forms("tensorflow_workers", record, workers.start, workers.train, is_timed_only=True)

    @cell(collective="CollectiveReduce")
    def tensorflow_workers_at_a_risk(name):
        with record(name, multi_worker=True):
            losses = []
            for batch in crossprof.steps(workers.start(), samples=SIZE):
                losses.append(workers.train(batch))
                time.sleep(STEP_SECONDS)
            return losses

else:
    trained, mirrored = Trained(), Distributed(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    forms("tensorflow", record, trained.start, trained.train)
    forms("tensorflow_mirrored", record, mirrored.start, mirrored.train, collective="CollectiveReduce")


if __name__ == "__main__":
    main()
