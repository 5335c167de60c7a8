"""Kinds of vehicles by the distances between their axles: the row of a table that fits, how surely, and the runner-up.

All in integers. A measured distance is off by a normal error, so a range that it lies near the end of is met with some
probability only: SCALE parts of it are counted, looked up in a table of the normal law.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel

SCALE = 1024
"""A probability of one."""
STEPS = 32
"""Entries of the table of the normal law in one standard deviation."""
REACH = 4
"""The table goes from -REACH to REACH standard deviations."""
MOST_ROWS = 16
"""So many rows of a table may have the same number of axles."""
NO_ROW = -1


@kernel("int64(int64, int64, int64, int64, Array(int32, 1, 'C', readonly=True))")
def chance_within(value: Any, low: Any, high: Any, sigma: Any, normal: Any) -> Any:
    """How many SCALE parts of the measured `value` lie in [low, high], with an error of standard deviation `sigma`.

    normal  (2 * REACH * STEPS + 1,) int32: the normal law in SCALE parts
    """
    upper = min(max((high - value) * STEPS // sigma + REACH * STEPS, 0), 2 * REACH * STEPS)
    lower = min(max((low - 1 - value) * STEPS // sigma + REACH * STEPS, 0), 2 * REACH * STEPS)
    return np.int64(normal[upper]) - np.int64(normal[lower])


@kernel(
    "void(Array(int16, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True),"
    " Array(int32, 2, 'C', readonly=True), Array(int32, 2, 'C', readonly=True), Array(int32, 1, 'C', readonly=True),"
    " Array(int32, 2, 'C', readonly=True), Array(int32, 2, 'C', readonly=True), Array(int32, 2, 'C', readonly=True),"
    " Array(int32, 1, 'C', readonly=True), int64, int64, int16[::1], int16[::1], uint8[::1])",
)
def classify(  # noqa: PLR0912, PLR0915
    axle_count: Any,
    gross_kg: Any,
    axle_kg: Any,
    spacing_mm: Any,
    starts: Any,
    rows: Any,
    low_mm: Any,
    high_mm: Any,
    normal: Any,
    sigma_mm: int,
    sigma_permille: int,
    best: Any,
    second: Any,
    confidence: Any,
) -> None:
    """The row of a table of kinds that each vehicle fits.

    The first row that fits as measured is the kind; when none does, the likeliest one, if any is likely at all.
    The runner-up is the likeliest row of another kind; the confidence is the kind's share of the likelihood of all.
    A vehicle of which a distance is not given (zero) fits no row.

    axle_count          (n,) int16
    gross_kg            (n,) int32
    axle_kg             (n, k) int32
    spacing_mm          (n, j) int32
    starts              (m,) int32: rows starts[a] to starts[a + 1] of the table are those of `a` axles
    rows                (r, 4) int32: kind, lowest and highest gross, lightest first axle, kg
    low_mm, high_mm     (r, w) int32: range of each distance, both ends within
    sigma_mm            standard deviation of a distance
    sigma_permille      of a weight, in thousandths of it
    best, second        (n,) int16, out: row of the table, NO_ROW for none
    confidence          (n,) uint8, out: percent
    """
    score = np.zeros(MOST_ROWS, np.int64)
    for v in range(axle_count.shape[0]):
        best[v] = NO_ROW
        second[v] = NO_ROW
        confidence[v] = 0
        axles: Any = np.int64(axle_count[v])
        if axles < 1 or axles + 1 >= starts.shape[0] or axles - 1 > spacing_mm.shape[1] or axles > axle_kg.shape[1]:
            continue
        given = axles > 1
        for i in range(axles - 1):
            given = given and spacing_mm[v, i] > 0
        if not given:
            continue
        begin, end = starts[axles], starts[axles + 1]
        gross: Any = np.int64(gross_kg[v])
        sigma_kg = max(gross * sigma_permille // 1000, np.int64(1))
        fits = NO_ROW
        likeliest = NO_ROW
        for r in range(begin, end):
            exact = rows[r, 1] <= gross <= rows[r, 2] and axle_kg[v, 0] >= rows[r, 3]
            likely = chance_within(gross, rows[r, 1], rows[r, 2], sigma_kg, normal)
            if rows[r, 3] > 0:
                load: Any = np.int64(axle_kg[v, 0])
                sigma_axle = max(load * sigma_permille // 1000, np.int64(1))
                likely = likely * chance_within(load, rows[r, 3], np.int64(1 << 30), sigma_axle, normal) // SCALE
            for i in range(axles - 1):
                if likely == 0 and not exact:
                    break
                gap: Any = np.int64(spacing_mm[v, i])
                exact = exact and low_mm[r, i] <= gap <= high_mm[r, i]
                likely = likely * chance_within(gap, low_mm[r, i], high_mm[r, i], sigma_mm, normal) // SCALE
            if exact:
                likely = max(likely, np.int64(1))
                if fits == NO_ROW:
                    fits = r
            score[r - begin] = likely
            if likely > 0 and (likeliest == NO_ROW or likely > score[likeliest - begin]):
                likeliest = r
        chosen = fits if fits != NO_ROW else likeliest
        if chosen == NO_ROW:
            continue
        total = np.int64(0)
        own = np.int64(0)
        runner = NO_ROW
        for r in range(begin, end):
            # A kind counts once, with its likeliest row.
            counts = True
            for q in range(begin, end):
                if rows[q, 0] == rows[r, 0] and (
                    score[q - begin] > score[r - begin] or (q < r and score[q - begin] == score[r - begin])
                ):
                    counts = False
            if not counts:
                continue
            total += score[r - begin]
            if rows[r, 0] == rows[chosen, 0]:
                own = score[r - begin]
            elif score[r - begin] > 0 and (runner == NO_ROW or score[r - begin] > score[runner - begin]):
                runner = r
        best[v] = chosen
        second[v] = runner
        confidence[v] = 100 * own // total
