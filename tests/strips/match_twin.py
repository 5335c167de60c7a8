"""How pulses become vehicles once more, in the plainest way: lists of pulses, sorting, and no state but the queues."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

FULL, LEFT, RIGHT = range(3)
NEAR_M = 0.3
FAR = 3.0


@dataclass(frozen=True, slots=True)
class Felt:
    """One pulse: sample of its beginning, centroid behind it in samples."""

    at: int
    centroid: float
    area: float = 1.0
    extent_s: float = 0.01

    def after(self, origin: int, dt_s: float) -> float:
        return ((self.at - origin) + self.centroid) * dt_s


@dataclass(slots=True)
class Laid:
    """One strip in the road with the pulses that wait on it, oldest first."""

    position_m: float
    side: int = FULL
    slant: float = 0.0
    weighs: bool = True
    factor: float = 100.0
    stuck_at: int = -1
    queue: list[Felt] = field(default_factory=list)

    @property
    def timed(self) -> bool:
        return self.slant == 0.0

    def times(self, origin: int, dt_s: float) -> list[float]:
        return [felt.after(origin, dt_s) for felt in self.queue]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Names as those of the kernel's limits, in small letters."""

    slowest_mps: float = 0.5
    fastest_mps: float = 60.0
    longest_spacing_m: float = 14.0
    footprint_m: float = 0.16
    tolerance_m: float = 0.45
    residual_m: float = 0.15
    outlier_share: float = 0.15
    axle_outlier_share: float = 0.35
    loop_at_m: float = 0.0
    half_lane_m: float = 1.875
    half_track_m: float = 1.025
    straddling_share: float = 0.1
    partial_share: float = 0.36
    loop_longest_s: float = 60.0
    loop_half_m: float = 0.0


def nearest(times, wanted_s, within_s):
    """Number of the instant nearest to the wanted one, of equals the later; -1 where none lies within."""
    ranked = sorted((abs(at - wanted_s), -number) for number, at in enumerate(times))
    return -ranked[0][1] if ranked and ranked[0][0] <= within_s else -1


def interval(loop, origin, at_samples):
    """Number of the interval (from, to) that holds an instant, -1 where none does."""
    return max((n for n, (a, b) in enumerate(loop) if a - origin <= at_samples < b - origin), default=-1)


def together(times, origin, dt_s, speed, bounds, position_m, loop):
    """How many of these instants, the first of them included, are one vehicle's axles."""
    shift = (bounds.loop_at_m - position_m) / speed
    pairs = [(at, interval(loop, origin, (at + shift) / dt_s)) for at in times]

    def parted(one, other):
        if one[1] >= 0 and other[1] >= 0:
            return one[1] != other[1]
        return (other[0] - one[0]) * abs(speed) > bounds.longest_spacing_m

    return next((i for i in range(1, len(pairs)) if parted(pairs[i - 1], pairs[i])), len(pairs))


def score(times, others, lag_s, within_s):
    """One for each axle that is met on the other strip a lag later, two less for one that is not.

    The lag is that of the axle that was met last.
    """
    if not times:
        return 0
    met = nearest(others, times[0] + lag_s, within_s)
    lag_s = others[met] - times[0] if met >= 0 else lag_s
    return (1 if met >= 0 else -2) + score(times[1:], others, lag_s, within_s)


def find_speed(strips, lead, count, origin, most, dt_s, rough_mps, bounds, loop):
    """(axles, speed) of the speed that explains most; (0, None) where none explains any."""
    here_m = strips[lead].position_m
    times = strips[lead].times(origin, dt_s)
    low = max(bounds.slowest_mps, 0.25 * rough_mps)
    high = min(bounds.fastest_mps, 4.0 * rough_mps)
    ways = sorted({abs(strip.position_m - here_m) for strip in strips if strip.timed and strip.queue})
    best = None
    for way_m in (way_m for way_m in ways if way_m > NEAR_M):
        others = [s for s in strips if s.timed and abs(s.position_m - here_m) == way_m]
        for strip in others:
            there = strip.times(origin, dt_s)
            for at in there:
                lag_s = at - times[0]
                if lag_s <= 0 or not low <= way_m / lag_s <= high:
                    continue
                speed = (strip.position_m - here_m) / lag_s
                axles = together(times[: min(count, most)], origin, dt_s, speed, bounds, here_m, loop)
                points = score(times[:axles], there, lag_s, bounds.tolerance_m / abs(speed))
                off = abs(math.log(abs(speed) / rough_mps))
                whole = points == axles
                rank = (whole, points - FAR * off if whole else points, 0 if whole else -off)
                if points >= 0 and (best is None or rank > best[0]):
                    best = (rank, axles, speed)
        if best and best[0][0]:
            break
    return best[1:] if best else (0, None)


def removed(queue, first, last):
    """What is left of a queue without the numbers first to last."""
    return [felt for number, felt in enumerate(queue) if not first <= number <= last]


def follow(strips, lead, axles, origin, dt_s, speed, bounds):
    """Numbers of the axles' pulses (or -1), a list for each strip, and the state of each strip."""
    taken = [[-1] * axles for _ in strips]
    state = [0] * len(strips)
    at = strips[lead].times(origin, dt_s)[:axles]
    pace = [speed] * axles
    here_m = strips[lead].position_m
    way = math.copysign(1.0, speed)
    order = sorted(range(len(strips)), key=lambda k: (way * strips[k].position_m, not strips[k].timed, k))
    for k in order:
        strip = strips[k]
        times = strip.times(origin, dt_s)
        # A slanted strip is met in the middle of its side, half the half lane to and fro.
        quarter_m = 0.5 * bounds.half_lane_m
        place_m = strip.position_m + strip.slant * {FULL: 0.0, LEFT: quarter_m, RIGHT: -quarter_m}[strip.side]
        reach_m = bounds.tolerance_m + abs(strip.slant) * quarter_m
        shift, slower = 0.0, 1.0
        for i in range(axles):
            way_s = (place_m - here_m) / pace[i]
            wanted = at[i] + way_s * slower + shift
            met = taken[k][i] = nearest(times, wanted, reach_m / abs(pace[i]))
            if met < 0:
                continue
            if strip.slant:
                if all(number < 0 for number in taken[k][:i]):
                    shift, reach_m = times[met] - wanted, bounds.tolerance_m
            elif abs(place_m - here_m) > NEAR_M:
                slower = (times[met] - at[i]) / way_s
        if set(taken[k]) != {-1}:
            state[k] = 1 if taken[k] == list(range(taken[k][0], taken[k][0] + axles)) and taken[k][0] >= 0 else 2
        if state[k] == 1 and strip.timed:
            now = [times[number] for number in taken[k]]
            if abs(place_m - here_m) > NEAR_M:
                pace = [(place_m - here_m) / (n - a) if n > a else p for n, a, p in zip(now, at, pace, strict=True)]
            at, here_m = now, place_m
    return taken, state
