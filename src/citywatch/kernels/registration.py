"""Where a picture lies against another one of the same view, and how much of that view is found again.

Both come as a pyramid of luma planes, each level half as wide and high as the one below it (`halve`). The displacement
is searched coarse to fine among the directions of edges: `directions` keeps, per pixel, only which way the light
changes there and forgets by how much, so that a cloud, a dusk or a camera's gain leave it alone; `correlate` says for
every displacement how well the directions of both planes agree. Traffic and what is burnt in disagree in small
places only and do not carry the vote.

With the displacement known, `match_blocks` looks for each structured block of the first plane in the second, one
pixel about its place, by normalised correlation (again without regard to how light or full of contrast it is).
`slopes` compares how steep the edges are in the blocks that were found: defocus flattens them, fog does not.

Displacements are of the content: what is at (y, x) in the first plane is at (y + dy, x + dx) in the second.
Planes are uint8, two-dimensional, C-contiguous, and may be read-only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Steps = np.ndarray[Any, np.dtype[np.int8]]
Row = np.ndarray[Any, np.dtype[np.int8]]
Scores = np.ndarray[Any, np.dtype[np.float64]]
Codes = np.ndarray[Any, np.dtype[np.uint8]]
Sums = np.ndarray[Any, np.dtype[np.int64]]

LENGTH = 8
"""Length of a direction: its two parts are the rounded cosine and sine times this."""
BLOCK = 8
"""Side of a block, pixels of the plane that blocks are looked for in."""
STRIDE = 4
"""From one block to the next, pixels: blocks overlap by half."""
LEAST_OVERLAP = 0.25
"""A displacement that leaves less than this share of either plane's edges in common has no score."""

EMPTY, FOUND, OTHER, LOST, OUTSIDE = range(5)
"""What `match_blocks` says of a block: no structure in the first plane; found again; other structure in its place;
no structure in its place; its place is outside the second plane.
"""

_PLANE = "Array(uint8, 2, 'C', readonly=True)"
_PIXELS = "Array(uint8, 1, 'C', readonly=True)"
_STEPS = "Array(int8, 2, 'C', readonly=True)"
_ROW = "Array(int8, 1, 'C', readonly=True)"


@kernel(f"void({_PLANE}, uint8[:, ::1])")
def halve(plane: Plane, out: Plane) -> None:
    """Means of 2x2 pixels, rounded half up; an odd last row or column is left out.

    plane  (h, w) uint8;  out  (h // 2, w // 2) uint8, overwritten
    """
    for y in range(out.shape[0]):
        upper, lower = plane[2 * y], plane[2 * y + 1]
        for x in range(out.shape[1]):
            total = np.int32(upper[2 * x]) + np.int32(upper[2 * x + 1])
            total += np.int32(lower[2 * x]) + np.int32(lower[2 * x + 1])
            out[y, x] = np.uint8((total + 2) >> 2)


