"""Acceptance by counting: ASTM E1318 (95 % of the errors within a tolerance), OIML R134 (no error above a maximum)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from citywatch.acceptance.standards import Criterion, standards

NO_CLASS = "none"
_UNITS = {Criterion.SPEED: "km/h", Criterion.SPACING: "mm"}


@dataclass(frozen=True, slots=True)
class Count:
    """One criterion against one tolerance. `unit` is that of tolerance and largest error."""

    criterion: Criterion
    n: int
    tolerance: float
    unit: str
    within: int
    largest: float
    passed: bool

    @property
    def within_percent(self) -> float:
        return 100.0 * self.within / self.n


@dataclass(frozen=True, slots=True)
class ClassResult:
    """One class or type: passed when each of its criteria is, and at least one was measured."""

    name: str
    counts: tuple[Count, ...]

    @property
    def passed(self) -> bool:
        return bool(self.counts) and all(count.passed for count in self.counts)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """All classes from the strictest on; `class_name` is the first one passed, `none` when there is none.

    `not_judged` names criteria that were measured and that the standard, as it stands here, has no tolerance for;
    `not_measured` those that it has one for, in the class reached (else in any), and that nobody measured.
    """

    class_name: str
    classes: tuple[ClassResult, ...]
    not_judged: tuple[Criterion, ...]
    not_measured: tuple[Criterion, ...] = ()


def e1318(errors: Mapping[Criterion, Sequence[float]]) -> Acceptance:
    """ASTM E1318-09, table 2: for each type, 95 % of the errors of every criterion within its tolerance.

    errors  by criterion: per cent of the reference for weights, km/h for speed, mm for spacing
    """
    standard = standards()["e1318"]
    share = standard.figures["within_percent"]
    common = {
        Criterion.SPEED: float(standard.figures["speed_kmh"]),
        Criterion.SPACING: float(standard.figures["spacing_mm"]),
    }
    classes = []
    for named in standard.classes:
        tolerances = {Criterion(key): value for key, value in named.tolerances.items()}
        # Speed and spacing alone say nothing about a type: without a weight there is nothing to accept.
        counts = [_count(c, errors[c], tolerances[c], share) for c in Criterion if c in errors and c in tolerances]
        if counts:
            counts += [_count(c, errors[c], common[c], share) for c in common if c in errors]
        classes.append(ClassResult(named.name, tuple(counts)))
    found = _acceptance(classes, errors)
    asked = {
        Criterion(key)
        for named in standard.classes
        if found.class_name in (named.name, NO_CLASS)
        for key in named.tolerances
    }
    return replace(found, not_measured=tuple(c for c in Criterion if c in (asked | common.keys()) and c not in errors))


def r134(errors: Mapping[Criterion, Sequence[float]], *, initial: bool) -> Acceptance:
    """OIML R134 / JJG 907: every error of the gross weight at most the maximum, at the initial verification or in
    service."""
    stage = "initial" if initial else "in_service"
    classes = []
    for named in standards()["r134"].classes:
        gross = errors.get(Criterion.GROSS, ())
        counts = (_count(Criterion.GROSS, gross, named.tolerances[stage], 100),) if gross else ()
        classes.append(ClassResult(named.name, counts))
    return _acceptance(classes, errors)


def _count(criterion: Criterion, errors: Sequence[float], tolerance: float, share_percent: int) -> Count:
    # A tolerance includes its bound; binary fractions of decimal figures may miss it by their last digit.
    within = sum(abs(error) <= tolerance * (1.0 + 1e-12) for error in errors)
    return Count(
        criterion=criterion,
        n=len(errors),
        tolerance=tolerance,
        unit=_UNITS.get(criterion, "%"),
        within=within,
        largest=max(errors, key=abs),
        passed=100 * within >= share_percent * len(errors),
    )


def _acceptance(classes: Sequence[ClassResult], errors: Mapping[Criterion, Sequence[float]]) -> Acceptance:
    judged = {count.criterion for result in classes for count in result.counts}
    return Acceptance(
        next((result.name for result in classes if result.passed), NO_CLASS),
        tuple(classes),
        tuple(criterion for criterion in errors if criterion not in judged),
    )
