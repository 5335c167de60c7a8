"""Wheels beside the strip: halves of one vehicle in two lanes, and a side that is too light."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import ScaleStatus
from citywatch.rules.evasion.limits import EvasionPolicy
from citywatch.rules.evasion.memory import Lane, Passed
from citywatch.rules.evasion.plates import unlike
from citywatch.rules.evasion.record import Record, are_neighbours, gap_ms, is_to_the_second, left_permille

_BALANCED = (330, 670)
"""A vehicle within its lane shows a left-hand share in here, worn sensors included."""
_LEANS_PERMILLE = 60
_AS_FAST_PERMILLE = 50
_LIGHT_STEERING_KG = 3_300
"""Half a steering axle of a loaded lorry, and less than a whole one of any with four axles or more."""
_STEERING_AXLES = 4

Measurements = dict[str, Any]


def other_half(record: Record, beside: Sequence[Record], policy: EvasionPolicy) -> tuple[Record, Measurements] | None:
    """The record of a neighbouring lane that is the other half of this vehicle, with what says so.

    Both halves came at the same instant, as fast, on the same axles at the same distances; no two different plates
    were read; and something says that they are halves: the load of each lies on one side, towards the other lane, the
    scale's own flag, one plate on both, or axles too light to be whole. The most alike is taken.
    """
    found = [(measured, other) for other in beside if (measured := _halves(record, other, policy)) is not None]
    if not found:
        return None
    found.sort(key=lambda item: (item[0]["spacing_apart_mm"], item[0]["gap_ms"], item[1]["digest"]))
    return found[0][1], found[0][0]


def _halves(one: Record, other: Record, policy: EvasionPolicy) -> Measurements | None:
    apart_mm = _apart_mm(one, other, policy)
    if (
        apart_mm < 0
        or not are_neighbours(one["device"], other["device"])
        or abs(gap_ms(one, other)) > policy.straddle_gap_ms
        or not _is_as_fast(one, other, policy)
        or one["gross_kg"] + other["gross_kg"] < policy.least_gross_kg
    ):
        return None
    if one["plate"] and other["plate"] and unlike(one["plate"], other["plate"]) >= policy.unlike_characters:
        return None
    signs = _signs_of_halves(one, other, policy)
    if not signs:
        return None
    return {
        "signs": signs,
        "gap_ms": abs(gap_ms(one, other)),
        "spacing_apart_mm": apart_mm,
        "left_permille": [left_permille(one), left_permille(other)],
        "half_gross_kg": [one["gross_kg"], other["gross_kg"]],
    }


def _is_as_fast(one: Record, other: Record, policy: EvasionPolicy) -> bool:
    slower, faster = sorted((one["speed_mmps"], other["speed_mmps"]))
    return slower < 0 or 1000 * (faster - slower) <= policy.straddle_speed_permille * faster


def _apart_mm(one: Record, other: Record, policy: EvasionPolicy) -> int:
    """By how much the most unlike of their spacings differs; -1 where that is too much, or the axles differ."""
    if one["axles"] != other["axles"] or not one["axle_kg"] or not one["spacing_mm"] or not other["axle_kg"]:
        return -1
    apart = 0
    for mine, its in zip(one["spacing_mm"], other["spacing_mm"], strict=True):
        if abs(mine - its) > max(policy.straddle_spacing_mm, policy.straddle_spacing_permille * max(mine, its) // 1000):
            return -1
        apart = max(apart, abs(mine - its))
    return apart


def _signs_of_halves(one: Record, other: Record, policy: EvasionPolicy) -> list[str]:
    left, right = sorted((left_permille(one), left_permille(other)))
    low, high = _BALANCED
    if left >= 0 and low <= left and right <= high:
        return []
    coarse = is_to_the_second(one, other)
    same_plate = bool(one["plate"]) and one["plate"] == other["plate"]
    differing = bool(one["plate"] and other["plate"]) and unlike(one["plate"], other["plate"]) > 1
    signs = []
    if 0 <= left <= policy.straddle_side_permille and right >= 1000 - policy.straddle_side_permille:
        signs.append("one_sided")
    if (one["status"] | other["status"]) & ScaleStatus.STRADDLING:
        signs.append("flag")
    if same_plate:
        signs.append("same_plate")
    is_light = one["axles"] >= _STEERING_AXLES and max(one["axle_kg"][0], other["axle_kg"][0]) < _LIGHT_STEERING_KG
    if left < 0 and is_light and not coarse and not differing:
        signs.append("light_axles")
    plates_missing = not (one["plate"] and other["plate"])
    is_no_car = one["spacing_mm"][0] >= policy.abreast_spacing_mm
    if left < 0 and plates_missing and not coarse and is_no_car and abs(gap_ms(one, other)) <= policy.abreast_ms:
        signs.append("abreast")
    return signs


def partial_wheel(record: Record, lane: Lane, around: Sequence[Passed], policy: EvasionPolicy) -> Measurements | None:
    """A side that is too light against what is usual for this lane; worn sensors shift what is usual, not this."""
    left = left_permille(record)
    heavier = max(left, 1000 - left) if left >= 0 else 500
    if 2 * heavier * record["gross_kg"] < 1000 * policy.least_gross_kg or record["status"] & ScaleStatus.SENSOR_FAULT:
        return None
    flagged = bool(record["status"] & ScaleStatus.PARTIAL_WHEEL)
    if left < 0:
        pair = _light_of_pair(record, policy)
        if flagged or pair:
            return {"signs": ["flag"] * flagged + ["axle_pattern"] * bool(pair), "pair_permille": pair}
        return None
    if sum(lane["sides"]) * 3 > len(lane["sides"]) + 2 or _changes_lanes(record, left - lane["usual_left"], around):
        return None
    off = abs(left - lane["usual_left"])
    axle_off = max(
        (
            abs(1000 * side // kg - lane["usual_left"])
            for side, kg in zip(record["left_kg"], record["axle_kg"], strict=True)
            if kg >= _WEIGHABLE_KG
        ),
        default=0,
    )
    slack = 0 if lane["passes"] >= policy.lane_known_passes else policy.side_off_permille
    signs = ["flag"] * (flagged and off >= policy.flagged_off_permille)
    signs += ["side"] * (off >= policy.side_off_permille + slack)
    signs += ["axle"] * (axle_off >= policy.axle_off_permille + slack)
    if not signs:
        return None
    return {"signs": signs, "left_permille": left, "usual_permille": lane["usual_left"], "axle_off_permille": axle_off}


_WEIGHABLE_KG = 800


def is_off(record: Record, lane: Lane, policy: EvasionPolicy) -> bool:
    """Whether its side is far from what is usual in its lane, evasion or not."""
    left = left_permille(record)
    return left >= 0 and abs(left - lane["usual_left"]) >= policy.side_off_permille


def usual_after(lane: Lane, left: int, policy: EvasionPolicy) -> int:
    """The running median after one more share: a step towards it, large as long as little is known."""
    step = 6 if lane["passes"] < policy.lane_known_passes else 1
    usual = lane["usual_left"]
    return usual + max(-step, min(step, left - usual))


def _light_of_pair(record: Record, policy: EvasionPolicy) -> int:
    """What the lighter of two close axles carries of the heavier, per mille, where that is too little; else 0."""
    loads = record["axle_kg"]
    for i, mm in enumerate(record["spacing_mm"]):
        light, heavy = sorted(loads[i : i + 2])
        if 0 < mm <= policy.pair_spacing_mm and heavy >= policy.least_gross_kg and light > 0:
            share = 1000 * light // heavy
            if share < policy.pair_permille:
                return max(share, 1)
    return 0


def _changes_lanes(record: Record, lean: int, around: Sequence[Passed]) -> bool:
    """Whether a neighbouring lane has the rest of this vehicle: it was changing lanes, and both tell a part."""
    for other in around:
        close = abs(other["at_ns"] - record["at_ns"]) < NS_PER_S and are_neighbours(record["device"], other["device"])
        as_fast = 1000 * abs(other["speed_mmps"] - record["speed_mmps"]) <= _AS_FAST_PERMILLE * record["speed_mmps"]
        if close and as_fast and lean * other["lean"] < 0 and abs(other["lean"]) >= _LEANS_PERMILLE:
            return True
    return False
