"""The chart in the plainest words: lists of everything, and means computed anew each time."""

from __future__ import annotations

import math


def naive_alarm(values: list[int], prior: tuple[float, float], design: tuple[float, ...]) -> int:
    """The index of the value that gives the first alarm, or their number."""
    slack, threshold, clip, learn, apart, memory = design
    squares, freedom = prior
    total = {1: 0.0, -1: 0.0}
    run: dict[int, list[int]] = {1: [], -1: []}
    for i, x in enumerate(values):
        alarm = False
        if i >= learn:
            deviation = math.sqrt(squares / freedom)
            z = _score(x, values[:i], deviation, clip)
            for side in (1, -1):
                others = values[: i - len(run[side])]
                own = _score(x, others, deviation, clip) if len(others) >= apart else z
                after = total[side] + side * own - slack
                total[side] = max(after, 0.0)
                run[side] = [*run[side], x] if after > 0.0 else []
                alarm = alarm or after > threshold
            squares += (z * deviation) * (z * deviation)
            freedom += 1.0
            if freedom > memory:
                squares, freedom = squares * 0.5, freedom * 0.5
        if alarm:
            return i
    return len(values)


def _score(x: int, others: list[int], deviation: float, clip: float) -> float:
    z = (x - sum(others) / len(others)) / (deviation * math.sqrt(1.0 + 1.0 / len(others)))
    return min(max(z, -clip), clip)
