"""The page Ranks over a made-up job of four ranks, of which rank 2 computes 20 ms longer (spread.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import plotly.utils
import polars as pl
import pytest

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures import ranks as figures
from crossprof.dashboard.pages import ranks
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.theme import theme


@pytest.fixture(scope="module")
def snapshot(spread_store: Path) -> Snapshot:
    return Snapshot(spread_store)


def figure(snapshot: Snapshot, name: str, run_id: str = "job") -> Any:
    return ranks.draw(name, snapshot.store(), {"sides": [[run_id]]}, "light")


def test_steps_stand_against_the_median_of_the_ranks(snapshot: Snapshot) -> None:
    (cells,) = figure(snapshot, "steps").data
    expected = np.zeros((4, 6))
    expected[1, 5] = 8  # ms
    assert cells.z.dtype == np.float32
    assert cells.z.tolist() == expected.tolist()
    assert (cells.zmin, cells.zmax) == (-cells.zmax, cells.zmax)
    assert cells.customdata[1, 5] == 108


def test_work_of_a_rank_stands_against_the_median(snapshot: Snapshot) -> None:
    (cells,) = figure(snapshot, "categories").data
    place = list(cells.x).index("gemm"), list(cells.x).index("communication")
    assert [cells.z[2][at] for at in place] == [20, -20]
    assert [cells.z[0][at] for at in place] == [0, 0]


def test_the_parts_of_a_step_add_up_for_each_rank(snapshot: Snapshot) -> None:
    bars = figure(snapshot, "breakdown").data
    for rank, total in (("0", 100), ("1", 101.6), ("2", 100)):
        assert sum(bar.y[list(bar.x).index(rank)] for bar in bars if rank in bar.x) == pytest.approx(total)


def test_waiting_is_apart_from_moving_data(snapshot: Snapshot) -> None:
    bars = {bar.name: dict(zip(bar.x, bar.y, strict=True)) for bar in figure(snapshot, "communication").data}
    assert bars == {"moving data": dict.fromkeys("0123", 60), "waiting for others": dict.fromkeys("013", 120)}
    (points,) = figure(snapshot, "bandwidth").data
    assert list(points.y) == pytest.approx([2**20 * 2 * 3 / 4 / 10e-3 / 1e9] * 4)  # 2(n-1)/n times the size over the transfer
    assert list(points.x) == [20] * 4


def test_the_residual_of_the_clocks_is_drawn_under_the_skew(snapshot: Snapshot) -> None:
    found = figure(snapshot, "skew")
    lengths, starts = found.data
    assert list(starts.y) == [2] * 5
    assert list(starts.customdata) == [3] * 5
    assert list(lengths.y) == [0, 0, 0, 0, 8]
    assert found.layout.shapes[0].y1 == 0.5


def test_the_table_names_the_rank_that_the_others_wait_for_and_what_it_does(snapshot: Snapshot) -> None:
    layout = ranks.layout(snapshot, {"runs": "job"})
    grid = next(part for part in _grids(layout) if part.id == "summary")
    first = grid.rowData[0]
    assert (first["rank"], first["delay_ns_text"], first["cause_text"], first["cause_ns_text"]) == (2, "20.0", "gemm", "20.0")
    assert (first["awaited_ratio"], first["wait_ns"]) == (1, 0)
    assert [row["cause_text"] for row in grid.rowData[1:]] == [None] * 3


def _grids(part: Any) -> list[Any]:
    if isinstance(part, (list, tuple)):
        return [grid for one in part for grid in _grids(one)]
    if type(part).__name__ == "AgGrid":
        return [part]
    return _grids(getattr(part, "children", None) or [])


def test_one_rank_is_set_against_nothing_and_the_page_says_why(snapshot: Snapshot) -> None:
    text = json.dumps(ranks.layout(snapshot, {"runs": "one"}), cls=plotly.utils.PlotlyJSONEncoder)
    assert text.count("None, because one rank ran") == 4
    with pytest.raises(Absent, match="no collective"):
        figure(snapshot, "communication", "one")


def test_sixty_four_ranks_of_a_thousand_steps_are_one_trace_of_float32() -> None:
    cells = pl.DataFrame({"rank": pl.int_range(64_000, eager=True) // 1000, "step": pl.int_range(64_000, eager=True) % 1000})
    cells = cells.with_columns(
        last_step="step", dur_ns=pl.lit(1e6), excess_ns=pl.when(pl.col("rank") == 7).then(9e5).otherwise(-1e3)
    )
    (trace,) = figures.steps(cells, theme("dark")).data
    assert trace.z.shape == (64, 1000)
    assert trace.z.nbytes == 256_000
    assert trace.zmax == pytest.approx(900)  # µs: one rank of 64 is more than the half percent that is cut off
