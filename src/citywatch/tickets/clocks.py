"""The clocks of a ticket: within which time of a contract's calendar something must have happened.

A clock is a row of plain numbers, so that it can live in a partition's state; all instants and lengths in ns:
`within_ns` what the contract gives; `used_ns` what had passed at `from_ns`, since when it runs (None while it stands);
`warn_ns`, `due_ns` the instants at which most and all of it will have passed; `out_ns` when all of it had; `ended_ns`
when what was waited for happened; `warned`, `level` what has been told. An instant is exact: it does not depend on
when anybody looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Labels
from citywatch.domain.tickets import ClockState, HoldReason, TicketClock
from citywatch.sla.calendars import Calendar
from citywatch.sla.contracts import ClockTerms, Contract, Listed, speaks_of

ClockRow = Mapping[str, Any]

_SHORTEST_SEARCH_NS = 14 * 86_400 * NS_PER_S
_LONGEST_SEARCH_NS = 3_660 * 86_400 * NS_PER_S
_EVERY_HOUR = Calendar("UTC", frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun")), ((0, 86_400),))


class Contracts:
    """The contracts whose clocks tickets have: the first that is about a device gives them.

    Each comes with its own register: what that says of a device goes before what the city's says.
    """

    def __init__(self, contracts: Sequence[tuple[Contract, Mapping[str, Listed]]] = ()) -> None:
        self._contracts = tuple(contracts)
        self._named = {contract.name: contract for contract, _ in contracts}
        self._calendars: dict[tuple[str, str], Calendar] = {}

    def about(self, labels: Labels) -> str:
        """The name of the first contract about a device, by its labels; '' where there is none."""
        for contract, register in self._contracts:
            if speaks_of(contract, _listed(labels, register)):
                return contract.name
        return ""

    def terms(self, contract: str, clock: TicketClock) -> ClockTerms | None:
        """What a contract says of a clock; None where it says nothing, or is a contract no more."""
        found = self._named.get(contract)
        if found is None:
            return None
        return found.response if clock is TicketClock.RESPONSE else found.repair

    def calendar(self, contract: str, clock: TicketClock) -> Calendar:
        """The hours in which a clock runs. A clock whose contract is gone runs all day."""
        terms = self.terms(contract, clock)
        if terms is None:
            return _EVERY_HOUR
        key = (contract, terms.calendar)
        if key not in self._calendars:
            self._calendars[key] = self._named[contract].calendar(terms.calendar)
        return self._calendars[key]

    def stops(self, contract: str, reason: HoldReason) -> bool:
        """Whether the repair clock stands while a ticket is on hold for this reason."""
        found = self._named.get(contract)
        return found is not None and found.stops(reason)

    def leaves_out(self, contract: str, word: str, late_ns: int, others_answer: bool | None = None) -> bool:
        """Whether time of this cause is in no figure of a contract, see there; of no contract it is in none."""
        found = self._named.get(contract)
        return found is not None and found.leaves_out(word, late_ns, others_answer)

    def others_answer(
        self, contract: str, device: str, labels: Mapping[str, str], about: str, contractor: str
    ) -> bool | None:
        """Whether somebody else answers for `about` (the city says: `contractor`) than for a ticket's device; None
        where that is not known. The contract's own register goes before what the city's says.
        """
        found = self._named.get(contract)
        if found is None:
            return None
        register = next(known for one, known in self._contracts if one is found)
        mine = found.contractor or _listed({**labels, "device": device}, register).contractor
        theirs = register.get(about, Listed(about)).contractor or contractor
        return theirs != mine if mine and theirs else None

    def left_ns(self, contract: str, clock: TicketClock, now_ns: int, due_ns: int) -> int:
        """What is left, on the clock's calendar; below zero how long it has been out for, in plain time."""
        if now_ns >= due_ns:
            return due_ns - now_ns
        return elapsed(self.calendar(contract, clock), now_ns, due_ns)


def begin(terms: ClockTerms, calendar: Calendar, at_ns: int, warn_percent: int) -> ClockRow:
    """A clock that starts now."""
    row = {
        "within_ns": terms.within,
        "used_ns": 0,
        "from_ns": None,
        "warn_ns": None,
        "due_ns": None,
        "out_ns": None,
        "ended_ns": None,
        "warned": False,
        "level": 0,
    }
    return run(row, calendar, at_ns, warn_percent)


