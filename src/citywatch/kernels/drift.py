"""Change of a level in a row of measurements: a two-sided CUSUM that learns its own level while it watches.

Values come as integers in 1/100,000 of a natural logarithm, so that a step is a ratio, levels are sums of integers, and
the same rows give the same answer however they are cut. The chart is told by arrays, which its owner keeps:

numbers  (4,) float64       SQUARES, FREEDOM (their quotient is the variance), UP, DOWN (the two cumulative sums)
level    (2,) int64         COUNT, SUM of all values since the chart began
runs     (2, 4) int64       for each side RUN_COUNT, RUN_SUM of the values since its cumulative sum was last zero, USED
                            blocks, SIZE of a block
blocks   (2, BLOCKS, 3) int64  those values in blocks, oldest first: FIRST_NS, BLOCK_COUNT, BLOCK_SUM
design   (6,) float64       SLACK and THRESHOLD in standard deviations, CLIP of a single value in standard deviations,
                            LEARN (values before the first is scored), APART (from so many values on, the run of a side
                            is kept out of the level that it is compared with), MEMORY (values that the variance
                            remembers)

Source: E. S. Page, Continuous inspection schemes, Biometrika 41 (1954); D. M. Hawkins, Self-starting CUSUM charts for
location and scale, The Statistician 36 (1987): while a value is compared with the mean of those before it, and divided
by sqrt(1 + 1/n), the scores are independent and alike from the first on, so that the rate of false alarms does not
depend on how long was learned.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

SQUARES, FREEDOM, UP, DOWN = 0, 1, 2, 3
COUNT, SUM = 0, 1
RUN_COUNT, RUN_SUM, USED, SIZE = 0, 1, 2, 3
FIRST_NS, BLOCK_COUNT, BLOCK_SUM = 0, 1, 2
SLACK, THRESHOLD, CLIP, LEARN, APART, MEMORY = 0, 1, 2, 3, 4, 5
BLOCKS = 16

_F64 = np.ndarray[Any, np.dtype[np.float64]]
_I64 = np.ndarray[Any, np.dtype[np.int64]]


@kernel("float64(int64, int64, int64, float64, float64)")
def score(value: int, total: int, count: int, deviation: float, clip: float) -> float:
    """How far a value is from the mean of `count` values that add up to `total`, in standard deviations of that
    difference, at most `clip`."""
    z = (value - total / count) / (deviation * math.sqrt(1.0 + 1.0 / count))
    return min(max(z, -clip), clip)


@kernel("void(int64[::1], int64[:, ::1], int64, int64)")
def remember(run: _I64, blocks: _I64, value: int, at_ns: int) -> None:
    """Add a value to a side's run. When all blocks are full, two become one: old runs are remembered coarsely."""
    used = run[USED]
    if used == 0 or blocks[used - 1, BLOCK_COUNT] >= run[SIZE]:
        if used == BLOCKS:
            for i in range(BLOCKS // 2):
                blocks[i, FIRST_NS] = blocks[2 * i, FIRST_NS]
                blocks[i, BLOCK_COUNT] = blocks[2 * i, BLOCK_COUNT] + blocks[2 * i + 1, BLOCK_COUNT]
                blocks[i, BLOCK_SUM] = blocks[2 * i, BLOCK_SUM] + blocks[2 * i + 1, BLOCK_SUM]
            used = BLOCKS // 2
            run[SIZE] *= 2
        blocks[used, FIRST_NS] = at_ns
        blocks[used, BLOCK_COUNT] = 0
        blocks[used, BLOCK_SUM] = 0
        used += 1
        run[USED] = used
    blocks[used - 1, BLOCK_COUNT] += 1
    blocks[used - 1, BLOCK_SUM] += value
    run[RUN_COUNT] += 1
    run[RUN_SUM] += value


@kernel(
    "int64(Array(int64, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), int64, float64[::1], int64[::1],"
    " int64[:, ::1], int64[:, :, ::1], Array(float64, 1, 'C', readonly=True))",
)
def advance(
    value: _I64, at_ns: _I64, start: int, numbers: _F64, level: _I64, runs: _I64, blocks: _I64, design: _F64
) -> int:
    """Take values from `start` on until a side exceeds its threshold; the index of that value, or of the end.

    value    (n,) int64   log measurements, 1/100,000
    at_ns    (n,) int64   their instants; only kept, never compared
    others   see the module; all but `design` are changed in place, the alarming value included
    """
    for i in range(start, value.shape[0]):
        x = value[i]
        count = level[COUNT]
        alarm = False
        if count >= design[LEARN]:
            deviation = math.sqrt(numbers[SQUARES] / numbers[FREEDOM])
            z = score(x, level[SUM], count, deviation, design[CLIP])
            for side in range(2):
                own = z
                others = count - runs[side, RUN_COUNT]
                if others >= design[APART]:
                    own = score(x, level[SUM] - runs[side, RUN_SUM], others, deviation, design[CLIP])
                total = numbers[UP + side] + (own if side == 0 else -own) - design[SLACK]
                if total > 0.0:
                    numbers[UP + side] = total
                    remember(runs[side], blocks[side], x, at_ns[i])
                    if total > design[THRESHOLD]:
                        alarm = True
                else:
                    numbers[UP + side] = 0.0
                    runs[side, RUN_COUNT] = 0
                    runs[side, RUN_SUM] = 0
                    runs[side, USED] = 0
                    runs[side, SIZE] = 1
            numbers[SQUARES] += (z * deviation) * (z * deviation)
            numbers[FREEDOM] += 1.0
            if numbers[FREEDOM] > design[MEMORY]:
                numbers[SQUARES] *= 0.5
                numbers[FREEDOM] *= 0.5
        level[COUNT] += 1
        level[SUM] += x
        if alarm:
            return i
    return int(value.shape[0])
