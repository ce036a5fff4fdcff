"""The pages, in the order of the menu. A new page is one module and one entry here."""

from crossprof.dashboard.pages import compare, metrics, run, runs
from crossprof.dashboard.pages.page import Page

__all__ = ["PAGES", "Page"]

PAGES = (runs.PAGE, compare.PAGE, metrics.PAGE, run.PAGE)
