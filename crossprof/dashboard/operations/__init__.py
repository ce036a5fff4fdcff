"""Kernels and operators: two pages of one kind, a grid over all of them and what is known of the one that is chosen."""

from crossprof.dashboard.operations.listing import layout
from crossprof.dashboard.operations.requests import connect
from crossprof.dashboard.operations.subject import KERNELS, OPERATORS, Subject

__all__ = ["KERNELS", "OPERATORS", "Subject", "connect", "layout"]
