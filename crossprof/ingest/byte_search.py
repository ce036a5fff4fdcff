"""Whether a text holds another, asked of gigabytes."""

from __future__ import annotations

import ctypes

__all__ = ["holds"]


def holds(text: bytes, part: bytes) -> bool:
    """Whether `part` stands in `text`. The memmem of the C library takes half of Python's time, and lets other threads run."""
    return bool(_memmem(text, len(text), part, len(part))) if _memmem else part in text


_memmem = getattr(ctypes.CDLL(None), "memmem", None)
if _memmem:
    _memmem.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    _memmem.restype = ctypes.c_void_p
