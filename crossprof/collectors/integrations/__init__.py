"""One file a library: a few lines that put a recording around its loop. Loaded when named: `crossprof.keras.Callback`."""

from __future__ import annotations

__all__ = ["NAMES"]

NAMES = ("accelerate", "keras", "lightning", "onnxruntime", "transformers")
"""The libraries, by the names of their files here and of the attributes of `crossprof`."""
