"""Lightning: a callback for the Trainer's `fit`, `validate`, `test` and `predict`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crossprof.collectors.integrations.trainer import TrainerScope, contained

if TYPE_CHECKING or "lightning" in sys.modules or "pytorch_lightning" not in sys.modules:
    import lightning.pytorch as lightning
else:
    import pytorch_lightning as lightning  # the same library under its older name, whose trainer wants its own callbacks

__all__ = ["Callback"]


@contained
class Callback(lightning.Callback):  # type: ignore[misc]
    """Records a call of the trainer; takes what `crossprof.profile` takes.

    A step is one batch, from its start to the start of the next; the optimizer moves every `accumulate_grad_batches` of them.
    Validation in the midst of a `fit` is in none. Where the trainer has a PyTorchProfiler, its trace is shared and no second
    profiler started. Loggers of TensorBoard, W&B and MLflow are linked.
    """

    def __init__(self, name: str | None = None, **settings: Any) -> None:
        super().__init__()
        self._scope = TrainerScope(name, settings, library=lightning.__name__.partition(".")[0])

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """The loop of `fit` begins."""
        self._begin(trainer, pl_module, phase="training", loaders=trainer.train_dataloader, length=_length(trainer))

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """A training step begins."""
        self._scope.step()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """The last step of an epoch is over."""
        self._scope.pause()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """The loop of `fit` ends."""
        self._scope.finish()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """`validate` begins, or a validation within `fit`."""
        if self._scope.is_on:
            self._scope.pause()
        elif not trainer.sanity_checking:
            self._begin(trainer, pl_module, phase="inference", loaders=trainer.val_dataloaders)

    def on_validation_batch_start(self, trainer: Any, *others: Any) -> None:
        """A step of `validate` begins."""
        self._inference_step(trainer)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """`validate` ends."""
        self._inference_end(trainer)

    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        """`test` begins."""
        self._begin(trainer, pl_module, phase="inference", loaders=trainer.test_dataloaders)

    def on_test_batch_start(self, trainer: Any, *others: Any) -> None:
        """A step of `test` begins."""
        self._inference_step(trainer)

    def on_test_end(self, trainer: Any, pl_module: Any) -> None:
        """`test` ends."""
        self._inference_end(trainer)

    def on_predict_start(self, trainer: Any, pl_module: Any) -> None:
        """`predict` begins."""
        self._begin(trainer, pl_module, phase="inference", loaders=trainer.predict_dataloaders)

    def on_predict_batch_start(self, trainer: Any, *others: Any) -> None:
        """A step of `predict` begins."""
        self._inference_step(trainer)

    def on_predict_end(self, trainer: Any, pl_module: Any) -> None:
        """`predict` ends."""
        self._inference_end(trainer)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Whatever the trainer did has failed."""
        self._scope.end(exception)

    def _inference_step(self, trainer: Any) -> None:
        if not trainer.training and not trainer.sanity_checking and not _is_fitting(trainer):
            self._scope.step()

    def _inference_end(self, trainer: Any) -> None:
        if not _is_fitting(trainer):
            self._scope.finish()

    def _begin(self, trainer: Any, module: Any, *, phase: str, loaders: Any, length: int | None = None) -> None:
        size = _batch_size(loaders)
        config = {"accumulate_grad_batches": trainer.accumulate_grad_batches, "strategy": type(trainer.strategy).__name__}
        self._scope.begin(
            length=length,
            samples=size,
            framework="torch",
            model=type(module).__name__,
            phase=phase,
            precision=str(trainer.precision),
            batch_size=size,
            config=config,
        )
        for logger in trainer.loggers:
            self._link(logger)

    def _link(self, logger: Any) -> None:
        places: Mapping[str, tuple[str, str]] = {
            "TensorBoardLogger": ("tensorboard", "log_dir"),
            "WandbLogger": ("wandb", "version"),
            "MLFlowLogger": ("mlflow", "run_id"),
        }
        tracker, attribute = places.get(type(logger).__name__, ("", ""))
        if tracker:
            self._scope.link(tracker, getattr(logger, attribute, None))


def _batch_size(loaders: Any) -> int | None:
    """That of the one loader; None for several, which may differ."""
    loader = loaders[0] if isinstance(loaders, list | tuple) and len(loaders) == 1 else loaders
    size = getattr(loader, "batch_size", None)
    return size if isinstance(size, int) else None


def _is_fitting(trainer: Any) -> bool:
    return str(getattr(trainer.state.fn, "value", trainer.state.fn)) == "fit"


def _length(trainer: Any) -> int | None:
    """The batches that `fit` will train on, where that is known and not many more may come."""
    epochs, batches, most = trainer.max_epochs, trainer.num_training_batches, trainer.max_steps
    counts = [most * trainer.accumulate_grad_batches] if most and most > 0 else []
    if epochs and epochs > 0 and isinstance(batches, int):
        counts.append(epochs * batches)
    return min(counts, default=None)
