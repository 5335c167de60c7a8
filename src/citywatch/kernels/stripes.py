"""Stripes and bands: what repeats along whole rows (or columns) of a picture.

A stripe runs through everything in the picture, the sky and the road alike; an edge of the scene does not. So a row is
cut into SEGMENTS pieces, and from one row to the next all the pieces of a stripe step the same way. Let D(y, s) be the
mean of segment s over the y+1st pair of rows, quadruple of rows and so on, minus that over the yth. Then

coherent    c(y)   what three quarters of the segments share: the largest step that twelve of the sixteen reach
                   together upwards or together downwards, else 0
runs               neighbouring steps where c has one sign are a run; a stripe makes one upward and one downward run.
                   The largest run of either sign is left out: a roof, a kerb or a belt of trees makes as much.
incoherent  e(y)   mean of |D(y, s) - mean of D(y)| over the segments

strength = 2 min(sum of upward c, sum of downward c) / (sum of e + one grey level a step), the largest of all heights.
Heights are 1, 2, 4, ... rows, as long as eight of them fit: from lines that alternate to slow bands of mains hum.
Columns are rows of the transposed sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Sums = np.ndarray[Any, np.dtype[np.int32]]

SEGMENTS = 16
QUARTER = SEGMENTS // 4
MOST_APART = SEGMENTS - QUARTER - 1

_PLANE = "Array(uint8, 2, 'C', readonly=True)"


@kernel(f"void({_PLANE}, int32[:, ::1])")
def row_sums(plane: Plane, rows: Sums) -> None:
    """Sums of the pieces of all rows: as `segment_sums`, without the columns."""
    wide = plane.shape[1] // SEGMENTS
    for y in range(plane.shape[0]):
        for s in range(SEGMENTS):
            piece = plane[y][s * wide : s * wide + wide]
            total = np.int32(0)
            for x in range(piece.shape[0]):
                total = np.int32(total + np.int32(piece[x]))
            rows[y, s] = total


@kernel(f"void({_PLANE}, int32[:, ::1], int32[:, ::1])")
def segment_sums(plane: Plane, rows: Sums, columns: Sums) -> None:
    """Sums of the pieces of all rows and of all columns; a rest that does not fill a segment is left out.

    plane    (h, w) uint8, C-contiguous, h and w at least SEGMENTS
    rows     (h, SEGMENTS) int32, overwritten: pieces of w // SEGMENTS pixels
    columns  (w, SEGMENTS) int32, overwritten: pieces of h // SEGMENTS pixels
    """
    row_sums(plane, rows)
    high = plane.shape[0] // SEGMENTS
    line = np.empty(plane.shape[1], np.int32)
    for s in range(SEGMENTS):
        line[:] = 0
        for y in range(s * high, s * high + high):
            row = plane[y]
            for x in range(plane.shape[1]):
                line[x] = np.int32(line[x] + np.int32(row[x]))
        columns[:, s] = line


@kernel("int64(int32[::1], int32)")
def _fifth(window: Sums, sign: Any) -> int:
    """The (QUARTER + 1)-th smallest of sign times the values: what all but a quarter of them reach together."""
    least = np.full(QUARTER + 1, np.int32(2**31 - 1))
    for s in range(SEGMENTS):
        value = np.int32(sign * window[s])
        at = QUARTER
        if value >= least[at]:
            continue
        while at > 0 and least[at - 1] > value:
            least[at] = least[at - 1]
            at -= 1
        least[at] = value
    return int(least[QUARTER])


@kernel("float64(int32[:, ::1], int64)")
def strength(sums: Sums, pixels: int) -> float:
    """The strength of stripes, without unit; 0 for none and for fewer than 8 rows.

    sums    (n, SEGMENTS) int32 from `segment_sums`, or a difference of two such
    pixels  how many pixels one sum is made of; n times pixels must stay below 250,000 (32-bit sums)
    """
    count = sums.shape[0]
    high = sums.copy()
    best = 0.0
    height = 1
    window = np.empty(SEGMENTS, np.int32)
    while count >= 8:
        upward = downward = largest_up = largest_down = run = spread = 0
        for y in range(count - 1):
            total = np.int32(0)
            above = np.int32(0)
            below = np.int32(0)
            for s in range(SEGMENTS):
                step = np.int32(high[y + 1, s] - high[y, s])
                window[s] = step
                total = np.int32(total + step)
                above = np.int32(above + np.int32(step > 0))
                below = np.int32(below + np.int32(step < 0))
            apart = np.int32(0)
            for s in range(SEGMENTS):
                apart = np.int32(apart + (abs(np.int32(SEGMENTS * window[s] - total)) >> np.int32(4)))  # over SEGMENTS
            spread += int(apart)
            shared = 0
            if above > MOST_APART:
                shared = _fifth(window, np.int32(1))
            elif below > MOST_APART:
                shared = -_fifth(window, np.int32(-1))
            if shared > 0:
                run = run + shared if run > 0 else shared
                upward += shared
                largest_up = max(largest_up, run)
            elif shared < 0:
                run = run + shared if run < 0 else shared
                downward -= shared
                largest_down = max(largest_down, -run)
            else:
                run = 0
        coherent = 2.0 * min(upward - largest_up, downward - largest_down)
        best = max(best, coherent / (spread / SEGMENTS + height * pixels * (count - 1)))
        count //= 2
        for y in range(count):
            for s in range(SEGMENTS):
                high[y, s] = np.int32(high[2 * y, s] + high[2 * y + 1, s])
        height *= 2
    return best


# ---- two planes


def rolled(plane: Plane, other: Plane) -> float:
    """The strength of stripes along rows in the difference of two planes: bands that roll, which no scene can hide.

    plane, other  (h, w) uint8, C-contiguous, of one shape, h and w at least SEGMENTS, h times w below 4,000,000
    """
    rows, others = np.empty((2, plane.shape[0], SEGMENTS), np.int32)
    columns = np.empty((plane.shape[1], SEGMENTS), np.int32)
    segment_sums(plane, rows, columns)
    segment_sums(other, others, columns)
    return strength(rows - others, plane.shape[1] // SEGMENTS)
