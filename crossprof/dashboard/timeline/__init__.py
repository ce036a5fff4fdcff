"""The timeline of runs: level of detail in DuckDB, held in memory run by run, and the addresses that the page's script asks."""

from crossprof.dashboard.timeline.routes import MOST_RUNS, connect_routes
from crossprof.dashboard.timeline.shelf import Shelf
from crossprof.dashboard.timeline.timeline import Timeline, Window

__all__ = ["MOST_RUNS", "Shelf", "Timeline", "Window", "connect_routes"]
