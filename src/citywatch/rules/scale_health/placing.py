"""The place of each step in a recording, with all trucks on both sides; and which alarms they contradict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from citywatch.domain.instants import format_instant
from citywatch.rules.scale_health.chart import DROP, NORMAL_95, confidence
from citywatch.rules.scale_health.reference import UNITS, Gauge, Readings, from_log, histogram, peaks
from citywatch.rules.scale_health.watch import percent

LEAST_CONFIDENCE = 0.99
"""An alarm that all trucks together make less sure is none: with 65,000 reference trucks there are some by chance."""

Peaks = tuple[tuple[int, int] | None, tuple[int, int] | None]
Alarm = tuple[int, int]
"""Number of the truck that gave it, from 1 among those of the gauge, and how many of the new level it had seen."""
_I64 = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class PlacedStep:
    """A step as hindsight sees it. `split` is the number of its first truck among those of the gauge."""

    gauge: Gauge
    split: int
    at_ns: int
    from_ns: int
    to_ns: int
    seen_ns: int
    size: float
    size_bound: float
    before: float
    after: float
    before_count: int
    after_count: int
    confidence: float
    delay: int = 0
    """Trucks of the new level until it was found."""
    peaks: Peaks = (None, None)
    """The two peaks of the gross weight before it and since, kg."""

    def shown(self) -> dict[str, Any]:
        digits = 4 if UNITS[self.gauge] == "ratio" else 1
        told: dict[str, Any] = {
            "gauge": self.gauge.value,
            "at": format_instant(self.at_ns),
            "from": format_instant(self.from_ns),
            "to": format_instant(self.to_ns),
            "found_at": format_instant(self.seen_ns),
            "size_percent": percent(self.size),
            "size_low_percent": percent(self.size - self.size_bound),
            "size_high_percent": percent(self.size + self.size_bound),
            "confidence": round(self.confidence, 6),
            "before": round(from_log(self.before), digits),
            "after": round(from_log(self.after), digits),
            "unit": UNITS[self.gauge],
            "before_count": self.before_count,
            "after_count": self.after_count,
            "delay_trucks": self.delay,
        }
        if self.gauge is Gauge.STEERING_AXLE:
            told["correction_factor"] = round(from_log(-self.size), 4)
            for name, both in zip(("before", "after"), self.peaks, strict=True):
                told[f"gross_peaks_{name}_kg"] = list(both) if both else None
        return told


def placed(readings: Readings, gauge: Gauge, alarms: Sequence[Alarm]) -> tuple[list[PlacedStep], int]:
    """The steps of a gauge, each between the one before it and the next, and how many alarms were none.

    The least sure alarm is left out, and the others are placed anew, until all are sure enough.
    """
    rows = np.flatnonzero(readings.given[gauge])
    values, at_ns = readings.values[gauge][rows], readings.at_ns[rows]
    left = list(alarms)
    while left:
        cuts = _cuts(values, left)
        worst = min(range(len(cuts)), key=lambda i: (cuts[i][2].confidence, i))
        if cuts[worst][2].confidence >= LEAST_CONFIDENCE:
            return [_told(readings, gauge, at_ns, alarm, cut) for (alarm, _), cut in zip(left, cuts, strict=True)], len(
                alarms
            ) - len(left)
        del left[worst]
    return [], len(alarms)


def _cuts(values: _I64, alarms: Sequence[Alarm]) -> list[tuple[int, int, Place]]:
    """For each alarm the trucks [start, end) around it, and where they are best cut."""
    start, found = 0, []
    for number, (alarm, _) in enumerate(alarms):
        following = alarms[number + 1 :]
        end = following[0][0] - following[0][1] if following else len(values)
        # It was found at its alarm: what came behind that says how large it is, not that it was another one.
        cut = place(values[start:end], alarm - start)
        found.append((start, end, cut))
        start += cut.split
    return found


def _told(readings: Readings, gauge: Gauge, at_ns: _I64, alarm: int, cut: tuple[int, int, Place]) -> PlacedStep:
    start, end, step = cut
    split = start + step.split
    both: Peaks = (None, None)
    if gauge is Gauge.STEERING_AXLE:
        ends = int(at_ns[start]), int(at_ns[split]), int(at_ns[end - 1]) + 1
        both = _peaks(readings, ends[0], ends[1]), _peaks(readings, ends[1], ends[2])
    return PlacedStep(
        gauge=gauge,
        split=split,
        at_ns=int(at_ns[split]),
        from_ns=int(at_ns[start + step.first]),
        to_ns=int(at_ns[start + step.last]),
        seen_ns=int(at_ns[alarm - 1]),
        size=step.after - step.before,
        size_bound=step.size_bound,
        before=step.before,
        after=step.after,
        before_count=step.split,
        after_count=end - start - step.split,
        confidence=step.confidence,
        delay=alarm - split,
        peaks=both,
    )


def _peaks(readings: Readings, from_ns: int, to_ns: int) -> tuple[int, int] | None:
    """The peaks of the semis of [from_ns, to_ns)."""
    these = readings.semis & (readings.at_ns >= from_ns) & (readings.at_ns < to_ns)
    return peaks(histogram(readings.gross_kg[these]))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row of values is best cut in two levels; the cut is with 95 % in front of one from `first` to `last`."""

    split: int
    first: int
    last: int
    before: float
    after: float
    size_bound: float
    confidence: float


def place(values: _I64, most: int | None = None) -> Place:
    """The most likely cut of at least three values (n,) into two levels of one variance, in front of one of the first
    `most` (of all, without it)."""
    count = len(values)
    passed, total = np.cumsum(values), int(values.sum())
    number = np.arange(1, count if most is None else max(min(most, count), 2))
    passed = passed[: len(number)]
    difference = (total - passed) / (count - number) - passed / number
    between = difference * difference * (number * (count - number) / count)
    best = len(between) - 1 - int(np.argmax(between[::-1]))
    rest = float(np.square(values - total / count).sum()) - float(between[best])
    variance = max(rest / max(count - 2, 1), 1.0)
    near = np.flatnonzero(between >= between[best] - 2.0 * DROP * variance)
    split = best + 1
    before = int(passed[best])
    return Place(
        split=split,
        first=int(near[0]) + 1,
        last=int(near[-1]) + 1,
        before=before / split,
        after=(total - before) / (count - split),
        size_bound=NORMAL_95 * math.sqrt(variance * (1 / split + 1 / (count - split))),
        confidence=confidence(float(between[best]) / (2.0 * variance), count - 1),
    )
