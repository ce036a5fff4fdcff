"""Collectors: what runs in the training process. Light, and never in its way."""

from crossprof.collectors.profile import profile
from crossprof.collectors.schedule import Schedule
from crossprof.collectors.serving import request
from crossprof.collectors.steps import step, steps

__all__ = ["Schedule", "profile", "request", "step", "steps"]
