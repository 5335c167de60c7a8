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

_TRAIN_AXLES = 5
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
    differing = contradicting(front, rear, is_train=record["axles"] >= _TRAIN_AXLES, policy=policy)
    if not differing or _is_of_a_neighbour(record, lanes, behind, policy):
        return None
    return {"signs": ["front_not_rear"], "characters": differing}


def twice(record: Record, lanes: Iterable[Lane], policy: EvasionPolicy) -> Measurements | None:
    """Another vehicle showed this plate too short a time ago for it to be this one again.

    Another one: other axles, or other distances. Where a camera may have given one the plate of the other (they were
    close together), only rear plates that say the same make it certain.
    """
    plate = record["plate"]
    if not plate or record["gross_kg"] < policy.least_gross_kg:
        return None
    own, sure = mark(plate, policy.plate_key), _is_sure(record)
    if record["plate_rear"] and not sure and not record["plate_rear"].endswith(policy.trailer_marks):
        return None
    for lane in lanes:
        for before in reversed(lane["plates"]):
            apart_ns = record["at_ns"] - before["at_ns"]
            if before["mark"] != own or not 0 <= apart_ns <= policy.twice_seconds * NS_PER_S:
                continue
            if before["axles"] == record["axles"] and abs(before["wheelbase_mm"] - wheelbase_mm(record)) < _ALIKE_MM:
                continue
            if apart_ns <= policy.neighbour_seconds * NS_PER_S and not (sure and before["sure"]):
                continue
            return {"signs": ["plate_twice"], "apart_ms": apart_ns // NS_PER_MS, "axles_before": before["axles"]}
    return None


def plated(record: Record, policy: EvasionPolicy) -> list[Plated]:
    """What is remembered of its plates: the front one, and a rear one that says otherwise."""
    found = []
    front, rear = record["plate"], record["plate_rear"]
    for plate, sure in ((front, _is_sure(record)), (rear if rear != front else "", False)):
        if plate:
            found.append(
                Plated(
                    at_ns=record["at_ns"],
                    mark=mark(plate, policy.plate_key),
                    axles=record["axles"],
                    wheelbase_mm=wheelbase_mm(record),
                    sure=sure,
                )
            )
    return found


def _is_sure(record: Record) -> bool:
    """Both cameras read the same plate, but for a slip of one."""
    front, rear = record["plate"], record["plate_rear"]
    return bool(front and rear) and unlike(front, rear) <= 1


def _is_of_a_neighbour(record: Record, lanes: Iterable[Lane], behind: Sequence[Record], policy: EvasionPolicy) -> bool:
    within_ns = policy.neighbour_seconds * NS_PER_S
    own = {mark(record["plate"], policy.plate_key), mark(record["plate_rear"], policy.plate_key)}
    for lane in lanes:
        for before in lane["plates"]:
            if before["mark"] in own and 0 <= record["at_ns"] - before["at_ns"] <= within_ns:
                return True
    own_plates = (record["plate"], record["plate_rear"])
    return any(
        plate and min(unlike(plate, mine) for mine in own_plates) <= 1
        for other in behind
        if other["at_ns"] - record["at_ns"] <= within_ns
        for plate in (other["plate"], other["plate_rear"])
    )
