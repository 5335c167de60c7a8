"""Picture statistics over a 1080p luma plane and over the grid, against cv2.meanStdDev of the full plane, one thread.

The plane is a generated street by day with its sensor noise; it is compared with the same street one second later.
"All statistics" are those of the product: mean, standard deviation, 256-bin histogram, Laplacian variance, share of
pixels changed by more than one grey level, blockiness. The peer gives two of these (mean and standard deviation).
What a visit pays (make the grid, all columns of a FrameBatch) is shown beside them. Cold is the first call of a new
process with an empty kernel cache: the compiler's time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import cv2
import numpy as np

from benchmarks._frame import Goal, Row, Spread, paired, row
from citywatch.adapters.cameras.measure import CHANGED_BY, LumaOnly, make_grid, measure
from citywatch.kernels import pictures
from citywatch.testing.scenes import Street

SCENARIO = "pictures"
SEED, WIDTH, HEIGHT = 7, 1920, 1080
ROUNDS, COLD_STARTS = 101, 3
PEER = "cv2.meanStdDev, 1080p"
_COLD = """
import time
import numpy as np
from citywatch.kernels import pictures
plane = np.zeros((1080, 1920), np.uint8)
start = time.perf_counter()
pictures.tally(plane, plane, 1, np.zeros(256, np.int64), np.zeros(pictures.SUMS, np.int64))
print(time.perf_counter() - start)
"""


def all_statistics(plane: pictures.Plane, previous: pictures.Plane) -> Callable[[], tuple[float, ...]]:
    """A call that gives every statistic of the issue, as figures."""
    counts, sums = np.empty(256, np.int64), np.empty(pictures.SUMS, np.int64)

    def take() -> tuple[float, ...]:
        pictures.tally(plane, previous, CHANGED_BY, counts, sums)
        return (
            *pictures.mean_and_sd(counts),
            pictures.laplacian_variance(sums),
            int(sums[pictures.CHANGED]) / plane.size,
            pictures.blockiness(sums),
        )

    return take


def _first_calls() -> list[float]:
    """Seconds of the first call in new processes without a kernel cache."""
    seconds = []
    for _ in range(COLD_STARTS):
        with tempfile.TemporaryDirectory(prefix="citywatch-cold-") as directory:
            environment = {**os.environ, "NUMBA_CACHE_DIR": directory}
            command = [sys.executable, "-c", _COLD]
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            seconds.append(float(done.stdout))
    return seconds


def run() -> list[Row]:
    cv2.setNumThreads(1)
    street = Street(SEED, WIDTH, HEIGHT)
    plane, previous = (np.ascontiguousarray(street.yuv420(at_s)[:HEIGHT]) for at_s in (10.0, 11.0))
    grid, previous_grid = make_grid(plane), make_grid(previous)

    def peer() -> object:
        return cv2.meanStdDev(plane)

    start = time.perf_counter()
    all_statistics(plane, previous)()  # compiles, or loads from the cache
    loaded_s = time.perf_counter() - start
    cold = Spread.of(_first_calls())
    rows = [
        row(SCENARIO, "first call, nothing compiled", cold.median, "s", spread=cold, state="cold"),
        row(SCENARIO, "first call in this process", loaded_s, "s", note="compiled, or loaded from the cache"),
    ]
    for figure, ours, at_most in (
        ("all statistics, 1080p", all_statistics(plane, previous), 25.0),
        ("all statistics, grid", all_statistics(grid, previous_grid), 10.0),
        ("a visit's columns, grid and full plane", lambda: measure(LumaOnly(plane), grid, previous_grid), None),
        ("making the grid of a 1080p plane", lambda: make_grid(plane), None),
    ):
        found = paired(ours, peer, rounds=ROUNDS)
        spread = found.ours.scaled(1e3)
        goal = None if at_most is None else Goal(at_most=at_most, of="ratio")
        note = f"ratio {found.ratio.smallest:.1f}..{found.ratio.largest:.1f}"
        rows.append(
            row(SCENARIO, figure, spread.median, "ms", peer=PEER, ratio=found.ratio.median, goal=goal, spread=spread,
                note=note)
        )  # fmt: skip
    return rows
