"""What the upper tail of figures says of values that were not seen: peaks over a threshold.

Runs of values that are near are not independent, so values of one camera count once while less than APART_S parts one
from the next that is above the threshold: a cluster, of which the largest value is the peak. Clusters come as a Poisson
process, and the excesses of the peaks over the threshold follow a generalised Pareto distribution where the threshold
is high enough (Pickands 1975). The rate at which 0 is reached is the number of clusters per day times the chance of an
excess as large as the threshold is far.

A margin is bounded: it is told by shares and ratios, and by the worst of several. So no tail is longer than the
exponential (what is bounded is not attracted by a distribution with a heavy tail: Gnedenko 1943), and shapes above 0
are not fitted. The best shape is often below 0, a tail that ends before a fault is reached, which would say "never" of
20 peaks. Therefore not the best is taken but the longest tail that the peaks do not refute: likelihood ratio, 5
percent, with the scale that fits it best.

No threshold is the right one, so several are tried: those that leave each number of PEAKS. A fit that its own peaks
refute is left out: two causes are mixed there, of which the rare one decides. Kolmogorov's distance refutes the best
fit where it is larger than in 95 of 100 samples of what was fitted, each fitted anew (Lilliefors 1969); and the longest
tail is refuted where the largest peak would be as far out in fewer than 5 of 100 samples. Of those that stand the
largest rate is taken. Where none stands, one camera came nearer than the others explain: then the exponential is taken
of which the largest peak is as far out in every other sample, over the threshold at which it says most. No rate is less
than what was seen.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Survival = Callable[[Floats], Floats]
"""The chance that a fitted distribution exceeds each value."""

APART_S = 2 * 3600.0
PEAKS = (15, 20, 30, 45, 60)
"""Numbers of clusters that a tail is fitted to: of 300 camera-days, one in 20 days to one in 5."""
SHAPES = (-0.5, -0.45, -0.4, -0.35, -0.3, -0.25, -0.2, -0.15, -0.1, -0.05, 0.0)
"""From tails that end soon (below, likelihood has no best) to the exponential, which has no end."""
_SCALES = np.geomspace(0.1, 4.0, 60)
_RATIO = 2.71
"""What the likelihood ratio of one parameter exceeds in 5 of 100 cases, on one side."""
_SAMPLES = 150
_RARE = 0.05
_PERCENT = 95.0


@dataclass(frozen=True, slots=True)
class Camera:
    """Values of one camera over so many days; NaN or minus infinity where there are none."""

    at_s: Floats
    values: Floats
    days: float


@dataclass(frozen=True, slots=True)
class Fit:
    """One tail: over which threshold, of how many peaks, the shape that fits best and the longest that stands (0:
    exponential), whether they are refuted by their own peaks, and what the longest says, or, where it is refuted, the
    exponential through the largest peak.
    """

    threshold: float
    peaks: int
    best: float
    longest: float
    per_day: float
    refuted: bool


def peaks(camera: Camera, threshold: float) -> Floats:
    """The largest value of each cluster above a threshold, or at it where it is 0."""
    above = np.flatnonzero(camera.values >= threshold if threshold == 0.0 else camera.values > threshold)
    if not len(above):
        return np.zeros(0)
    begins = np.flatnonzero(np.diff(camera.at_s[above], prepend=-np.inf) >= APART_S)
    return np.asarray(np.maximum.reduceat(camera.values[above], begins))


@dataclass(frozen=True, slots=True)
class Tail:
    """The peaks of cameras over each threshold, so that cameras can be drawn anew.

    thresholds  below 0
    excesses    by threshold and camera
    seen        peaks at 0 or more, by camera
    days        by camera
    """

    thresholds: tuple[float, ...]
    excesses: tuple[tuple[Floats, ...], ...]
    seen: tuple[int, ...]
    days: tuple[float, ...]

    @classmethod
    def of(cls, cameras: Sequence[Camera]) -> Tail:
        thresholds = tuple(_thresholds(cameras))
        return cls(
            thresholds,
            tuple(tuple(peaks(camera, threshold) - threshold for camera in cameras) for threshold in thresholds),
            tuple(len(peaks(camera, 0.0)) for camera in cameras),
            tuple(camera.days for camera in cameras),
        )

    def rate(self, drawn: Sequence[int] | None = None) -> float:
        """Clusters that reach 0, per day, of all cameras or of those that were drawn (one may be drawn twice)."""
        picked = range(len(self.days)) if drawn is None else drawn
        seen = sum(self.seen[number] for number in picked) / sum(self.days[number] for number in picked)
        tails = self.fits(picked)
        stand = [tail.per_day for tail in tails if not tail.refuted]
        return max([seen, *(stand or [tail.per_day for tail in tails])])

    def fits(self, picked: Sequence[int]) -> list[Fit]:
        """One for each threshold with enough peaks."""
        days = sum(self.days[number] for number in picked)
        found = []
        for threshold, by_camera in zip(self.thresholds, self.excesses, strict=True):
            excesses = np.sort(np.concatenate([by_camera[number] for number in picked]))
            number = len(excesses)
            if number < PEAKS[0] // 2:
                continue
            fitted = profile(excesses)
            best, longest = fitted.best, fitted.longest
            of_best = distance(excesses, survival(SHAPES[best], float(fitted.scales[best])))
            near = min(PEAKS, key=lambda peaks: abs(math.log(peaks / number)))
            exceeds = survival(SHAPES[longest], float(fitted.scales[longest]))
            reached, largest = (float(chance) for chance in exceeds(np.array([-threshold, excesses[-1]])))
            alone = 1.0 - (1.0 - largest) ** number < _RARE
            refuted = alone or of_best * math.sqrt(number) > critical(near, best)
            scale = float(excesses[-1]) / -math.log(1.0 - 0.5 ** (1.0 / number))
            per_day = number / days * (math.exp(threshold / scale) if refuted else reached)
            found.append(Fit(threshold, number, SHAPES[best], SHAPES[longest], per_day, refuted))
        return found


def _thresholds(cameras: Sequence[Camera]) -> list[float]:
    """Those below 0 that leave each number of PEAKS clusters, as nearly as can be."""
    every = np.concatenate([camera.values[np.isfinite(camera.values)] for camera in cameras])
    every = np.unique(every[every < 0])
    found = set()
    for wanted in PEAKS:
        # The lower the threshold, the more clusters, until they grow together.
        low, high = max(0, len(every) - 100 * wanted), len(every) - 1
        while low < high:
            middle = (low + high) // 2
            if sum(len(peaks(camera, float(every[middle]))) for camera in cameras) > wanted:
                low = middle + 1
            else:
                high = middle
        if len(every) and sum(len(peaks(camera, float(every[low]))) for camera in cameras) >= wanted / 2:
            found.add(float(every[low]))
    return sorted(found)


def survival(shape: float, scale: float) -> Survival:
    """Of a generalised Pareto distribution; shape 0 is the exponential."""
    if shape == 0.0:
        return lambda reach: np.exp(-reach / scale)
    return lambda reach: np.maximum(1.0 + shape * reach / scale, 0.0) ** (-1.0 / shape)


@dataclass(frozen=True, slots=True)
class Profile:
    """Generalised Pareto distributions of each of SHAPES, with the scale that fits it best, and how well they fit."""

    scales: Floats
    likelihoods: Floats

    @property
    def best(self) -> int:
        return int(self.likelihoods.argmax())

    @property
    def longest(self) -> int:
        """The longest tail that stands against the best: the likelihood ratio's test, one-sided, 5 percent."""
        stand = 2.0 * (self.likelihoods.max() - self.likelihoods) <= _RATIO
        return int(np.flatnonzero(stand).max())


