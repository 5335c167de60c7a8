"""What the alert desk goes by: how long a moment stays, what is flapping, who is called when nobody comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Labels, Matcher

_MINUTE_NS = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Flapping:
    """`openings` of one device and kind within `within_ns` are one flapping alert; 0: never. It ends when nothing has
    been open for `quiet_ns`.
    """

    openings: int = 4
    within_ns: int = 60 * _MINUTE_NS
    quiet_ns: int = 30 * _MINUTE_NS


@dataclass(frozen=True, slots=True)
class Escalation:
    """Steps of the alerts that match: (unacknowledged for so many nanoseconds, name of the step), later and later."""

    match: Matcher
    steps: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """`overload_hold_seconds`: a passing vehicle is a moment, no state; its alert leaves the desk after this long.
    `severe_over_percent`: from here on an overload is critical (the band that the reference city reports apart).
    """

    overload_hold_seconds: int = 1800
    severe_over_percent: float = 30.0
    flapping: Flapping = field(default_factory=Flapping)
    escalations: Sequence[Escalation] = ()

    def steps_for(self, labels: Labels) -> tuple[tuple[int, str], ...]:
        """Who is called, and after how long: the first escalation that matches."""
        for escalation in self.escalations:
            if escalation.match.matches(labels):
                return escalation.steps
        return ()
