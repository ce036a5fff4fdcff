"""The pages, in the order of the menu. A new page is one module and one entry here."""

from crossprof.dashboard.pages import (
    compare,
    kernels,
    memory,
    metrics,
    operators,
    ranks,
    run,
    runs,
    scaling,
    sql,
    survey,
    timeline,
)
from crossprof.dashboard.pages.page import Page

__all__ = ["PAGES", "Page"]

PAGES = (
    runs.PAGE,
    compare.PAGE,
    timeline.PAGE,
    kernels.PAGE,
    operators.PAGE,
    memory.PAGE,
    ranks.PAGE,
    scaling.PAGE,
    survey.PAGE,
    sql.PAGE,
    metrics.PAGE,
    run.PAGE,
)
