"""Numbers as people read them."""

import pytest

from crossprof.dashboard.quantity import NONE, instant, percent_change, percent_range, scale_for, significant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1, "1.00"),
        (12.345, "12.3"),
        (123.45, "123"),
        (1234.5, "1,234"),
        (0.01234, "0.0123"),
        (-3.456, "−3.46"),
        (2e-9, "<0.0001"),
    ],
)
def test_three_digits_are_kept_and_none_before_the_point_is_dropped(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("unit", "values", "shown"),
    [
        ("ns", [1_500_000, 900], "1.50\u2009ms"),
        ("ns", [900], "900\u2009ns"),
        ("bytes", [3 * 2**30], "3.00\u2009GiB"),
        ("ratio", [0.816], "81.6\u2009%"),
        ("count", [41], "41.0"),
        ("samples/s", [1234], "1,234\u2009samples/s"),
        ("FLOP/s", [1.274e14, 2.0], "127\u2009TFLOP/s"),
        ("FLOP", [48.0], "48.0\u2009FLOP"),
    ],
)
def test_the_unit_suits_the_largest_value(unit: str, values: list[float], shown: str) -> None:
    assert scale_for(unit, values).full(values[0]) == shown


def test_what_is_missing_is_a_dash_and_never_zero() -> None:
    assert scale_for("ns", [None]).full(None) == NONE
    assert scale_for("ns", [5.0]).text(float("nan")) == NONE
    assert percent_change(None) == NONE
    assert percent_range(None, 1.0) == NONE
    assert instant(None) == NONE


def test_a_ratio_is_a_change_with_its_sign() -> None:
    assert percent_change(1.123) == "+12.3\u2009%"
    assert percent_change(0.5) == "−50.0\u2009%"
    assert percent_change(1.0) == "±0\u2009%"
    assert percent_change(1.0000004) == "±0\u2009%"
    assert percent_change(0.9946) == "−0.54\u2009%"
    assert percent_change(53) == "×53.0"
    assert percent_range(0.9, 1.1) == "−10.0\u2009% to +10.0\u2009%"


def test_a_moment_is_in_utc() -> None:
    assert instant(1_780_000_000_000_000_000) == "2026-05-28 20:26:40"
