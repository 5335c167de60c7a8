"""What cameras say of a vehicle's plates: covered, two different ones, or one on two vehicles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from citywatch.domain.instants import NS_PER_MS, NS_PER_S
from citywatch.domain.passes import ScaleStatus
from citywatch.rules.evasion.limits import EvasionPolicy
from citywatch.rules.evasion.memory import Lane, Plated
from citywatch.rules.evasion.plates import contradicting, mark, unlike
from citywatch.rules.evasion.record import Record, wheelbase_mm

Measurements = dict[str, Any]

_PAIR_MM = 2_200
_ALIKE_MM = 300


def covered(record: Record, policy: EvasionPolicy) -> Measurements | None:
    """The camera says so, and none could be read."""
    flagged = bool(record["status"] & ScaleStatus.PLATE_COVERED)
    if not flagged or record["plate"] or record["plate_rear"] or record["gross_kg"] < policy.least_gross_kg:
        return None
    return {"signs": ["flag"]}


def mismatch(
    record: Record, lanes: Iterable[Lane], behind: Sequence[Record], policy: EvasionPolicy
) -> Measurements | None:
    """Front and rear differ in more than misreadings do, and neither is the plate of somebody close by."""
    if record["gross_kg"] < policy.least_gross_kg:
        return None
    front, rear = record["plate"], record["plate_rear"]
    differing = contradicting(front, rear, policy) if _is_rigid(record) else 0
    if not differing or _is_of_a_neighbour(record, lanes, behind, policy):
        return None
    return {"signs": ["front_not_rear"], "characters": differing}


def _is_rigid(record: Record) -> bool:
    """Whether front and rear plate are on one vehicle: a train's rear plate is its trailer's.

    Two axles; three with a close pair at the rear; four with a pair at each end.
    """
    spacing = record["spacing_mm"]
    match record["axles"]:
        case 2:
            return True
        case 3:
            return bool(spacing) and spacing[1] <= _PAIR_MM
        case 4:
            return bool(spacing) and max(spacing[0], spacing[2]) <= _PAIR_MM
        case _:
            return False


def twice(record: Record, lanes: Iterable[Lane], policy: EvasionPolicy) -> Measurements | None:
    """Another vehicle showed this plate too short a time ago for it to be this one again.

    Another one: other axles, or other distances. Of two that are close together a camera may have given one the plate
    of the other, or they are one vehicle that changes lanes.
    """
    own = {plate["mark"] for plate in plated(record, policy)}
    if not own or record["gross_kg"] < policy.least_gross_kg:
        return None
    neighbour_ns = policy.neighbour_seconds * NS_PER_S
    for lane in lanes:
        for before in reversed(lane["plates"]):
            apart_ns = record["at_ns"] - before["at_ns"]
            if before["mark"] not in own or not neighbour_ns < apart_ns <= policy.twice_seconds * NS_PER_S:
                continue
            if before["axles"] == record["axles"] and abs(before["wheelbase_mm"] - wheelbase_mm(record)) < _ALIKE_MM:
                continue
            return {"signs": ["plate_twice"], "apart_ms": apart_ns // NS_PER_MS, "axles_before": before["axles"]}
    return None


def plated(record: Record, policy: EvasionPolicy) -> list[Plated]:
    """What is remembered of its plates: the front one, and a rear one that says otherwise."""
    marks = dict.fromkeys(mark(plate, policy.plate_key) for plate in (record["plate"], record["plate_rear"]) if plate)
    axles, wheelbase = record["axles"], wheelbase_mm(record)
    return [Plated(at_ns=record["at_ns"], mark=one, axles=axles, wheelbase_mm=wheelbase) for one in marks]


def _is_of_a_neighbour(record: Record, lanes: Iterable[Lane], behind: Sequence[Record], policy: EvasionPolicy) -> bool:
    within_ns = policy.neighbour_seconds * NS_PER_S
    own = {mark(record["plate"], policy.plate_key), mark(record["plate_rear"], policy.plate_key)}
    for lane in lanes:
        for before in lane["plates"]:
            if before["mark"] in own and abs(record["at_ns"] - before["at_ns"]) <= within_ns:
                return True
    own_plates = (record["plate"], record["plate_rear"])
    return any(
        plate and min(unlike(plate, mine) for mine in own_plates) <= 1
        for other in behind
        if abs(other["at_ns"] - record["at_ns"]) <= within_ns
        for plate in (other["plate"], other["plate_rear"])
    )
