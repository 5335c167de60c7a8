"""How much of a view's coarser and finer detail another picture of it still holds, whatever noise lies on it.

A band is what one level of a pyramid adds to the level of half its size: the detail of one range of sizes
(P. J. Burt, E. H. Adelson, The Laplacian Pyramid as a Compact Image Code, IEEE Trans. Commun. 31 (1983) 532). The
noise of one picture has nothing in common with the other, so that the product of their bands, summed over the view,
says what they share even where noise is stronger than what is seen.

Bands are int16, two-dimensional, C-contiguous, and may be read-only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Band = np.ndarray[Any, np.dtype[np.int16]]
Sums = np.ndarray[Any, np.dtype[np.int64]]

_PLANE = "Array(uint8, 2, 'C', readonly=True)"
_BAND = "Array(int16, 2, 'C', readonly=True)"
_LINE = "Array(int16, 1, 'C', readonly=True)"


@kernel(f"void({_PLANE}, {_PLANE}, int16[:, ::1])")
def band(plane: Plane, coarse: Plane, out: Band) -> None:
    """What a plane adds to the coarser one, made twice as large by bilinear interpolation: 16 times the difference.

    plane   (h, w) uint8, at least 2 h' x 2 w'
    coarse  (h', w') uint8, at least 1x1: `registration.halve` of the plane
    out     (2 h', 2 w') int16, overwritten: -4080 to 4080
    """
    height, width = coarse.shape
    for y in range(out.shape[0]):
        near = y // 2
        far = min(max(near + (1 if y % 2 else -1), 0), height - 1)
        row, line, one, other = plane[y], out[y], coarse[near], coarse[far]
        for x in range(out.shape[1]):
            beside = min(max(x // 2 + (1 if x % 2 else -1), 0), width - 1)
            smooth = 9 * np.int32(one[x // 2]) + 3 * np.int32(one[beside])
            smooth += 3 * np.int32(other[x // 2]) + np.int32(other[beside])
            line[x] = np.int16(np.int32(16) * np.int32(row[x]) - smooth)


@kernel(f"UniTuple(int64, 3)({_LINE}, {_LINE})")
def _in_common(a: Band, b: Band) -> tuple[int, int, int]:
    """(sum of the products of two lines, of the squares of the first, of the second)."""
    product = squared = other = np.int64(0)
    for x in range(a.shape[0]):
        one, two = np.int32(a[x]), np.int32(b[x])
        product += np.int64(one * two)
        squared += np.int64(one * one)
        other += np.int64(two * two)
    return int(product), int(squared), int(other)


@kernel(f"void({_BAND}, {_BAND}, int64, int64, int64[::1])")
def share(a: Band, b: Band, dy: int, dx: int, sums: Sums) -> None:
    """What two bands have in common when the content of `a` at (y, x) is that of `b` at (y + dy, x + dx).

    a, b   (h, w) int16, of one shape
    sums   (3,) int64, overwritten, all over the part that both show: of the products, of the squares of `a`, of `b`
    """
    height, width = a.shape
    sums[:] = 0
    left, right = max(-dx, 0), width - max(dx, 0)
    if right <= left:
        return
    for y in range(max(-dy, 0), height - max(dy, 0)):
        product, squared, other = _in_common(a[y][left:right], b[y + dy][left + dx : right + dx])
        sums[0] += product
        sums[1] += squared
        sums[2] += other
