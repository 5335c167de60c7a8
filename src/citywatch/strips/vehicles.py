"""Vehicles as the strips felt them: columns, one row a vehicle, accepted or refused with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, Self

import numpy as np

from citywatch.kernels import strip_match

_I64 = np.ndarray[Any, np.dtype[np.int64]]
_F64 = np.ndarray[Any, np.dtype[np.float64]]


class Rejection(IntEnum):
    """Why a vehicle has no weight."""

    ACCEPTED = strip_match.ACCEPTED
    UNMATCHED = strip_match.UNMATCHED
    """One strip felt it and no other: noise, or the other strips are dead."""
    COUNTS_DIFFER = strip_match.COUNTS_DIFFER
    """Not the same number of axles on all strips."""
    TOO_FEW_STRIPS = strip_match.TOO_FEW_STRIPS
    """No two places that felt every axle: no speed, and no weight without one."""
    SINGLE_AXLE = strip_match.SINGLE_AXLE
    SPEED_OUT_OF_RANGE = strip_match.SPEED_OUT_OF_RANGE
    UNSTEADY = strip_match.UNSTEADY
    """The instants fit no motion with one acceleration."""
    STOOD = strip_match.STOOD
    """A wheel stood on a strip."""
    TOO_MANY_AXLES = strip_match.TOO_MANY

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, eq=False)
class Vehicles:
    """n vehicles, at most k axles each, on s strips; in the order in which they came.

    reason             (n,) int64       Rejection
    axle_count         (n,) int64
    at_sample          (n,) int64       sample index of the first axle on the strip that felt it first, and
    at_part            (n,) float64     samples after it, to the middle of the pulse
    travel             (n,) int64       +1 with the lane, -1 against it, 0 not known
    status             (n,) int64       flags as domain.passes.ScaleStatus
    outliers           (n,) int64       strip values left out of the means
    speed_mps          (n,) float64     at the middle of all instants; NaN where not known, as what follows
    acceleration_mps2  (n,) float64
    residual_m         (n,) float64     root mean square by which the instants miss the motion
    transverse_m       (n,) float64     the vehicle's middle, to the left of the lane's
    loop_s             (n,) float64     how long the loop was occupied
    temperature_c      (n,) float64
    axle_kg            (n, k) float64   padded with zeros, as left, right, speed and spacing
    left_kg, right_kg  (n, k) float64   zeros where no strip tells the halves apart
    axle_speed_mps     (n, k) float64   each axle by its own instants
    axle_acceleration_mps2  (n, k) float64   NaN with fewer than three places of strips
    spacing_m          (n, k) float64   to the next axle, acceleration taken out
    area_vs            (n, k, s) float64   NaN where a strip felt nothing, as the next two
    load_kg            (n, k, s) float64
    felt_s             (n, k, s) float64   instant, seconds after sample at_sample
    """

    reason: _I64
    axle_count: _I64
    at_sample: _I64
    at_part: _F64
    travel: _I64
    status: _I64
    outliers: _I64
    speed_mps: _F64
    acceleration_mps2: _F64
    residual_m: _F64
    transverse_m: _F64
    loop_s: _F64
    temperature_c: _F64
    axle_kg: _F64
    left_kg: _F64
    right_kg: _F64
    axle_speed_mps: _F64
    axle_acceleration_mps2: _F64
    spacing_m: _F64
    area_vs: _F64
    load_kg: _F64
    felt_s: _F64

    def __len__(self) -> int:
        return len(self.reason)

    @property
    def accepted(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(n,) bool: which rows have a weight."""
        return np.asarray(self.reason == Rejection.ACCEPTED)

    @property
    def gross_kg(self) -> _F64:
        """(n,) float64: all axles of each vehicle."""
        return np.asarray(self.axle_kg.sum(axis=1))

    def take(self, rows: Any) -> Self:
        """The named rows, in that order."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def reasons(self) -> Iterator[Rejection]:
        """The reason of each row."""
        return (Rejection(number) for number in self.reason.tolist())

    def to_bytes(self) -> bytes:
        """Everything, bit for bit: equal only for equal vehicles."""
        return b"".join(
            repr((field.name, getattr(self, field.name).shape)).encode() + getattr(self, field.name).tobytes()
            for field in fields(self)
        )

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """All rows of at least one part, in order; axles are padded to the widest."""
        widest = max(part.axle_kg.shape[1] for part in parts)
        values = {}
        for field in fields(cls):
            columns = []
            for part in parts:
                column = getattr(part, field.name)
                if column.ndim > 1 and column.shape[1] < widest:
                    fill = np.nan if column.ndim == 3 else 0.0
                    room = [(0, 0), (0, widest - column.shape[1]), *[(0, 0)] * (column.ndim - 2)]
                    column = np.pad(column, room, constant_values=fill)
                columns.append(column)
            values[field.name] = np.concatenate(columns)
        return cls(**values)
