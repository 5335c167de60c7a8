"""Terms of service levels: what is said of a device's states in time. A fact is never edited; a later one corrects it.

Six states (IEC 60050-192): a device is up, degraded, down, or nobody knows (unknown); what it is not answerable for
(power, a parent's outage, declared work) is externally disabled; before it was added and after it was removed it is
retired. A fact says one of them of a stretch of time, with its cause, what it was opened by, and the instant from
which it was known, so that any figure can be worked out as known then and as known now.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ALWAYS_NS = -(2**62)
"""Before everything: the beginning of what has always been so, and always been known."""
NEVER_NS = 2**62
"""Behind everything: the end of what has not ended."""


class ServiceState(StrEnum):
    """In the order in which facts of the same standing, known at the same instant, win over each other."""

    UNKNOWN = "unknown"
    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    DISABLED = "externally_disabled"
    RETIRED = "retired"


STATES = tuple(ServiceState)
"""A state's number in columns is its place here."""


class Standing(StrEnum):
    """Whose word a fact is; a higher one stands over all lower ones, whenever they were known."""

    PRESUMED = "presumed"
    """What holds where nobody says anything, such as: not there before it was added."""
    SEEN = "seen"
    """Concluded from looks, or one row of an imported history."""
    INHIBITED = "inhibited"
    """Away because of a parent: stands over what was seen of the device meanwhile."""
    STATED = "stated"
    """A person's word about a running city: a correction, or work declared."""


STANDINGS = tuple(Standing)


@dataclass(frozen=True, slots=True)
class ServiceFact:
    """A device is in `state` from an instant to another one (which it does not include).

    Both are known within bounds: `worst_*` is the bound of the reading that is worst for who answers for the device,
    `best_*` that of the best. Of a fact without bounds they are equal (`fact` makes such a one).
    ValueError when a reading ends before it begins; a reading may be empty.
    """

    device: str
    state: ServiceState
    worst_from_ns: int
    best_from_ns: int
    worst_to_ns: int = NEVER_NS
    best_to_ns: int = NEVER_NS
    cause: str = ""
    evidence: str = ""
    known_ns: int = ALWAYS_NS
    standing: Standing = Standing.SEEN
    number: int = 0
    """Of facts known at the same instant, the one with the greater number was told later."""

    def __post_init__(self) -> None:
        if self.worst_to_ns < self.worst_from_ns or self.best_to_ns < self.best_from_ns:
            raise ValueError(f"{self.device}: {self.state} ends before it begins")


def fact(
    device: str,
    state: ServiceState,
    from_ns: int,
    to_ns: int,
    cause: str = "",
    *,
    evidence: str = "",
    known_ns: int = ALWAYS_NS,
    standing: Standing = Standing.SEEN,
    number: int = 0,
) -> ServiceFact:
    """A fact whose ends are known exactly."""
    return ServiceFact(
        device, state, from_ns, from_ns, to_ns, to_ns, cause, evidence, known_ns, standing=standing, number=number
    )
