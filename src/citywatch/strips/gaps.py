"""Where a signal held no numbers (NaN, infinity), and which vehicles were weighed across such a place.

The estimator bridges what is missing with the last good value, so that one bad sample costs no vehicle. A load that
was measured over such a bridge is a guess all the same: its vehicle is told as of a faulty sensor.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from citywatch.strips.vehicles import Vehicles

_FELT_M: Final = 0.3
"""How far before and behind the middle of a wheel's pulse its area is taken: the patch, the strip and the margins."""
_TOGETHER_S: Final = 0.001
"""Gaps nearer to each other are kept as one."""

_Array = np.ndarray[Any, Any]


class Gaps:
    """Runs of missing samples of each strip, for as long as a vehicle of theirs may still come out."""

    def __init__(self, strips: int, rate_hz: int, longest_s: float) -> None:
        """`longest_s`: so long after its signal a vehicle comes out at the latest."""
        self._rate_hz = rate_hz
        self._together = max(1, round(_TOGETHER_S * rate_hz))
        self._longest = int(longest_s * rate_hz)
        self._runs: list[_Array] = [np.zeros((0, 2), np.int64) for _ in range(strips)]

    def note(self, missing: _Array, first: int) -> None:
        """Samples `first` and following, (strips, n) bool: which are no numbers."""
        for strip, bad in enumerate(missing):
            at = np.flatnonzero(bad) + first
            known = self._runs[strip]
            known = known[known[:, 1] > first - self._longest]
            found = np.concatenate([known, np.stack([at, at + 1], axis=1)])
            if len(found):
                begins = np.concatenate(([True], found[1:, 0] - found[:-1, 1] > self._together))
                ends = np.concatenate((begins[1:], [True]))
                found = np.stack([found[begins, 0], found[ends, 1]], axis=1)
            self._runs[strip] = found

    def touched(self, vehicles: Vehicles) -> _Array:
        """(n,) bool: the vehicles that some strip felt while it gave no numbers. Those without a speed are not."""
        out = np.zeros(len(vehicles), np.bool_)
        for row in np.flatnonzero(np.isfinite(vehicles.speed_mps)).tolist():
            reach_s = _FELT_M / float(vehicles.speed_mps[row])
            for strip, runs in enumerate(self._runs):
                felt_s = vehicles.felt_s[row, :, strip]
                middle = felt_s[np.isfinite(felt_s)] * self._rate_hz + int(vehicles.at_sample[row])
                nearest = np.searchsorted(runs[:, 1], middle - reach_s * self._rate_hz, side="right")
                there = nearest < len(runs)
                begins = runs[nearest[there], 0]
                out[row] |= bool((begins < middle[there] + reach_s * self._rate_hz).any())
        return out
