"""One chart: a gauge of one lane, its level so far, and the steps in it.

Design: slack 0.12 and threshold 30.2 standard deviations. For a step of 5 % where the coefficient of variation is
16.5 % (0.298 standard deviations of the logarithm) and 1,000 reference trucks before it: half of the steps are found
within about 130 trucks, 95 % within 300, at one false alarm in 25,000 trucks counted from a fresh start
(benchmarks/scales/drift.py measures this, decision 0034 says why so). In standard deviations the design holds for every
gauge: a gauge that varies less finds smaller steps as soon.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from citywatch.kernels import drift
from citywatch.rules.scale_health.reference import LOG_UNIT

FALSE_ALARM_ONE_IN = 25_000
DELAY = {
    "step_percent": 5.0,
    "cv_percent": 16.5,
    "trucks_before": 1_000,
    "median_at_most": 140,
    "95_percent_within": 300,
}
"""What is promised of the delay, in reference trucks."""
SLACK = 0.12
THRESHOLD = 30.2
DESIGN = np.array([SLACK, THRESHOLD, 3.5, 10.0, 750.0, 5_000.0])
DESIGN.flags.writeable = False
PRIOR_WEIGHT = 50.0
"""What is expected of the variance counts as much as so many trucks."""
DROP = 1.92
"""Log likelihood below the best split that bounds a 95 % interval (half of the 3.84 of one degree of freedom)."""
NORMAL_95 = 1.96

_I64 = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Step:
    """A change of level. Levels are 1/100,000 of a logarithm; `before_count`, `after_count` trucks stand behind them.

    `at_ns` is the first truck of the new level, most likely; with 95 % it is one from `from_ns` to `to_ns`. `seen_ns`
    and `delay` tell when it was found, and how many trucks after the change. `size` is after - before, known to
    +- `size_bound`. `confidence` is the probability that what looks like this is no accident, any place for the change
    considered.
    """

    at_ns: int
    from_ns: int
    to_ns: int
    seen_ns: int
    delay: int
    before: float
    after: float
    before_count: int
    after_count: int
    size_bound: float
    confidence: float

    @property
    def size(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, eq=False)
class Chart:
    """The arrays of kernels/drift.py, between calls."""

    numbers: np.ndarray[Any, np.dtype[np.float64]]
    level: _I64
    runs: _I64
    blocks: _I64

    @classmethod
    def fresh(cls, expected_cv: float) -> Self:
        """A chart that knows nothing but about how much its gauge varies (coefficient of variation)."""
        deviation = LOG_UNIT * math.sqrt(math.log1p(expected_cv * expected_cv))
        numbers = np.array([PRIOR_WEIGHT * deviation * deviation, PRIOR_WEIGHT, 0.0, 0.0])
        return cls(numbers, np.zeros(2, np.int64), *_no_runs())

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """A chart from its row of a partition's state."""
        runs, blocks = _no_runs()
        for side, (count, total, size, held) in enumerate(row["runs"]):
            runs[side] = count, total, len(held), size
            if held:
                blocks[side, : len(held)] = held
        return cls(np.array(row["numbers"], np.float64), np.array(row["level"], np.int64), runs, blocks)

    def to_row(self) -> dict[str, Any]:
        """Numbers and lists, less than 2 kB."""
        runs = []
        for run, blocks in zip(self.runs.tolist(), self.blocks, strict=True):
            count, total, used, size = run
            runs.append([count, total, size, blocks[:used].tolist()])
        return {"numbers": self.numbers.tolist(), "level": self.level.tolist(), "runs": runs}

    @property
    def count(self) -> int:
        return int(self.level[drift.COUNT])

    @property
    def mean(self) -> float:
        """The level; NaN without a truck."""
        return int(self.level[drift.SUM]) / self.count if self.count else math.nan

    @property
    def bound(self) -> float:
        """The level is known to +- this, with 95 %."""
        return NORMAL_95 * self.deviation / math.sqrt(max(self.count, 1))

    @property
    def deviation(self) -> float:
        """Standard deviation of a single truck."""
        return math.sqrt(float(self.numbers[drift.SQUARES] / self.numbers[drift.FREEDOM]))

    def follow(self, values: _I64, at_ns: _I64, start: int) -> int:
        """Take values from `start` on; the index of the one that gives the alarm, or their number."""
        return int(drift.advance(values, at_ns, start, self.numbers, self.level, self.runs, self.blocks, DESIGN))

    def step(self, seen_ns: int) -> tuple[Step, Chart]:
        """What the alarm that has just been given says, and the chart that goes on at the new level.

        The side's run began at or before the change: the place of the change is where the run is best told in two
        levels, the first of them shared with all trucks before the run.
        """
        side = int(self.numbers[drift.DOWN] > self.numbers[drift.UP])
        count, total, used, _ = self.runs[side].tolist()
        blocks = self.blocks[side, :used].tolist()
        before_count, before_sum = self.count - count, int(self.level[drift.SUM]) - total
        variance = self.deviation**2
        likelihoods = _likelihoods(before_count, before_sum, count, total, blocks, variance)
        best = max(range(used), key=lambda i: (likelihoods[i], i))
        near = [i for i in range(used) if likelihoods[i] >= likelihoods[best] - DROP]
        kept = blocks[best:]
        after_count, after_sum = sum(block[1] for block in kept), sum(block[2] for block in kept)
        before_count, before_sum = self.count - after_count, int(self.level[drift.SUM]) - after_sum
        step = Step(
            at_ns=blocks[best][0],
            from_ns=blocks[near[0]][0],
            to_ns=blocks[min(near[-1] + 1, used - 1)][0],
            seen_ns=seen_ns,
            delay=after_count,
            before=before_sum / before_count,
            after=after_sum / after_count,
            before_count=before_count,
            after_count=after_count,
            size_bound=NORMAL_95 * math.sqrt(variance * (1 / before_count + 1 / after_count)),
            confidence=confidence(likelihoods[best], count),
        )
        numbers = np.array([*self.numbers[:2].tolist(), 0.0, 0.0])
        return step, Chart(numbers, np.array([after_count, after_sum], np.int64), *_no_runs())


def _likelihoods(
    before_count: int, before_sum: int, count: int, total: int, blocks: Sequence[Sequence[int]], variance: float
) -> list[float]:
    """For a change in front of each block: log likelihood of two levels above that of one.

    Something stands before every run: the first values are learned from and not scored.
    """
    found = []
    for _, block_count, block_sum in blocks:
        # In front of this block: everything before the run, and the blocks passed so far.
        difference = total / count - before_sum / before_count
        found.append(difference * difference / (2.0 * variance * (1 / before_count + 1 / count)))
        before_count, before_sum = before_count + block_count, before_sum + block_sum
        count, total = count - block_count, total - block_sum
    return found


def confidence(likelihood: float, places: int) -> float:
    """1 - the chance of so great a difference between two parts of one level, cut at the best of `places` places."""
    chance = places * math.erfc(math.sqrt(max(likelihood, 0.0)))
    return max(0.0, 1.0 - chance)


def _no_runs() -> tuple[_I64, _I64]:
    runs = np.zeros((2, 4), np.int64)
    runs[:, drift.SIZE] = 1
    return runs, np.zeros((2, drift.BLOCKS, 3), np.int64)
