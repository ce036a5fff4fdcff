"""Keras: a callback for `fit`, `evaluate` and `predict`, on any of its back ends."""

from __future__ import annotations

from typing import Any

import keras

from crossprof.collectors import registry
from crossprof.collectors.integrations.trainer import TrainerScope, contained

__all__ = ["Callback"]


@contained
class Callback(keras.callbacks.Callback):  # type: ignore[misc]
    """Records a call of `fit`, `evaluate` or `predict`; takes what `crossprof.profile` takes.

    A step is one execution: from the start of a batch, or of `steps_per_execution` of them, to the start of the next.
    Evaluation in the midst of a `fit` is in none. `batch_size` is that of one batch: Keras does not tell it to callbacks.

    Only starts of batches are watched: a callback that watches their ends makes Keras wait for each batch's result.
    """

    def __init__(self, name: str | None = None, **settings: Any) -> None:
        super().__init__()
        self._batch_size = settings.get("batch_size")
        self._scope = TrainerScope(name, settings, library="keras")
        self._method = ""

    def on_train_begin(self, logs: Any = None) -> None:
        """`fit` begins."""
        epochs, steps = (self.params or {}).get("epochs"), self._steps()
        self._begin("train", length=epochs * steps if epochs and steps else None)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """A training step begins."""
        self._scope.step()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """The last step of an epoch is over."""
        self._scope.pause()

    def on_train_end(self, logs: Any = None) -> None:
        """`fit` ends."""
        self._end("train")

    def on_test_begin(self, logs: Any = None) -> None:
        """`evaluate` begins, or an evaluation within `fit`."""
        self._begin("test", length=self._steps())

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """A step of an evaluation begins."""
        if self._method == "test":
            self._scope.step()

    def on_test_end(self, logs: Any = None) -> None:
        """`evaluate` ends."""
        self._end("test")

    def on_predict_begin(self, logs: Any = None) -> None:
        """`predict` begins."""
        self._begin("predict", length=self._steps())

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """A step of a prediction begins."""
        if self._method == "predict":
            self._scope.step()

    def on_predict_end(self, logs: Any = None) -> None:
        """`predict` ends."""
        self._end("predict")

    def _begin(self, method: str, *, length: int | None) -> None:
        is_training = self._scope.is_on and self._method == "train"
        if method != "train" and is_training and registry.would_join():  # a `fit` that failed called back no more
            self._scope.pause()
            return
        self._method = method
        at_once = self._at_once()
        self._scope.begin(
            length=length,
            samples=None if self._batch_size is None else self._batch_size * at_once,
            framework=str(keras.backend.backend()),  # pyright: ignore[reportAttributeAccessIssue]
            model=getattr(self.model, "name", None),
            phase="training" if method == "train" else "inference",
            precision=str(keras.config.dtype_policy().name),  # pyright: ignore[reportAttributeAccessIssue]
            config={"steps_per_execution": at_once},
        )

    def _end(self, method: str) -> None:
        if self._method == method:
            self._scope.finish()
        else:
            self._scope.pause()

    def _steps(self) -> int | None:
        """Executions of a pass over the data, where their number is known."""
        steps = (self.params or {}).get("steps")
        return -(-steps // self._at_once()) if steps else None

    def _at_once(self) -> int:
        return int(getattr(self.model, "steps_per_execution", 1) or 1)
