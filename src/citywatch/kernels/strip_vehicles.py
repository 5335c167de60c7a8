"""One vehicle from matched pulses, and the stream that makes vehicles of samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels import strip_fit, strip_match, strips
from citywatch.kernels._jit import kernel

_NEAR_M = 0.3
"""Strips nearer to each other tell no speed."""

_SETTLED_S = 0.1
"""How long a pulse may take, after its middle, until it is measured."""

PATIENCE = 4.0
"""A vehicle that some strip has not felt whole is waited for this many times longer."""


@kernel(
    "int64(int64[:, ::1], float64[:, :, ::1], int64[::1], int64, int64, int64, float64, float64, float64[::1],"
    " float64[::1], float64[::1], boolean[::1], int64[::1], int64[:, ::1], int64[::1])"
)
def follow(  # noqa: PLR0912, PLR0915  (one walk along the strips)
    pulse_at: Any,
    pulse: Any,
    queued: Any,
    lead: int,
    axles: int,
    origin: int,
    dt_s: float,
    speed: float,
    limit: Any,
    position_m: Any,
    slant: Any,
    timed: Any,
    side: Any,
    taken: Any,
    state: Any,
) -> int:
    """Find the axles of one vehicle on every strip, each strip from the one before it on the way.

    taken  (axles, strips) int64, out   number of the pulse in the strip's queue, -1 where there is none
    state  (strips,) int64, out         0 the strip felt nothing, 1 every axle, 2 some axles or too many
    Returns how many instants are known: strips that are timed and felt every axle.
    """
    strips_n = position_m.shape[0]
    at = np.empty(axles)
    pace = np.full(axles, speed)
    for i in range(axles):
        at[i] = strip_match.instant(pulse_at, pulse, lead, i, origin, dt_s)
    here_m = position_m[lead]
    forward = 1.0 if speed > 0.0 else -1.0
    full = 0
    visited = np.zeros(strips_n, np.bool_)
    for _ in range(strips_n):
        k = -1
        for candidate in range(strips_n):
            # On the way of the vehicle, and at one place those whose instants count first.
            if not visited[candidate] and (
                k < 0
                or forward * position_m[candidate] < forward * position_m[k] - 1e-9
                or (abs(position_m[candidate] - position_m[k]) <= 1e-9 and timed[candidate] and not timed[k])
            ):
                k = candidate
        visited[k] = True
        reach = limit[strip_match.TOLERANCE_M]
        place_m = position_m[k]
        if slant[k] != 0.0:
            # Where the wheel meets a slanted strip depends on where it rolls; it is expected in the middle of its side.
            middle_m = 0.0
            if side[k] == strip_match.LEFT:
                middle_m = 0.5 * limit[strip_match.HALF_LANE_M]
            elif side[k] == strip_match.RIGHT:
                middle_m = -0.5 * limit[strip_match.HALF_LANE_M]
            place_m += slant[k] * middle_m
            reach += abs(slant[k]) * 0.5 * limit[strip_match.HALF_LANE_M]
        found = 0
        first: Any = queued[k]
        last: Any = np.int64(-1)
        shift = 0.0
        slower = 1.0
        for i in range(axles):
            way_s = (place_m - here_m) / pace[i]
            wanted = at[i] + way_s * slower + shift
            within = reach / abs(pace[i])
            j = strip_match.nearest(pulse_at, pulse, queued, k, origin, dt_s, wanted, within)
            taken[i, k] = j
            if j >= 0:
                if found == 0 and slant[k] != 0.0:
                    shift = strip_match.instant(pulse_at, pulse, k, j, origin, dt_s) - wanted
                    reach = limit[strip_match.TOLERANCE_M]
                elif abs(place_m - here_m) > _NEAR_M and slant[k] == 0.0:
                    # It may brake: each axle is expected to take as much longer as the one before it.
                    slower = (strip_match.instant(pulse_at, pulse, k, j, origin, dt_s) - at[i]) / way_s
                found += 1
                first = min(first, j)
                last = max(last, j)
        if found == 0:
            state[k] = 0
            continue
        state[k] = 1 if found == axles and last - first + 1 == axles else 2
        for i in range(1, axles):
            if state[k] == 1 and taken[i, k] != taken[i - 1, k] + 1:
                state[k] = 2
        if state[k] == 1 and timed[k]:
            full += 1
            apart = place_m - here_m
            for i in range(axles):
                now = strip_match.instant(pulse_at, pulse, k, taken[i, k], origin, dt_s)
                if abs(apart) > _NEAR_M and now > at[i]:
                    pace[i] = apart / (now - at[i])
                at[i] = now
            here_m = place_m
    return full


@kernel("boolean(int64[::1], boolean[::1], int64[::1], int64, float64, float64[:, :, ::1], boolean[::1])")
def trust(state: Any, weighs: Any, side: Any, axles: int, share: float, cell: Any, trusted: Any) -> bool:
    """Which strips weigh the whole vehicle as the others of their side do.

    state, weighs, side  (strips,), as in `weigh`; cell (most, strips, CELLS) float64, whose CELL_LOAD is there
    trusted              (strips,) bool, out: a strip that has not weighed all axles is trusted, too
    Returns whether some side has just two such strips, each further than `share` off their mean.
    """
    disagree = False
    strips_n = state.shape[0]
    load = np.empty(strips_n)
    kept = np.empty(strips_n, np.bool_)
    trusted[:] = True
    for which in range(3):
        n = 0
        for k in range(strips_n):
            if side[k] == which and weighs[k] and state[k] == 1:
                load[n] = 0.0
                for i in range(axles):
                    load[n] += cell[i, k, strip_match.CELL_LOAD]
                n += 1
        if n == 2:
            # Half the difference against half the sum.
            disagree = disagree or abs(load[0] - load[1]) > share * (load[0] + load[1])
        if n > 2:
            strip_fit.robust_mean(load, n, share, kept)
            n = 0
            for k in range(strips_n):
                if side[k] == which and weighs[k] and state[k] == 1:
                    trusted[k] = kept[n]
                    n += 1
    return disagree


@kernel(
    "void(int64[:, ::1], float64[:, :, ::1], int64, int64, float64, float64[::1], float64[::1], float64[::1],"
    " float64[::1], boolean[::1], int64[::1], boolean[::1], int64[:, ::1], int64[::1], int64[::1], float64[::1],"
    " float64[:, ::1], float64[:, :, ::1])"
)
def weigh(  # noqa: PLR0912, PLR0915  (one walk over the axles)
    pulse_at: Any,
    pulse: Any,
    axles: int,
    origin: int,
    dt_s: float,
    limit: Any,
    position_m: Any,
    slant: Any,
    factor: Any,
    timed: Any,
    side: Any,
    weighs: Any,
    taken: Any,
    state: Any,
    whole: Any,
    real: Any,
    axle: Any,
    cell: Any,
) -> None:
    """Speed, spacings, loads and what the sides say of one vehicle whose pulses are matched.

    factor       (strips,) float64   load (kg) = factor x speed (m/s) x area (V s): calibration over width and
                                     temperature, W = C (v / L) x area
    weighs       (strips,) bool      whether the strip's area is a load, or only its instant counts
    taken, state                     as from `follow`
    whole        (WHOLES,) int64, out; real (REALS,) float64, out; axle (most, AXLE_FIELDS), out;
    cell         (most, strips, CELLS), out

    Each strip is weighed by the speed at its own instant. An axle's load is the mean over full strips and over pairs of
    half-lane strips, without strips whose weight of the whole vehicle disagrees with the median (a strip that is wrong
    is wrong for every axle, a truck swings with each on its own), and without single values that disagree by far more.
    Where a side felt some of the axles, what it felt stands and the status says so. Of just two strips that disagree
    nobody can say which is wrong: both count, and the status says so, too. An axle's own acceleration is NaN with fewer
    than three places of strips.
    """
    strips_n = position_m.shape[0]
    at_s = np.zeros((axles, strips_n))
    usable = np.zeros(strips_n, np.bool_)
    used = 0
    for k in range(strips_n):
        usable[k] = timed[k] and state[k] == 1
        used += 1 if usable[k] else 0
        for i in range(axles):
            if taken[i, k] >= 0:
                j = taken[i, k]
                at_s[i, k] = strip_match.instant(pulse_at, pulse, k, j, origin, dt_s)
                cell[i, k, strip_match.CELL_AREA] = pulse[k, j, strips.AREA]
                cell[i, k, strip_match.CELL_AT] = at_s[i, k]
    whole[strip_match.STRIPS_USED] = used
    motion = np.empty(strip_fit.MOTIONS)
    own = np.empty((axles, 3))
    if strip_fit.fit_motion(at_s, usable, position_m, axles, motion, own) != 0:
        whole[strip_match.REASON] = strip_match.TOO_FEW_STRIPS
        return
    speed = motion[strip_fit.SPEED]
    slower = motion[strip_fit.ACCELERATION]
    middle = motion[strip_fit.MIDDLE_S]
    forward = 1.0 if speed > 0.0 else -1.0
    whole[strip_match.TRAVEL] = 1 if speed > 0.0 else -1
    real[strip_match.SPEED] = abs(speed)
    real[strip_match.ACCELERATION] = forward * slower
    real[strip_match.RESIDUAL] = motion[strip_fit.RESIDUAL_M]
    if abs(speed) < limit[strip_match.SLOWEST_MPS] or abs(speed) > limit[strip_match.FASTEST_MPS]:
        whole[strip_match.REASON] = strip_match.SPEED_OUT_OF_RANGE
    elif motion[strip_fit.RESIDUAL_M] > limit[strip_match.RESIDUAL_M]:
        whole[strip_match.REASON] = strip_match.UNSTEADY

    across = 0.0
    crossings = 0
    for i in range(axles):
        axle[i, strip_match.AXLE_SPEED] = abs(own[i, 1])
        axle[i, strip_match.AXLE_ACCELERATION] = forward * own[i, 2]
        if i + 1 < axles:
            axle[i, strip_match.SPACING_M] = forward * (own[i, 0] - own[i + 1, 0])
        for k in range(strips_n):
            if taken[i, k] >= 0:
                u = at_s[i, k] - middle
                pace = abs(speed + slower * u)
                if weighs[k]:
                    cell[i, k, strip_match.CELL_LOAD] = factor[k] * pace * cell[i, k, strip_match.CELL_AREA]
                if slant[k] != 0.0:
                    place = own[i, 0] + speed * u + 0.5 * slower * u * u
                    inward = -1.0 if side[k] == strip_match.LEFT else 1.0
                    if side[k] == strip_match.FULL:
                        inward = 0.0
                    across += (place - position_m[k]) / slant[k] + inward * limit[strip_match.HALF_TRACK_M]
                    crossings += 1
    trusted = np.empty(strips_n, np.bool_)
    if trust(state, weighs, side, axles, limit[strip_match.OUTLIER_SHARE], cell, trusted):
        whole[strip_match.STATUS] |= strip_match.SENSOR_FAULT
    value = np.empty(strips_n)
    kept = np.empty(strips_n, np.bool_)
    left_sum = 0.0
    right_sum = 0.0
    partial = False
    for i in range(axles):
        mean = np.zeros(3)
        count = np.zeros(3, np.int64)
        for which in range(3):
            n = 0
            for k in range(strips_n):
                if weighs[k] and side[k] == which and taken[i, k] >= 0:
                    if trusted[k]:
                        value[n] = cell[i, k, strip_match.CELL_LOAD]
                        n += 1
                    else:
                        whole[strip_match.OUTLIERS] += 1
            if n > 0:
                mean[which] = strip_fit.robust_mean(value, n, limit[strip_match.AXLE_OUTLIER_SHARE], kept)
                for m in range(n):
                    count[which] += 1 if kept[m] else 0
                whole[strip_match.OUTLIERS] += n - count[which]
        left = mean[strip_match.LEFT]
        right = mean[strip_match.RIGHT]
        pairs = min(count[strip_match.LEFT], count[strip_match.RIGHT])
        if count[strip_match.FULL] == 0:
            axle[i, strip_match.LOAD] = left + right
        else:
            together = count[strip_match.FULL] + pairs
            axle[i, strip_match.LOAD] = (
                count[strip_match.FULL] * mean[strip_match.FULL] + pairs * (left + right)
            ) / together
        if left + right > 0.0:
            share = left / (left + right)
            axle[i, strip_match.LEFT_LOAD] = share * axle[i, strip_match.LOAD]
            axle[i, strip_match.RIGHT_LOAD] = (1.0 - share) * axle[i, strip_match.LOAD]
            partial = partial or min(share, 1.0 - share) < limit[strip_match.PARTIAL_SHARE]
            left_sum += left
            right_sum += right
    if crossings > 0:
        real[strip_match.TRANSVERSE_M] = across / crossings
    if left_sum + right_sum > 0.0:
        less = min(left_sum, right_sum) / (left_sum + right_sum)
        if less < limit[strip_match.STRADDLING_SHARE]:
            whole[strip_match.STATUS] |= strip_match.STRADDLING
        elif partial:
            whole[strip_match.STATUS] |= strip_match.PARTIAL_WHEEL


@kernel("int64(int64[:, ::1], float64[:, :, ::1], int64[::1], boolean[::1])")
def leading(pulse_at: Any, pulse: Any, queued: Any, timed: Any) -> int:
    """The strip that felt the oldest waiting pulse, or -1; of slanted ones nothing is asked."""
    lead = -1
    for k in range(timed.shape[0]):
        if timed[k] and queued[k] > 0:
            if lead < 0:
                lead = k
            else:
                apart: Any = pulse_at[k, 0] - pulse_at[lead, 0]
                if apart + pulse[k, 0, strips.CENTROID] - pulse[lead, 0, strips.CENTROID] < 0.0:
                    lead = k
    return lead


@kernel(
    "int64(int64[:, ::1], float64[:, :, ::1], int64[::1], int64, int64, float64, float64, boolean, int64[:, ::1],"
    " int64[::1], float64[::1])"
)
def near_in_time(
    pulse_at: Any,
    pulse: Any,
    queued: Any,
    lead: int,
    origin: int,
    dt_s: float,
    apart_s: float,
    in_loop: bool,
    loop: Any,
    loop_mark: Any,
    last_s: Any,
) -> Any:
    """How many pulses of the leading strip follow each other within apart_s, and in one interval of the loop.

    in_loop  the leading strip lies in the loop, so that an axle is felt while its own vehicle occupies it; elsewhere
             the loop tells nothing before the speed is known (see axles_together)
    last_s   (1,) float64, out: instant of the last of them, s after sample `origin`
    """
    count = 1
    last_s[0] = strip_match.instant(pulse_at, pulse, lead, 0, origin, dt_s)
    before_in = strip_match.loop_number(loop, loop_mark, origin, last_s[0] / dt_s)
    while count < queued[lead]:
        at = strip_match.instant(pulse_at, pulse, lead, count, origin, dt_s)
        at_in = strip_match.loop_number(loop, loop_mark, origin, at / dt_s)
        if at - last_s[0] > apart_s or (in_loop and before_in >= 0 and at_in != before_in):
            return count
        last_s[0] = at
        before_in = at_in
        count += 1
    return count


@kernel("void(int64[::1], float64[::1], float64[:, ::1], float64[:, :, ::1])")
def clear(whole: Any, real: Any, axle: Any, cell: Any) -> None:
    """An empty vehicle: zeros, and NaN where zero would say something."""
    whole[:] = 0
    real[:] = np.nan
    axle[:] = 0.0
    cell[:] = np.nan


@kernel("void(int64[:, ::1], int64[::1], int64[::1], int64, int64, int64, int64[::1])")
def judge(mark: Any, state: Any, side: Any, axles: int, most: int, origin: int, whole: Any) -> None:
    """Whether a vehicle that is weighed counts, and what is to be said of it; REASON and STATUS of `whole`.

    A strip over the whole lane that felt another number of axles refuses it, so do both halves; one half alone that
    felt some of the axles had wheels beside it. A strip that felt nothing at all is broken, and the others go on.
    """
    missed = np.zeros(3, np.int64)
    stood = False
    for k in range(state.shape[0]):
        stood = stood or mark[k, strips.STUCK_AT] > origin
        if state[k] == 2:
            missed[side[k]] += 1
        elif state[k] == 0 and side[k] == strip_match.FULL:
            whole[strip_match.STATUS] |= strip_match.SENSOR_FAULT
    reason = whole[strip_match.REASON]
    if missed[strip_match.FULL] > 0 or (missed[strip_match.LEFT] > 0 and missed[strip_match.RIGHT] > 0):
        reason = strip_match.COUNTS_DIFFER
    elif missed[strip_match.LEFT] + missed[strip_match.RIGHT] > 0:
        whole[strip_match.STATUS] |= strip_match.PARTIAL_WHEEL
    if reason == strip_match.ACCEPTED and axles == 1:
        reason = strip_match.SINGLE_AXLE
    if reason == strip_match.ACCEPTED and axles >= most:
        reason = strip_match.TOO_MANY
    if stood:
        whole[strip_match.STATUS] |= strip_match.STOPPED
        if reason != strip_match.ACCEPTED:
            reason = strip_match.STOOD
    whole[strip_match.REASON] = reason


@kernel(
    "void(int64[:, ::1], float64[:, :, ::1], int64[::1], int64, int64, int64, float64, int64[:, ::1], int64[::1],"
    " float64[:, :, ::1])"
)
def refuse_alone(
    pulse_at: Any,
    pulse: Any,
    queued: Any,
    lead: int,
    alone: int,
    origin: int,
    dt_s: float,
    mark: Any,
    whole: Any,
    cell: Any,
) -> None:
    """What lies together on one strip and on no other goes as one refusal."""
    whole[strip_match.AXLES] = alone
    whole[strip_match.REASON] = strip_match.UNMATCHED
    for k in range(queued.shape[0]):
        if mark[k, strips.STUCK_AT] > origin:
            whole[strip_match.REASON] = strip_match.STOOD
            whole[strip_match.STATUS] |= strip_match.STOPPED
    for i in range(alone):
        cell[i, lead, strip_match.CELL_AREA] = pulse[lead, i, strips.AREA]
        cell[i, lead, strip_match.CELL_AT] = strip_match.instant(pulse_at, pulse, lead, i, origin, dt_s)
    strip_match.remove(pulse_at, pulse, queued, lead, 0, alone - 1)


@kernel("boolean(int64[::1], int64[::1])")
def whole_on_all(state: Any, side: Any) -> bool:
    """Whether every strip felt every axle; half-lane strips may have felt none."""
    for k in range(state.shape[0]):  # noqa: SIM110  (the compiler knows no all())
        if state[k] == 2 or (state[k] == 0 and side[k] == strip_match.FULL):
            return False
    return True


@kernel("void(int64[:, ::1], float64[:, :, ::1], int64[::1], int64[:, ::1])")
def take_out(pulse_at: Any, pulse: Any, queued: Any, taken: Any) -> None:
    """Remove a vehicle's pulses, and what lies between them, from the queues."""
    for k in range(queued.shape[0]):
        low: Any = np.int64(-1)
        high: Any = np.int64(-1)
        for i in range(taken.shape[0]):
            if taken[i, k] >= 0:
                low = taken[i, k] if low < 0 else min(low, taken[i, k])
                high = max(high, taken[i, k])
        if low >= 0:
            strip_match.remove(pulse_at, pulse, queued, k, low, high)