def profile(excesses: Floats) -> Profile:
    """By likelihood, the scales on a grid. Excesses are above 0."""
    most, mean = float(excesses.max()), float(excesses.mean())
    scales, likelihoods = [], []
    for shape in SHAPES:
        if shape == 0.0:
            scales.append(mean)
            likelihoods.append(-len(excesses) * (math.log(mean) + 1.0))
            continue
        grid = np.maximum(-shape * most * 1.0001, mean * _SCALES)
        logs = np.log1p(shape * excesses[None, :] / grid[:, None]).sum(axis=1)
        values = -len(excesses) * np.log(grid) - (1.0 + 1.0 / shape) * logs
        best = int(values.argmax())
        scales.append(float(grid[best]))
        likelihoods.append(float(values[best]))
    return Profile(np.array(scales), np.array(likelihoods))


def distance(ordered: Floats, exceeds: Survival) -> float:
    """Kolmogorov's distance between a sample and a distribution."""
    n, below = len(ordered), 1.0 - exceeds(ordered)
    steps = np.arange(n)
    return float(max((below - steps / n).max(), ((steps + 1) / n - below).max()))


@functools.lru_cache(maxsize=256)
def critical(peaks_: int, shape: int) -> float:
    """The distance, times the root of the number, that 95 of 100 samples of a shape stay below, each fitted anew."""
    dice = np.random.default_rng(17)
    uniform = dice.uniform(size=(_SAMPLES, peaks_))
    bent = SHAPES[shape]
    drawn = np.sort(-np.log(uniform) if bent == 0.0 else (uniform**-bent - 1.0) / bent, axis=1)
    distances = []
    for sample in drawn:
        fitted = profile(sample)
        exceeds = survival(SHAPES[fitted.best], float(fitted.scales[fitted.best]))
        distances.append(distance(sample, exceeds))
    return math.sqrt(peaks_) * float(np.percentile(distances, _PERCENT))
