"""What a format can hold of a pass, and what it cannot: the shared half of every writer.

The law of every format, proved in tests/scales/test_round_trips.py, for any passes x that fit:

    read(write(x)) == rounded(x)               but for `digest` and `received_ns`
    write(rounded(x)) == write(x)              so that write(read(write(x))) == write(x)

Numbers go to the nearest mark of the format's raster, halves upwards; instants go to the mark before them, so that no
pass is ever written later than it was. A pass that does not fit (a number too long for its field, more axles than the
format has room for, a local time that would read back as another instant) is never bent: it is left out and told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from citywatch.domain.columns import TEXT, Column
from citywatch.domain.instants import NS_PER_MS
from citywatch.domain.passes import MAX_AXLES, PassBatch
from citywatch.wire import local_time
from citywatch.wire.local_time import LocalTime

Array = np.ndarray[Any, Any]

DEVICE: Final = re.compile(r"(.+)/d([0-9]{1,2})/l([0-9]{1,2})")
_OWN: Final = ("digest", "received_ns", "observer")
"""Columns that belong to the reader, not to the record."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A pass that a format cannot hold: its row of the batch, the field, and why."""

    row: int
    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """The bytes of a batch and the passes that are not among them, in order of rows."""

    content: bytes
    unfit: tuple[Unfit, ...] = ()


