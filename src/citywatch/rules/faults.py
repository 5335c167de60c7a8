"""Confirmation and clearing, with hysteresis: one bad look is a suspicion, several are a fault.

A fault in the making is a row of plain numbers, so that it can live in a partition's state:
`phase` suspect or confirmed, `bad`/`first_bad_ns`/`last_bad_ns` of the run of bad looks, `good`/`first_good_ns` of
the run of good looks that may end it, `last_good_ns` before it all (-1 when it was never seen in order), `cause`,
and `previous`, the picture of the look before the first bad one: what people compare the fault with.
Down since is therefore known twice: at the best from the first bad look, at the worst from the last good one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from citywatch.domain.events import Event, EventKind, event_id

SUSPECT = "suspect"
CONFIRMED = "confirmed"
NEVER = -1

FaultRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A fault is confirmed by `confirm_looks` bad looks in a row that span at least `confirm_seconds`, and cleared
    by `clear_looks` good ones in a row. Looks that could not check the matter count for neither.
    """

    confirm_looks: int = 2
    confirm_seconds: float = 0.0
    clear_looks: int = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a look was bad: what was measured, against which threshold, and by how much it was missed.

    `picture` and `previous` are hashes: of this look, and of the one before it.
    """

    reason: str
    measure: str
    value: float
    threshold: float
    margin: float
    picture: str = ""
    previous: str = ""

    def data(self) -> dict[str, Any]:
        figures = {"value": self.value, "threshold": self.threshold, "margin": self.margin}
        return {
            "measure": self.measure,
            **{name: _round(figure) if math.isfinite(figure) else None for name, figure in figures.items()},
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
    row: FaultRow | None, device: str, fault: str, at_ns: int, last_good_ns: int, evidence: Evidence, rule: Confirmation
) -> tuple[FaultRow, Event | None]:
    """One more bad look; the event when it is the one that confirms the fault."""
    row = row or begin(device, fault, at_ns, last_good_ns, evidence.previous)
    row = {**row, "bad": row["bad"] + 1, "last_bad_ns": at_ns, "good": 0, "first_good_ns": NEVER}
    long_enough = at_ns - row["first_bad_ns"] >= rule.confirm_seconds * 1_000_000_000
    if row["phase"] == CONFIRMED or row["bad"] < rule.confirm_looks or not long_enough:
        return row, None
    return confirm(row, device, fault, at_ns, evidence)


def confirm(row: FaultRow, device: str, fault: str, at_ns: int, evidence: Evidence) -> tuple[FaultRow, Event]:
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
    }
    kind = EventKind.FAULT_CONFIRMED
    event = Event(event_id(kind, row["cause"]), kind, device, at_ns, row["cause"], data)
    return {**row, "phase": CONFIRMED}, event


def good_look(
    row: FaultRow, device: str, fault: str, at_ns: int, rule: Confirmation
) -> tuple[FaultRow | None, Event | None]:
    """One good look: a suspicion is dropped at once, a fault is cleared by enough of them in a row."""
    if row["phase"] == SUSPECT:
        return None, None
    row = {**row, "good": row["good"] + 1, "first_good_ns": at_ns if row["good"] == 0 else row["first_good_ns"]}
    if row["good"] < rule.clear_looks:
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
