"""What a codec, or a broken stream, does to a picture: steps at the borders of its blocks, and blocks torn out.

Looked at in strips of the full-size plane, where the codec's raster still is. A strip is one row of 16x16 macroblocks;
with `every` n only each n-th such row is looked at, which a 1080p picture has enough of.

steps    |p(y, x) - p(y, x-1)| and |p(y, x) - p(y-1, x)|, summed apart for those that cross a border of the 8-pixel grid
         (x or y divisible by 8) and for those that do not
torn     a side of a 16x16 block is an edge when the mean step across it is at least EDGE grey levels, and at least
         CLEAR times the mean step one pixel inside it and that one pixel outside it. A block with at least three such
         sides is torn: nothing in a street ends on three sides exactly on the raster.
tears    along the border between two rows of macroblocks, piece by piece of 16 pixels: the mean step across is clear
         when it is at least TWICE those one pixel above and below, and CLEAR_BY grey levels more. A row of macroblocks
         that was shifted or lost makes it clear along the whole border; a scene's own edges are seldom on the raster
         and never everywhere, and coarse coding makes as many clear steps between columns of macroblocks.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Row = np.ndarray[Any, np.dtype[np.uint8]]
Counts = np.ndarray[Any, np.dtype[np.int64]]
Sums = np.ndarray[Any, np.dtype[np.int32]]
Narrow = np.ndarray[Any, np.dtype[np.uint16]]

SUMS = 7
"""Length of the array that `strips` fills; the names of its places follow."""
BORDER_STEPS, BORDER_COUNT, INNER_STEPS, INNER_COUNT, TORN, BLOCKS, CLEAR_SIDES = range(SUMS)
EDGE = 10
"""Grey levels."""
CLEAR = 3
"""Times."""
CLEAR_BY = 2
"""Grey levels."""
TWICE = 2
"""Times."""

_PLANE = "Array(uint8, 2, 'C', readonly=True)"
_ROW = "Array(uint8, 1, 'C', readonly=True)"


@kernel(f"int64({_ROW}, {_ROW})")
def _steps_between(a: Row, b: Row) -> int:
    """Sum of |a - b| over two rows."""
    total = np.int32(0)
    for x in range(a.shape[0]):
        total = np.int32(total + np.int32(np.uint8(max(a[x], b[x]) - min(a[x], b[x]))))
    return int(total)


@kernel(f"void({_ROW}, {_ROW}, uint8[::1], int32[::1])")
def _piece_steps(a: Row, b: Row, line: Row, into: Sums) -> None:
    """Sums of |a - b| over the whole pieces of 16 pixels of two rows; `line` is room for one row."""
    for x in range(a.shape[0]):
        line[x] = np.uint8(max(a[x], b[x]) - min(a[x], b[x]))
    for number in range(into.shape[0]):
        piece = line[16 * number : 16 * number + 16]
        total = np.uint16(0)
        for x in range(16):
            total = np.uint16(total + np.uint16(piece[x]))
        into[number] = np.int32(total)


@kernel(f"void({_ROW}, uint16[::1])")
def _add_within(row: Row, into: Narrow) -> None:
    """Add |row[x] - row[x-1]| at each x from 1 on; at most 257 rows."""
    for x in range(1, row.shape[0]):
        step = np.uint8(max(row[x], row[x - 1]) - min(row[x], row[x - 1]))
        into[x] = np.uint16(into[x] + np.uint16(step))


@kernel(f"void({_ROW}, int32[::1])")
def _add_within_wide(row: Row, into: Sums) -> None:
    """The same for any number of rows."""
    for x in range(1, row.shape[0]):
        step = np.uint8(max(row[x], row[x - 1]) - min(row[x], row[x - 1]))
        into[x] = np.int32(into[x] + np.int32(step))


@kernel("int64(int64, int64, int64)")
def _is_edge(across: int, inside: int, outside: int) -> int:
    """Whether sums over 16 pixels make an edge of a side."""
    return int(across >= 16 * EDGE and across >= CLEAR * inside and across >= CLEAR * outside)


@kernel("int64(int64, int64, int64)")
def _is_clear(across: int, inside: int, outside: int) -> int:
    """Whether sums over 16 pixels make a clear step."""
    beside = max(inside, outside)
    return int(across >= TWICE * beside and across >= beside + 16 * CLEAR_BY)


@kernel(f"void({_PLANE}, int64, int64[::1])")
def strips(plane: Plane, every: int, sums: Counts) -> None:
    """All sums over the strips of one plane.

    plane  (h, w) uint8, C-contiguous, no side longer than pictures.MAX_SIDE
    every  at least 1: strips begin at rows 0, 16 * every, 32 * every, ...; the last may be lower than 16 rows
    sums   (SUMS,) int64, overwritten: BORDER_STEPS and the other places named above
    """
    height, width = plane.shape
    sums[:] = 0
    across = np.zeros(width, np.uint16)
    line = np.empty(width, np.uint8)
    lines = np.zeros((6, width // 16), np.int32)  # the steps into the rows -1, 0, 1 and 15, 16, 17 of a strip, by piece
    for top in range(0, height, 16 * every):
        bottom = min(top + 16, height)
        across[:] = 0
        for y in range(top, bottom):
            _add_within(plane[y], across)
        everywhere = np.int64(0)
        for x in range(1, width):
            everywhere += np.int64(across[x])
        at_border = np.int64(0)
        for x in range(8, width, 8):
            at_border += np.int64(across[x])
        sums[BORDER_STEPS] += at_border
        sums[INNER_STEPS] += everywhere - at_border
        sums[BORDER_COUNT] += (bottom - top) * ((width - 1) // 8)
        sums[INNER_COUNT] += (bottom - top) * (width - 1 - (width - 1) // 8)
        for y in range(max(top, 1), min(bottom + 1, height)):
            total = _steps_between(plane[y - 1], plane[y])
            if y % 8 == 0:
                sums[BORDER_STEPS] += total
                sums[BORDER_COUNT] += width
            else:
                sums[INNER_STEPS] += total
                sums[INNER_COUNT] += width
        if top < 2 or top + 17 >= height:
            continue
        for number in range(3):
            _piece_steps(plane[top + number - 2], plane[top + number - 1], line, lines[number])
            _piece_steps(plane[top + number + 14], plane[top + number + 15], line, lines[3 + number])
        for left in range(16, width - 17, 16):
            piece = left // 16
            sums[BLOCKS] += 1
            sides = (
                _is_edge(lines[1, piece], lines[2, piece], lines[0, piece])
                + _is_edge(lines[4, piece], lines[3, piece], lines[5, piece])
                + _is_edge(across[left], across[left + 1], across[left - 1])
                + _is_edge(across[left + 16], across[left + 15], across[left + 17])
            )
            sums[TORN] += int(sides >= 3)
            sums[CLEAR_SIDES] += _is_clear(across[left], across[left + 1], across[left - 1])


@kernel(f"void({_PLANE}, int64, int64, int64[::1])")
def tears(plane: Plane, first: int, every: int, clear: Counts) -> None:
    """How many pieces of 16 pixels of some rows have a clear step to the row above.

    plane  (h, w) uint8, C-contiguous
    clear  (n,) int64, overwritten: place k is row y = first + k every, for which 2 <= y < h - 1
    """
    lines = np.empty((3, plane.shape[1] // 16), np.int32)
    line = np.empty(plane.shape[1], np.uint8)
    for place in range(clear.shape[0]):
        y = first + place * every
        for number in range(3):
            _piece_steps(plane[y + number - 2], plane[y + number - 1], line, lines[number])
        found = np.int64(0)
        for piece in range(lines.shape[1]):
            found += _is_clear(lines[1, piece], lines[0, piece], lines[2, piece])
        clear[place] = found


@kernel(f"void({_PLANE}, int32[::1], int32[::1])")
def step_profiles(plane: Plane, columns: Sums, rows: Sums) -> None:
    """How much of all steps stands on each column and on each row.

    plane    (h, w) uint8, C-contiguous
    columns  (w,) int32, overwritten: sum over every second y of |p(y, x) - p(y, x-1)|; 0 at x = 0
    rows     (h,) int32, overwritten: sum over x of |p(y, x) - p(y-1, x)|; 0 at y = 0
    """
    columns[:] = 0
    rows[:] = 0
    for y in range(plane.shape[0]):
        if y % 2 == 0:
            _add_within_wide(plane[y], columns)
        if y > 0:
            rows[y] = _steps_between(plane[y - 1], plane[y])


# ---- figures from the sums: each is one rounding away from the exact quotient of integers


def blockiness(sums: Counts) -> float:
    """Mean step at the borders of the 8-pixel grid over the mean step elsewhere: about 1 for a picture without blocks.

    NaN for a plane without borders (no side longer than 8) or without any step elsewhere (a constant picture).
    """
    border, borders, inner, inners = (int(sums[at]) for at in (BORDER_STEPS, BORDER_COUNT, INNER_STEPS, INNER_COUNT))
    return (border * inners) / (borders * inner) if borders and inner else math.nan


def torn_share(sums: Counts) -> float:
    """Share of the blocks looked at that are torn; NaN where there was none to look at."""
    return int(sums[TORN]) / int(sums[BLOCKS]) if sums[BLOCKS] else math.nan


def tear(borders: Counts, between: Counts, sums: Counts, width: int) -> float:
    """Share of the pieces of `borders` with a clear step, above that of `between` and that of the sides of blocks.

    borders, between  from `tears`: the rows at the borders of rows of blocks, and those 8 off them, which tell what
                      the scene and the codec's smaller blocks do; sums  from `strips`: what its larger ones do
    NaN for fewer than six borders.
    """
    pieces = width // 16
    if borders.size < 6 or between.size == 0 or pieces == 0:
        return math.nan
    here, there = (int(clear.sum()) / (clear.size * pieces) for clear in (borders, between))
    sides = int(sums[CLEAR_SIDES]) / int(sums[BLOCKS]) if sums[BLOCKS] else 0.0
    return here - max(there, sides)


def fullest_quarter(profile: Sums) -> float:
    """Share of a profile's sum that its fullest quarter of places holds, 0.25 to 1; NaN for a profile of zeros."""
    total = int(profile.sum(dtype=np.int64))
    if total == 0:
        return math.nan
    return int(np.sort(profile)[-(profile.size // 4 or 1) :].sum(dtype=np.int64)) / total
