"""Operators `/operators?runs=A,B&level=&by=&q=&categories=&sort=&sel=`: operators on the host and what they launch."""

from __future__ import annotations

from functools import partial

from crossprof.dashboard.operations import OPERATORS, connect, layout
from crossprof.dashboard.pages.page import Page

__all__ = ["PAGE"]

PAGE = Page("/operators", "Operators", partial(layout, subject=OPERATORS), partial(connect, subject=OPERATORS), key="o")
