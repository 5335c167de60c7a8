"""A figure is an interval: what is surely so, and what may be. Against a target it is met, missed or undecided."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from citywatch.sla.availability import SlaVerdict


@dataclass(frozen=True, slots=True)
class Share:
    """A share of time or of cases between two exact bounds, `worst <= best`."""

    worst: Fraction
    best: Fraction

    def verdict(self, target: Fraction) -> SlaVerdict:
        """Reaching the target exactly is meeting it."""
        if self.worst >= target:
            return SlaVerdict.MET
        return SlaVerdict.MISSED if self.best < target else SlaVerdict.UNDECIDED


def percent(exact: str | None, digits: int = 3) -> str:
    """Per cent of an exact share, never rounded up: what is below the target is not shown as the target."""
    if exact is None:
        return "-"
    whole = int(Fraction(exact) * 100 * 10**digits)
    return f"{whole // 10**digits}.{whole % 10**digits:0{digits}d}"
