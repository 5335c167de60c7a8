"""Student's distribution against printed tables and closed forms."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.acceptance.student import quantile, upper_tail

# Two-sided 95 % and 99 % points as every table prints them.
TABLE = {
    1: (12.706, 63.657),
    2: (4.303, 9.925),
    3: (3.182, 5.841),
    5: (2.571, 4.032),
    10: (2.228, 3.169),
    20: (2.086, 2.845),
    30: (2.042, 2.750),
    60: (2.000, 2.660),
    120: (1.980, 2.617),
}


@pytest.mark.parametrize("freedom", TABLE)
def test_the_printed_table(freedom: int) -> None:
    assert (round(quantile(0.975, freedom), 3), round(quantile(0.995, freedom), 3)) == TABLE[freedom]


@pytest.mark.parametrize("t", [-40.0, -1.5, 0.0, 1e-9, 0.3, 1.0, 2.5, 12.0, 300.0])
def test_closed_forms_of_one_two_and_three_degrees(t: float) -> None:
    assert upper_tail(t, 1) == pytest.approx(0.5 - math.atan(t) / math.pi, abs=1e-13)
    assert upper_tail(t, 2) == pytest.approx(0.5 - t / (2 * math.sqrt(2 + t * t)), abs=1e-13)
    angle = math.atan(t / math.sqrt(3))
    assert upper_tail(t, 3) == pytest.approx(0.5 - (angle + math.sin(angle) * math.cos(angle)) / math.pi, abs=1e-13)


def test_many_degrees_are_nearly_normal() -> None:
    # Cornish-Fisher: the normal's 1.959964 and its first two corrections.
    z, freedom = 1.9599639845400545, 10_000
    expected = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    assert quantile(0.975, freedom) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=50)
@given(st.floats(0.0001, 0.9999), st.integers(1, 5_000))
def test_tail_and_quantile_are_inverse(probability: float, freedom: int) -> None:
    assert 1.0 - upper_tail(quantile(probability, freedom), freedom) == pytest.approx(probability, abs=1e-11)


@settings(max_examples=50)
@given(st.floats(-50, 50), st.integers(1, 2_000))
def test_both_tails_make_one(t: float, freedom: int) -> None:
    assert upper_tail(t, freedom) + upper_tail(-t, freedom) == pytest.approx(1.0, abs=1e-12)


def test_infinity() -> None:
    assert (upper_tail(math.inf, 4), upper_tail(-math.inf, 4)) == (0.0, 1.0)


@pytest.mark.parametrize(("probability", "freedom"), [(0.0, 3), (1.0, 3), (0.5, 0)])
def test_what_has_no_quantile(probability: float, freedom: int) -> None:
    with pytest.raises(ValueError, match="wanted"):
        quantile(probability, freedom)


def test_nan_has_no_tail() -> None:
    with pytest.raises(ValueError, match="not a number"):
        upper_tail(math.nan, 3)
