"""Means of 16x16 blocks: what a scene looks like at large, and where it differs from the one before.

The mean of a block hardly feels what a sensor's noise or a codec does to single pixels, so a car or a moved shadow
stands out in the difference of two block means where a still picture that was encoded twice does not. All sums are
integers. A rest narrower than 16 pixels at the right or lower edge is left out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Row = np.ndarray[Any, np.dtype[np.uint8]]
Sums = np.ndarray[Any, np.dtype[np.int32]]

SIDE = 16
PIXELS = SIDE * SIDE

_PLANE = "Array(uint8, 2, 'C', readonly=True)"
_ROW = "Array(uint8, 1, 'C', readonly=True)"


@kernel(f"void({_ROW}, int32[::1])")
def _add_pieces(row: Row, into: Sums) -> None:
    """Add the sums of a row's pieces of 16 pixels."""
    for number in range(into.shape[0]):
        piece = row[16 * number : 16 * number + 16]
        total = np.uint16(0)
        for x in range(16):
            total = np.uint16(total + np.uint16(piece[x]))
        into[number] += np.int32(total)


@kernel(f"void({_PLANE}, int32[:, ::1])")
def block_sums(plane: Plane, sums: Sums) -> None:
    """Sum of every whole 16x16 block.

    plane  (h, w) uint8, C-contiguous;  sums  (h // 16, w // 16) int32, overwritten
    """
    sums[:] = 0
    for y in range(16 * sums.shape[0]):
        _add_pieces(plane[y], sums[y // 16])


@kernel(f"int64({_ROW}, {_ROW}, int64)")
def _changed_row(a: Row, b: Row, k: int) -> int:
    limit = np.uint8(k)
    changed = np.int32(0)
    for x in range(a.shape[0]):
        step = np.uint8(max(a[x], b[x]) - min(a[x], b[x]))
        changed = np.int32(changed + np.int32(step > limit))
    return int(changed)


@kernel(f"UniTuple(int64, 2)({_PLANE}, {_PLANE}, int64, int64, int64)")
def changed_apart(plane: Plane, previous: Plane, k: int, top: int, bottom: int) -> tuple[int, int]:
    """How many pixels differ by more than k grey levels: in the rows from `top` to before `bottom`, and in the others.

    plane, previous  (h, w) uint8, C-contiguous, of one shape;  k  0 to 255;  0 <= top <= bottom <= h
    """
    inside = 0
    outside = 0
    for y in range(plane.shape[0]):
        changed = _changed_row(plane[y], previous[y], k)
        if top <= y < bottom:
            inside += changed
        else:
            outside += changed
    return inside, outside


# ---- figures from the sums


def ranked(values: Sums, share: float) -> int:
    """The value that at least `share` of all values do not exceed (nearest rank); ValueError for none."""
    if values.size == 0:
        raise ValueError("no blocks, so none has a rank")
    rank = min(max(math.ceil(share * values.size), 1), values.size) - 1
    return int(np.partition(values, rank, axis=None)[rank])
