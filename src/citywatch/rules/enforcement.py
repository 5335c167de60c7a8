"""What is known of a scale itself, and what follows for a decision: how sure it is, and whether it may be enforced.

The error of a scale is taken as normal, without bias, its standard deviation a share of the limit: the error of its
class divided by z of the class's confidence. The probability that a truck was lawful is then that of a truck exactly at
its limit being weighed as this one or heavier,

    P = 1 - Phi((measured - limit) / (sigma * limit)),

which no lawful truck exceeds. (The same normal error stands behind the confidence statements of ASTM E1318 and
COST 323; domain sheet, section 3: 50 %, 15.9 %, 2.3 % and 0.13 % at 0 to 3 standard deviations.) It reaches an event
rounded to six decimals: far coarser than any difference between mathematical libraries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from statistics import NormalDist

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.passes import Decision, ScaleStatus
from citywatch.laws.instruments import Accuracy


class Blocked(StrEnum):
    """Why a decision may not be enforced; it counts in statistics all the same. ScaleStatus adds its own words."""

    UNDECIDED = "undecided"
    NO_INSTRUMENT = "no_instrument"
    """Nothing is known of the scale: neither class nor certificate."""
    LAW_NOT_IN_FORCE = "law_not_in_force"
    """The pass was before the law came into force, or after it had ended."""
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    ERROR_NOT_STATED = "error_not_stated"
    """The class of the scale states no error for axles or groups."""
    WITHIN_ALLOWANCE = "within_allowance"
    SUSPECT = "suspect"
    """The record contradicts itself."""


BLOCKING = (
    ScaleStatus.CLOCK_UNSYNCHRONISED
    | ScaleStatus.STRADDLING
    | ScaleStatus.PARTIAL_WHEEL
    | ScaleStatus.STOPPED
    | ScaleStatus.OVERRUN
    | ScaleStatus.SENSOR_FAULT
)
"""What a scale says of a record that makes its weight, or its instant, no evidence."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One lane's scale. Its certificate holds from `certified_from_ns` until before `certified_to_ns`.

    `allowance_ppm`, millionths of the limit, is given away before anybody is accused; `spacing_tolerance_mm` is by how
    much a distance between axles may be off. A record whose instant lies more than `clock_ahead_ns` after its own
    arrival comes from a clock that is wrong. `followed_by`: what was certified after it, which never changes what was
    decided before.
    """

    accuracy: Accuracy
    certified_from_ns: int
    certified_to_ns: int
    allowance_ppm: int
    spacing_tolerance_mm: int
    clock_ahead_ns: int = 5 * NS_PER_S
    followed_by: Instrument | None = None

    def at(self, at_ns: int) -> Instrument:
        """What is known of the scale at an instant: the newest certificate that has begun; before it, the first."""
        found = self
        while found.followed_by is not None and at_ns >= found.followed_by.certified_from_ns:
            found = found.followed_by
        return found

    @property
    def name(self) -> str:
        """As events name it: `r134 5`."""
        return f"{self.accuracy.standard} {self.accuracy.name}"


@dataclass(frozen=True, slots=True)
class Enforcement:
    """`probability_lawful` is None where no error is known; `over_reduced_kg` is what is left after the allowance."""

    probability_lawful: float | None
    over_reduced_kg: int | None
    blocked: list[str]


def enforcement(
    instrument: Instrument | None,
    *,
    limit_kg: int,
    measured_kg: int,
    gross: bool,
    axles: int,
    of_group: bool,
    decision: Decision,
    at_ns: int,
    received_ns: int,
    in_force: bool,
    status: int,
    suspect: int,
) -> Enforcement:
    """What the scale's class and certificate make of a decision.

    `gross`, `axles`: what the binding limit is about; `of_group`: a single axle that has near ones beside it.

    `received_ns`: when the record came in by a door that is live, else 0. `in_force`: the law was, at that instant.
    """
    blocked: list[str] = []
    instrument = None if instrument is None else instrument.at(at_ns)
    if instrument is not None and 0 < received_ns < at_ns - instrument.clock_ahead_ns:
        status |= ScaleStatus.CLOCK_UNSYNCHRONISED
    if decision is Decision.UNDECIDED:
        blocked.append(Blocked.UNDECIDED)
    if not in_force:
        blocked.append(Blocked.LAW_NOT_IN_FORCE)
    if suspect:
        blocked.append(Blocked.SUSPECT)
    if status & int(BLOCKING):
        blocked += (ScaleStatus(status) & BLOCKING).words()
    if instrument is None:
        return Enforcement(None, None, [*blocked, Blocked.NO_INSTRUMENT])
    if at_ns < instrument.certified_from_ns:
        blocked.append(Blocked.CERTIFICATE_NOT_YET_VALID)
    elif at_ns >= instrument.certified_to_ns:
        blocked.append(Blocked.CERTIFICATE_EXPIRED)
    if limit_kg <= 0:
        return Enforcement(None, None, blocked)
    accuracy = instrument.accuracy
    percent = accuracy.gross_percent if gross else accuracy.group_percent
    if not gross and axles == 1:
        percent = accuracy.axle_of_group_percent if of_group else accuracy.axle_percent
    reduced = max(measured_kg - limit_kg - limit_kg * instrument.allowance_ppm // 1_000_000, 0)
    if reduced == 0 and measured_kg > limit_kg:
        blocked.append(Blocked.WITHIN_ALLOWANCE)
    if percent is None:
        return Enforcement(None, reduced, [*blocked, Blocked.ERROR_NOT_STATED])
    sigma = percent / 100 / _z(accuracy.confidence_percent)
    return Enforcement(probability_lawful(limit_kg, measured_kg, sigma), reduced, blocked)


def probability_lawful(limit_kg: int, measured_kg: int, sigma: float) -> float:
    """How probably a truck at its limit is weighed as `measured_kg` or more; `sigma` is a share of the limit."""
    return round(math.erfc((measured_kg - limit_kg) / (sigma * limit_kg) / math.sqrt(2)) / 2, 6)


@lru_cache(64)
def _z(confidence_percent: float) -> float:
    """Half-width of the middle `confidence_percent` of the normal law, in standard deviations."""
    return NormalDist().inv_cdf((1 + confidence_percent / 100) / 2)
