"""One pass as the rules of evasion remember it: a small row of whole numbers, kept for seconds."""

from __future__ import annotations

import math
import re
from typing import Any, TypedDict

import numpy as np

from citywatch.domain.instants import NS_PER_MS, NS_PER_S
from citywatch.domain.passes import PassBatch, digest_text
from citywatch.rules.evasion.limits import EvasionPolicy

MOST_AXLES_KEPT = 16
"""A record of more axles is kept without them: it is too long for one vehicle on any road, and the row has a bound."""

_LANE = re.compile(r"(.*)/d(\d+)/l(\d+)")


class Record(TypedDict):
    """A pass that waits. Empty lists and zeros where the scale gives none; -1 for no speed.

    `leaves_ns` is when it has left the scale and its record could be told; `half_of` names the other half.
    """

    device: str
    at_ns: int
    leaves_ns: int
    tick_ns: int
    digest: str
    axles: int
    gross_kg: int
    speed_mmps: int
    length_mm: int
    acceleration_mmps2: int
    axle_kg: list[int]
    spacing_mm: list[int]
    left_kg: list[int]
    occupancy_ms: int
    travel: int
    camera_axles: int
    plate: str
    plate_rear: str
    status: int
    vehicle_class: str
    half_of: str


NO_ACCELERATION = -(2**31)
_MOST_WORD = 32
_MOST_COVERED_MS = 600_000


def of_row(batch: PassBatch, row: int, tick_ns: int, policy: EvasionPolicy) -> Record:
    """A row of a batch; `tick_ns` is the last tick before it."""
    axles = int(batch.axle_count[row])
    kept = min(axles, MOST_AXLES_KEPT) if axles <= MOST_AXLES_KEPT else 0
    left = batch.left_kg[row, :kept].tolist()
    speed = float(batch.speed_mps[row])
    return Record(
        device=batch.device[row],
        at_ns=int(batch.at_ns[row]),
        leaves_ns=int(batch.at_ns[row]) + _covers_ns(batch, row),
        tick_ns=tick_ns,
        digest=digest_text(int(batch.digest[row, 0]), int(batch.digest[row, 1])),
        axles=axles,
        gross_kg=int(batch.gross_kg[row]),
        speed_mmps=round(speed * 1000) if math.isfinite(speed) else -1,
        length_mm=int(batch.length_mm[row]),
        acceleration_mmps2=_acceleration(batch, row, policy),
        axle_kg=batch.axle_kg[row, :kept].tolist(),
        spacing_mm=batch.spacing_mm[row, : max(kept - 1, 0)].tolist() if kept else [],
        left_kg=left if any(left) else [],
        occupancy_ms=int(batch.occupancy_ms[row]),
        travel=int(batch.travel[row]),
        camera_axles=int(batch.camera_axles[row]),
        plate=batch.plate[row],
        plate_rear=batch.plate_rear[row],
        status=int(batch.status[row]),
        vehicle_class=batch.vehicle_class[row][:_MOST_WORD],
        half_of="",
    )


def _covers_ns(batch: PassBatch, row: int) -> int:
    """How long the vehicle was on the scale: as told, or as its length and speed say."""
    covers_ms, speed = int(batch.occupancy_ms[row]), float(batch.speed_mps[row])
    if covers_ms <= 0 and math.isfinite(speed) and speed > 0:
        covers_ms = int(int(batch.length_mm[row]) / speed)
    return min(max(covers_ms, 0), _MOST_COVERED_MS) * NS_PER_MS


def lane_of(device: str) -> tuple[str, int, int] | None:
    """(station, direction, lane) of a scale's id, or None for a device that is named otherwise."""
    match = _LANE.fullmatch(device)
    return None if match is None else (match[1], int(match[2]), int(match[3]))


def are_neighbours(device: str, other: str) -> bool:
    """Whether two lanes of one direction lie side by side: their numbers follow each other."""
    mine, its = lane_of(device), lane_of(other)
    return mine is not None and its is not None and mine[:2] == its[:2] and abs(mine[2] - its[2]) == 1


def is_other_way(device: str, other: str) -> bool:
    """Whether two lanes are made for opposite directions."""
    mine, its = lane_of(device), lane_of(other)
    return mine is not None and its is not None and mine[1] != its[1]


def gap_ms(earlier: Record, later: Record) -> int:
    """Milliseconds from one to the other; negative where the first came later."""
    return (later["at_ns"] - earlier["at_ns"]) // NS_PER_MS


def is_to_the_second(*records: Record) -> bool:
    """Whether these clocks tell whole seconds only: then nothing can be said of fractions of one."""
    return all(record["at_ns"] % NS_PER_S == 0 for record in records)


def wheelbase_mm(record: Record) -> int:
    """Between the outer axles."""
    return sum(record["spacing_mm"])


def left_permille(record: Record) -> int:
    """Share of the load on the left-hand wheels; -1 where the scale does not tell."""
    total = sum(record["axle_kg"])
    return -1 if not record["left_kg"] or total <= 0 else 1000 * sum(record["left_kg"]) // total


def _acceleration(batch: PassBatch, row: int, policy: EvasionPolicy) -> int:
    """As the scale says, or from the speeds of its axles where they differ by more than their noise; mm/s2."""
    given = float(batch.acceleration_mps2[row])
    if math.isfinite(given):
        return round(given * 1000)
    axles = int(batch.axle_count[row])
    speeds: np.ndarray[Any, Any] = batch.axle_speed_mps[row, :axles].astype(np.float64)
    if len(speeds) < 2 or not np.all(speeds > 0):
        return NO_ACCELERATION
    first, last = float(speeds[0]), float(speeds[-1])
    metres = int(batch.spacing_mm[row, : axles - 1].sum()) / 1000
    mean = (first + last) / 2
    if metres <= 0 or abs(last - first) < policy.axle_speed_noise_permille * mean / 1000:
        return 0 if metres > 0 else NO_ACCELERATION
    return round(1000 * (last - first) * mean / metres)
