"""A vehicle and the stream of them once more: from waiting pulses to figures, with numpy's solver and lists."""

from __future__ import annotations

import math
import statistics

import numpy as np

from strips import match_twin, strip_twin
from strips.match_twin import FULL, LEFT, RIGHT

ACCEPTED, UNMATCHED, COUNTS_DIFFER, TOO_FEW_STRIPS, SINGLE_AXLE, SPEED_OUT_OF_RANGE, UNSTEADY, STOOD, TOO_MANY = range(
    9
)
STRADDLING, PARTIAL_WHEEL, STOPPED, SENSOR_FAULT = 2, 4, 8, 32
PATIENCE, SETTLED_S = 4.0, 0.1


def weighed(strips, taken, state, axles, origin, dt_s, bounds):
    """Everything that is told of one vehicle whose pulses are matched; `taken` is a list for each strip."""
    used = [k for k, strip in enumerate(strips) if strip.timed and state[k] == 1]
    at_s = np.full((axles, len(strips)), np.nan)
    for k, strip in enumerate(strips):
        times = strip.times(origin, dt_s)
        at_s[:, k] = [times[n] if n >= 0 else np.nan for n in taken[k]]
    told = {"strips_used": len(used), "at_s": at_s, "reason": ACCEPTED, "status": 0}
    position = np.array([strip.position_m for strip in strips])
    if len(used) < 2 or np.ptp(at_s[0, used]) == 0 or np.ptp(position[used]) == 0:
        return told | {"reason": TOO_FEW_STRIPS}
    v, a, places, left_over = strip_twin.motion(at_s, np.isin(range(len(strips)), used), position)
    if axles == 1 and len(set(position[used])) < 3:
        # Two places tell a speed and no acceleration.
        a = 0.0
        from_middle = at_s[0, used] - at_s[0, used].mean()
        v, place = np.polyfit(from_middle, position[used], 1)
        left_over = float(np.sqrt(np.mean((v * from_middle + place - position[used]) ** 2)))
        places = np.array([place])
    way = math.copysign(1, v)
    if not bounds.slowest_mps <= abs(v) <= bounds.fastest_mps:
        told["reason"] = SPEED_OUT_OF_RANGE
    elif left_over > bounds.residual_m:
        told["reason"] = UNSTEADY
    u = at_s - at_s[:, used].mean()
    loads = np.array([s.factor if s.weighs else np.nan for s in strips]) * abs(v + a * u)
    for k, strip in enumerate(strips):
        loads[:, k] *= [strip.queue[n].area if n >= 0 else np.nan for n in taken[k]]
    crossed = [
        (places[i] + v * u[i, k] + a * u[i, k] ** 2 / 2 - strip.position_m) / strip.slant
        + {FULL: 0, LEFT: -1, RIGHT: 1}[strip.side] * bounds.half_track_m
        for k, strip in enumerate(strips)
        for i in range(axles)
        if strip.slant and taken[k][i] >= 0
    ]
    counted = loads.copy()
    for side in (FULL, LEFT, RIGHT):
        here = [k for k, strip in enumerate(strips) if (strip.side, strip.weighs, state[k]) == (side, True, 1)]
        sums = loads[:, here].sum(axis=0)
        if len(here) == 2 and max(sums) - sums.mean() > bounds.outlier_share * sums.mean():
            told["status"] |= SENSOR_FAULT
        if len(here) > 2:
            _, kept = strip_twin.robust_mean(sums.tolist(), bounds.outlier_share)
            counted[:, [k for k, keep in zip(here, kept, strict=True) if not keep]] = np.nan
    left_out = int(np.isnan(counted).sum() - np.isnan(loads).sum())
    of_axles = [_axle(counted[i], strips, bounds) for i in range(axles)]
    sums = [sum(one[side] for one in of_axles) for side in (LEFT, RIGHT)]
    if sum(sums) > 0:
        lesser = [min(one[LEFT], one[RIGHT]) / (one[LEFT] + one[RIGHT]) for one in of_axles if one[LEFT] + one[RIGHT]]
        if min(sums) / sum(sums) < bounds.straddling_share:
            told["status"] |= STRADDLING
        elif min(lesser) < bounds.partial_share:
            told["status"] |= PARTIAL_WHEEL
    return told | {
        "travel": int(way),
        "speed": abs(v),
        "acceleration": way * a,
        "residual": left_over,
        "spacing": list(-way * np.diff(places)),
        "transverse": statistics.fmean(crossed) if crossed else math.nan,
        "loads": loads,
        "axle": [one["load"] for one in of_axles],
        "outliers": left_out + sum(one["outliers"] for one in of_axles),
    }


