"""Vehicle passes over a weigh-in-motion scale (ASTM E1318: one record a vehicle)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, ClassVar

import numpy as np

from citywatch.domain.columns import TEXT, Batch, Column

MAX_AXLES = 40
NOT_GIVEN = -(2**31)
"""In a column of whole numbers where zero is a lawful value: the scale gives none."""


@dataclass(frozen=True, eq=False)
class PassBatch(Batch):
    """Passes of one or more lanes, one row a vehicle.

    device        str                   station/direction/lane, see devices.scale_device
    at_ns         (n,) int64            the scale's own instant of the pass
    received_ns   (n,) int64            when it reached us; 0 in a replay; never inside an event
    digest        (n, 2) uint64         identity of the record: a hash of its content, equal only for the same record
    axle_count    (n,) int16            1 to MAX_AXLES
    gross_kg      (n,) int32
    speed_mps     (n,) float64          NaN where the scale gives none
    length_mm     (n,) int32            0 where the scale gives none
    axle_kg       (n, k) int32          padded with zeros behind axle_count
    spacing_mm    (n, k) int32          from axle i to axle i+1, padded with zeros
    plate         str                   front plate; personal data; empty where not read

    Since schema version 2, each of them left out where the scale gives none:

    record             (n,) int64       the vendor's number of the record; 0: none
    group_count        (n,) int16       axle groups as the vendor counts them; 0: none
    transverse_mm      (n,) int32       lateral position in the lane, as the vendor defines it; NOT_GIVEN: none
    acceleration_mps2  (n,) float64     over the scale; NaN: none
    temperature_c      (n,) float64     of the pavement or sensor; NaN: none
    occupancy_ms       (n,) int32       time that the vehicle covered the loop or scale; 0: none
    travel             (n,) int8        +1 with the lane, -1 against it, 0: not told
    camera_axles       (n,) int16       axles that the side camera counted; 0: none
    vehicle_class      str              class as the vendor calls it
    plate_rear         str              personal data
    plate_colour       str              as the camera calls it
    status             (n,) uint32      ScaleStatus flags: what the scale says of this record itself
    left_kg            (n, j) int32     left-hand wheel loads; no columns, or zeros, where not given
    axle_speed_mps     (n, j) float32   speed of each axle, likewise
    raw                str              hash of the raw strips in the object store
    observer           str              which door of ours heard it (`observer:NAME`); empty: the HTTP door
    """

    KIND: ClassVar[str] = "passes"
    SCHEMA_VERSION: ClassVar[int] = 2
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("device", TEXT),
        Column("at_ns", "int64"),
        Column("received_ns", "int64"),
        Column("digest", "uint64", 2),
        Column("axle_count", "int16"),
        Column("gross_kg", "int32"),
        Column("speed_mps", "float64"),
        Column("length_mm", "int32"),
        Column("axle_kg", "int32", -1),
        Column("spacing_mm", "int32", -1),
        Column("plate", TEXT),
        Column("record", "int64", since=2),
        Column("group_count", "int16", since=2),
        Column("transverse_mm", "int32", since=2, missing=NOT_GIVEN),
        Column("acceleration_mps2", "float64", since=2, missing=math.nan),
        Column("temperature_c", "float64", since=2, missing=math.nan),
        Column("occupancy_ms", "int32", since=2),
        Column("travel", "int8", since=2),
        Column("camera_axles", "int16", since=2),
        Column("vehicle_class", TEXT, since=2, missing=""),
        Column("plate_rear", TEXT, since=2, missing=""),
        Column("plate_colour", TEXT, since=2, missing=""),
        Column("status", "uint32", since=2),
        Column("left_kg", "int32", -1, since=2),
        Column("axle_speed_mps", "float32", -1, since=2),
        Column("raw", TEXT, since=2, missing=""),
        Column("observer", TEXT, since=2, missing=""),
    )

    device: tuple[str, ...]
    at_ns: np.ndarray[Any, np.dtype[np.int64]]
    received_ns: np.ndarray[Any, np.dtype[np.int64]]
    digest: np.ndarray[Any, np.dtype[np.uint64]]
    axle_count: np.ndarray[Any, np.dtype[np.int16]]
    gross_kg: np.ndarray[Any, np.dtype[np.int32]]
    speed_mps: np.ndarray[Any, np.dtype[np.float64]]
    length_mm: np.ndarray[Any, np.dtype[np.int32]]
    axle_kg: np.ndarray[Any, np.dtype[np.int32]]
    spacing_mm: np.ndarray[Any, np.dtype[np.int32]]
    plate: tuple[str, ...]
    record: np.ndarray[Any, np.dtype[np.int64]]
    group_count: np.ndarray[Any, np.dtype[np.int16]]
    transverse_mm: np.ndarray[Any, np.dtype[np.int32]]
    acceleration_mps2: np.ndarray[Any, np.dtype[np.float64]]
    temperature_c: np.ndarray[Any, np.dtype[np.float64]]
    occupancy_ms: np.ndarray[Any, np.dtype[np.int32]]
    travel: np.ndarray[Any, np.dtype[np.int8]]
    camera_axles: np.ndarray[Any, np.dtype[np.int16]]
    vehicle_class: tuple[str, ...]
    plate_rear: tuple[str, ...]
    plate_colour: tuple[str, ...]
    status: np.ndarray[Any, np.dtype[np.uint32]]
    left_kg: np.ndarray[Any, np.dtype[np.int32]]
    axle_speed_mps: np.ndarray[Any, np.dtype[np.float32]]
    raw: tuple[str, ...]
    observer: tuple[str, ...]


class Decision(IntEnum):
    """The answer of a law for one pass."""

    LAWFUL = 0
    OVER = 1
    UNDECIDED = 2


class ScaleStatus(IntFlag):
    """What a scale, or the adapter that reads it, says of a record itself."""

    CLOCK_UNSYNCHRONISED = 1
    STRADDLING = 2
    PARTIAL_WHEEL = 4
    STOPPED = 8
    OVERRUN = 16
    """It was faster or slower than the scale weighs."""
    SENSOR_FAULT = 32
    PLATE_COVERED = 64

    def words(self) -> list[str]:
        return [str(member.name).lower() for member in type(self) if member in self]


class Suspect(IntFlag):
    """Why a record is not to be trusted as it stands (domain sheet, section 4). It is decided all the same."""

    SPACINGS_EXCEED_LENGTH = 1
    AXLE_TOO_HEAVY = 2
    AXLE_WITHOUT_LOAD = 4
    SPEED_IMPLAUSIBLE = 8
    LENGTH_IMPLAUSIBLE = 16
    FIRST_SPACING_TOO_SHORT = 32
    AXLES_DO_NOT_ADD_UP = 64
    SINGLE_AXLE = 128

    def words(self) -> list[str]:
        return [str(member.name).lower() for member in type(self) if member in self]


def digest_text(h1: int, h2: int) -> str:
    """The digest as people and events write it: 32 hexadecimal digits."""
    return f"{h1:016x}{h2:016x}"
