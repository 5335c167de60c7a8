"""Vehicle passes: gross from axles, limits by axle count, and records that contradict themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

LAWFUL = 0
OVER = 1
UNDECIDED = 2

SPACINGS_EXCEED_LENGTH = 1
AXLE_TOO_HEAVY = 2
AXLE_WITHOUT_LOAD = 4
SPEED_IMPLAUSIBLE = 8
LENGTH_IMPLAUSIBLE = 16
FIRST_SPACING_TOO_SHORT = 32
AXLES_DO_NOT_ADD_UP = 64
SINGLE_AXLE = 128


@kernel("int64(Array(int32, 1, 'C', readonly=True), int64)")
def row_sum(row: Any, count: int) -> Any:
    """Sum of the first `count` values of a row (or of all, when there are fewer)."""
    total: Any = np.int64(0)
    for i in range(min(count, row.shape[0])):
        total += row[i]
    return total


@kernel("void(Array(int32, 2, 'C', readonly=True), Array(int16, 1, 'C', readonly=True), int64[::1])")
def gross_of_axles(axle_kg: Any, axle_count: Any, gross_kg: Any) -> None:
    """Gross as the sum of the axle loads.

    axle_kg     (rows, k) int32, kg
    axle_count  (rows,) int16
    gross_kg    (rows,) int64, out: kg
    """
    for row in range(axle_count.shape[0]):
        gross_kg[row] = row_sum(axle_kg[row], axle_count[row])


@kernel(
    "void(Array(int16, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True),"
    " Array(int32, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True), uint8[::1], int32[::1], int32[::1])",
)
def judge_gross(
    axle_count: Any, gross_kg: Any, lowest_kg: Any, highest_kg: Any, decision: Any, low: Any, high: Any
) -> None:
    """Gross against the strictest and the most lenient limit of its axle count.

    axle_count  (rows,) int16
    gross_kg    (rows,) int32, kg
    lowest_kg   (m,) int32, kg: by axle count, the strictest limit; 0 where the law names none
    highest_kg  (m,) int32, kg: by axle count, the most lenient limit
    decision    (rows,) uint8, out: OVER above the most lenient, LAWFUL up to the strictest, else UNDECIDED;
                UNDECIDED where there is no limit
    low, high   (rows,) int32, out: the two limits, kg; 0 where there is none
    """
    for row in range(axle_count.shape[0]):
        axles: Any = np.int64(axle_count[row])
        known = 0 <= axles < lowest_kg.shape[0]
        low[row] = lowest_kg[axles] if known else 0
        high[row] = highest_kg[axles] if known else 0
        if low[row] == 0:
            decision[row] = UNDECIDED
        elif gross_kg[row] > high[row]:
            decision[row] = OVER
        elif gross_kg[row] <= low[row]:
            decision[row] = LAWFUL
        else:
            decision[row] = UNDECIDED


@kernel(
    "void(Array(int16, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True),"
    " Array(float64, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True),"
    " Array(int32, 2, 'C', readonly=True), Array(int32, 2, 'C', readonly=True),"
    " int64, float64, float64, int64, int64, int64, uint16[::1])",
)
def suspect_flags(
    axle_count: Any,
    gross_kg: Any,
    speed_mps: Any,
    length_mm: Any,
    axle_kg: Any,
    spacing_mm: Any,
    heaviest_axle_kg: int,
    slowest_mps: float,
    fastest_mps: float,
    longest_mm: int,
    shortest_first_mm: int,
    raster_kg: int,
    flags: Any,
) -> None:
    """Flags of records that contradict themselves. What the scale does not give is not judged.

    axle_count   (rows,) int16
    gross_kg     (rows,) int32, kg
    speed_mps    (rows,) float64, m/s; NaN: not given
    length_mm    (rows,) int32, mm; 0: not given
    axle_kg      (rows, k) int32, kg
    spacing_mm   (rows, j) int32, mm; all zero: not given
    raster_kg    gross and each axle may have been rounded to this raster, each on its own
    flags        (rows,) uint16, out: sum of the constants above
    """
    for row in range(axle_count.shape[0]):
        axles: Any = np.int64(axle_count[row])
        flag = 0
        spacings = row_sum(spacing_mm[row], axles - 1)
        if length_mm[row] > 0 and spacings > length_mm[row]:
            flag |= SPACINGS_EXCEED_LENGTH
        if length_mm[row] > longest_mm:
            flag |= LENGTH_IMPLAUSIBLE
        if spacings > 0 and spacing_mm[row, 0] < shortest_first_mm:
            flag |= FIRST_SPACING_TOO_SHORT
        if speed_mps[row] < slowest_mps or speed_mps[row] > fastest_mps:
            flag |= SPEED_IMPLAUSIBLE
        for axle in range(min(axles, axle_kg.shape[1])):
            if axle_kg[row, axle] > heaviest_axle_kg:
                flag |= AXLE_TOO_HEAVY
            if axle_kg[row, axle] <= 0:
                flag |= AXLE_WITHOUT_LOAD
        if axles > axle_kg.shape[1]:
            flag |= AXLE_WITHOUT_LOAD
        # Each of the axles and the gross is off by at most half a raster step.
        if 2 * abs(row_sum(axle_kg[row], axles) - np.int64(gross_kg[row])) > raster_kg * (axles + 1):
            flag |= AXLES_DO_NOT_ADD_UP
        if axles < 2:
            flag |= SINGLE_AXLE
        flags[row] = flag
