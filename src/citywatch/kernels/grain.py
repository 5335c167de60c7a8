"""Noise and speckle of a picture.

response   N(y, x) = the 3x3 mask 1 -2 1 / -2 4 -2 / 1 -2 1 laid on the inner pixels: it answers neither to level nor to
           slope nor to a straight edge along a row or a column, and to noise of standard deviation s with 6 s
           (J. Immerkaer, Fast Noise Variance Estimation, 1996). The mean of |N| of normal noise is 6 s sqrt(2 / pi).
quietest   that mean is taken block by block, and the block that a quarter of all blocks do not exceed speaks for the
           picture: leaves and windows are not noise, and there is sky, wall or road in a quarter of any street.
speckle    a pixel stands alone when it is brighter than all its eight neighbours, or darker than all of them, by more
           than a limit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Row = np.ndarray[Any, np.dtype[np.uint8]]
Sums = np.ndarray[Any, np.dtype[np.int32]]
Line = np.ndarray[Any, np.dtype[np.int16]]

_PLANE = "Array(uint8, 2, 'C', readonly=True)"
_ROW = "Array(uint8, 1, 'C', readonly=True)"


@kernel(f"void({_ROW}, {_ROW}, {_ROW}, int16[::1])")
def _responses(up: Row, row: Row, down: Row, out: Line) -> None:
    """|N| of one row; `out` is shorter by two pixels."""
    for x in range(out.shape[0]):
        corners = np.int16(up[x]) + np.int16(up[x + 2]) + np.int16(down[x]) + np.int16(down[x + 2])
        sides = np.int16(up[x + 1]) + np.int16(row[x]) + np.int16(row[x + 2]) + np.int16(down[x + 1])
        out[x] = np.int16(abs(np.int16(corners + 4 * np.int16(row[x + 1]) - 2 * sides)))


@kernel("void(int16[::1], int32[::1])")
def _add_responses(line: Line, into: Sums) -> None:
    for number in range(into.shape[0]):
        piece = line[16 * number : 16 * number + 16]
        total = np.int32(0)
        for x in range(16):
            total = np.int32(total + np.int32(piece[x]))
        into[number] += total


@kernel(f"void({_PLANE}, int32[:, ::1])")
def responses(plane: Plane, sums: Sums) -> None:
    """Sum of |N| over every whole 16x16 block of inner pixels, of every second row of it: 128 pixels.

    plane  (h, w) uint8, C-contiguous, at least 3x3;  sums  ((h - 2) // 16, (w - 2) // 16) int32, overwritten
    """
    sums[:] = 0
    line = np.empty(plane.shape[1] - 2, np.int16)
    for y in range(0, 16 * sums.shape[0], 2):
        _responses(plane[y], plane[y + 1], plane[y + 2], line)
        _add_responses(line, sums[y // 16])


@kernel(f"int64({_ROW}, {_ROW}, {_ROW}, int64)")
def _alone_in_row(up: Row, row: Row, down: Row, limit: int) -> int:
    found = np.int32(0)
    more = np.int16(limit)
    for x in range(1, row.shape[0] - 1):
        most = max(up[x - 1], up[x], up[x + 1], row[x - 1], row[x + 1], down[x - 1], down[x], down[x + 1])
        least = min(up[x - 1], up[x], up[x + 1], row[x - 1], row[x + 1], down[x - 1], down[x], down[x + 1])
        value = np.int16(row[x])
        brighter = np.int32(np.int16(value - np.int16(most)) > more)
        darker = np.int32(np.int16(np.int16(least) - value) > more)
        found = np.int32(found + brighter + darker)
    return int(found)


@kernel(f"int64({_PLANE}, int64)")
def speckles(plane: Plane, limit: int) -> int:
    """How many inner pixels of every second row stand out from all eight neighbours by more than `limit` grey levels.

    plane  (h, w) uint8, C-contiguous; of rows 1, 3, 5, ...;  limit  0 to 255
    """
    found = 0
    for y in range(1, plane.shape[0] - 1, 2):
        found += _alone_in_row(plane[y - 1], plane[y], plane[y + 1], limit)
    return found


# ---- figures from the sums


def noise_from(total: int) -> float:
    """Standard deviation of normal noise, grey levels, that gives this sum of |N| over 128 pixels."""
    return total / 128 * math.sqrt(math.pi / 2) / 6
