"""Keras, on the back end that the environment names: fit, evaluate and predict under the callback."""

import time

import keras
import numpy as np
from cell import BATCHES, SIZE, STEP_SECONDS, cell, main, rounded

import crossprof

INPUTS = np.linspace(0, 1, BATCHES * SIZE * 16, dtype="float32").reshape(BATCHES * SIZE, 16)
TARGETS = INPUTS[:, :1]


class Fails(keras.callbacks.Callback):
    """A callback of the user's own that raises at the last batch."""

    def on_train_batch_begin(self, batch, logs=None):
        if batch == BATCHES - 1:
            raise ValueError("the batch is bad")


class Watches(keras.callbacks.Callback):
    """A callback of the user's own that looks at each batch's result: Keras waits for it, where JAX would run ahead."""

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(STEP_SECONDS)

    on_test_batch_end = on_predict_batch_end = on_train_batch_end


def model(**options) -> keras.Model:
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
    network.compile("sgd", "mse", **options)
    return network


def fit(name, network, *callbacks, epochs=1, **data):
    recorder = crossprof.keras.Callback(name, batch_size=SIZE)
    history = network.fit(
        INPUTS,
        TARGETS,
        batch_size=SIZE,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[recorder, Watches(), *callbacks],
        **data,
    )
    return [rounded(values) for values in history.history.values()]


@cell(phase="training")
def keras_fit(name):
    return fit(name, model())


@cell(phase="training", steps=2 * BATCHES)
def keras_fit_with_validation(name):
    return fit(name, model(), epochs=2, validation_data=(INPUTS[:8], TARGETS[:8]))


if keras.backend.backend() != "torch":  # which takes one step at a time

    @cell(phase="training", steps=BATCHES // 2)
    def keras_fit_two_steps_at_once(name):
        return fit(name, model(steps_per_execution=2))


@cell(phase="training", steps=BATCHES - 1, fails=True)
def keras_fit_fails(name):
    return fit(name, model(), Fails())


@cell(phase="inference")
def keras_evaluate(name):
    recorder = crossprof.keras.Callback(name, batch_size=SIZE)
    return rounded([model().evaluate(INPUTS, TARGETS, batch_size=SIZE, verbose=0, callbacks=[recorder, Watches()])])


@cell(phase="inference")
def keras_predict(name):
    recorder = crossprof.keras.Callback(name, batch_size=SIZE)
    return rounded(model().predict(INPUTS, batch_size=SIZE, verbose=0, callbacks=[recorder, Watches()])[:, 0])


if __name__ == "__main__":
    main()
