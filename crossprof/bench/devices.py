"""Which frameworks would leave a GPU alone: what of theirs works on it is a package of its own, or another build."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

__all__ = ["why_not_on_gpu"]

_NEEDS = {
    "keras_jax": ("jax-cuda13-plugin", "jax-cuda12-plugin", "jax-rocm7-plugin", "jax-rocm60-plugin"),
    "onnx_runtime": ("onnxruntime-gpu",),
    "litert": (),
}
"""Packages, one of which a framework needs for a GPU; none: it never uses one."""
_BUILT = {"pytorch": "torch", "keras_torch": "torch"}
"""The package whose version ends in +cpu where it is built without."""


def why_not_on_gpu(framework: str) -> str:
    """Why a framework works on the processors even where there is a GPU; empty where its packages do not tell of it."""
    if framework in _NEEDS and not any(map(_version, _NEEDS[framework])):
        needed = _NEEDS[framework]
        return f"{needed[0]} is not installed" if needed else "it has no use for one"
    built = _version(_BUILT.get(framework, ""))
    return f"{_BUILT[framework]} {built} is built without" if built.endswith("+cpu") else ""


def _version(package: str) -> str:
    with suppress(PackageNotFoundError, ValueError):
        return version(package)
    return ""
