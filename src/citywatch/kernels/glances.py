"""What a glance at a small picture leaves: a raster of cells, each with its brightness and its detail.

The picture is a JPEG decoded at a part of its size, so each of its pixels is a mean of many of the camera's; what is
made of it here tells two pictures of one view apart that a person would call different, and nothing finer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Cells = np.ndarray[Any, np.dtype[np.uint8]]

ROWS, COLUMNS = 9, 16
CELLS = ROWS * COLUMNS
DETAIL_SCALE = 4
"""A cell's detail is kept as so many times its grey levels."""

_PLANE = "Array(uint8, 2, 'C', readonly=True)"


@kernel(f"void({_PLANE}, uint8[::1], uint8[::1])")
def cells(luma: Plane, levels: Cells, details: Cells) -> None:
    """The raster of a picture.

    luma     (h, w) uint8, at least ROWS x COLUMNS. Cell (r, c) holds the pixels (y, x) with y * ROWS // h = r and
             x * COLUMNS // w = c
    levels   (CELLS,) uint8, overwritten, row by row: mean luma, rounded half up
    details  (CELLS,) uint8, overwritten: mean of |luma - luma to the left| + |luma - luma above| times DETAIL_SCALE,
             rounded half up, 255 at most; what is left of the first column and above the first row is as the pixel
    """
    height, width = luma.shape
    for r in range(ROWS):
        # The first y with y * ROWS // height >= r.
        top, bottom = -(-r * height // ROWS), -(-(r + 1) * height // ROWS)
        for c in range(COLUMNS):
            left, right = -(-c * width // COLUMNS), -(-(c + 1) * width // COLUMNS)
            level = np.int64(0)
            detail = np.int64(0)
            for y in range(top, bottom):
                for x in range(left, right):
                    value = np.int32(luma[y, x])
                    level += value
                    detail += abs(value - np.int32(luma[y, max(x - 1, 0)]))
                    detail += abs(value - np.int32(luma[max(y - 1, 0), x]))
            number = (bottom - top) * (right - left)
            levels[r * COLUMNS + c] = np.uint8((2 * level + number) // (2 * number))
            scaled = (2 * DETAIL_SCALE * detail + number) // (2 * number)
            details[r * COLUMNS + c] = np.uint8(min(scaled, 255))
