"""Axles that do not fit one vehicle: two of them nose to tail, or one that went back over the strip."""

from __future__ import annotations

from typing import Any

from citywatch.domain.instants import NS_PER_S
from citywatch.rules.evasion.limits import EvasionPolicy
from citywatch.rules.evasion.memory import Lane
from citywatch.rules.evasion.motion import stood
from citywatch.rules.evasion.record import Record, is_to_the_second, wheelbase_mm

Measurements = dict[str, Any]

_OVERLAP_MM = 1_500
"""What length and instant may be off together; who overlaps by more was not behind."""
_BETWEEN_MM = (2_200, 14_000)
"""Between the last axle of one and the first of the next: two overhangs and a gap."""
_STEERING_MM = 2_500
"""A steering axle stands alone: the next one is further away (but for twin-steered lorries, 1.7 to 2.1 m)."""
_TWIN_STEERED_MM = (1_600, 2_200)
_MODULE_MM = (1_000, 1_800)
_MODULE_AXLES = 4
"""So many close axles in a row are a heavy transport's trailer."""


def nose_to_tail(record: Record, lane: Lane, policy: EvasionPolicy) -> Measurements | None:
    """Two vehicles in one record, or bumper on bumper behind the one ahead at a speed that no queue has."""
    if record["gross_kg"] < policy.least_gross_kg:
        return None
    return _two_in_one(record, policy) or _bumper_on_bumper(record, lane, policy)


def _two_in_one(record: Record, policy: EvasionPolicy) -> Measurements | None:
    total, camera, axles = wheelbase_mm(record), record["camera_axles"], record["axles"]
    splits = [i + 1 for i in range(1, len(record["spacing_mm"]) - 1) if _may_split(record, i)]
    if not splits or stood(record):
        return None
    signs = []
    if total > policy.longest_wheelbase_mm and not _is_modular(record):
        signs.append("too_long")
    seen = [split for split in splits if camera in (split, axles - split)]
    if camera > 0 and seen and axles - camera >= 2 and record["speed_mmps"] > policy.reverse_mmps:
        signs.append("camera_axles")
    if not signs:
        return None
    first = (seen or splits)[0]
    return {"signs": signs, "wheelbase_mm": total, "axles": [first, axles - first], "camera_axles": camera or None}


def _may_split(record: Record, i: int) -> bool:
    """Whether a vehicle may end before spacing `i`, and another begin behind it."""
    spacing = record["spacing_mm"]
    low, high = _BETWEEN_MM
    behind = spacing[i + 1]
    steers = behind >= _STEERING_MM or _TWIN_STEERED_MM[0] <= behind <= _TWIN_STEERED_MM[1]
    return low <= spacing[i] <= high and steers


def _is_modular(record: Record) -> bool:
    run, low, high = 1, *_MODULE_MM
    for mm in record["spacing_mm"]:
        run = run + 1 if low <= mm <= high else 1
        if run >= _MODULE_AXLES:
            return True
    return False


def _bumper_on_bumper(record: Record, lane: Lane, policy: EvasionPolicy) -> Measurements | None:
    before = lane["ahead"][-1] if lane["ahead"] else None
    if before is None or before["length_mm"] <= 0 or is_to_the_second(record):
        return None
    if min(before["speed_mmps"], record["speed_mmps"]) < policy.bumper_speed_mmps:
        return None
    apart_ns = record["at_ns"] - before["at_ns"]
    gap_mm = apart_ns * before["speed_mmps"] // NS_PER_S - before["length_mm"]
    if gap_mm >= policy.bumper_gap_mm or gap_mm < -_OVERLAP_MM:
        return None
    return {"signs": ["bumper_gap"], "gap_mm": gap_mm, "speed_mmps": record["speed_mmps"]}


def reversed_over(record: Record, *, queue: bool, policy: EvasionPolicy) -> Measurements | None:
    """The side camera counts other axles than the scale, and the vehicle was slow enough to go back and forth.

    Going back over r axles counts each of them twice more: the scale is 2 r ahead. A scale that closes the record when
    the axles go back has too few. One axle more or less is a slip of the camera, or a lifted axle.
    """
    camera, axles = record["camera_axles"], record["axles"]
    if camera <= 0 or record["gross_kg"] < policy.least_gross_kg:
        return None
    more = axles - camera
    slow = 0 <= record["speed_mmps"] <= policy.reverse_mmps or stood(record)
    signs = ["more_axles"] * (more >= 2 and slow) + ["fewer_axles"] * (more <= -2 and slow and not queue)
    if not signs:
        return None
    return {
        "signs": signs,
        "axles": axles,
        "camera_axles": camera,
        "speed_mmps": record["speed_mmps"],
        "occupancy_ms": record["occupancy_ms"],
    }
