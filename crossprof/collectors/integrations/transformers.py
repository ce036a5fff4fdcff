"""Hugging Face Transformers: a callback for the Trainer."""

from __future__ import annotations

from typing import Any

import transformers

from crossprof.collectors.integrations.trainer import TrainerScope, contained

__all__ = ["Callback"]


@contained
class Callback(transformers.TrainerCallback):  # type: ignore[misc]
    """Records a call of `train`; takes what `crossprof.profile` takes.

    A step is one step of the optimizer, all its accumulated batches included, from its start to the start of the next.
    Evaluating and saving are in none.
    """

    def __init__(self, name: str | None = None, **settings: Any) -> None:
        self._scope = TrainerScope(name, settings, library="transformers")

    def on_train_begin(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        """`train` begins."""
        accumulated = int(args.gradient_accumulation_steps)
        samples = int(args.per_device_train_batch_size) * max(1, int(args.n_gpu)) * accumulated
        self._scope.begin(
            length=state.max_steps if state.max_steps > 0 else None,
            samples=samples,
            framework="torch",
            model=type(named.get("model")).__name__,
            phase="training",
            precision="bf16" if args.bf16 else "fp16" if args.fp16 else "float32",
            batch_size=samples,
            config={"gradient_accumulation_steps": accumulated, "optimizer": str(getattr(args.optim, "value", args.optim))},
        )
        self._scope.link("tensorboard", getattr(args, "logging_dir", None) if "tensorboard" in (args.report_to or ()) else None)

    def on_step_begin(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        """A step begins."""
        self._scope.step()

    def on_step_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        """A step is over, where something else than the next one follows."""
        if control.should_evaluate or control.should_save or control.should_training_stop:
            self._scope.pause()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        """The last step of an epoch is over."""
        self._scope.pause()

    def on_train_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        """`train` ends."""
        self._scope.finish()
