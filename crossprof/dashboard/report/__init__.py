"""Reports: a comparison, or one run, as a document that needs nothing beside it.

No Dash here, and no figure of its own making.
"""

from crossprof.dashboard.report.content import Content, gather
from crossprof.dashboard.report.document import as_markdown
from crossprof.dashboard.report.page import as_html
from crossprof.dashboard.report.run_content import RunContent, gather_run
from crossprof.dashboard.report.run_page import run_as_html

__all__ = ["Content", "RunContent", "as_html", "as_markdown", "gather", "gather_run", "run_as_html"]
