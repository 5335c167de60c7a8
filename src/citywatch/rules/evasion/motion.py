"""How a vehicle crosses: brakes, rushes, creeps, stands, against its lane. What traffic explains is no sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import ScaleStatus
from citywatch.rules.evasion.limits import EvasionPolicy
from citywatch.rules.evasion.memory import Lane, Passed
from citywatch.rules.evasion.record import NO_ACCELERATION, Record, is_other_way

Measurements = dict[str, Any]

BRAKES = "brakes"

_BEHIND_NS = 3 * NS_PER_S
"""Who is closer behind than this brakes for the one ahead."""
_LOOP_MM = 2_000
_LONGER = 3
_SLOWER_MMPS = 1_000
_BRAKES_TOO_MMPS2 = -800
_RUSH_SLOW_BELOW_MMPS = 14_000


def is_queue(record: Record, lanes: Sequence[Lane], policy: EvasionPolicy) -> bool:
    """Whether the traffic ahead stood or crept, in this lane or those beside it."""
    within_ns = policy.queue_seconds * NS_PER_S
    return any(
        0 <= ahead["speed_mmps"] < policy.queue_mmps
        for lane in lanes
        for ahead in lane["ahead"]
        if ahead["at_ns"] <= record["at_ns"] <= ahead["leaves_ns"] + within_ns
    )


def speed_change(record: Record, lane: Lane, *, queue: bool, policy: EvasionPolicy) -> Measurements | None:
    """Brakes or rushes over the strip, or is faster than it weighs, and nothing ahead is a reason."""
    speed, acceleration = record["speed_mmps"], record["acceleration_mmps2"]
    if queue or record["gross_kg"] < policy.least_gross_kg:
        return None
    before = _just_ahead(record, lane, policy)
    signs = []
    if acceleration != NO_ACCELERATION:
        rush = policy.rush_slow_mmps2 if speed < _RUSH_SLOW_BELOW_MMPS else policy.rush_mmps2
        if acceleration <= -policy.brake_mmps2 and not _brakes_for(record, before):
            signs.append(BRAKES)
        if acceleration >= rush:
            signs.append("rushes")
    if record["status"] & ScaleStatus.OVERRUN and speed >= policy.overrun_mmps:
        signs.append("overrun")
    if not signs:
        return None
    told = None if acceleration == NO_ACCELERATION else acceleration / 1000
    return {"signs": signs, "acceleration_mps2": told, "speed_mmps": speed, "ahead_mmps": _speed(before)}


def is_hard(found: Measurements, policy: EvasionPolicy) -> bool:
    """Whether somebody brakes harder than anybody does at the end of a queue."""
    return bool(1000 * found["acceleration_mps2"] <= -policy.hard_mmps2)


def explains_braking(braked: Record, behind: Record, policy: EvasionPolicy) -> bool | None:
    """Whether the next one in the lane shows a queue (slower still, or braking); None: too close behind to tell."""
    apart_ns = behind["at_ns"] - braked["at_ns"]
    if apart_ns > policy.behind_seconds * NS_PER_S:
        return False
    if apart_ns < _BEHIND_NS:
        return None
    slower = 0 <= behind["speed_mmps"] <= braked["speed_mmps"] - _SLOWER_MMPS
    return slower or NO_ACCELERATION < behind["acceleration_mmps2"] <= _BRAKES_TOO_MMPS2


def stop_and_go(record: Record, lane: Lane, *, queue: bool, policy: EvasionPolicy) -> Measurements | None:
    """Slower than a walk, or standing on the strip, while nobody ahead was slow."""
    if queue or record["gross_kg"] < policy.least_gross_kg:
        return None
    speed = record["speed_mmps"]
    signs = ["slow"] * (0 <= speed < policy.crawl_mmps)
    signs += ["flag"] * bool(record["status"] & ScaleStatus.STOPPED)
    signs += ["occupancy"] * (record["occupancy_ms"] >= policy.stand_ms and stood(record))
    if not signs:
        return None
    ahead_mmps = _speed(lane["ahead"][-1] if lane["ahead"] else None)
    return {"signs": signs, "speed_mmps": speed, "occupancy_ms": record["occupancy_ms"], "ahead_mmps": ahead_mmps}


def stood(record: Record) -> bool:
    """Whether the loop was covered for much longer than length and speed explain."""
    length, speed = record["length_mm"] or sum(record["spacing_mm"]) + _LOOP_MM, record["speed_mmps"]
    return speed > 0 and record["occupancy_ms"] * speed > _LONGER * 1000 * (length + _LOOP_MM)


def wrong_way(record: Record, around: Sequence[Passed], policy: EvasionPolicy) -> Measurements | None:
    """Against its lane, and not overtaking somebody who keeps to his own."""
    if record["travel"] >= 0:
        return None
    within_ns = policy.overtaking_seconds * NS_PER_S
    for other in around:
        if other["travel"] < 0 or not is_other_way(record["device"], other["device"]):
            continue
        if abs(other["at_ns"] - record["at_ns"]) <= within_ns and (
            0 <= other["speed_mmps"] <= record["speed_mmps"] - _SLOWER_MMPS
        ):
            return None
    return {"signs": ["direction"], "travel": record["travel"], "speed_mmps": record["speed_mmps"]}


def _just_ahead(record: Record, lane: Lane, policy: EvasionPolicy) -> Passed | None:
    before = lane["ahead"][-1] if lane["ahead"] else None
    if before is None or not 0 <= record["at_ns"] - before["at_ns"] <= policy.follow_seconds * NS_PER_S:
        return None
    return before


def _brakes_for(record: Record, before: Passed | None) -> bool:
    """Whether whoever is ahead is slower, or brakes as well."""
    if before is None:
        return False
    slower = 0 <= before["speed_mmps"] < record["speed_mmps"] - _SLOWER_MMPS
    return slower or NO_ACCELERATION < before["acceleration_mmps2"] <= _BRAKES_TOO_MMPS2


def _speed(passed: Passed | None) -> int | None:
    return None if passed is None or passed["speed_mmps"] < 0 else passed["speed_mmps"]
