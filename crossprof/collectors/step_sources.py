"""Where an unchanged script shows its steps: hooks of the frameworks that tell when what may be a step has ended."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["SOURCES", "Seen"]


class Seen(Protocol):
    """Told of the end of what may be a step."""

    def __call__(self, source: object, name: str, *, framework: str, is_sure: bool) -> None:
        """`source` is an optimizer, a compiled function or a loop. Unless it is sure, only the third end counts."""
        ...


def watch_torch(seen: Seen) -> None:
    """Each `step()` of any optimizer."""
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    def stepped(optimizer: Any, *_: Any) -> None:
        if not torch.compiler.is_compiling():
            seen(optimizer, type(optimizer).__name__, framework="torch", is_sure=True)

    register_optimizer_step_post_hook(stepped)


def watch_keras(seen: Seen) -> None:
    """Each batch of `fit`, `evaluate` and `predict`; in a loop of the user's own, each time that an optimizer is applied."""
    import keras
    from keras.src.optimizers.base_optimizer import BaseOptimizer

    backend = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}.get(keras.config.backend(), "tensorflow")
    callbacks = keras.callbacks.CallbackList
    for method, loop in (("on_train_batch_end", "fit"), ("on_test_batch_end", "evaluate"), ("on_predict_batch_end", "predict")):
        _tell(callbacks, method, lambda *_, loop=loop: seen(loop, loop, framework=backend, is_sure=True))

    def applied(optimizer: Any) -> None:
        if not _is_traced(backend) and not _is_in_loop():
            seen(optimizer, type(optimizer).__name__, framework=backend, is_sure=True)

    _tell(BaseOptimizer, "apply", applied)


def watch_tensorflow(seen: Seen) -> None:
    """Each call of a `tf.function` of the user's own from outside any other."""
    from tensorflow.python.eager.polymorphic_function.polymorphic_function import Function

    def called(function: Any) -> None:
        plain = function.python_function
        if not _is_traced("tensorflow") and not str(getattr(plain, "__module__", "")).startswith(("keras.", "tensorflow.")):
            seen(function, str(getattr(plain, "__name__", "tf.function")), framework="tensorflow", is_sure=False)

    _tell(Function, "__call__", called)


def watch_jax(seen: Seen) -> None:
    """Each call of a function under `jax.jit` of the user's own from outside any other, told by JAX's own hook."""
    import jax
    from jax._src import api

    if jax.config.jax_debug_nans or jax.config.jax_debug_infs:
        raise RuntimeError("debug_nans takes the hook that tells of calls")

    def called(function: Any, *_: Any) -> None:
        plain = getattr(function, "__wrapped__", None)
        if not str(getattr(plain, "__module__", "jax.")).startswith(("jax.", "jaxlib.", "keras.")):
            seen(function, str(getattr(plain, "__name__", "jit")), framework="jax", is_sure=False)

    api._post_hook_state.set_global(called)


SOURCES: dict[str, Callable[[Seen], None]] = {
    "torch": watch_torch,
    "keras": watch_keras,
    "tensorflow": watch_tensorflow,
    "jax": watch_jax,
}
"""What to do once a top-level module is imported."""


def _tell(owner: type, method: str, ended: Callable[[Any], None]) -> None:
    """Have `ended` called with the object after each call of a method that returns."""
    original = getattr(owner, method)

    @functools.wraps(original)
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        result = original(self, *arguments, **named)
        ended(self)
        return result

    setattr(owner, method, call)


def _is_traced(framework: str) -> bool:
    """Whether TensorFlow only traces the code at hand."""
    tensorflow = sys.modules.get("tensorflow")
    return framework == "tensorflow" and tensorflow is not None and not tensorflow.executing_eagerly()


def _is_in_loop() -> bool:
    """Whether Keras's own loop called: its batches are the steps then."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_name in {"fit", "train_on_batch"} and "keras" in frame.f_globals.get("__name__", ""):
            return frame.f_code.co_name == "fit"
    return False
