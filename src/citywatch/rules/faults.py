"""Confirmation and clearing, with hysteresis: one bad look is a suspicion, several are a fault.

A fault in the making is a row of plain numbers, so that it can live in a partition's state:
`phase` suspect or confirmed, `bad`/`first_bad_ns`/`last_bad_ns` of the run of bad looks, `good`/`first_good_ns` of
the run of good looks that may end it, `last_good_ns` before it all (-1 when it was never seen in order), `cause`,
`previous`, the picture of the look before the first bad one: what people compare the fault with, `dark`, whether all
bad looks were made at dark hours (good looks at other hours say nothing then), `held`, whether declared work has
held it back, and, once somebody has reported a repair, `reported`: since when it should be gone, and the run of bad
looks since then.
Down since is therefore known twice: at the best from the first bad look, at the worst from the last good one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.instants import NS_PER_S

SUSPECT = "suspect"
CONFIRMED = "confirmed"
NEVER = -1
_LEAST_ALIKE = 2

FaultRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A fault is confirmed by `confirm_looks` bad looks in a row that span at least `confirm_seconds`, and cleared
    by `clear_looks` good ones in a row that span at least `clear_seconds`. Looks that could not check the matter count
    for neither.

    `hidden_looks` of the looks that confirm may go to something that passes before the camera, whether it comes first,
    last or in between: so many bad looks fewer are enough, two at least, if the last shows the same picture as an
    earlier one, `confirm_seconds` before it. What passes does not stand for so long, and does not come again just as it
    was. So that this holds for any of the looks, they are so far apart that two which agree are always enough.

    `any_picture`: the fault leaves another picture each time, so those two need not show the same.
    """

    confirm_looks: int = 2
    confirm_seconds: float = 0.0
    clear_looks: int = 2
    clear_seconds: float = 0.0
    hidden_looks: int = 0
    any_picture: bool = False

    @property
    def again_seconds(self) -> float:
        """How soon to look again at a suspect, so that the fewest looks which confirm also span the time."""
        return self.confirm_seconds / max(self.least_looks - 1, 1)

    @property
    def least_looks(self) -> int:
        """Bad looks without which nothing is confirmed, however alike they are."""
        return min(self.confirm_looks, max(self.confirm_looks - self.hidden_looks, _LEAST_ALIKE))

    def words(self) -> str:
        """The rule as a sentence."""
        fewer = self.least_looks
        when = f"{self.confirm_seconds:g} s lie between them" if self.any_picture else "they show the same picture"
        alike = f" ({fewer} if {when})" if fewer < self.confirm_looks else ""
        return (
            f"confirmed by {_looks(self.confirm_looks, 'bad')}{_over(self.confirm_seconds)}{alike}, "
            f"cleared by {_looks(self.clear_looks, 'good')}{_over(self.clear_seconds)}"
        )


def _looks(number: int, kind: str) -> str:
    return f"one {kind} look" if number == 1 else f"{number} {kind} looks in a row"


