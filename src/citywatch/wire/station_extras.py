"""What scales and side cameras say beside the weight, in a station's JSON record: sans-I/O, all of it may be missing.

The layouts seen in the field have no names for it (domain sheet, section 4); these are ours:

    vehicleLength     length, in the unit of the spacings
    leftWeights       loads of the left-hand wheels, axle by axle, in the unit of the weights: text or array as axleDis
    axleSpeeds        speed of each axle, km/h, likewise
    acceleration      over the scale, m/s2; braking is negative
    occupancyTime     how long the vehicle covered the loop or scale, ms
    wrongWay          1, true or 是 against its lane; 0, false or 否 with it; missing: not told
    sideAxisNum       axles that the side camera counted
    scaleStatus       words about this record, separated by commas, or an array: those of domain.passes.ScaleStatus

Without them a running city cannot tell most kinds of evasion (docs/operations.md, Evasion), nor whether the two sides
of a scale weigh alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np

from citywatch.domain.passes import PassBatch, ScaleStatus
from citywatch.errors import RecordRefused
from citywatch.wire.station_fields import (
    Refusal,
    flag,
    number_of,
    out_of_range,
    parts_of,
    shown,
    text_of,
    whole_of,
)

KEYS: Final = frozenset(
    {
        "vehicleLength",
        "leftWeights",
        "axleSpeeds",
        "acceleration",
        "occupancyTime",
        "wrongWay",
        "sideAxisNum",
        "scaleStatus",
    }
)
MAX_LENGTH_MM: Final = 999_999
MAX_OCCUPANCY_MS: Final = 2_000_000_000
MAX_SIDE_AXLES: Final = 999
MAX_ACCELERATION_MPS2: Final = 1_000
KMH_PER_MPS: Final = 3.6

_MOST_LEFT_KG: Final = 99_999
_MOST_KMH: Final = 400
_DECIMALS: Final = 6
_WORDS: Final = {str(member.name).lower(): member for member in ScaleStatus}


@dataclass(frozen=True, slots=True)
class Extras:
    """Of one record; empty and zero where it says nothing."""

    length_mm: int = 0
    left_kg: tuple[int, ...] = ()
    axle_speed_mps: tuple[float, ...] = ()
    acceleration_mps2: float = math.nan
    occupancy_ms: int = 0
    travel: int = 0
    camera_axles: int = 0
    status: int = 0
    """ScaleStatus flags"""


NOTHING: Final = Extras()


def read(record: Mapping[str, Any], axles: int, kg: Decimal, mm: Decimal) -> Extras:
    """The extras of a record. RecordRefused says which field is wrong, and why."""
    if KEYS.isdisjoint(record):
        return NOTHING
    left = parts_of(record, "leftWeights", axles, "loads", "3200,4500", axles)
    speeds = parts_of(record, "axleSpeeds", axles, "speeds", "61.2,60.8", axles)
    acceleration = number_of(record, "acceleration")
    if acceleration is not None and abs(acceleration) > MAX_ACCELERATION_MPS2:
        raise out_of_range("acceleration", acceleration, -MAX_ACCELERATION_MPS2, MAX_ACCELERATION_MPS2, "m/s2")
    told = record.get("wrongWay")
    travel = 0
    if told is not None and (isinstance(told, bool) or text_of(record, "wrongWay")):
        travel = -1 if flag(record, "wrongWay") else 1
    return Extras(
        length_mm=whole_of(record, "vehicleLength", 0, MAX_LENGTH_MM, scale=mm, unit="mm"),
        left_kg=tuple(
            whole_of({"leftWeights": part}, "leftWeights", 0, _MOST_LEFT_KG, scale=kg, unit="kg") for part in left
        ),
        axle_speed_mps=tuple(_speed(part) for part in speeds),
        acceleration_mps2=math.nan if acceleration is None else float(acceleration),
        occupancy_ms=whole_of(record, "occupancyTime", 0, MAX_OCCUPANCY_MS),
        travel=travel,
        camera_axles=whole_of(record, "sideAxisNum", 0, MAX_SIDE_AXLES),
        status=_status(record),
    )


def written(batch: PassBatch, row: int, kg: Decimal, mm: Decimal) -> dict[str, Any]:
    """The extras of a pass, as `read` takes them; what a pass does not know is left out."""
    axles = int(batch.axle_count[row])
    left, speeds = batch.left_kg[row, :axles].tolist(), batch.axle_speed_mps[row, :axles].tolist()
    found: dict[str, Any] = {}
    if batch.length_mm[row]:
        found["vehicleLength"] = scaled(int(batch.length_mm[row]), mm)
    if any(left):
        found["leftWeights"] = ",".join(str(scaled(one, kg)) for one in left)
    if any(speeds):
        found["axleSpeeds"] = ",".join(f"{_kmh(speed):.{_DECIMALS}f}" for speed in speeds)
    acceleration = float(batch.acceleration_mps2[row])
    if not math.isnan(acceleration):
        found["acceleration"] = round(acceleration, _DECIMALS)
    if batch.travel[row]:
        found["wrongWay"] = int(batch.travel[row] < 0)
    for name, value in (("occupancyTime", batch.occupancy_ms[row]), ("sideAxisNum", batch.camera_axles[row])):
        if value:
            found[name] = int(value)
    words = (ScaleStatus(int(batch.status[row])) & ~ScaleStatus.STRADDLING).words()
    if words:
        found["scaleStatus"] = ",".join(words)
    return found


def columns(extras: Sequence[Extras], widest: int) -> dict[str, Any]:
    """The columns of a PassBatch, but for `status`; tables have `widest` columns where any row has numbers in them."""
    rows = len(extras)
    return {
        "length_mm": np.array([one.length_mm for one in extras], np.int32),
        "acceleration_mps2": np.array([one.acceleration_mps2 for one in extras], np.float64),
        "occupancy_ms": np.array([one.occupancy_ms for one in extras], np.int32),
        "travel": np.array([one.travel for one in extras], np.int8),
        "camera_axles": np.array([one.camera_axles for one in extras], np.int16),
        "left_kg": _table([one.left_kg for one in extras], rows, widest, np.dtype(np.int32)),
        "axle_speed_mps": _table([one.axle_speed_mps for one in extras], rows, widest, np.dtype(np.float32)),
    }


def rounded(batch: PassBatch) -> dict[str, Any]:
    """The same columns as reading what was written gives them."""
    speeds = [[_kmh(speed) / KMH_PER_MPS for speed in row] for row in batch.axle_speed_mps.tolist()]
    accelerations = [value if math.isnan(value) else round(value, _DECIMALS) for value in _floats(batch)]
    return {
        "length_mm": batch.length_mm,
        "acceleration_mps2": np.array(accelerations, np.float64),
        "occupancy_ms": batch.occupancy_ms,
        "travel": batch.travel,
        "camera_axles": batch.camera_axles,
        "left_kg": batch.left_kg,
        "axle_speed_mps": np.array(speeds, np.float32).reshape(batch.axle_speed_mps.shape),
    }


def scaled(value: int, unit: Decimal) -> int | float:
    """`value` (kg or mm) in the station's unit: whole numbers stay whole."""
    inside = Decimal(value) / unit
    return int(inside) if inside == inside.to_integral_value() else float(inside)


