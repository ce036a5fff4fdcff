"""The runs of other trackers that go with a recording: asked of what the process has loaded, or of its environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

__all__ = ["links"]

_DIRECTORY_VARIABLES = ("TENSORBOARD_LOGGING_DIR", "AIP_TENSORBOARD_LOG_DIR")
"""Names by which the Hugging Face Trainer and Vertex AI state the directory of their logs."""

_WRITERS = ("torch.utils.tensorboard", "tensorboardX", "keras")


def links(namespace: Mapping[str, Any]) -> dict[str, str]:
    """By tracker (`wandb`, `mlflow`, `tensorboard`) the address of its run, else its id; of TensorBoard the log directory.

    Imports no tracker and starts no run. `namespace` holds what the recorded code can name: a writer of TensorBoard is looked
    for there. What fails to tell is left out.
    """
    found: dict[str, str] = {}
    askers: dict[str, Callable[[], Any]] = {
        "wandb": _wandb,
        "mlflow": _mlflow,
        "tensorboard": lambda: _log_directory(namespace),
    }
    for name, ask in askers.items():
        with suppress(Exception):  # a tracker may be of any version, and half started
            if told := ask():
                found[name] = str(told)
    return found


def _wandb() -> str | None:
    run = getattr(sys.modules.get("wandb"), "run", None)
    if run is None:
        return os.environ.get("WANDB_RUN_ID")
    url = None if getattr(run, "offline", False) else run.url  # offline, the question alone prints a warning
    return url or "/".join(str(part) for part in (run.entity, run.project, run.id) if part)


def _mlflow() -> str | None:
    mlflow = sys.modules.get("mlflow")
    run = mlflow.active_run() if mlflow is not None else None
    if mlflow is None or run is None:
        return os.environ.get("MLFLOW_RUN_ID")
    address = urlsplit(mlflow.get_tracking_uri())
    if address.scheme not in {"http", "https"}:
        return str(run.info.run_id)
    place = f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path.rstrip('/')}"  # without a password in it
    return f"{place}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"


def _log_directory(namespace: Mapping[str, Any]) -> str | None:
    for value in list(namespace.values()):
        with suppress(Exception):  # a proxy may refuse to be asked
            if type(value).__module__.startswith(_WRITERS) and isinstance(value.log_dir, str | os.PathLike):
                return os.path.abspath(value.log_dir)  # noqa: PTH100 - resolving links would change the name that the user knows
    named = next((os.environ[name] for name in _DIRECTORY_VARIABLES if os.environ.get(name)), None)
    return os.path.abspath(named) if named and "://" not in named else named  # noqa: PTH100