def _over(seconds: float) -> str:
    return f" over at least {seconds:g} s" if seconds else ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a look was bad: what was measured, against which threshold, and by how much it was missed.

    `picture`, `previous` and `reference` are hashes: of this look, of the one before it, and of the camera's
    reference that it was compared with. `measurements` are the look's other figures, by name.
    """

    reason: str
    measure: str
    value: float
    threshold: float
    margin: float
    picture: str = ""
    previous: str = ""
    reference: str = ""
    light: str = ""
    measurements: Mapping[str, float] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        figures = {"value": self.value, "threshold": self.threshold, "margin": self.margin}
        return {
            "measure": self.measure,
            **{name: _round(figure) if math.isfinite(figure) else None for name, figure in figures.items()},
            "measurements": {
                name: _round(figure) for name, figure in self.measurements.items() if math.isfinite(figure)
            },
        }


def begin(device: str, fault: str, first_bad_ns: int, last_good_ns: int, previous: str = "") -> FaultRow:
    """A suspicion, before its first bad look is counted. `previous`: the picture from before it, if there is one."""
    return {
        "phase": SUSPECT,
        "bad": 0,
        "first_bad_ns": first_bad_ns,
        "last_good_ns": last_good_ns,
        "previous": previous,
        "cause": event_id("fault", device, fault, first_bad_ns),
    }


def bad_look(
    row: FaultRow | None,
    device: str,
    fault: str,
    at_ns: int,
    last_good_ns: int,
    evidence: Evidence,
    rule: Confirmation,
    *,
    held: bool = False,
    dark: bool = False,
    alike: bool = False,
) -> tuple[FaultRow, Event | None]:
    """One more bad look; the event when it raises the suspicion, or confirms the fault.

    held   declared work explains the fault for now: the look counts, and confirms nothing
    dark   the look was made at an hour that is dark where the camera stands
    alike  the look shows the same as one that may be of this fault, as long ago as the rule asks
    """
    first = row is None
    row = row or begin(device, fault, at_ns, last_good_ns, evidence.previous)
    row = {
        **row,
        "bad": row["bad"] + 1,
        "last_bad_ns": at_ns,
        "good": 0,
        "first_good_ns": NEVER,
        "dark": dark and (first or row.get("dark", False)),
        "held": row.get("held", False) or held,
    }
    long_enough = at_ns - row["first_bad_ns"] >= rule.confirm_seconds * NS_PER_S
    enough = row["bad"] >= (rule.least_looks if alike else rule.confirm_looks)
    if row["phase"] == SUSPECT and enough and long_enough and not held:
        return confirm(row, device, fault, at_ns, evidence, rule)
    if row["phase"] == CONFIRMED and row.get("reported") is not None:
        return _after_repair(row, device, fault, at_ns, rule, held=held)
    return row, _raised(row, device, fault, at_ns, evidence, rule) if first else None


def repair_reported(row: FaultRow, at_ns: int) -> FaultRow:
    """Somebody says that the fault is repaired: from here on bad looks are held against that."""
    if row["phase"] != CONFIRMED:
        return row
    return {**row, "reported": {"at_ns": at_ns, "bad": 0, "first_bad_ns": NEVER}}


def _after_repair(
    row: FaultRow, device: str, fault: str, at_ns: int, rule: Confirmation, *, held: bool
) -> tuple[FaultRow, Event | None]:
    """One more bad look after a repair was reported: as many as confirm the fault say that it is still there."""
    reported = row["reported"]
    if at_ns <= reported["at_ns"] or held:
        return row, None
    first_bad_ns = at_ns if reported["first_bad_ns"] == NEVER else reported["first_bad_ns"]
    looks = reported["bad"] + 1
    if looks < rule.confirm_looks or at_ns - first_bad_ns < rule.confirm_seconds * NS_PER_S:
        return {**row, "reported": {**reported, "bad": looks, "first_bad_ns": first_bad_ns}}, None
    kind = EventKind.FAULT_SEEN
    data = {"fault": fault, "looks": looks, "last_bad_ns": at_ns}
    identity = event_id(kind, row["cause"], reported["at_ns"])
    return {**row, "reported": None}, Event(identity, kind, device, at_ns, row["cause"], data)


def confirm(
    row: FaultRow, device: str, fault: str, at_ns: int, evidence: Evidence, rule: Confirmation | None = None
) -> tuple[FaultRow, Event]:
    """The fault stands."""
    data = {
        "fault": fault,
        "reason": evidence.reason,
        "first_bad_ns": row["first_bad_ns"],
        "last_good_ns": row["last_good_ns"],
        "looks": row["bad"],
        "evidence": evidence.data(),
        "picture": evidence.picture,
        "previous": row["previous"],
        "reference": evidence.reference,
        "light": evidence.light,
        "dark": row.get("dark", False),
        "held": row.get("held", False),
        "rule": "" if rule is None else rule.words(),
    }
    kind = EventKind.FAULT_CONFIRMED
    event = Event(event_id(kind, row["cause"]), kind, device, at_ns, row["cause"], data)
    return {**row, "phase": CONFIRMED}, event


def _raised(row: FaultRow, device: str, fault: str, at_ns: int, evidence: Evidence, rule: Confirmation) -> Event:
    data = {
        "fault": fault,
        "reason": evidence.reason,
        "first_bad_ns": row["first_bad_ns"],
        "again_seconds": rule.again_seconds,
    }
    kind = EventKind.SUSPICION_RAISED
    return Event(event_id(kind, row["cause"]), kind, device, at_ns, row["cause"], data)


def good_look(
    row: FaultRow, device: str, fault: str, at_ns: int, rule: Confirmation
) -> tuple[FaultRow | None, Event | None]:
    """One good look: a suspicion is dropped at once, a fault is cleared by enough of them in a row."""
    if row["phase"] == SUSPECT:
        kind = EventKind.SUSPICION_DROPPED
        data: dict[str, Any] = {"fault": fault, "looks": row["bad"]}
        return None, Event(event_id(kind, row["cause"]), kind, device, at_ns, row["cause"], data)
    row = {**row, "good": row["good"] + 1, "first_good_ns": at_ns if row["good"] == 0 else row["first_good_ns"]}
    if row.get("reported") is not None:
        row = {**row, "reported": {**row["reported"], "bad": 0, "first_bad_ns": NEVER}}
    if row["good"] < rule.clear_looks or at_ns - row["first_good_ns"] < rule.clear_seconds * NS_PER_S:
        return row, None
    data = {
        "fault": fault,
        "first_good_ns": row["first_good_ns"],
        "last_bad_ns": row["last_bad_ns"],
        "looks": row["good"],
    }
    kind = EventKind.FAULT_CLEARED
    return None, Event(event_id(kind, row["cause"]), kind, device, at_ns, row["cause"], data)


def _round(figure: float) -> float:
    return round(figure, 6)
