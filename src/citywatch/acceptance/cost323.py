"""COST 323: the accuracy class of a weigh-in-motion site, by the confidence that its errors stay within a tolerance.

Source of every formula: COST 323, European WIM specification, version 3.0 (1999), chapter on initial and in-service
verification. For n errors of mean m and standard deviation s, in per cent of the static reference:

- minimum confidence  100 (2 Phi(k / e - t / sqrt n) - 1), k by repeatability, e by environment, t = t(0.975, n - 1);
- achieved confidence for the tolerance d  100 (1 - T((d - m) / s - t / sqrt n) - T((d + m) / s - t / sqrt n)), T the
  upper tail of Student's distribution with n - 1 degrees of freedom;
- smallest tolerance: the d at which the achieved confidence reaches the minimum.

A criterion keeps a class when the achieved confidence for that class's tolerance is at least the minimum; the class of
the site is the strictest that all criteria keep. At the initial verification tolerances are multiplied by 0.8.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

from citywatch.acceptance import student
from citywatch.acceptance.runs import Sample
from citywatch.acceptance.standards import COST323_CRITERIA, Criterion, standards

NO_CLASS = "none"
_PROBABILITY = 0.975


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """One criterion. Tolerances and figures in per cent.

    min_tolerance       the smallest tolerance that reaches the minimum confidence, as for a check in service
    class_value         K: the gross tolerance of the class (any number, not only those with names) that has it
    class_name          the strictest named class that the criterion keeps; `none` when it keeps none
    tolerance, achieved of the class of the site (with the factor of the initial verification)
    """

    criterion: Criterion
    sample: Sample
    min_confidence: float
    min_tolerance: float
    class_value: float
    class_name: str
    tolerance: float | None
    achieved: float | None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The site: its class by name, and each criterion."""

    class_name: str
    initial: bool
    repeatability: str
    environment: str
    criteria: tuple[CriterionResult, ...]


def min_confidence(n: int, repeatability: str, environment: str) -> float:
    """The confidence that n runs must reach, per cent (module docstring). It is not positive for very few runs."""
    figures = standards()["cost323"].figures
    k, e = figures["repeatability"][repeatability], figures["environment"][environment]
    return 100.0 * (2.0 * NormalDist().cdf(k / e - _half_width(n)) - 1.0)


def achieved(sample: Sample, tolerance: float) -> float:
    """The confidence that a further error lies within +- tolerance, per cent (module docstring)."""
    t, freedom = _half_width(sample.n), sample.n - 1
    above = student.upper_tail((tolerance - sample.mean) / sample.sd - t, freedom)
    below = student.upper_tail((tolerance + sample.mean) / sample.sd - t, freedom)
    return 100.0 * (1.0 - above - below)


def min_tolerance(sample: Sample, confidence: float) -> float:
    """The smallest tolerance whose achieved confidence is `confidence`, 0 < confidence < 100, per cent."""
    if not 0.0 < confidence < 100.0:
        raise ValueError(f"confidence {confidence:g} %: {sample.n} runs are too few to prove anything; make more")
    low, high = 0.0, abs(sample.mean) + sample.sd
    while achieved(sample, high) < confidence:
        low, high = high, 2.0 * high
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return high
        if achieved(sample, middle) < confidence:
            low = middle
        else:
            high = middle


def tolerance_of(criterion: Criterion, value: float) -> float:
    """The tolerance of a criterion in the class K = `value`, between the named classes, too (domain sheet, section 3).

    group: K / 0.7 (K < 7), K + 3 (< 30), 1.1 K; single axle: K (85 - K) / 50 (< 10), K + 5 (< 25), 1.2 K;
    axle of a group: 2 K (< 10), K + 10 (< 25), 1.2 K + 5.
    """
    k = value
    if criterion is Criterion.GROSS:
        return k
    if criterion is Criterion.GROUP:
        return k / 0.7 if k < 7 else k + 3 if k < 30 else 1.1 * k
    if criterion is Criterion.SINGLE_AXLE:
        return k * (85 - k) / 50 if k < 10 else k + 5 if k < 25 else 1.2 * k
    if criterion is Criterion.AXLE_OF_GROUP:
        return 2 * k if k < 10 else k + 10 if k < 25 else 1.2 * k + 5
    raise ValueError(f"COST 323 has no tolerance for {criterion}")


def class_value(criterion: Criterion, tolerance: float) -> float:
    """The smallest K whose tolerance for this criterion is at least `tolerance`."""
    low, high = 0.0, max(tolerance, 1.0)
    while tolerance_of(criterion, high) < tolerance:
        high *= 2.0
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return high
        if tolerance_of(criterion, middle) < tolerance:
            low = middle
        else:
            high = middle


def assess(
    samples: Mapping[Criterion, Sample], *, repeatability: str, environment: str, initial: bool = False
) -> Acceptance:
    """The class of a site. ValueError for no criterion, one that COST 323 does not know, or too few runs."""
    unknown = [criterion.value for criterion in samples if criterion not in COST323_CRITERIA]
    if unknown or not samples:
        wanted = ", ".join(COST323_CRITERIA)
        raise ValueError(f"{unknown[0] if unknown else 'nothing'} is judged: COST 323 wants one or more of {wanted}")
    standard = standards()["cost323"]
    factor = standard.figures["initial_factor"] if initial else 1.0
    kept = {
        criterion: [
            named.name
            for named in standard.classes
            if achieved(sample, factor * named.tolerances[criterion])
            >= min_confidence(sample.n, repeatability, environment)
        ]
        for criterion, sample in samples.items()
    }
    site = next((x.name for x in standard.classes if all(x.name in names for names in kept.values())), NO_CLASS)
    chosen = next((x for x in standard.classes if x.name == site), None)
    results = []
    for criterion in COST323_CRITERIA:
        if criterion in samples:
            sample = samples[criterion]
            confidence = min_confidence(sample.n, repeatability, environment)
            smallest = min_tolerance(sample, confidence)
            tolerance = None if chosen is None else factor * chosen.tolerances[criterion]
            results.append(
                CriterionResult(
                    criterion=criterion,
                    sample=sample,
                    min_confidence=confidence,
                    min_tolerance=smallest,
                    class_value=class_value(criterion, smallest / factor),
                    class_name=next(iter(kept[criterion]), NO_CLASS),
                    tolerance=tolerance,
                    achieved=None if tolerance is None else achieved(sample, tolerance),
                )
            )
    return Acceptance(site, initial, repeatability, environment, tuple(results))


@lru_cache(maxsize=64)
def _half_width(n: int) -> float:
    """t(0.975, n - 1) / sqrt n: how far the mean of n errors may be off, in standard deviations."""
    return student.quantile(_PROBABILITY, n - 1) / math.sqrt(n)
