"""The page Memory over made-up runs: 96 MiB at the peak of one, 112 of the other (spread.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import plotly.utils
import pytest

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.memory.sources import Source, chosen_sources, counters, devices
from crossprof.dashboard.pages import memory
from crossprof.dashboard.snapshot import Snapshot

MIB = 1 << 20
SOURCES = [
    Source("a", 0, 0, "allocator", 5),
    Source("a", 1, 0, "allocator", 7),
    Source("a", 0, -1, "process", 9),
    Source("b", 0, 0, "allocator", 6),
    Source("b", 0, 0, "driver", 8),
]


@pytest.fixture(scope="module")
def snapshot(spread_store: Path) -> Snapshot:
    return Snapshot(spread_store)


def parts(layout: Any) -> tuple[str, dict[str, Any]]:
    """All of a layout as text, and what its figures are told."""
    text = json.dumps(layout, cls=plotly.utils.PlotlyJSONEncoder, ensure_ascii=False)
    return text, next(part.data for part in layout if getattr(part, "id", "") == "runs-shown")


def figure(snapshot: Snapshot, name: str, **query: str) -> Any:
    _, held = parts(memory.layout(snapshot, {"runs": "memory-a", **query}))
    return memory.draw(name, snapshot.store(), held, "light")


def test_what_most_runs_have_is_shown_and_the_fullest_device_of_each() -> None:
    assert counters(SOURCES) == ["allocator", "driver", "process"]
    assert counters(SOURCES[:3]) == ["allocator", "process"]
    assert [(one.run_id, one.rank) for one in chosen_sources(SOURCES, "allocator", "")] == [("a", 1), ("b", 0)]
    assert [(one.run_id, one.rank) for one in chosen_sources(SOURCES, "allocator", "1:0")] == [("a", 1)]
    assert devices(SOURCES, "process") == {"": "the fullest of each run", "0:-1": "host"}
    assert list(devices(SOURCES, "allocator").values())[1:] == ["rank 0, device 0", "rank 1, device 0"]


def test_the_course_has_what_is_allocated_reserved_and_free_and_marks_the_peak(snapshot: Snapshot) -> None:
    allocated, reserved, free, peak = figure(snapshot, "course").data
    assert list(allocated.x) == [1, 3, 5]  # ms from the first reading of the run, which is the driver's
    assert list(allocated.y) == [64, 96, 64]
    assert list(reserved.y) == [128] * 3
    assert list(free.y) == [64, 32, 64]
    assert (list(peak.x), list(peak.y)) == ([3], [96])
    assert "64.0\u2009MiB, 66.7\u2009%: train.py:10" in peak.hovertemplate


def test_runs_align_by_step_and_another_counter_is_another_series(snapshot: Snapshot) -> None:
    by_step = figure(snapshot, "course", align="step")
    assert list(by_step.data[0].x) == pytest.approx([0.2, 0.4, 0.6])
    driver, peak = figure(snapshot, "course", counter="driver").data
    assert (list(driver.y), list(peak.y)) == ([200, 300], [300])
    both = figure(snapshot, "course", runs="memory-a,memory-b", counter="allocator")
    assert [max(trace.y) for trace in both.data if trace.name in ("memory-a", "memory-b")] == [96, 112]


def test_phases_sizes_and_lines_are_the_views(snapshot: Snapshot) -> None:
    (phases,) = figure(snapshot, "phases").data
    assert dict(zip(phases.x, phases.y, strict=True)) == {"forward": 64, "backward": 96}
    counts, totals = figure(snapshot, "sizes").data
    assert (list(counts.x), list(counts.y), list(totals.y)) == ([25, 26], [1, 1], [32, 64])
    (lines,) = figure(snapshot, "holders").data
    assert list(lines.x) == [64, 32]
    assert lines.y[0].startswith("train.py:10")


def test_the_page_lists_blocks_and_peaks_and_says_what_is_not_there(snapshot: Snapshot) -> None:
    text, held = parts(memory.layout(snapshot, {"runs": "memory-a,memory-b"}))
    assert held["sources"] == [["memory-a", 0, 0], ["memory-b", 0, 0]]
    assert '"held_bytes_text": "64.0"' in text
    assert "no memory snapshot here holds an allocation that failed" in text
    assert "crossprof ingest --xla PATH" in text  # one of them is JAX
    assert "(run_id, rank, device_id) in (('memory-a', 0, 0), ('memory-b', 0, 0)) and counter = 'driver'" in text


def test_a_run_without_memory_says_so_on_every_card(snapshot: Snapshot) -> None:
    text, held = parts(memory.layout(snapshot, {"runs": "job"}))
    assert "Counted by" not in text
    for name in ("course", "phases", "sizes", "holders"):
        with pytest.raises(Absent):
            memory.draw(name, snapshot.store(), held, "dark")


def test_a_run_without_the_counter_is_named(snapshot: Snapshot) -> None:
    assert "Not counted so: job" in parts(memory.layout(snapshot, {"runs": "memory-a,job"}))[0]
    assert "Not counted so" not in parts(memory.layout(snapshot, {"runs": "memory-a,memory-b"}))[0]


def test_every_query_of_a_card_runs_as_it_is_copied(snapshot: Snapshot) -> None:
    layout = memory.layout(snapshot, {"runs": "memory-a"})
    text = json.dumps(layout, cls=plotly.utils.PlotlyJSONEncoder)
    queries = {part for part in _queries(json.loads(text)) if part}
    assert len(queries) >= 7
    for query in queries:
        snapshot.store().arrow(query)


def _queries(part: Any) -> list[str]:
    if isinstance(part, list):
        return [query for one in part for query in _queries(one)]
    return [*([part["data-sql"]] if "data-sql" in part else []), *_queries([*part.values()])] if isinstance(part, dict) else []