def _table(
    parts: Sequence[tuple[float, ...]], rows: int, widest: int, dtype: np.dtype[Any]
) -> np.ndarray[Any, np.dtype[Any]]:
    table = np.zeros((rows, widest if any(parts) else 0), dtype)
    for row, values in enumerate(parts):
        table[row, : len(values)] = values
    return table


def _speed(part: object) -> float:
    speed = number_of({"axleSpeeds": part}, "axleSpeeds") or Decimal(0)
    if not 0 <= speed <= _MOST_KMH:
        raise out_of_range("axleSpeeds", speed, 0, _MOST_KMH, "km/h")
    return float(speed) / KMH_PER_MPS


def _kmh(speed_mps: float) -> float:
    return round(speed_mps * KMH_PER_MPS, _DECIMALS)


def _floats(batch: PassBatch) -> list[float]:
    accelerations: list[float] = batch.acceleration_mps2.tolist()
    return accelerations


def _status(record: Mapping[str, Any]) -> int:
    value = record.get("scaleStatus")
    parts = value if isinstance(value, list) else text_of(record, "scaleStatus").split(",")
    status = 0
    for part in parts:
        word = text_of({"scaleStatus": part}, "scaleStatus").lower()
        if word and word not in _WORDS:
            raise RecordRefused(
                Refusal.BAD_TEXT,
                f"scaleStatus: {shown(word)} is none of {', '.join(_WORDS)}",
                field="scaleStatus",
            )
        status |= int(_WORDS[word]) if word else 0
    return status
