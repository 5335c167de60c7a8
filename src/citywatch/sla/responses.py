"""The response clock: from a fault that was confirmed to somebody who took it on. Its cases are tickets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from citywatch.domain.service import NEVER_NS
from citywatch.sla.calendars import Calendar
from citywatch.sla.contracts import ClockTerms
from citywatch.sla.figures import Cases


@dataclass(frozen=True, slots=True)
class Answered:
    """A ticket: when it was filed, accepted and closed; None for what has not happened."""

    device: str
    filed_ns: int
    accepted_ns: int | None
    closed_ns: int | None


def response_cases(
    tickets: Iterable[Answered],
    terms: ClockTerms,
    calendar: Calendar,
    from_ns: int,
    to_ns: int,
    *,
    known_until_ns: int = NEVER_NS,
) -> Cases:
    """Of the tickets that waited for an answer inside the window. One that closed without any stops its clock then."""
    now_ns = min(to_ns, known_until_ns)
    kept = broken = running = 0
    for ticket in tickets:
        ends = [at for at in (ticket.accepted_ns, ticket.closed_ns) if at is not None]
        end_ns = min(ends, default=NEVER_NS)
        if ticket.filed_ns >= now_ns or end_ns < from_ns:
            continue
        until_ns = max(min(end_ns, now_ns), ticket.filed_ns)
        hours = calendar.within(ticket.filed_ns, until_ns + 1)
        if hours.between(ticket.filed_ns, until_ns) > terms.within:
            broken += 1
        elif end_ns <= now_ns:
            kept += 1
        else:
            running += 1
    return Cases(kept, broken, running)
