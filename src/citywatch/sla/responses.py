"""The response clock: from a fault that was confirmed to somebody who took it on. Its cases are tickets.

A ticket is what its steps say of it up to an instant: what happened later is not known then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from citywatch.domain.service import NEVER_NS
from citywatch.domain.tickets import ClockState
from citywatch.sla.calendars import Calendar
from citywatch.sla.contracts import ClockTerms
from citywatch.sla.figures import Cases


@dataclass(frozen=True, slots=True)
class Hold:
    """A ticket on hold, from an instant to another one; None while it is."""

    reason: str
    from_ns: int
    to_ns: int | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A ticket: when it was filed, accepted and closed for the first time since; None for what has not happened.

    A ticket that was opened again waits for no second answer, and is closed when it was closed last.
    """

    device: str
    filed_ns: int
    accepted_ns: int | None
    closed_ns: int | None
    ticket: str = ""
    fault: str = ""
    outcome: str = ""
    exercise: bool = False
    reopened: int = 0
    holds: tuple[Hold, ...] = ()

    def as_known_at(self, at_ns: int) -> Answered | None:
        """Without what happened later; None when it had not been filed. Steps that came in between are for who reads
        them: this form keeps the first answer and the last end."""
        if self.filed_ns > at_ns:
            return None
        accepted = None if self.accepted_ns is None or self.accepted_ns > at_ns else self.accepted_ns
        closed = None if self.closed_ns is None or self.closed_ns > at_ns else self.closed_ns
        holds = tuple(
            hold if hold.to_ns is None or hold.to_ns <= at_ns else replace(hold, to_ns=None)
            for hold in self.holds
            if hold.from_ns <= at_ns
        )
        return replace(
            self, accepted_ns=accepted, closed_ns=closed, outcome="" if closed is None else self.outcome, holds=holds
        )


Stretches = Sequence[tuple[int, int]]
"""(from, to) in ns, sorted and apart from each other."""


def nothing_left_out(_device: str) -> Stretches:
    """No time of any device is excluded."""
    return ()


def response_case(
    ticket: Answered,
    terms: ClockTerms,
    calendar: Calendar,
    from_ns: int,
    to_ns: int,
    known_until_ns: int = NEVER_NS,
    left_out: Stretches = (),
) -> ClockState:
    """How the response clock of a ticket stands at the end of a window; NONE when it did not wait inside it."""
    return response_time(ticket, terms, calendar, from_ns, to_ns, known_until_ns, left_out)[0]


def response_time(
    ticket: Answered,
    terms: ClockTerms,
    calendar: Calendar,
    from_ns: int,
    to_ns: int,
    known_until_ns: int = NEVER_NS,
    left_out: Stretches = (),
) -> tuple[ClockState, int]:
    """The same, with what the clock has counted, ns.

    One that closed without any answer stops its clock then. Time of its device that is excluded (`left_out`) does not
    count.
    """
    now_ns = min(to_ns, known_until_ns)
    ends = [at for at in (ticket.accepted_ns, ticket.closed_ns) if at is not None]
    end_ns = min(ends, default=NEVER_NS)
    if ticket.filed_ns >= now_ns or end_ns < from_ns:
        return ClockState.NONE, 0
    until_ns = max(min(end_ns, now_ns), ticket.filed_ns)
    hours = calendar.within(ticket.filed_ns, until_ns + 1)
    counted = hours.between(ticket.filed_ns, until_ns)
    stood = ((max(a, ticket.filed_ns), min(b, until_ns)) for a, b in left_out)
    counted -= sum(hours.between(a, b) for a, b in stood if a < b)
    if counted > terms.within:
        return ClockState.BROKEN, counted
    return ClockState.KEPT if end_ns <= now_ns else ClockState.RUNNING, counted


def response_times(
    tickets: Iterable[Answered],
    terms: ClockTerms,
    calendar: Calendar,
    from_ns: int,
    to_ns: int,
    *,
    known_until_ns: int = NEVER_NS,
    left_out: Callable[[str], Stretches] = nothing_left_out,
) -> tuple[Cases, list[int]]:
    """Of the tickets that waited for an answer inside the window, and what the clock has counted of each, ns.
    `left_out` says when a device's time is excluded.
    """
    counts, lengths = dict.fromkeys(ClockState, 0), []
    for ticket in tickets:
        stood = left_out(ticket.device)
        state, counted = response_time(ticket, terms, calendar, from_ns, to_ns, known_until_ns, stood)
        counts[state] += 1
        if state is not ClockState.NONE:
            lengths.append(counted)
    return Cases(counts[ClockState.KEPT], counts[ClockState.BROKEN], counts[ClockState.RUNNING]), lengths
