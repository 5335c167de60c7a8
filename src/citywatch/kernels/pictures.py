"""Statistics of one luma plane, in one walk over its rows.

Every plane is uint8, two-dimensional and C-contiguous (the caller copies a cropped or padded view first); it may be
read-only. All sums are integers, so the figures made of them are exact and repeat to the bit.

What is counted, for a plane p of h rows and w columns:

histogram     counts[v] = how many pixels have the value v. Mean, standard deviation and every "share of pixels at or
              below" follow from it without another walk.
Laplacian     L(y, x) = p(y-1, x) + p(y+1, x) + p(y, x-1) + p(y, x+1) - 4 p(y, x), for the inner pixels only
              (1 <= y < h-1, 1 <= x < w-1). The border has no Laplacian: none is made up for it.
changed       how many pixels differ from those of the previous plane by more than k.
steps         |p(y, x) - p(y, x-1)| and |p(y, x) - p(y-1, x)|, summed apart for those that cross a border of the 8-pixel
              grid of block codecs (x or y divisible by 8) and for those that do not.
smoothing     the inner pixels under the weights 1 2 1 / 2 4 2 / 1 2 1, sixteenths, rounded half up.
structure     blocks of 16x16 pixels whose sixteen 4x4 means differ by at least a given step: see `structured_blocks`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Row = np.ndarray[Any, np.dtype[np.uint8]]
Counts = np.ndarray[Any, np.dtype[np.int64]]
Lanes = np.ndarray[Any, np.dtype[np.uint32]]
Line = np.ndarray[Any, np.dtype[np.uint16]]
Sums = np.ndarray[Any, np.dtype[np.int32]]

SUMS = 8
"""Length of the array that `tally` fills; the names of its places follow."""
BORDER_STEPS, BORDER_COUNT, INNER_STEPS, INNER_COUNT, LAPLACIAN, LAPLACIAN_SQUARED, LAPLACIAN_COUNT, CHANGED = range(
    SUMS
)

LAPLACIAN_SIZES = 4 * 255 + 1
"""Length of the array that `laplacian_sizes` fills: sizes 0 to 1020."""

MAX_SIDE = 16_384
"""Longest side of a plane: keeps the 32-bit sums over one row or one piece from running over."""

_PLANE = "Array(uint8, 2, 'C', readonly=True)"
_ROW = "Array(uint8, 1, 'C', readonly=True)"
_PIECE = 1024  # 1024 squared Laplacians of at most 1020 each stay below 2^31


@kernel(f"void({_ROW}, uint32[:, ::1])")
def _count_row(row: Row, lanes: Lanes) -> None:
    """Add a row to a histogram kept in four lanes, so that equal neighbours need not wait for each other."""
    whole = row.shape[0] // 4 * 4
    for x in range(0, whole, 4):
        lanes[0, row[x]] += np.uint32(1)
        lanes[1, row[x + 1]] += np.uint32(1)
        lanes[2, row[x + 2]] += np.uint32(1)
        lanes[3, row[x + 3]] += np.uint32(1)
    for x in range(whole, row.shape[0]):
        lanes[0, row[x]] += np.uint32(1)


@kernel(f"int64({_ROW}, {_ROW}, int64)")
def _changed_row(a: Row, b: Row, k: int) -> int:
    """How many pixels of two rows of equal length differ by more than k."""
    limit = np.uint8(k)
    changed = np.int32(0)
    for x in range(a.shape[0]):
        step = np.uint8(max(a[x], b[x]) - min(a[x], b[x]))
        changed = np.int32(changed + np.int32(step > limit))
    return int(changed)


@kernel(f"int64({_ROW}, {_ROW})")
def _steps_between(a: Row, b: Row) -> int:
    """Sum of |a - b| over two rows of equal length."""
    total = np.int32(0)
    for x in range(a.shape[0]):
        total = np.int32(total + np.int32(np.uint8(max(a[x], b[x]) - min(a[x], b[x]))))
    return int(total)


@kernel(f"UniTuple(int64, 2)({_ROW})")
def _steps_within(row: Row) -> tuple[int, int]:
    """Sums of |row[x] - row[x-1]|: over all x, and over x divisible by 8."""
    total = np.int32(0)
    border = np.int32(0)
    for x in range(1, row.shape[0]):
        total = np.int32(total + np.int32(np.uint8(max(row[x], row[x - 1]) - min(row[x], row[x - 1]))))
    for x in range(8, row.shape[0], 8):
        border = np.int32(border + np.int32(np.uint8(max(row[x], row[x - 1]) - min(row[x], row[x - 1]))))
    return int(total), int(border)


@kernel(f"UniTuple(int64, 2)({_ROW}, {_ROW}, {_ROW})")
def _laplacian_piece(up: Row, row: Row, down: Row) -> tuple[int, int]:
    """Sum of the Laplacian and of its square; `row` is longer by one pixel at either end. At most _PIECE pixels."""
    total = np.int32(0)
    squared = np.int32(0)
    for x in range(up.shape[0]):
        value = np.int32(
            np.int32(up[x])
            + np.int32(down[x])
            + np.int32(row[x])
            + np.int32(row[x + 2])
            - np.int32(4) * np.int32(row[x + 1])
        )
        total = np.int32(total + value)
        squared = np.int32(squared + np.int32(value * value))
    return int(total), int(squared)


@kernel(f"void({_PLANE}, {_PLANE}, int64, int64[::1], int64[::1])")
def tally(plane: Plane, previous: Plane, k: int, counts: Counts, sums: Counts) -> None:
    """All sums over one plane, compared with a previous one.

    plane      (h, w) uint8, C-contiguous, no side longer than MAX_SIDE
    previous   (h, w) uint8, C-contiguous; any other shape, such as (0, 0), means "none" and counts no change
    k          a pixel has changed when it differs by more than k grey levels, 0 to 255
    counts     (256,) int64, overwritten: the histogram
    sums       (SUMS,) int64, overwritten: BORDER_STEPS and the other places named above
    """
    height, width = plane.shape
    compare = previous.shape[0] == height and previous.shape[1] == width
    lanes = np.zeros((4, 256), np.uint32)
    sums[:] = 0
    for y in range(height):
        row = plane[y]
        _count_row(row, lanes)
        total, border = _steps_within(row)
        sums[BORDER_STEPS] += border
        sums[INNER_STEPS] += total - border
        if y > 0:
            total = _steps_between(plane[y - 1], row)
            if y % 8 == 0:
                sums[BORDER_STEPS] += total
            else:
                sums[INNER_STEPS] += total
            if y < height - 1:
                for left in range(1, width - 1, _PIECE):
                    right = min(left + _PIECE, width - 1)
                    one, square = _laplacian_piece(
                        plane[y - 1][left:right], row[left - 1 : right + 1], plane[y + 1][left:right]
                    )
                    sums[LAPLACIAN] += one
                    sums[LAPLACIAN_SQUARED] += square
        if compare:
            sums[CHANGED] += _changed_row(row, previous[y], k)
    for value in range(256):
        counts[value] = (
            np.int64(lanes[0, value])
            + np.int64(lanes[1, value])
            + np.int64(lanes[2, value])
            + np.int64(lanes[3, value])
        )
    if height > 0 and width > 0:
        borders = height * ((width - 1) // 8) + width * ((height - 1) // 8)
        sums[BORDER_COUNT] = borders
        sums[INNER_COUNT] = height * (width - 1) + width * (height - 1) - borders
    if height > 2 and width > 2:
        sums[LAPLACIAN_COUNT] = (height - 2) * (width - 2)


@kernel(f"void({_PLANE}, int64[::1])")
def histogram(plane: Plane, counts: Counts) -> None:
    """The 256-bin histogram alone. plane (h, w) uint8, C-contiguous; counts (256,) int64, overwritten."""
    lanes = np.zeros((4, 256), np.uint32)
    for y in range(plane.shape[0]):
        _count_row(plane[y], lanes)
    for value in range(256):
        counts[value] = (
            np.int64(lanes[0, value])
            + np.int64(lanes[1, value])
            + np.int64(lanes[2, value])
            + np.int64(lanes[3, value])
        )


@kernel(f"void({_PLANE}, int64, int64[::1])")
def laplacians(plane: Plane, every: int, sums: Counts) -> None:
    """The Laplacian alone, of rows 1, 1 + every, 1 + 2 every, ... sums (SUMS,) int64: three places are overwritten."""
    height, width = plane.shape
    total = 0
    squared = 0
    for y in range(1, height - 1, every):
        for left in range(1, width - 1, _PIECE):
            right = min(left + _PIECE, width - 1)
            one, square = _laplacian_piece(
                plane[y - 1][left:right], plane[y][left - 1 : right + 1], plane[y + 1][left:right]
            )
            total += one
            squared += square
    sums[LAPLACIAN] = total
    sums[LAPLACIAN_SQUARED] = squared
    sums[LAPLACIAN_COUNT] = (max(height - 2, 0) + every - 1) // every * max(width - 2, 0)


@kernel(f"int64({_PLANE}, {_PLANE}, int64)")
def changed_pixels(plane: Plane, previous: Plane, k: int) -> int:
    """How many pixels differ by more than k grey levels. Both (h, w) uint8, C-contiguous, of one shape."""
    changed = 0
    for y in range(plane.shape[0]):
        changed += _changed_row(plane[y], previous[y], k)
    return changed


@kernel(f"void({_PLANE}, int64[::1])")
def grid_steps(plane: Plane, sums: Counts) -> None:
    """The steps alone, for the blockiness of a full plane. sums (SUMS,) int64: four places are overwritten."""
    height, width = plane.shape
    at_border = 0
    inside = 0
    for y in range(height):
        total, border = _steps_within(plane[y])
        at_border += border
        inside += total - border
        if y > 0:
            total = _steps_between(plane[y - 1], plane[y])
            if y % 8 == 0:
                at_border += total
            else:
                inside += total
    sums[BORDER_STEPS] = at_border
    sums[INNER_STEPS] = inside
    sums[BORDER_COUNT] = 0
    sums[INNER_COUNT] = 0
    if height > 0 and width > 0:
        borders = height * ((width - 1) // 8) + width * ((height - 1) // 8)
        sums[BORDER_COUNT] = borders
        sums[INNER_COUNT] = height * (width - 1) + width * (height - 1) - borders


@kernel(f"void({_ROW}, {_ROW}, {_ROW}, uint16[::1])")
def _sizes_in_row(up: Row, row: Row, down: Row, out: Line) -> None:
    """|L| of one row; `out` is shorter by two pixels."""
    for x in range(out.shape[0]):
        around = np.int16(up[x + 1]) + np.int16(down[x + 1]) + np.int16(row[x]) + np.int16(row[x + 2])
        out[x] = np.uint16(abs(np.int16(around - 4 * np.int16(row[x + 1]))))


@kernel(f"void({_PLANE}, int64, int64[::1])")
def laplacian_sizes(plane: Plane, every: int, counts: Counts) -> None:
    """How many inner pixels have a Laplacian of each size, its sign left out; of rows 1, 1 + every, 1 + 2 every, ...

    plane  (h, w) uint8, C-contiguous;  counts  (LAPLACIAN_SIZES,) int64, overwritten; all 0 without inner pixels
    """
    counts[:] = 0
    width = plane.shape[1] - 2
    if width <= 0:
        return
    lanes = np.zeros((4, LAPLACIAN_SIZES), np.uint32)
    line = np.empty(width, np.uint16)
    whole = width // 4 * 4
    for y in range(1, plane.shape[0] - 1, every):
        _sizes_in_row(plane[y - 1], plane[y], plane[y + 1], line)
        for x in range(0, whole, 4):
            lanes[0, line[x]] += np.uint32(1)
            lanes[1, line[x + 1]] += np.uint32(1)
            lanes[2, line[x + 2]] += np.uint32(1)
            lanes[3, line[x + 3]] += np.uint32(1)
        for x in range(whole, width):
            lanes[0, line[x]] += np.uint32(1)
    for size in range(LAPLACIAN_SIZES):
        for lane in range(4):
            counts[size] += np.int64(lanes[lane, size])


@kernel(f"int64({_PLANE}, int64, int32[:, ::1])")
def structured_blocks(plane: Plane, step: int, sums: Sums) -> int:
    """How many whole 16x16 blocks hold structure; a rest narrower than 16 at the right or lower edge is left out.

    A block holds structure when the largest and the smallest of its sixteen 4x4 means differ by at least `step` grey
    levels (compared as sums of 16 pixels, so exactly). The mean of 16 pixels has a quarter of the noise of one, so
    sensor noise of standard deviation s spreads the sixteen means by about 0.9 s only, while an edge or a
    speck of paint keeps its height; a slow gradient of light stays below the step inside any one block.

    plane  (h, w) uint8, C-contiguous;  step  grey levels, 1 to 255
    sums   (h // 16, w // 16) int32, overwritten: the sum of each block
    """
    found = 0
    for down in range(sums.shape[0]):
        for across in range(sums.shape[1]):
            lowest = np.int32(16 * 255)
            highest = np.int32(0)
            whole = np.int32(0)
            for y in range(16 * down, 16 * down + 16, 4):
                for x in range(16 * across, 16 * across + 16, 4):
                    total = np.int32(0)
                    for dy in range(4):
                        for dx in range(4):
                            total = np.int32(total + np.int32(plane[y + dy, x + dx]))
                    lowest = min(lowest, total)
                    highest = max(highest, total)
                    whole = np.int32(whole + total)
            sums[down, across] = whole
            if highest - lowest >= 16 * step:
                found += 1
    return found


@kernel(f"void({_ROW}, {_ROW}, {_ROW}, uint8[::1])")
def _smooth_row(up: Row, row: Row, down: Row, out: Row) -> None:
    """One row of `smooth`; `out` is shorter by two pixels."""
    for x in range(out.shape[0]):
        corners = np.int32(up[x]) + np.int32(up[x + 2]) + np.int32(down[x]) + np.int32(down[x + 2])
        sides = np.int32(up[x + 1]) + np.int32(row[x]) + np.int32(row[x + 2]) + np.int32(down[x + 1])
        out[x] = np.uint8((corners + 2 * sides + 4 * np.int32(row[x + 1]) + 8) >> 4)


@kernel(f"void({_PLANE}, uint8[:, ::1])")
def smooth(plane: Plane, out: Plane) -> None:
    """The plane under a 3x3 binomial filter, inner pixels only: no border is made up.

    plane  (h, w) uint8, C-contiguous, at least 3x3;  out  (h - 2, w - 2) uint8, C-contiguous, overwritten
    """
    for y in range(out.shape[0]):
        _smooth_row(plane[y], plane[y + 1], plane[y + 2], out[y])


@kernel(f"void({_PLANE}, int64[::1], int64[::1], uint8[:, ::1])")
def decimate(plane: Plane, rows: Counts, columns: Counts, out: Plane) -> None:
    """Some pixels of a plane: out(y, x) = plane(rows(y), columns(x)).

    plane  (h, w) uint8, C-contiguous;  rows, columns  (gh,), (gw,) int64, inside it;  out  (gh, gw) uint8, overwritten
    """
    for y in range(rows.shape[0]):
        row = plane[rows[y]]
        for x in range(columns.shape[0]):
            out[y, x] = row[np.uint64(columns[x])]


@kernel(f"UniTuple(int64, 2)({_ROW})")
def _moments_of(row: Row) -> tuple[int, int]:
    """Sum of the values of a row of at most MAX_SIDE pixels, and of their squares."""
    total = np.int32(0)
    squared = np.int64(0)
    for left in range(0, row.shape[0], _PIECE):
        part = np.int32(0)
        for x in range(left, min(left + _PIECE, row.shape[0])):
            total = np.int32(total + np.int32(row[x]))
            part = np.int32(part + np.int32(row[x]) * np.int32(row[x]))
        squared += np.int64(part)
    return int(total), int(squared)


@kernel(f"UniTuple(int64, 2)({_PLANE})")
def moments(plane: Plane) -> tuple[int, int]:
    """Sum of all values and of their squares. plane (h, w) uint8, C-contiguous, no side longer than MAX_SIDE."""
    total = 0
    squared = 0
    for y in range(plane.shape[0]):
        one, square = _moments_of(plane[y])
        total += one
        squared += square
    return total, squared


@kernel(f"UniTuple(int64, 2)({_PLANE}, int64, int64[::1])")
def smoothed_sizes(plane: Plane, every: int, counts: Counts) -> tuple[int, int]:
    """`moments` and `laplacian_sizes` of the plane that `smooth` makes, without making it.

    plane   (h, w) uint8, C-contiguous, at least 3x3, no side longer than MAX_SIDE
    every   as in `laplacian_sizes`
    counts  (LAPLACIAN_SIZES,) int64, overwritten
    """
    width, height = plane.shape[1] - 2, plane.shape[0] - 2
    lanes = np.zeros((4, LAPLACIAN_SIZES), np.uint32)
    rows = np.empty((3, width), np.uint8)
    line = np.empty(max(width - 2, 0), np.uint16)
    whole = line.shape[0] // 4 * 4
    total = 0
    squared = 0
    for y in range(height):
        row = rows[y % 3]
        _smooth_row(plane[y], plane[y + 1], plane[y + 2], row)
        one, square = _moments_of(row)
        total += one
        squared += square
        if y < 2 or (y - 2) % every != 0:
            continue
        _sizes_in_row(rows[(y - 2) % 3], rows[(y - 1) % 3], row, line)
        for x in range(0, whole, 4):
            lanes[0, line[x]] += np.uint32(1)
            lanes[1, line[x + 1]] += np.uint32(1)
            lanes[2, line[x + 2]] += np.uint32(1)
            lanes[3, line[x + 3]] += np.uint32(1)
        for x in range(whole, line.shape[0]):
            lanes[0, line[x]] += np.uint32(1)
    for size in range(LAPLACIAN_SIZES):
        counts[size] = 0
        for lane in range(4):
            counts[size] += np.int64(lanes[lane, size])
    return total, squared


# ---- figures from the sums: each is one rounding away from the exact quotient of integers


def mean_and_sd(counts: Counts) -> tuple[float, float]:
    """Mean and (population) standard deviation from a histogram, grey levels; NaN for no pixels."""
    values = np.arange(counts.size, dtype=np.int64)
    number, total, squared = int(counts.sum()), int(counts @ values), int(counts @ (values * values))
    if number == 0:
        return math.nan, math.nan
    return total / number, math.sqrt((number * squared - total * total) / (number * number))


def sd_of(number: int, total: int, squared: int) -> float:
    """(Population) standard deviation of so many values from their sum and that of their squares; NaN for none."""
    return math.sqrt((number * squared - total * total) / (number * number)) if number else math.nan


def share_at_most(counts: Counts, level: int) -> float:
    """Share of pixels at or below `level`, 0 to 1; NaN for no pixels."""
    number = int(counts.sum())
    return int(counts[: max(level + 1, 0)].sum()) / number if number else math.nan


def share_at_least(counts: Counts, level: int) -> float:
    """Share of pixels at or above `level`, 0 to 1; NaN for no pixels."""
    number = int(counts.sum())
    return int(counts[max(level, 0) :].sum()) / number if number else math.nan


def level_reached(counts: Counts, share: float) -> int:
    """The smallest index up to which at least `share` of all counts lie; ValueError for no counts."""
    return levels_reached(counts, share)[0]


def levels_reached(counts: Counts, *shares: float) -> list[int]:
    """The same for several shares."""
    reached = np.cumsum(counts)
    total = int(reached[-1])
    if total == 0:
        raise ValueError("no pixels were counted, so no level is reached")
    return [int(np.searchsorted(reached, math.ceil(share * total))) for share in shares]


def laplacian_variance(sums: Counts) -> float:
    """Variance of the Laplacian over the inner pixels, grey levels squared; NaN for a plane without inner pixels."""
    number, total, squared = (int(sums[at]) for at in (LAPLACIAN_COUNT, LAPLACIAN, LAPLACIAN_SQUARED))
    return (number * squared - total * total) / (number * number) if number else math.nan


def blockiness(sums: Counts) -> float:
    """Mean step at the borders of the 8-pixel grid over the mean step elsewhere: about 1 for a picture without blocks.

    NaN for a plane without borders (no side longer than 8) or without any step elsewhere (a constant picture).
    """
    border, borders, inner, inners = (int(sums[at]) for at in (BORDER_STEPS, BORDER_COUNT, INNER_STEPS, INNER_COUNT))
    return (border * inners) / (borders * inner) if borders and inner else math.nan
