"""Kernels `/kernels?runs=A,B&level=&by=&q=&categories=&sort=&sel=`: the work of devices and what is behind it."""

from __future__ import annotations

from functools import partial

from crossprof.dashboard.operations import KERNELS, connect, layout
from crossprof.dashboard.pages.page import Page

__all__ = ["PAGE"]

PAGE = Page("/kernels", "Kernels", partial(layout, subject=KERNELS), partial(connect, subject=KERNELS), key="k")