def run(row: ClockRow, calendar: Calendar, at_ns: int, warn_percent: int) -> ClockRow:
    """It goes on from here."""
    if row["out_ns"] is not None or row["from_ns"] is not None:
        return row
    used, within = row["used_ns"], row["within_ns"]
    warn_ns = None
    if not row["warned"]:
        warn_ns = reached(calendar, at_ns, max(0, within * warn_percent // 100 - used))
    return {**row, "from_ns": at_ns, "warn_ns": warn_ns, "due_ns": reached(calendar, at_ns, within - used)}


def stand(row: ClockRow, calendar: Calendar, at_ns: int) -> ClockRow:
    """It stands from here on. One that is out already is out."""
    if row["out_ns"] is not None or row["from_ns"] is None:
        return row
    used = row["used_ns"] + elapsed(calendar, row["from_ns"], at_ns)
    return {**row, "used_ns": used, "from_ns": None, "warn_ns": None, "due_ns": None}


def end(row: ClockRow, calendar: Calendar, at_ns: int) -> ClockRow:
    """What it waited for has happened at `at_ns`, which may have become known only later: then that is what counts."""
    out_ns = row["out_ns"]
    if out_ns is None or at_ns <= out_ns:
        row = stand({**row, "out_ns": None}, calendar, at_ns)
    return {**row, "ended_ns": at_ns}


def again(row: ClockRow, calendar: Calendar, at_ns: int, warn_percent: int) -> ClockRow:
    """It was ended too early: it goes on from here with what it had used."""
    if row["out_ns"] is not None:
        return {**row, "ended_ns": None, "level": -1}
    return run({**row, "ended_ns": None, "from_ns": None}, calendar, at_ns, warn_percent)


def state_of(row: ClockRow | None) -> ClockState:
    """How a clock stands."""
    if row is None:
        return ClockState.NONE
    if row["out_ns"] is not None:
        return ClockState.BROKEN
    if row["ended_ns"] is not None:
        return ClockState.KEPT
    return ClockState.HELD if row["from_ns"] is None else ClockState.RUNNING


def next_instant(row: ClockRow | None, escalate_ns: Sequence[int]) -> int | None:
    """When there is something to be told of a clock next."""
    if row is None or row["ended_ns"] is not None:
        return None
    if row["out_ns"] is not None:
        told: int = row["level"]
        return row["out_ns"] + escalate_ns[told - 1] if 0 < told <= len(escalate_ns) else None
    ahead = [at for at in (row["warn_ns"], row["due_ns"]) if at is not None]
    return min(ahead, default=None)


def reached(calendar: Calendar, from_ns: int, length_ns: int) -> int | None:
    """The instant at which a calendar has had so much time since `from_ns`; None: not within ten years."""
    if length_ns <= 0:
        return from_ns
    if calendar.is_always:
        return from_ns + length_ns
    span_ns = max(2 * length_ns, _SHORTEST_SEARCH_NS)
    while span_ns <= _LONGEST_SEARCH_NS:
        at_ns = calendar.within(from_ns, from_ns + span_ns).after(from_ns, length_ns)
        if at_ns is not None:
            return at_ns
        span_ns *= 4
    return None


def elapsed(calendar: Calendar, from_ns: int, to_ns: int) -> int:
    """How much time a calendar has between two instants; 0 when the second is not behind the first."""
    if to_ns <= from_ns:
        return 0
    if calendar.is_always:
        return to_ns - from_ns
    return calendar.within(from_ns, to_ns).between(from_ns, to_ns)


def _listed(labels: Labels, register: Mapping[str, Listed]) -> Listed:
    known = register.get(labels["device"], Listed(labels["device"]))
    return Listed(
        labels["device"],
        area=known.area or labels.get("area", ""),
        klass=known.klass or labels.get("class", ""),
        department=known.department or labels.get("department", ""),
        contractor=known.contractor or labels.get("contractor", ""),
        kind=known.kind or labels.get("device_kind", ""),
        site=known.site or labels.get("site", ""),
    )
