"""Addresses of pages and of what they give away. The state of a page is in its address, so these are permalinks."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

__all__ = [
    "compare_address",
    "metric_address",
    "page_address",
    "report_address",
    "result_address",
    "run_address",
    "sql_address",
]


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


def sql_address(query: str) -> str:
    """The SQL page with a query in its editor."""
    return "/sql?" + urlencode({"q": query})


def result_address(query: str, format: str) -> str:
    """The rows of a query as a file to download: csv, parquet or arrow."""
    return f"/sql/result.{format}?" + urlencode({"q": query})
