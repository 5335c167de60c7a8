"""What is known of a scale itself, and what follows from it for a decision: how sure it is, and whether it may be used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors of an accuracy class, percent of the weight, each met by `confidence_percent` of the weighings.

    `axle_percent` and `group_percent` are None where the class states none.
    """

    name: str
    gross_percent: float
    confidence_percent: float
    group_percent: float | None
    axle_percent: float | None
    citation: str


@dataclass(frozen=True, slots=True)
class Instrument:
    """One lane's scale. The certificate holds from `certified_from_ns` until before `certified_to_ns`.

    `allowance_percent` is what is given away for the error of the instrument before anybody is accused.
    `spacing_tolerance_mm` is by how much a distance between axles may be off.
    """

    accuracy: Accuracy
    certified_from_ns: int
    certified_to_ns: int
    allowance_percent: float
    spacing_tolerance_mm: int