class Checks:
    """Gathers which rows of a batch do not fit; of each row the first reason is told."""

    def __init__(self, batch: PassBatch) -> None:
        self._batch = batch
        self._found: dict[int, Unfit] = {}

    def refuse(self, row: int, field: str, text: str) -> None:
        self._found.setdefault(row, Unfit(row, field, text))

    def between(self, field: str, values: Array, low: Any, high: Any) -> None:
        """Each value of (n,) must be low to high (numbers, or (n,) themselves)."""
        for row in np.flatnonzero((values < low) | (values > high)).tolist():
            top = high[row] if isinstance(high, np.ndarray) else high
            shown = f"{values[row]:.12g}" if values.dtype.kind == "f" else str(values[row])
            self.refuse(row, field, f"{shown} does not fit; the format holds {low} to {top}")

    def axles(self, field: str, values: Array, high: int, most: int = MAX_AXLES) -> None:
        """Each value of the (n, k) loads or spacings, up to each row's axle count, must be 0 to high."""
        count = self._batch.axle_count
        self.between("axle_count", count, 1, most)
        there = np.arange(values.shape[1]) < count[:, None]
        for row, axle in np.argwhere(there & ((values < 0) | (values > high))).tolist():
            self.refuse(row, field, f"{int(values[row, axle])} of axle {axle + 1} does not fit; it holds 0 to {high}")

    def clock(self, clock: LocalTime, local_ms: Array, raster_ns: int) -> None:
        """The local time of each row, in milliseconds, must read back as the instant it was made from."""
        raster_ms = max(raster_ns // NS_PER_MS, 1)
        back, status = clock.to_utc(local_ms // raster_ms * raster_ms)
        wrong = (status != local_time.OK) | (self._batch.at_ns - back < 0) | (self._batch.at_ns - back >= raster_ns)
        for row in np.flatnonzero(wrong).tolist():
            self.refuse(
                row,
                "at",
                f"its local time in {clock.zone} would be read back as another instant; write with --zone UTC",
            )

    def kept(self) -> Array:
        """The rows that fit (m,) int64."""
        return np.setdiff1d(np.arange(len(self._batch)), np.array(sorted(self._found), np.int64))

    def unfit(self) -> tuple[Unfit, ...]:
        return tuple(self._found[row] for row in sorted(self._found))


def nearest(values: Array) -> Array:
    """Numbers (n,) float64, not negative, to the nearest whole number, halves upwards: int64."""
    return np.floor(np.asarray(values, np.float64) + 0.5).astype(np.int64)


def to_raster(values: Array, numerator: int, denominator: int) -> Array:
    """Whole numbers in our unit -> marks of `numerator / denominator` of our unit, nearest, halves upwards: int64."""
    return (2 * denominator * np.asarray(values, np.int64) + numerator) // (2 * numerator)


def from_raster(marks: Array, numerator: int, denominator: int) -> Array:
    """Marks -> whole numbers in our unit, nearest, halves upwards: int64. With marks of our unit or coarser,
    to_raster(from_raster(m)) == m.
    """
    return (2 * numerator * np.asarray(marks, np.int64) + denominator) // (2 * denominator)


def on_clock(at_ns: Array, raster_ns: int) -> Array:
    """Instants moved back to the mark of the raster before them. Rasters up to a minute: no zone shifts them."""
    return np.asarray(at_ns) // raster_ns * raster_ns


def place_of(device: str) -> tuple[str, int, int] | None:
    """Station, direction and lane of a scale's device id; None when it is none."""
    found = DEVICE.fullmatch(device)
    return (found[1], int(found[2]), int(found[3])) if found else None


def lanes(batch: PassBatch, checks: Checks, *, first_direction: int = 0, most: int = 9) -> tuple[Array, Array]:
    """Direction and lane digit of every row (n,) int64; rows of other devices, or beyond one digit, are refused."""
    direction, lane = np.zeros(len(batch), np.int64), np.zeros(len(batch), np.int64)
    known: dict[str, tuple[int, int, str]] = {}
    for row, device in enumerate(batch.device):
        if device not in known:
            place = place_of(device)
            if place is None:
                known[device] = (0, 0, "is no scale lane; its id is STATION/dDIRECTION/lLANE")
            else:
                fits = place[1] + first_direction <= most and place[2] <= most
                text = "" if fits else "has a direction or lane of more than one digit"
                known[device] = (place[1] + first_direction, place[2], text) if fits else (0, 0, text)
        direction[row], lane[row], text = known[device]
        if text:
            checks.refuse(row, "device", f"{device} {text}")
    return direction, lane


def carried(batch: PassBatch, **columns: Any) -> PassBatch:
    """The batch with the named columns and those that every format carries; everything else is left out."""
    rows = len(batch)
    values: dict[str, Any] = {
        "device": batch.device,
        "at_ns": batch.at_ns,
        "received_ns": batch.received_ns,
        "digest": batch.digest,
        "axle_count": batch.axle_count,
        "gross_kg": batch.gross_kg,
        "speed_mps": np.full(rows, np.nan),
        "length_mm": np.zeros(rows, np.int32),
        "axle_kg": batch.axle_kg,
        "spacing_mm": batch.spacing_mm,
        "plate": ("",) * rows,
    }
    return PassBatch.of(**(values | columns))


def same(one: PassBatch, other: PassBatch) -> bool:
    """Whether two batches tell the same of the same passes: all columns but the reader's own, padding aside."""
    return len(one) == len(other) and not any(
        differing(column, one, other).any() for column in PassBatch.COLUMNS if column.name not in _OWN
    )


def losses(batch: PassBatch, rounded: PassBatch) -> Mapping[str, int]:
    """Column -> in how many rows the format does not hold what the batch says; columns without a loss are left out."""
    counts = {
        column.name: int(np.count_nonzero(differing(column, batch, rounded)))
        for column in PassBatch.COLUMNS
        if column.name not in _OWN
    }
    return {name: count for name, count in counts.items() if count}


def differing(column: Column, one: PassBatch, other: PassBatch) -> Array:
    """(n,) bool: rows in which the column differs; NaN equals NaN, zeros behind a row's end are no difference."""
    a, b = getattr(one, column.name), getattr(other, column.name)
    if column.dtype == TEXT:
        return np.array([x != y for x, y in zip(a, b, strict=True)], np.bool_)
    if column.width == -1:
        widest = max(a.shape[1], b.shape[1])
        a, b = (np.pad(part, ((0, 0), (0, widest - part.shape[1]))) for part in (a, b))
    unequal: Array = (a != b) & ~((a != a) & (b != b))  # noqa: PLR0124  (NaN)
    return np.asarray(unequal.any(axis=1)) if column.width else unequal
