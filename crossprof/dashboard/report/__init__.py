"""Reports: one comparison as one document that needs nothing beside it. No Dash here, and no figure of its own making."""

from crossprof.dashboard.report.content import Content, gather
from crossprof.dashboard.report.document import as_markdown
from crossprof.dashboard.report.page import as_html

__all__ = ["Content", "as_html", "as_markdown", "gather"]
