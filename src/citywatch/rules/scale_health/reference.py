"""The reference population and what is measured of it.

Loaded semis are chosen by axle count, drive tandem and gross: of 1,342 six-axle semis in a real file the 505 above 30 t
have a mean steering axle of 5.9 t with a coefficient of variation of 16.5 % and a mean drive-tandem spacing of 1,298 to
1,304 mm every month (domain sheet, section 4, observed). To choose by the scale's own gross means that a scale which
reads heavier takes in a few lighter trucks: the step that is found is a little smaller than the true one.

The two peaks of the gross weight, empty and loaded, are followed by the mean of the semis around each. Freight has its
seasons, so their steps are told and are no fault by themselves: they say whether a step of the steering axle is one of
the whole scale (in the same file both peaks and the steering axle move together in week 36).

Measurements are integers: 1/100,000 of a natural logarithm of kg, mm or a ratio, so that a step is a ratio.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from citywatch.domain.faults import Fault
from citywatch.domain.passes import PassBatch

LOG_UNIT = 100_000
PEAK_BIN_KG = 1_000
PEAK_BINS = 100

_I64 = np.ndarray[Any, np.dtype[np.int64]]
_Mask = np.ndarray[Any, np.dtype[np.bool_]]


class Gauge(StrEnum):
    """What is watched of a scale."""

    STEERING_AXLE = "steering_axle"
    TANDEM_SPACING = "tandem_spacing"
    LEFT_RIGHT = "left_right"
    GROSS_EMPTY = "gross_empty"
    GROSS_LOADED = "gross_loaded"


UNITS: Mapping[Gauge, str] = {
    Gauge.STEERING_AXLE: "kg",
    Gauge.TANDEM_SPACING: "mm",
    Gauge.LEFT_RIGHT: "ratio",
    Gauge.GROSS_EMPTY: "kg",
    Gauge.GROSS_LOADED: "kg",
}
GROSS = frozenset({Gauge.GROSS_EMPTY, Gauge.GROSS_LOADED})
FAULTS: Mapping[Gauge, Fault] = {
    Gauge.STEERING_AXLE: Fault.WEIGHT_DRIFT,
    Gauge.TANDEM_SPACING: Fault.SPEED_DRIFT,
    Gauge.LEFT_RIGHT: Fault.SIDES_UNEQUAL,
}


@dataclass(frozen=True, slots=True)
class Population:
    """Who belongs to it: domain sheet, section 4, and the module."""

    axles: int = 6
    from_gross_kg: int = 30_000
    shortest_tandem_mm: int = 1_000
    longest_tandem_mm: int = 1_800
    shortest_wheelbase_mm: int = 2_200
    """From the steering axle to the drive tandem: shorter is a twin-steer truck, not a tractor."""
    empty_from_kg: int = 15_000
    empty_below_kg: int = 27_000
    """Around the lower peak, 20 to 22 t in the same file; between the two windows are those half full."""


@dataclass(frozen=True, eq=False)
class Readings:
    """What one lane's passes say, in their order.

    semis     (n,) bool      six-axle semis of any load
    loaded    (n,) bool      the reference population
    gross_kg  (n,) int32
    values    for each gauge (n,) int64, and in `given` (n,) bool whether the row has one
    at_ns     (n,) int64
    suspect   (n,) uint16    Suspect flags of the records
    """

    semis: _Mask
    loaded: _Mask
    gross_kg: np.ndarray[Any, np.dtype[np.int32]]
    values: Mapping[Gauge, _I64]
    given: Mapping[Gauge, _Mask]
    at_ns: _I64
    suspect: np.ndarray[Any, np.dtype[np.uint16]]

    def __len__(self) -> int:
        return len(self.at_ns)

    def take(self, rows: _I64) -> Readings:
        """The named rows, in that order."""
        return Readings(
            self.semis[rows],
            self.loaded[rows],
            self.gross_kg[rows],
            {gauge: values[rows] for gauge, values in self.values.items()},
            {gauge: given[rows] for gauge, given in self.given.items()},
            self.at_ns[rows],
            self.suspect[rows],
        )

    @classmethod
    def concat(cls, parts: list[Readings]) -> Readings:
        """All rows of all parts, in order; `parts` is not empty."""
        return cls(
            np.concatenate([part.semis for part in parts]),
            np.concatenate([part.loaded for part in parts]),
            np.concatenate([part.gross_kg for part in parts]),
            {gauge: np.concatenate([part.values[gauge] for part in parts]) for gauge in Gauge},
            {gauge: np.concatenate([part.given[gauge] for part in parts]) for gauge in Gauge},
            np.concatenate([part.at_ns for part in parts]),
            np.concatenate([part.suspect for part in parts]),
        )


def read(batch: PassBatch, suspect: np.ndarray[Any, np.dtype[np.uint16]], population: Population) -> Readings:
    """The readings of all rows of a batch. A record that contradicts itself is nobody's reference."""
    rows = len(batch)
    steering, tandem = _column(batch.axle_kg, 0), _column(batch.spacing_mm, 1)
    semis = (
        (batch.axle_count == population.axles)
        & (_column(batch.spacing_mm, 0) >= population.shortest_wheelbase_mm)
        & (tandem >= population.shortest_tandem_mm)
        & (tandem <= population.longest_tandem_mm)
        & (steering > 0)
        & (suspect == 0)
    )
    loaded = semis & (batch.gross_kg >= population.from_gross_kg)
    left = batch.left_kg.sum(axis=1, dtype=np.int64)
    right = batch.axle_kg.sum(axis=1, dtype=np.int64) - left
    sides = loaded & (left > 0) & (right > 0)
    empty = semis & (batch.gross_kg >= population.empty_from_kg) & (batch.gross_kg < population.empty_below_kg)
    measured = {
        Gauge.STEERING_AXLE: (loaded, steering, np.ones(rows, np.int64)),
        Gauge.TANDEM_SPACING: (loaded, tandem, np.ones(rows, np.int64)),
        Gauge.LEFT_RIGHT: (sides, left, right),
        Gauge.GROSS_EMPTY: (empty, batch.gross_kg, np.ones(rows, np.int64)),
        Gauge.GROSS_LOADED: (loaded, batch.gross_kg, np.ones(rows, np.int64)),
    }
    return Readings(
        semis=semis,
        loaded=loaded,
        gross_kg=batch.gross_kg,
        values={gauge: _logs(*columns) for gauge, columns in measured.items()},
        given={gauge: columns[0] for gauge, columns in measured.items()},
        at_ns=batch.at_ns,
        suspect=suspect,
    )