def _axle(loads, strips, bounds):
    """Mean of each side, and the load: of full strips and of pairs of halves, each such measurement alike."""
    found, counts, out = {}, {}, 0
    for side in (FULL, LEFT, RIGHT):
        values = [load for load, strip in zip(loads, strips, strict=True) if strip.side == side and load == load]
        found[side], kept = strip_twin.robust_mean(values, bounds.axle_outlier_share) if values else (0.0, [])
        counts[side], out = sum(kept), out + kept.count(False)
    both = found[LEFT] + found[RIGHT]
    each = [found[FULL]] * counts[FULL] + [both] * min(counts[LEFT], counts[RIGHT])
    return found | {"outliers": out, "load": statistics.fmean(each) if counts[FULL] else both}


def judged(told, strips, state, axles, most, origin):
    """Reason and status of a vehicle that is weighed."""
    partly = {strip.side for strip, one in zip(strips, state, strict=True) if one == 2}
    silent = {strip.side for strip, one in zip(strips, state, strict=True) if one == 0}
    stood = any(strip.stuck_at > origin for strip in strips)
    status = told["status"] | (SENSOR_FAULT if FULL in silent else 0) | (STOPPED if stood else 0)
    differ = FULL in partly or partly == {LEFT, RIGHT}
    if partly and not differ:
        status |= PARTIAL_WHEEL
    reasons = [
        COUNTS_DIFFER if differ else ACCEPTED,
        told["reason"],
        SINGLE_AXLE if axles == 1 else ACCEPTED,
        TOO_MANY if axles >= most else ACCEPTED,
    ]
    reason = next((one for one in reasons if one != ACCEPTED), ACCEPTED)
    return {"reason": STOOD if stood and reason != ACCEPTED else reason, "status": status}


def assembled(strips, now, dt_s, bounds, loop, since, most, ended):
    """Every vehicle that is complete at sample `now`; takes their pulses out of the queues.

    loop, since  intervals that are over; the beginning of the one that goes on, or None
    """
    found = []
    while (one := _next(strips, now, dt_s, bounds, loop, since, most, ended)) is not None:
        found.append(one)
    if ended:
        for strip in strips:
            strip.queue = []
    return found


def _next(strips, now, dt_s, bounds, loop, since, most, ended):
    waiting = [k for k, strip in enumerate(strips) if strip.timed and strip.queue]
    if not waiting:
        return None
    lead = min(waiting, key=lambda k: strips[k].queue[0].at + strips[k].queue[0].centroid)
    first = strips[lead]
    origin = first.queue[0].at
    times = first.times(origin, dt_s)
    rough = min(max(bounds.footprint_m / first.queue[0].extent_s, bounds.slowest_mps), bounds.fastest_mps)
    apart_s = bounds.longest_spacing_m / (rough / 2)
    held = [match_twin.interval(loop, origin, at / dt_s) for at in times]
    in_loop = abs(bounds.loop_at_m - first.position_m) <= bounds.loop_half_m

    def parted(i):
        return times[i] - times[i - 1] > apart_s or (in_loop and held[i - 1] >= 0 and held[i] != held[i - 1])

    count = next((i for i in range(1, len(times)) if parted(i)), len(times))
    waits = not ended and count < most
    places = [strip.position_m for strip in strips]
    wait_s = (max(places) - min(places)) / (rough / 2)
    if waits and count == len(times):
        wait_s = max(wait_s, apart_s)
        if since is not None and (now - since) * dt_s < bounds.loop_longest_s:
            return None
    waited_s = (now - origin) * dt_s - times[count - 1]
    if waits and waited_s < wait_s + SETTLED_S:
        return None
    patient = waits and waited_s < PATIENCE * (wait_s + SETTLED_S)
    axles, speed = match_twin.find_speed(strips, lead, count, origin, most, dt_s, rough, bounds, loop)
    told = {"at": origin, "part": first.queue[0].centroid}
    if not axles:
        if patient:
            return None
        alone = match_twin.together(times[: min(count, most)], origin, dt_s, rough, bounds, first.position_m, loop)
        first.queue = first.queue[alone:]
        stood = any(strip.stuck_at > origin for strip in strips)
        return told | {"axles": alone, "reason": STOOD if stood else UNMATCHED, "status": STOPPED if stood else 0}
    taken, state = match_twin.follow(strips, lead, axles, origin, dt_s, speed, bounds)
    whole = all(one == 1 or (one == 0 and strip.side != FULL) for one, strip in zip(state, strips, strict=True))
    if patient and not whole:
        return None
    told |= {"axles": axles} | weighed(strips, taken, state, axles, origin, dt_s, bounds)
    told |= judged(told, strips, state, axles, most, origin)
    over = match_twin.interval(loop, origin, (times[0] + (bounds.loop_at_m - first.position_m) / speed) / dt_s)
    told["loop_s"] = (loop[over][1] - loop[over][0]) * dt_s if over >= 0 else math.nan
    for k, strip in enumerate(strips):
        if any(n >= 0 for n in taken[k]):
            known = [n for n in taken[k] if n >= 0]
            strip.queue = match_twin.removed(strip.queue, min(known), max(known))
    return told
