"""What is counted of the passes of a road: by day and kind of vehicle, in whole numbers that add up."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, slots=True)
class Counts:
    """checked = lawful + over; over = the four bands. Who was not judged to the end is not among the checked.

    undecided   the scale alone cannot tell
    unknown     the law names no limit for such a vehicle
    not_judged  the limits are not made for it: cars and buses
    Bands are per cent above the limit: below 10, from 10, from 30, above 50.
    """

    checked: int = 0
    over: int = 0
    over_below_10: int = 0
    over_10_to_30: int = 0
    over_30_to_50: int = 0
    over_above_50: int = 0
    undecided: int = 0
    unknown: int = 0
    not_judged: int = 0

    def __add__(self, other: Self) -> Counts:
        return Counts(*(a + b for a, b in zip(self.figures(), other.figures(), strict=True)))

    def figures(self) -> tuple[int, ...]:
        """The numbers, in the order of COLUMNS."""
        return tuple(getattr(self, name) for name in COLUMNS)

    @property
    def over_percent(self) -> float | None:
        """Share of the checked that were over; None where none was checked."""
        return round(100 * self.over / self.checked, 4) if self.checked else None


COLUMNS = tuple(one.name for one in fields(Counts))
"""Names of the numbers, in order."""
