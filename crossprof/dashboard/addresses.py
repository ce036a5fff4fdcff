"""Addresses of pages and of what they give away. The state of a page is in its address, so these are permalinks."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

__all__ = [
    "EXPORTS",
    "compare_address",
    "export_address",
    "flame_address",
    "metric_address",
    "page_address",
    "report_address",
    "result_address",
    "run_address",
    "sql_address",
    "survey_address",
    "timeline_address",
]

EXPORTS = {
    "perfetto": ".perfetto-trace.gz",
    "speedscope": ".speedscope.json",
    "parquet": ".parquet.zip",
    "html": ".html",
}
"""The formats of exports, and how the names of their files end."""


def run_address(run_id: str) -> str:
    """The page of one run."""
    return "/run?" + urlencode({"run": run_id})


def compare_address(run_ids: Sequence[str], base: str) -> str:
    """The page that compares runs against a baseline."""
    return "/compare?" + urlencode({"runs": ",".join(run_ids), "base": base}, safe=",")


def metric_address(metric: str, run_ids: Sequence[str] = ()) -> str:
    """The definition of a metric, with what it is in these runs beside it."""
    runs = "?" + urlencode({"runs": ",".join(run_ids)}, safe=",") if run_ids else ""
    return f"/metrics{runs}#{metric}"


def report_address(names: Sequence[str], base: str) -> str:
    """The comparison as one HTML file to download."""
    return "/report.html?" + urlencode({"runs": ",".join(names), "base": base}, safe=",@")


def page_address(path: str, run_ids: Sequence[str], **state: str) -> str:
    """A page that shows runs, with more of its state."""
    return f"{path}?" + urlencode({"runs": ",".join(run_ids), **state}, safe=",")


def timeline_address(run_ids: Sequence[str], *, selected: str = "", search: str = "") -> str:
    """The page that draws one or two runs over time, aligned at their first measured steps.

    `selected` is PLACE.KIND.RANK.ID: the place of the run in the list, and the event as timeline/events.sql numbers it.
    """
    state = {"sel": selected, "search": search}
    return page_address("/timeline", run_ids, **{name: value for name, value in state.items() if value})


def sql_address(query: str) -> str:
    """The SQL page with a query in its editor."""
    return "/sql?" + urlencode({"q": query})


def result_address(query: str, format: str) -> str:
    """The rows of a query as a file to download: csv, parquet or arrow."""
    return f"/sql/result.{format}?" + urlencode({"q": query})


def survey_address(bench: str) -> str:
    """The survey's report as one HTML file to download, of one benchmark where `bench` names it."""
    return "/survey.html" + (f"?{urlencode({'bench': bench})}" if bench else "")


def export_address(run_id: str, format: str, **chosen: str) -> str:
    """A run as a file of a format of EXPORTS; `rank` and `step` choose of it as the options of `crossprof export` do."""
    return f"/export/{quote(run_id)}{EXPORTS[format]}" + (f"?{urlencode(chosen)}" if chosen else "")


def flame_address(run_id: str, title: str, **chosen: str) -> str:
    """The viewer of speedscope with a run opened in it."""
    profile = quote(export_address(run_id, "speedscope", **chosen), safe="")
    return f"/speedscope/index.html#profileURL={profile}&title={quote(title, safe='')}"
