"""From instants and areas to one vehicle: speed, acceleration, places of the axles, loads, and one value of many."""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

# `motion`, (MOTIONS,) float64.
SPEED, ACCELERATION, MIDDLE_S, RESIDUAL_M = range(4)
MOTIONS = 4
_NOTHING = 1e-9


@kernel("int64(float64[:, ::1], boolean[::1], float64[::1], int64, float64[::1], float64[:, ::1])")
def fit_motion(  # noqa: PLR0912, PLR0915  (sums, solution, what is left over)
    at_s: Any, timed: Any, position_m: Any, axles: int, motion: Any, axle: Any
) -> int:
    """The motion of one rigid vehicle with one acceleration, by least squares over all axles and strips at once.

    at_s        (axles, strips) float64   instant of each axle on each strip, s from any origin
    timed       (strips,) bool            the strips whose instants count
    position_m  (strips,) float64         along the lane
    motion      (MOTIONS,) out            signed speed at MIDDLE_S, signed acceleration, the middle of all instants,
                                          root mean square of what is left over, m
    axle        (axles, 3) out            place of the axle at MIDDLE_S, m; its own speed, m/s; its own acceleration
                                          (NaN with fewer than three places of strips), m/s2

    Axle i is on strip k when x_k = p_i + v u + a u^2/2 with u the time from the middle; p_i is eliminated by taking
    each axle's own means away, which leaves two unknowns. The acceleration is left at zero where the instants cannot
    tell it from the speed: one axle at two places, whatever the rounding of its instants says. Returns 0,
    or 1 when there are not two different places to take a speed from.
    """
    strips = timed.shape[0]
    used = 0
    places = 0
    middle = 0.0
    for k in range(strips):
        if timed[k]:
            used += 1
            places += 1
            for earlier in range(k):
                if timed[earlier] and abs(position_m[earlier] - position_m[k]) <= _NOTHING:
                    places -= 1
                    break
            for i in range(axles):
                middle += at_s[i, k]
    if used < 2:
        return 1
    middle /= used * axles
    s11 = s12 = s22 = b1 = b2 = 0.0
    for i in range(axles):
        mu = mq = mx = 0.0
        for k in range(strips):
            if timed[k]:
                u = at_s[i, k] - middle
                mu += u
                mq += 0.5 * u * u
                mx += position_m[k]
        mu /= used
        mq /= used
        mx /= used
        for k in range(strips):
            if timed[k]:
                u = at_s[i, k] - middle
                du = u - mu
                dq = 0.5 * u * u - mq
                dx = position_m[k] - mx
                s11 += du * du
                s12 += du * dq
                s22 += dq * dq
                b1 += du * dx
                b2 += dq * dx
    if not s11 > 0.0:
        return 1
    determinant = s11 * s22 - s12 * s12
    acceleration = 0.0
    if (axles > 1 or places > 2) and determinant > _NOTHING * s11 * s22:
        acceleration = (s11 * b2 - s12 * b1) / determinant
    speed = (b1 - acceleration * s12) / s11
    if speed == 0.0:
        return 1
    left_over = 0.0
    for i in range(axles):
        mu = mq = mx = 0.0
        for k in range(strips):
            if timed[k]:
                u = at_s[i, k] - middle
                mu += u
                mq += 0.5 * u * u
                mx += position_m[k]
        mu /= used
        mq /= used
        mx /= used
        place = mx - speed * mu - acceleration * mq
        d11 = d12 = d22 = e1 = e2 = 0.0
        for k in range(strips):
            if timed[k]:
                u = at_s[i, k] - middle
                off = position_m[k] - place - speed * u - acceleration * 0.5 * u * u
                left_over += off * off
                # The axle's own motion about its own mean instant.
                du = u - mu
                dq = 0.5 * du * du
                d11 += du * du
                d12 += du * dq
                d22 += dq * dq
                e1 += du * (position_m[k] - mx)
                e2 += dq * (position_m[k] - mx)
        axle[i, 0] = place
        axle[i, 1] = (e1 - acceleration * d12) / d11
        axle[i, 2] = np.nan
        if places >= 3:
            # Free of the mean of dq: the third unknown is the axle's own place.
            mean = 0.0
            for k in range(strips):
                if timed[k]:
                    du = at_s[i, k] - middle - mu
                    mean += 0.5 * du * du
            mean /= used
            c22 = d22 - used * mean * mean
            own = d11 * c22 - d12 * d12
            if own > _NOTHING * d11 * c22:
                axle[i, 2] = (d11 * e2 - d12 * e1) / own
    motion[SPEED] = speed
    motion[ACCELERATION] = acceleration
    motion[MIDDLE_S] = middle
    motion[RESIDUAL_M] = np.sqrt(left_over / (used * axles))
    return 0


@kernel("float64(float64[::1], int64, float64, boolean[::1])")
def robust_mean(value: Any, count: int, least_share: float, kept: Any) -> Any:
    """Mean of the values that agree with their median; with fewer than three nobody can say which is wrong.

    value        (>= count,) float64
    least_share  a value within this share of the median is never rejected: strips disagree by the truck's bounce
    kept         (>= count,) bool, out: which values were taken

    A value is rejected when it is off the median by more than 3.5 times the median deviation, scaled to a standard
    deviation (1.4826), and by more than the share.
    """
    if count == 0:
        return np.nan
    for i in range(count):
        kept[i] = True
    if count >= 3:
        middle = median(value, count)
        away = np.empty(count)
        for i in range(count):
            away[i] = abs(value[i] - middle)
        limit = max(3.5 * 1.4826 * median(away, count), least_share * abs(middle))
        for i in range(count):
            kept[i] = away[i] <= limit
    total = 0.0
    number = 0
    for i in range(count):
        if kept[i]:
            total += value[i]
            number += 1
    return total / number


@kernel("float64(float64[::1], int64)")
def median(value: Any, count: int) -> Any:
    """Median of the first `count` values (count > 0): a few of them, so each is ranked by counting."""
    low = high = value[0]
    for i in range(count):
        smaller = 0
        for j in range(count):
            if value[j] < value[i] or (value[j] == value[i] and j < i):
                smaller += 1
        if smaller == (count - 1) // 2:
            low = value[i]
        if smaller == count // 2:
            high = value[i]
    return 0.5 * (low + high)
