"""Student's t distribution: tail probability and quantile, to about 1e-12, from the standard library alone.

The tail is a regularised incomplete beta function (Abramowitz and Stegun 26.7.1), its continued fraction 26.5.8
evaluated by Lentz's method in the modified form of Thompson and Barnett.
"""

from __future__ import annotations

import math

_TINY = 1e-300
_ENOUGH = 1e-16
_MOST_TERMS = 10_000


def upper_tail(t: float, freedom: int) -> float:
    """P(T > t) for `freedom` >= 1 degrees of freedom. ValueError for fewer, or a `t` that is not a number."""
    _check(freedom)
    if math.isnan(t):
        raise ValueError("t is not a number")
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    square = t * t
    half = 0.5 * _incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + square), square / (freedom + square))
    return half if t >= 0 else 1.0 - half


def quantile(probability: float, freedom: int) -> float:
    """The t with P(T <= t) = `probability`, 0 < probability < 1, by bisection of the tail. ValueError otherwise."""
    _check(freedom)
    if not 0.0 < probability < 1.0:
        raise ValueError(f"probability {probability}: between 0 and 1 is wanted")
    if probability < 0.5:
        return -quantile(1.0 - probability, freedom)
    tail = 1.0 - probability
    low, high = 0.0, 1.0
    while upper_tail(high, freedom) > tail:
        low, high = high, 2.0 * high
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return middle
        if upper_tail(middle, freedom) > tail:
            low = middle
        else:
            high = middle


def _check(freedom: int) -> None:
    if freedom < 1:
        raise ValueError(f"{freedom} degrees of freedom: at least 1 is wanted")


def _incomplete_beta(a: float, b: float, x: float, y: float) -> float:
    """The regularised incomplete beta function I_x(a, b). `y` is 1 - x, given apart: near 1 the digits are in it."""
    if x <= 0.0:
        return 0.0
    if y <= 0.0:
        return 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(y)
    front = math.exp(log_front)
    # The fraction converges quickly on this side of the mean; the other side is its mirror image.
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, y) / b


def _fraction(a: float, b: float, x: float) -> float:
    upper, lower = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = lower
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            lower = 1.0 / _away_from_zero(1.0 + term * lower)
            upper = _away_from_zero(1.0 + term / upper)
            value *= upper * lower
        if abs(upper * lower - 1.0) < _ENOUGH:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
