"""Which pulses on the strips of a lane are the axles of one vehicle, and what that vehicle weighs.

A vehicle is looked at once, when everything that belongs to it must have come: the strip that felt it first leads, its
pulses are followed from strip to strip by the speed that explains most of them. All axles on every strip, or the
vehicle is refused with its reason.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels import strips
from citywatch.kernels._jit import kernel

# Sides of a strip.
FULL, LEFT, RIGHT = range(3)
# Reasons; strips.Rejection has the words.
ACCEPTED, UNMATCHED, COUNTS_DIFFER, TOO_FEW_STRIPS, SINGLE_AXLE, SPEED_OUT_OF_RANGE, UNSTEADY, STOOD, TOO_MANY = range(
    9
)
# `limit`, (LIMITS,) float64.
(
    SLOWEST_MPS,
    FASTEST_MPS,
    LONGEST_SPACING_M,
    FOOTPRINT_M,
    TOLERANCE_M,
    RESIDUAL_M,
    OUTLIER_SHARE,
    LOOP_AT_M,
    HALF_LANE_M,
    HALF_TRACK_M,
    STRADDLING_SHARE,
    PARTIAL_SHARE,
    LOOP_LONGEST_S,
    LOOP_HALF_M,
    AXLE_OUTLIER_SHARE,
) = range(15)
LIMITS = 15
# Columns of a vehicle: `whole` (rows, WHOLES) int64.
REASON, AXLES, AT, TRAVEL, STATUS, STRIPS_USED, OUTLIERS = range(7)
WHOLES = 7
# `real` (rows, REALS) float64.
AT_PART, SPEED, ACCELERATION, RESIDUAL, TRANSVERSE_M, LOOP_S = range(6)
REALS = 6
# `axle` (rows, most axles, AXLE_FIELDS) float64.
LOAD, LEFT_LOAD, RIGHT_LOAD, AXLE_SPEED, AXLE_ACCELERATION, SPACING_M = range(6)
AXLE_FIELDS = 6
# `cell` (rows, most axles, strips, CELLS) float64: what one strip felt of one axle, NaN where nothing.
CELL_AREA, CELL_LOAD, CELL_AT = range(3)
CELLS = 3
# Flags of STATUS, as domain.passes.ScaleStatus numbers them.
STRADDLING, PARTIAL_WHEEL, STOPPED, SENSOR_FAULT = 2, 4, 8, 32
# `loop_mark` (3,) int64: whether it is occupied, since when, how many intervals are kept in `loop` (n, 2).
OCCUPIED, SINCE, KEPT = range(3)

FAR = 3.0
"""See find_speed."""
_NEAR_M = 0.3


@kernel("float64(int64[:, ::1], float64[:, :, ::1], int64, int64, int64, float64)")
def instant(pulse_at: Any, pulse: Any, strip: int, number: int, origin: int, dt_s: float) -> Any:
    """Seconds from sample `origin` to the centroid of a queued pulse."""
    return ((pulse_at[strip, number] - origin) + pulse[strip, number, strips.CENTROID]) * dt_s


@kernel("int64(int64[:, ::1], float64[:, :, ::1], int64[::1], int64, int64, float64, float64, float64)")
def nearest(
    pulse_at: Any, pulse: Any, queued: Any, strip: int, origin: int, dt_s: float, wanted_s: float, within_s: float
) -> Any:
    """The queued pulse of a strip that lies nearest to an instant, of equals the later; -1 where none lies within."""
    best: Any = np.int64(-1)
    best_s = within_s
    for j in range(queued[strip]):
        off = instant(pulse_at, pulse, strip, j, origin, dt_s) - wanted_s
        if abs(off) <= best_s:
            best_s = abs(off)
            best = j
        elif off > within_s:
            break
    return best


@kernel("int64(int64[:, ::1], int64[::1], int64, float64)")
def loop_number(loop: Any, loop_mark: Any, origin: int, at_samples: float) -> Any:
    """Which interval of the loop an instant lies in (samples after origin), or -1; the youngest are tried first."""
    for n in range(loop_mark[KEPT] - 1, -1, -1):
        if at_samples >= loop[n, 1] - origin:
            break
        if at_samples >= loop[n, 0] - origin:
            return np.int64(n)
    return np.int64(-1)


@kernel(
    "int64(int64[:, ::1], float64[:, :, ::1], int64, int64, int64, int64, float64, float64, float64[::1],"
    " float64[::1], int64[:, ::1], int64[::1])"
)
def axles_together(
    pulse_at: Any,
    pulse: Any,
    lead: int,
    count: int,
    origin: int,
    most: int,
    dt_s: float,
    speed: float,
    limit: Any,
    position_m: Any,
    loop: Any,
    loop_mark: Any,
) -> Any:
    """How many of the first `count` pulses of the leading strip are one vehicle at this (signed) speed.

    The loop decides where it has seen both axles; else a spacing above LONGEST_SPACING_M parts two vehicles.
    """
    shift = (limit[LOOP_AT_M] - position_m[lead]) / speed if loop_mark[KEPT] > 0 else 0.0
    before = instant(pulse_at, pulse, lead, 0, origin, dt_s)
    before_in = loop_number(loop, loop_mark, origin, (before + shift) / dt_s)
    for i in range(1, min(count, most)):
        at = instant(pulse_at, pulse, lead, i, origin, dt_s)
        at_in = loop_number(loop, loop_mark, origin, (at + shift) / dt_s)
        if before_in >= 0 and at_in >= 0:
            if at_in != before_in:
                return np.int64(i)
        elif (at - before) * abs(speed) > limit[LONGEST_SPACING_M]:
            return np.int64(i)
        before = at
        before_in = at_in
    return np.int64(min(count, most))


@kernel(
    "int64(int64[:, ::1], float64[:, :, ::1], int64[::1], int64, int64, int64, int64, float64, float64,"
    " float64[::1], float64[::1], boolean[::1], int64[:, ::1], int64[::1], float64[::1])"
)
def find_speed(  # noqa: PLR0912  (every pulse of every strip is tried)
    pulse_at: Any,
    pulse: Any,
    queued: Any,
    lead: int,
    count: int,
    origin: int,
    most: int,
    dt_s: float,
    rough_mps: float,
    limit: Any,
    position_m: Any,
    timed: Any,
    loop: Any,
    loop_mark: Any,
    speed: Any,
) -> Any:
    """The signed speed that carries most pulses of the leading strip onto pulses of another one.

    Every pulse of a strip is tried as the first axle, nearest strips first. A speed that finds every axle beats one
    that does not. Of those that do, one is worth as many axles as it finds, less FAR for each factor e that it is from
    what the pulses' own length tells: else two vehicles in a row would win as one, at a speed slow enough to make them
    one. Of the others, axles that find nothing count double, and of equals the one nearer to that length is taken.
    speed  (1,) float64, out. Returns how many axles that vehicle has, 0 where no speed finds two axles for each that
           it does not find.
    """
    strips_n = position_m.shape[0]
    best_score = 0
    best_off = np.inf
    best_worth = -np.inf
    best_axles: Any = np.int64(0)
    done_m = _NEAR_M
    while True:
        # The nearest distance not tried yet.
        next_m = np.inf
        for k in range(strips_n):
            away = abs(position_m[k] - position_m[lead])
            if timed[k] and queued[k] > 0 and away > done_m + 1e-9 and away < next_m:
                next_m = away
        if not np.isfinite(next_m):
            return best_axles
        done_m = next_m
        for k in range(strips_n):
            apart = position_m[k] - position_m[lead]
            if not timed[k] or abs(abs(apart) - done_m) > 1e-9:
                continue
            for j in range(queued[k]):
                lag = instant(pulse_at, pulse, k, j, origin, dt_s) - instant(pulse_at, pulse, lead, 0, origin, dt_s)
                if lag <= 0.0:
                    continue
                v = apart / lag
                size = abs(v)
                if size > limit[FASTEST_MPS] or size > 4.0 * rough_mps:
                    continue
                if size < limit[SLOWEST_MPS] or size < 0.25 * rough_mps:
                    break
                axles = axles_together(
                    pulse_at, pulse, lead, count, origin, most, dt_s, v, limit, position_m, loop, loop_mark
                )
                score = 0
                for i in range(axles):
                    here = instant(pulse_at, pulse, lead, i, origin, dt_s)
                    found = nearest(pulse_at, pulse, queued, k, origin, dt_s, here + lag, limit[TOLERANCE_M] / size)
                    score += 1 if found >= 0 else -2
                    if found >= 0:
                        # It may brake: each axle is expected to take as long as the one before it.
                        lag = instant(pulse_at, pulse, k, found, origin, dt_s) - here
                off = abs(np.log(size / rough_mps))
                worth = score - FAR * off if score == axles else -np.inf
                whole = worth > best_worth
                partly = best_worth == -np.inf and (score > best_score or (score == best_score and off < best_off))
                if whole or partly:
                    best_score = score
                    best_off = off
                    best_worth = worth
                    best_axles = axles
                    speed[0] = v
        if best_axles > 0 and best_score == best_axles:
            return best_axles


@kernel("void(int64[:, ::1], float64[:, :, ::1], int64[::1], int64, int64, int64)")
def remove(pulse_at: Any, pulse: Any, queued: Any, strip: int, first: int, last: int) -> None:
    """Take the pulses first to last (inclusive) out of a strip's queue."""
    gone = last - first + 1
    for j in range(last + 1, queued[strip]):
        pulse_at[strip, j - gone] = pulse_at[strip, j]
        for f in range(strips.PULSE_FIELDS):
            pulse[strip, j - gone, f] = pulse[strip, j, f]
    queued[strip] -= gone
