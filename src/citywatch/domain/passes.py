"""Vehicle passes over a weigh-in-motion scale (ASTM E1318: one record a vehicle)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, ClassVar

import numpy as np

from citywatch.domain.columns import TEXT, Batch, Column

MAX_AXLES = 40


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
    plate         str                   personal data; empty where not read
    """

    KIND: ClassVar[str] = "passes"
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


class Decision(IntEnum):
    """The answer of a law for one pass."""

    LAWFUL = 0
    OVER = 1
    UNDECIDED = 2


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
