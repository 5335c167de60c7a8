"""Sums over two chroma planes, for means, spread and the cast that all of a picture shares. All sums are integers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Counts = np.ndarray[Any, np.dtype[np.int64]]

NEUTRAL = 128
SUMS = 4
U, V, SQUARED, COUNT = range(SUMS)
"""Places of the sums: of u - 128, of v - 128, of both squared, and how many pixels."""
STEPS = 4
"""Steps of a chroma level in which the projections are counted."""
PROJECTIONS = 2 * 182 * STEPS + 1
"""Length of the array that `project` fills: -182 to 182 levels; no colour is farther than 128 sqrt(2) from grey."""
MOST_APART = 290
_FINE = 1024

_PLANE = "Array(uint8, 2, 'C', readonly=True)"


@kernel(f"void({_PLANE}, {_PLANE}, int64[::1])")
def total(u: Plane, v: Plane, sums: Counts) -> None:
    """u, v  (h, w) uint8, C-contiguous, of one shape;  sums  (SUMS,) int64, overwritten"""
    sums[:] = 0
    for y in range(u.shape[0]):
        row_u, row_v = u[y], v[y]
        all_u = np.int32(0)
        all_v = np.int32(0)
        squared = np.int32(0)
        for x in range(row_u.shape[0]):
            du = np.int32(row_u[x]) - np.int32(NEUTRAL)
            dv = np.int32(row_v[x]) - np.int32(NEUTRAL)
            all_u = np.int32(all_u + du)
            all_v = np.int32(all_v + dv)
            squared = np.int32(squared + du * du + dv * dv)
        sums[U] += all_u
        sums[V] += all_v
        sums[SQUARED] += squared
    sums[COUNT] = u.size


@kernel(f"void({_PLANE}, {_PLANE}, int64, int64, int64[::1])")
def project(u: Plane, v: Plane, along_u: int, along_v: int, counts: Counts) -> None:
    """How far each pixel lies from grey along one direction.

    u, v              (h, w) uint8, C-contiguous, of one shape
    along_u, along_v  the direction times 1024
    counts            (PROJECTIONS,) int64, overwritten; place 182 * STEPS is grey
    """
    counts[:] = 0
    for y in range(u.shape[0]):
        for x in range(u.shape[1]):
            far = (np.int64(u[y, x]) - NEUTRAL) * along_u + (np.int64(v[y, x]) - NEUTRAL) * along_v
            counts[182 * STEPS + far * STEPS // _FINE] += 1


@kernel(f"int64({_PLANE}, {_PLANE})")
def impossible(u: Plane, v: Plane) -> int:
    """How many pixels have a colour that does not exist.

    Red, green and blue are luma plus 1.402 v, -0.344 u - 0.714 v and 1.772 u (ITU-R BT.601, full range), and all three
    lie between 0 and 255; so whatever the luma is, no two of these can lie more than 255 apart. MOST_APART leaves room
    for other matrices. A decoder that never wrote a block leaves u = v = 0 there, 362 apart.

    u, v  (h, w) uint8, C-contiguous, of one shape
    """
    found = 0
    for y in range(u.shape[0]):
        for x in range(u.shape[1]):
            du = np.int64(u[y, x]) - NEUTRAL
            dv = np.int64(v[y, x]) - NEUTRAL
            red, green, blue = 1402 * dv, -344 * du - 714 * dv, 1772 * du
            apart = max(red, green, blue) - min(red, green, blue)
            found += int(apart > 1000 * MOST_APART)
    return found


# ---- figures from the sums


def means_and_spread(sums: Counts) -> tuple[float, float, float]:
    """Mean u - 128, mean v - 128, and the standard deviation about that mean, chroma levels; NaN for no pixels."""
    u, v, squared, number = (int(sums[at]) for at in range(SUMS))
    if number == 0:
        return math.nan, math.nan, math.nan
    return u / number, v / number, math.sqrt((number * squared - u * u - v * v) / (number * number))


def direction(sums: Counts) -> tuple[int, int]:
    """The direction of the mean colour from grey, times 1024; (0, 0) where the mean is grey."""
    u, v = int(sums[U]), int(sums[V])
    length = math.sqrt(u * u + v * v)
    return (round(_FINE * u / length), round(_FINE * v / length)) if length else (0, 0)


def reached(counts: Counts, share: float) -> float:
    """The projection, chroma levels, up to which at least `share` of all pixels lie."""
    rank = max(math.ceil(share * int(counts.sum())), 1)
    return (int(np.searchsorted(np.cumsum(counts), rank)) - 182 * STEPS) / STEPS