@kernel(
    "int64(int64, int64[:, ::1], float64[:, :, ::1], int64[::1], int64[:, ::1], float64, float64[::1], float64[::1],"
    " float64[::1], float64[::1], boolean[::1], int64[::1], boolean[::1], int64[:, ::1], int64[::1], boolean,"
    " int64[:, ::1], float64[:, ::1], float64[:, :, ::1], float64[:, :, :, ::1], int64)"
)
def assemble(
    now: int,
    pulse_at: Any,
    pulse: Any,
    queued: Any,
    mark: Any,
    dt_s: float,
    limit: Any,
    position_m: Any,
    slant: Any,
    factor: Any,
    timed: Any,
    side: Any,
    weighs: Any,
    loop: Any,
    loop_mark: Any,
    ended: bool,
    whole: Any,
    real: Any,
    axle: Any,
    cell: Any,
    rows: int,
) -> int:
    """Make every vehicle that is complete at sample `now`; returns how many rows are filled then.

    rows   rows of `whole`, `real`, `axle` and `cell` that are filled already; it stops when they are full
    ended  nothing follows: do not wait

    Complete means: so much time since its last pulse on the leading strip that at half the speed which the length of
    its pulses tells, no further axle can belong to it, and it has passed every strip. While the loop is occupied it is
    not complete, and PATIENCE times longer while some strip has not felt all of it.
    """
    most = axle.shape[1]
    span = position_m.max() - position_m.min()
    speed = np.zeros(1)
    last_s = np.zeros(1)
    while rows < whole.shape[0]:
        lead = leading(pulse_at, pulse, queued, timed)
        if lead < 0:
            if ended:
                queued[:] = 0  # a slanted strip alone makes no vehicle
            return rows
        origin = pulse_at[lead, 0]
        rough = limit[strip_match.FOOTPRINT_M] / pulse[lead, 0, strips.EXTENT_S]
        rough = min(max(rough, limit[strip_match.SLOWEST_MPS]), limit[strip_match.FASTEST_MPS])
        apart_s = limit[strip_match.LONGEST_SPACING_M] / (0.5 * rough)
        in_loop = abs(limit[strip_match.LOOP_AT_M] - position_m[lead]) <= limit[strip_match.LOOP_HALF_M]
        count = near_in_time(pulse_at, pulse, queued, lead, origin, dt_s, apart_s, in_loop, loop, loop_mark, last_s)
        patient = not ended and count < most
        if patient:
            wait_s = span / (0.5 * rough)
            if count == queued[lead]:
                wait_s = max(wait_s, apart_s)
                occupied_s = (now - loop_mark[strip_match.SINCE]) * dt_s
                if loop_mark[strip_match.OCCUPIED] and occupied_s < limit[strip_match.LOOP_LONGEST_S]:
                    return rows
            waited_s = (now - origin) * dt_s - last_s[0]
            if waited_s < wait_s + _SETTLED_S:
                return rows
            patient = waited_s < PATIENCE * (wait_s + _SETTLED_S)

        clear(whole[rows], real[rows], axle[rows], cell[rows])
        whole[rows, strip_match.AT] = origin
        real[rows, strip_match.AT_PART] = pulse[lead, 0, strips.CENTROID]
        axles = strip_match.find_speed(
            pulse_at, pulse, queued, lead, count, origin, most, dt_s, rough, limit, position_m, timed, loop, loop_mark,
            speed,
        )  # fmt: skip
        if axles == 0:
            if patient:
                return rows
            alone = strip_match.axles_together(
                pulse_at, pulse, lead, count, origin, most, dt_s, rough, limit, position_m, loop, loop_mark
            )
            refuse_alone(pulse_at, pulse, queued, lead, alone, origin, dt_s, mark, whole[rows], cell[rows])
            rows += 1
            continue
        taken = np.full((axles, timed.shape[0]), -1, np.int64)
        state = np.zeros(timed.shape[0], np.int64)
        follow(
            pulse_at, pulse, queued, lead, axles, origin, dt_s, speed[0], limit, position_m, slant, timed, side, taken,
            state,
        )  # fmt: skip
        if patient and not whole_on_all(state, side):
            return rows
        whole[rows, strip_match.AXLES] = axles
        weigh(
            pulse_at, pulse, axles, origin, dt_s, limit, position_m, slant, factor, timed, side, weighs, taken, state,
            whole[rows], real[rows], axle[rows], cell[rows],
        )  # fmt: skip
        judge(mark, state, side, axles, most, origin, whole[rows])
        over_s = strip_match.instant(pulse_at, pulse, lead, 0, origin, dt_s)
        over_s += (limit[strip_match.LOOP_AT_M] - position_m[lead]) / speed[0]
        n = strip_match.loop_number(loop, loop_mark, origin, over_s / dt_s)
        if n >= 0:
            real[rows, strip_match.LOOP_S] = (loop[n, 1] - loop[n, 0]) * dt_s
        take_out(pulse_at, pulse, queued, taken)
        rows += 1
    return rows