def as_log(value: float) -> int:
    """A measurement as the charts take it."""
    return round(LOG_UNIT * math.log(value))


def from_log(level: float) -> float:
    """And back: kg, mm or a ratio."""
    return math.exp(level / LOG_UNIT)


def histogram(gross_kg: np.ndarray[Any, Any]) -> list[int]:
    """Counts by PEAK_BIN_KG; what is heavier than the last bin is in the last bin."""
    bins = np.minimum(gross_kg // PEAK_BIN_KG, PEAK_BINS - 1).clip(min=0)
    counted: list[int] = np.bincount(bins, minlength=PEAK_BINS).tolist()
    return counted


_FEWEST_FOR_PEAKS = 200
_KERNEL = (1, 2, 3, 4, 3, 2, 1)
_LEAST_APART = 8
_HIGHEST_VALLEY = 0.9
_LEAST_HEIGHT = 0.05


def peaks(counts: list[int]) -> tuple[int, int] | None:
    """The two peaks of the gross weight of semis, empty and loaded, kg; None for too few trucks or but one peak.

    Counts are smoothed over seven bins; two maxima count as two peaks when they are eight bins apart, the lower one is
    at least 0.05 of the higher, and the valley between them at most 0.9 of the lower. A peak is the centre of gravity
    of its five bins.
    """
    if sum(counts) < _FEWEST_FOR_PEAKS:
        return None
    padded = [0, 0, 0, *counts, 0, 0, 0]
    smooth = [sum(w * padded[i + j] for j, w in enumerate(_KERNEL)) for i in range(len(counts))]
    tops = [i for i in range(1, len(smooth) - 1) if smooth[i - 1] < smooth[i] >= smooth[i + 1]]
    tops.sort(key=lambda i: (-smooth[i], i))
    for other in tops[1:]:
        low, high = sorted((tops[0], other))
        is_high = smooth[other] >= _LEAST_HEIGHT * smooth[tops[0]]
        if is_high and high - low >= _LEAST_APART and min(smooth[low:high]) <= _HIGHEST_VALLEY * smooth[other]:
            return _centre(counts, low), _centre(counts, high)
    return None


def _centre(counts: list[int], top: int) -> int:
    near = range(max(top - 2, 0), min(top + 3, len(counts)))
    weight = sum(counts[i] for i in near)
    return round(sum(counts[i] * (i + 0.5) for i in near) * PEAK_BIN_KG / weight)


def _column(table: np.ndarray[Any, np.dtype[np.int32]], number: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    return table[:, number] if table.shape[1] > number else np.zeros(len(table), np.int32)


def _logs(given: _Mask, value: np.ndarray[Any, Any], divisor: np.ndarray[Any, Any]) -> _I64:
    """Logarithms by the C library's own log, one by one where there is a value: numpy's differs by machine."""
    logs = np.zeros(len(given), np.int64)
    for row in np.flatnonzero(given).tolist():
        logs[row] = as_log(int(value[row]) / int(divisor[row]))
    return logs
