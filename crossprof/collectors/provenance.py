"""Where a run comes from: packages, code, environment and process."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["environment", "git_state", "process_facts", "versions"]

_PACKAGES = [
    "torch",
    "tensorflow",
    "jax",
    "jaxlib",
    "keras",
    "flax",
    "optax",
    "numpy",
    "triton",
    "transformers",
    "lightning",
    "accelerate",
    "deepspeed",
    "torchvision",
    "keras_hub",
    "onnxruntime",
    "datasets",
]

_VARIABLES = re.compile(
    r"""XLA_.* | TF_(FORCE_GPU_ALLOW_GROWTH|GPU_ALLOCATOR|XLA_FLAGS|ENABLE_ONEDNN_OPTS|NUM_.*THREADS|CUDNN_DETERMINISTIC)
    | PYTORCH_(CUDA_|HIP_)?ALLOC_CONF | PYTORCH_NO_CUDA_MEMORY_CACHING | TORCH_(ALLOW_TF32.*|NCCL_.*) | NVIDIA_TF32_OVERRIDE
    | CUDA_(VISIBLE_DEVICES|DEVICE_ORDER|LAUNCH_BLOCKING|MODULE_LOADING|DEVICE_MAX_CONNECTIONS) | CUBLAS_WORKSPACE_CONFIG
    | (HIP|ROCR)_VISIBLE_DEVICES | NCCL_.* | (OMP|MKL|OPENBLAS)_NUM_THREADS | KMP_.* | KERAS_BACKEND
    | JAX_(PLATFORMS|ENABLE_X64|DEFAULT_MATMUL_PRECISION|DISABLE_JIT|COMPILATION_CACHE_DIR) | LIBTPU_INIT_ARGS
    | LD_PRELOAD | MALLOC_.* | PYTHONHASHSEED""",
    re.VERBOSE,
)
"""Variables that decide what a figure means. A list of what to keep, so that no secret of the environment is ever recorded."""

_SECRET = re.compile(r"(?i)(token|secret|passw|credential|api[-_]?key|auth)")


def versions() -> dict[str, str]:
    """The versions of the loaded packages that matter, and of CUDA where torch was built for it."""
    found = {name: getattr(sys.modules[name], "__version__", None) for name in _PACKAGES if name in sys.modules}
    torch = sys.modules.get("torch")
    build = getattr(torch, "version", None)
    found["cuda"] = getattr(build, "cuda", None)
    found["hip"] = getattr(build, "hip", None)
    return {name: str(version) for name, version in found.items() if version}


def environment() -> dict[str, str]:
    """The environment variables that decide what a figure means: allocators, device order, threads, compilers."""
    return {name: value for name, value in sorted(os.environ.items()) if _VARIABLES.fullmatch(name)}


def process_facts() -> dict[str, Any]:
    """Process id and the namespace it counts in, Python's version and the command line, whose secrets are blanked."""
    return {
        "pid": os.getpid(),
        "pid_namespace": _pid_namespace(),
        "python_version": platform.python_version(),
        "argv": _without_secrets(sys.argv),
    }


def git_state(directory: Path, *, timeout_s: float = 5.0) -> dict[str, Any] | None:
    """Commit, branch and cleanliness of the work tree around a directory. None where there is none, or git fails."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", os.fspath(directory), "--no-optional-locks", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=True, stdin=subprocess.DEVNULL)
        return done.stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        return {
            "commit": commit,
            "branch": git("rev-parse", "--abbrev-ref", "HEAD"),
            "is_dirty": bool(git("status", "--porcelain", "-uno")),
        }
    except (OSError, subprocess.SubprocessError):
        return None


def _pid_namespace() -> str | None:
    try:
        return os.fspath(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return None


def _without_secrets(arguments: list[str]) -> list[str]:
    """The arguments, with the value of every option whose name speaks of a secret replaced."""
    kept: list[str] = []
    hide_next = False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        is_secret = name.startswith("-") and bool(_SECRET.search(name))
        kept.append(
            "***" if hide_next and not argument.startswith("-") else f"{name}=***" if is_secret and equals else argument
        )
        hide_next = is_secret and not equals
    return kept