@kernel("void(int64[:, ::1], int64[::1], int64)")
def end_loop(loop: Any, loop_mark: Any, now: int) -> None:
    """Keep the interval that ends before sample `now`; the oldest gives way."""
    n = loop_mark[strip_match.KEPT]
    if n == loop.shape[0]:
        for i in range(1, n):
            loop[i - 1, 0] = loop[i, 0]
            loop[i - 1, 1] = loop[i, 1]
        n -= 1
    loop[n, 0] = loop_mark[strip_match.SINCE]
    loop[n, 1] = now
    loop_mark[strip_match.KEPT] = n + 1


@kernel(
    "int64(Array(float64, 2, 'C', readonly=True), Array(uint8, 1, 'C', readonly=True), int64[::1], float64[:, ::1],"
    " float64[:, ::1], int64[:, ::1], float64[:, ::1], int64[::1], float64[::1], int64[:, ::1], float64[:, :, ::1],"
    " int64[::1], int64[::1], float64[::1], float64[::1], float64[::1], float64[::1], boolean[::1], int64[::1],"
    " boolean[::1], int64[:, ::1], int64[::1], int64[:, ::1], float64[:, ::1], float64[:, :, ::1],"
    " float64[:, :, :, ::1], int64[::1])"
)
def advance(
    samples: Any,
    occupied: Any,
    clock: Any,
    ring: Any,
    level: Any,
    mark: Any,
    threshold: Any,
    knob: Any,
    gain: Any,
    pulse_at: Any,
    pulse: Any,
    queued: Any,
    tally: Any,
    limit: Any,
    position_m: Any,
    slant: Any,
    factor: Any,
    timed: Any,
    side: Any,
    weighs: Any,
    loop: Any,
    loop_mark: Any,
    whole: Any,
    real: Any,
    axle: Any,
    cell: Any,
    filled: Any,
) -> int:
    """Take samples until they are used up or the rows are full; returns how many were taken.

    samples    (strips, n) float64, V
    occupied   (n,) uint8        the loop, or of length 0 where there is none
    clock      (1,) int64, in and out: absolute index of the next sample
    threshold  (strips, 2) float64, V above the baseline: a pulse begins, ends
    filled     (1,) int64, out: rows filled
    the rest   as in `track` and `assemble`

    Vehicles are looked for at every sample index that HOP divides, wherever the caller cuts the signal.
    """
    rows = 0
    done = 0
    strips_n, total = samples.shape
    hop = knob[strips.HOP]
    while True:
        now = clock[0]
        if now % hop == 0:
            rows = assemble(
                now, pulse_at, pulse, queued, mark, gain[strips.DT_S], limit, position_m, slant, factor, timed, side,
                weighs, loop, loop_mark, False, whole, real, axle, cell, rows,
            )  # fmt: skip
            if rows == whole.shape[0]:
                break
        if done == total:
            break
        step: Any = min(hop - now % hop, total - done)
        for k in range(strips_n):
            strips.track(
                samples[k, done : done + step], now, ring[k], level[k], mark[k], threshold[k, 0], threshold[k, 1],
                knob, gain, pulse_at[k], pulse[k], queued, k, tally,
            )  # fmt: skip
        if occupied.shape[0] > 0:
            for j in range(done, done + step):
                here = occupied[j] != 0
                if here and not loop_mark[strip_match.OCCUPIED]:
                    loop_mark[strip_match.OCCUPIED] = 1
                    loop_mark[strip_match.SINCE] = now + j - done
                elif not here and loop_mark[strip_match.OCCUPIED]:
                    loop_mark[strip_match.OCCUPIED] = 0
                    end_loop(loop, loop_mark, now + j - done)
        done += step
        clock[0] = now + step
    filled[0] = rows
    return done