@kernel(f"void({_PLANE}, int64, uint8[:, ::1])")
def detail(plane: Plane, reach: int, out: Plane) -> None:
    """What stands out from its surroundings: 128 + value - mean of the square of 2 reach + 1 pixels about it.

    The slow fall of a lamp's light is the same in every street; what it falls on is not. The square is cut off at the
    plane's border; the mean is rounded down, the result kept within 0 to 255.

    plane  (h, w) uint8;  reach  0 to 4;  out  (h, w) uint8, overwritten
    """
    height, width = plane.shape
    columns = np.zeros(width, np.int32)
    before = np.zeros(width + 1, np.int32)
    for y in range(min(reach, height)):
        for x in range(width):
            columns[x] += np.int32(plane[y, x])
    for y in range(height):
        if y + reach < height:
            for x in range(width):
                columns[x] += np.int32(plane[y + reach, x])
        if y - reach - 1 >= 0:
            for x in range(width):
                columns[x] -= np.int32(plane[y - reach - 1, x])
        rows = min(y + reach, height - 1) - max(y - reach, 0) + 1
        for x in range(width):
            before[x + 1] = before[x] + columns[x]
        # A sum of n pixels over n, as a product with 2^21 / n rounded up: exact for n up to 90.
        whole = rows * (2 * reach + 1)
        inverse = np.uint32(((1 << 21) + whole - 1) // whole)
        row, line = plane[y], out[y]
        after, first = before[2 * reach + 1 :], before[: max(width - 2 * reach, 0)]
        for place in range(first.shape[0]):
            mean = np.int32(np.uint32(np.uint32(after[place] - first[place]) * inverse) >> np.uint32(21))
            value = np.int32(128) + np.int32(row[place + reach]) - mean
            line[place + reach] = np.uint8(min(max(value, np.int32(0)), np.int32(255)))
        for x in range(width):
            if reach <= x < width - reach:
                continue
            left, right = max(x - reach, 0), min(x + reach, width - 1) + 1
            value = 128 + np.int32(row[x]) - int(before[right] - before[left]) // (rows * (right - left))
            line[x] = np.uint8(min(max(value, 0), 255))


@kernel(f"int64({_PLANE}, int64, int8[:, ::1], int8[:, ::1])")
def directions(plane: Plane, least: int, across: Steps, down: Steps) -> int:
    """The direction of every edge; returns how many pixels have one.

    plane   (h, w) uint8
    least   the least slope of an edge, grey levels over two pixels; the mean slope of the plane where that is more
    across, down  (h, w) int8, overwritten: the direction's parts, LENGTH long together; 0 without an edge and on the
            border of the plane
    """
    height, width = plane.shape
    across[:] = 0
    down[:] = 0
    total = 0
    for y in range(1, height - 1):
        up, row, low = plane[y - 1], plane[y], plane[y + 1]
        steps = np.int32(0)
        for x in range(1, width - 1):
            steps += np.int32(abs(np.int32(row[x + 1]) - np.int32(row[x - 1])))
            steps += np.int32(abs(np.int32(low[x]) - np.int32(up[x])))
        total += int(steps)
    inner = max((height - 2) * (width - 2), 1)
    floor = max(least, total // inner)
    found = 0
    for y in range(1, height - 1):
        up, row, low = plane[y - 1], plane[y], plane[y + 1]
        for x in range(1, width - 1):
            gx = np.int32(row[x + 1]) - np.int32(row[x - 1])
            gy = np.int32(low[x]) - np.int32(up[x])
            squared = gx * gx + gy * gy
            if squared >= floor * floor and squared > 0:
                scale = LENGTH / math.sqrt(squared)
                across[y, x] = np.int8(math.floor(gx * scale + 0.5))
                down[y, x] = np.int8(math.floor(gy * scale + 0.5))
                found += 1
    return found


@kernel(f"int64({_ROW}, {_ROW}, {_ROW}, {_ROW})")
def _agree(ax: Row, ay: Row, bx: Row, by: Row) -> int:
    """Sum of the products of two rows of directions of equal length."""
    total = np.int32(0)
    for x in range(ax.shape[0]):
        total += np.int32(ax[x]) * np.int32(bx[x]) + np.int32(ay[x]) * np.int32(by[x])
    return int(total)


@kernel(f"void({_STEPS}, {_STEPS}, int64[:, ::1])")
def _energy(across: Steps, down: Steps, sums: Sums) -> None:
    """Squared lengths of the directions, summed over everything above and left of (y, x): (h + 1, w + 1) int64."""
    sums[0, :] = 0
    for y in range(across.shape[0]):
        row = np.int64(0)
        sums[y + 1, 0] = 0
        for x in range(across.shape[1]):
            row += np.int64(across[y, x]) * np.int64(across[y, x]) + np.int64(down[y, x]) * np.int64(down[y, x])
            sums[y + 1, x + 1] = sums[y, x + 1] + row


@kernel(f"void({_STEPS}, {_STEPS}, {_STEPS}, {_STEPS}, int64, int64, int64, float64[:, ::1])")
def correlate(
    ax: Steps, ay: Steps, bx: Steps, by: Steps, from_dy: int, from_dx: int, stride: int, scores: Scores
) -> None:
    """How well the directions of two planes agree, for every displacement of a rectangle of them.

    ax, ay  (h, w) int8: the directions of the first plane;  bx, by  of the second, of the same shape
    scores  (m, n) float64, overwritten: scores[i, j] for dy = from_dy + stride i, dx likewise; -1 to 1: the sum of the
            products over the root of the product of both energies where the planes overlap; NaN where they overlap
            too little (LEAST_OVERLAP)
    """
    height, width = ax.shape
    a_energy = np.empty((height + 1, width + 1), np.int64)
    b_energy = np.empty((height + 1, width + 1), np.int64)
    _energy(ax, ay, a_energy)
    _energy(bx, by, b_energy)
    a_least = LEAST_OVERLAP * a_energy[height, width]
    b_least = LEAST_OVERLAP * b_energy[height, width]
    for i in range(scores.shape[0]):
        dy = from_dy + stride * i
        top, bottom = max(0, -dy), min(height, height - dy)
        for j in range(scores.shape[1]):
            dx = from_dx + stride * j
            left, right = max(0, -dx), min(width, width - dx)
            scores[i, j] = math.nan
            if top >= bottom or left >= right:
                continue
            a = a_energy[bottom, right] - a_energy[top, right] - a_energy[bottom, left] + a_energy[top, left]
            b = (
                b_energy[bottom + dy, right + dx]
                - b_energy[top + dy, right + dx]
                - b_energy[bottom + dy, left + dx]
                + b_energy[top + dy, left + dx]
            )
            if a == 0 or b == 0 or a < a_least or b < b_least:
                continue
            total = 0
            for y in range(top, bottom):
                total += _agree(
                    ax[y][left:right],
                    ay[y][left:right],
                    bx[y + dy][left + dx : right + dx],
                    by[y + dy][left + dx : right + dx],
                )
            scores[i, j] = total / math.sqrt(float(a) * float(b))


@kernel(f"UniTuple(int64, 4)({_PLANE}, int64, int64)")
def _block(plane: Plane, top: int, left: int) -> tuple[int, int, int, int]:
    """Sum, sum of squares, lowest and highest value of one block."""
    total = np.int32(0)
    squared = np.int32(0)
    lowest = np.uint8(255)
    highest = np.uint8(0)
    for y in range(BLOCK):
        row = plane[top + y][left : left + BLOCK]
        for x in range(BLOCK):
            value = row[x]
            total = np.int32(total + np.int32(value))
            squared = np.int32(squared + np.int32(value) * np.int32(value))
            lowest = min(lowest, value)
            highest = max(highest, value)
    return int(total), int(squared), int(np.int32(lowest)), int(np.int32(highest))


@kernel(f"int64({_PLANE}, int64, int64, {_PLANE}, int64, int64)")
def _product(a: Plane, a_top: int, a_left: int, b: Plane, b_top: int, b_left: int) -> int:
    """Sum of the products of two blocks."""
    total = np.int32(0)
    for y in range(BLOCK):
        one, other = a[a_top + y][a_left : a_left + BLOCK], b[b_top + y][b_left : b_left + BLOCK]
        for x in range(BLOCK):
            total = np.int32(total + np.int32(one[x]) * np.int32(other[x]))
    return int(total)


@kernel(f"void({_PLANE}, {_PLANE}, int64, int64, int64, float64, float64, uint8[:, ::1])")
def match_blocks(a: Plane, b: Plane, dy: int, dx: int, step: int, least: float, faint: float, codes: Codes) -> None:
    """Look for each structured block of the first plane in the second, displaced by (dy, dx) and one pixel about it.

    a, b   (h, w) uint8, of one shape, at least BLOCK a side
    step   a block of `a` holds structure when its values span at least this many grey levels
    least  it is found where the normalised correlation reaches this, -1 to 1
    faint  what is not found is lost where the values in its place span less than this share of those of `a`, or less
           than half of `step`; otherwise there is other structure
    codes  ((h - BLOCK) // STRIDE + 1, (w - BLOCK) // STRIDE + 1) uint8, overwritten: EMPTY and its kin
    """
    height, width = a.shape
    number = BLOCK * BLOCK
    for row in range(codes.shape[0]):
        top = row * STRIDE
        for column in range(codes.shape[1]):
            left = column * STRIDE
            total, squared, lowest, highest = _block(a, top, left)
            span = highest - lowest
            if span < step:
                codes[row, column] = EMPTY
                continue
            spread = number * squared - total * total
            code = OUTSIDE
            widest = 0
            for number_of_try in range(9):
                # The place itself first: most blocks are found there.
                place = (number_of_try + 4) % 9
                y, x = top + dy + place // 3 - 1, left + dx + place % 3 - 1
                if y < 0 or x < 0 or y + BLOCK > height or x + BLOCK > width:
                    continue
                other, other_squared, other_lowest, other_highest = _block(b, y, x)
                if number_of_try == 0:
                    widest = other_highest - other_lowest
                    code = OTHER
                elif code == OUTSIDE:
                    break
                other_spread = number * other_squared - other * other
                if other_spread > 0:
                    product = number * _product(a, top, left, b, y, x) - total * other
                    if product > 0 and float(product) >= least * math.sqrt(float(spread) * float(other_spread)):
                        code = FOUND
                        break
            if code == OTHER and (2 * widest < step or widest < faint * span):
                code = LOST
            codes[row, column] = code


@kernel(f"UniTuple(int64, 3)({_PIXELS}, {_PIXELS}, {_PIXELS})")
def _steepest_of_row(up: Pixels, row: Pixels, low: Pixels) -> tuple[int, int, int]:
    """(steepest slope over two pixels, lowest, highest value) of a row; `row` is longer by a pixel at either end."""
    lowest = np.int32(255)
    highest = np.int32(0)
    steepest = np.int32(0)
    for x in range(up.shape[0]):
        # Signed on purpose: int() of an unsigned pixel stays unsigned in compiled code, and a difference wraps.
        value = np.int32(row[x + 1])
        across = np.int32(row[x + 2]) - np.int32(row[x])
        down = np.int32(low[x]) - np.int32(up[x])
        lowest = min(lowest, value)
        highest = max(highest, value)
        steepest = max(steepest, across, -across, down, -down)
    return int(steepest), int(lowest), int(highest)


@kernel(f"UniTuple(int64, 2)({_PLANE}, int64, int64, int64)")
def _steepest(plane: Plane, top: int, left: int, side: int) -> tuple[int, int]:
    """(steepest slope over two pixels, span of values) inside a square that keeps off the plane's border."""
    lowest, highest, steepest = 255, 0, 0
    begin, end = max(left, 1), min(left + side, plane.shape[1] - 1)
    for y in range(max(top, 1), min(top + side, plane.shape[0] - 1)):
        slope, low, high = _steepest_of_row(
            plane[y - 1][begin:end], plane[y][begin - 1 : end + 1], plane[y + 1][begin:end]
        )
        lowest = min(lowest, low)
        highest = max(highest, high)
        steepest = max(steepest, slope)
    return steepest, max(highest - lowest, 0)


@kernel(f"void({_PLANE}, {_PLANE}, int64, int64, int64, uint8[:, ::1], int64[::1])")
def slopes(a: Plane, b: Plane, dy: int, dx: int, step: int, codes: Codes, sums: Sums) -> None:
    """How steep the edges are in the blocks that were found, one level below the planes of `match_blocks`.

    a, b   (2 h, 2 w) uint8;  dy, dx  the displacement in their pixels;  codes  what `match_blocks` said
    step   only blocks count whose values span at least this many grey levels in `a`, half of them in one slope
    sums   (5,) int64, overwritten: how many blocks counted; in `a` the sum of the steepest slope of each, and of its
           span; the same two in `b`
    Every other block of every other row counts, so that none overlap.
    """
    sums[:] = 0
    side = 2 * BLOCK
    for row in range(0, codes.shape[0], 2):
        for column in range(0, codes.shape[1], 2):
            if codes[row, column] != FOUND:
                continue
            top, left = 2 * STRIDE * row, 2 * STRIDE * column
            slope, span = _steepest(a, top, left, side)
            if span < step or 2 * slope < span:
                continue
            other_slope, other_span = _steepest(b, top + dy, left + dx, side)
            sums[0] += 1
            sums[1] += slope
            sums[2] += span
            sums[3] += other_slope
            sums[4] += other_span
