"""Cards: what they give away, and what they say when there is nothing to show."""

from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go
import plotly.utils
import pytest

from crossprof.dashboard.cards import Absent, card, drawn, spelled
from crossprof.errors import CrossprofError


def text_of(layout: Any) -> str:
    return json.dumps(layout, cls=plotly.utils.PlotlyJSONEncoder, ensure_ascii=False)


def test_a_card_gives_away_its_link_query_rows_and_picture() -> None:
    made = card("Time by category", "", query="select 1 as 'a b'")
    assert made.id == "time-by-category"
    held = text_of(made)
    assert json.loads(held)["props"]["data-sql"] == "select 1 as 'a b'"
    assert "/sql?q=select+1+as+%27a+b%27" in held
    assert "/sql/result.csv?q=select+1+as+%27a+b%27" in held
    assert held.count('"data-act"') == 3


def test_a_card_without_a_query_gives_link_and_picture_alone() -> None:
    assert text_of(card("Title", "")).count('"data-act"') == 2


def test_a_query_is_spelled_as_one_would_type_it() -> None:
    query = "select * from t where a = ? and b = ? and list_contains(?, c) and d is not distinct from ?"
    assert spelled(query, "it's", 3, ["x", "y"], None) == (
        "select * from t where a = 'it''s' and b = 3 and list_contains(['x', 'y'], c) and d is not distinct from NULL"
    )
    with pytest.raises(ValueError, match="2 parameters for 4 places"):
        spelled(query, 1, 2)


def _raising(error: Exception) -> Any:
    def draw() -> go.Figure:
        raise error

    return drawn(draw, page="run", name="memory")


def test_a_figure_that_cannot_be_drawn_says_why_in_its_place() -> None:
    assert "None, because no step was timed." in text_of(_raising(Absent("no step was timed.")))


@pytest.mark.parametrize("error", [CrossprofError("The run x was deleted."), ValueError("The run x was deleted.")])
def test_a_figure_that_fails_offers_another_try(error: Exception) -> None:
    held = text_of(_raising(error))
    assert "The run x was deleted." in held
    assert all(named in held for named in ('"data-retry-page": "run"', '"data-retry-name": "memory"'))  # in any order
