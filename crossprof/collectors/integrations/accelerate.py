"""Hugging Face Accelerate: a recording that knows what the Accelerator knows."""

from __future__ import annotations

import logging
import sys
from typing import Any

from crossprof.collectors.profile import Profile
from crossprof.collectors.profile import profile as record

__all__ = ["profile"]

logger = logging.getLogger(__name__)


def profile(accelerator: Any, name: str | None = None, **settings: Any) -> Profile:
    """`crossprof.profile` with the precision and the parallel layout of an Accelerator. Mark steps with `crossprof.steps`.

    A step is a batch of the prepared loader; the optimizer moves every `gradient_accumulation_steps` of them. Inside
    `accelerator.profile()`, or around it, the trace is that of Accelerate's own profiler.
    """
    config = {**_layout(accelerator), **(settings.pop("config", None) or {})}
    scope = record(name, **{"framework": "torch", "precision": _precision(accelerator), **settings, "config": config})
    return scope.around(sys._getframe(1).f_globals)


def _layout(accelerator: Any) -> dict[str, Any]:
    try:
        return {
            "distributed_type": str(getattr(accelerator.distributed_type, "value", accelerator.distributed_type)),
            "gradient_accumulation_steps": int(accelerator.gradient_accumulation_steps),
        }
    except Exception as error:
        logger.warning("The Accelerator does not tell its layout: %s.", error)
        return {}


def _precision(accelerator: Any) -> str | None:
    precision = getattr(accelerator, "mixed_precision", None)
    return "float32" if precision == "no" else precision
