"""What any move of a ticket consists of: its place in the table, what came due before it, and its event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.service import NEVER_NS
from citywatch.domain.state import State
from citywatch.domain.tickets import ClockState, ReopenReason, TicketClock, TicketEnd, TicketMove, TicketState
from citywatch.tickets import clocks, excuses, rows
from citywatch.tickets.policy import TicketPolicy
from citywatch.tickets.table import MOVES

Ticket = dict[str, Any]

TIME_IS_OVER = "time_is_over"
ASKED = "asked"
_LASTING = frozenset({TicketEnd.CANCELLED, TicketEnd.MERGED})


def moved(row: Mapping[str, Any], move: TicketMove, at_ns: int) -> Ticket:
    """The row after a move that the table knows, else ValueError. No step is before the one before it."""
    after = MOVES.get((TicketState(row["state"]), move))
    if after is None:
        raise ValueError(f"a ticket that is {row['state']} cannot {move}")
    return {**row, "state": after.value, "at_ns": max(at_ns, row["at_ns"])}


def event(kind: EventKind, ticket: str, row: Mapping[str, Any], identity: str, **data: Any) -> Event:
    """An event of a ticket, at its last step."""
    told = {"ticket": ticket, **data}
    return Event(identity, kind, row["device"], max(row["at_ns"], 0), row["cause"], told)


def told_by(row: Mapping[str, Any], now_ns: int, policy: TicketPolicy) -> int | None:
    """The first instant by `now_ns` at which something is to be told of an open ticket."""
    instants = [clocks.next_instant(row[clock.value], policy.escalate_ns) for clock in TicketClock]
    instants += [None if row["hold"] is None else row["hold"]["until_ns"], rows.unverified_at(row, policy)]
    instants.append(row["ask_ns"])
    first = min((at for at in instants if at is not None), default=None)
    return first if first is not None and first <= now_ns else None


def overtake(state: State, ticket: str, row: Ticket, now_ns: int, policy: TicketPolicy) -> tuple[Ticket, list[Event]]:
    """What has come due by `now_ns`, each at its own instant, in their order; and the row after it. What is due at the
    instant at which maintenance begins is due.
    """
    told: list[Event] = []
    while (at_ns := told_by(row, now_ns, policy)) is not None:
        hold = row["hold"]
        if hold is not None and hold["until_ns"] == at_ns:
            row, resumed = resume(ticket, row, at_ns, policy, reason=TIME_IS_OVER, identity=(hold["from_ns"],))
            told.append(resumed)
        elif rows.unverified_at(row, policy) == at_ns:
            row, events = send_back(ticket, row, at_ns, "")
            told += events
        elif any(clocks.next_instant(row[clock.value], policy.escalate_ns) == at_ns for clock in TicketClock):
            row, warned = _of_clock(ticket, row, at_ns, policy)
            told.append(warned)
        else:
            row, events = asked_anew(state, ticket, row, at_ns, policy)
            told += events
    return row, told


def asked_anew(state: State, ticket: str, row: Ticket, at_ns: int, policy: TicketPolicy) -> tuple[Ticket, list[Event]]:
    """Its clocks stand from here on for what excuses it, or go on, or neither; and when to ask again."""
    at_ns = max(at_ns, row["at_ns"])
    found = excuses.excuse(state, row, at_ns, policy)
    row = {**row, "ask_ns": found.again_ns}
    if found.until_ns and row["excused"] is None and any(_lives(row[clock.value]) for clock in TicketClock):
        return _excused(ticket, row, at_ns, found, policy)
    if not found.until_ns and row["excused"] is not None:
        return _excused_no_longer(ticket, row, at_ns, policy)
    return row, []


def _excused(
    ticket: str, row: Ticket, at_ns: int, found: excuses.Excuse, policy: TicketPolicy
) -> tuple[Ticket, list[Event]]:
    until_ns = found.until_ns if found.until_ns < NEVER_NS else None
    excused = {"until_ns": until_ns, "window": found.window}
    row = {**row, "at_ns": at_ns, "excused": excused, "excuses": row["excuses"] + 1}
    left: dict[str, int | None] = {}
    for clock in TicketClock:
        known = row[clock.value]
        left[f"{clock.value}_left_ns"] = None
        if _lives(known):
            known = clocks.stand(known, policy.contracts.calendar(row["contract"], clock), at_ns)
            row = {**row, clock.value: known}
            left[f"{clock.value}_left_ns"] = known["within_ns"] - known["used_ns"]
    kind = EventKind.TICKET_CLOCKS_STOPPED
    data = {"reason": found.word, "by": found.by, **row["excused"], **left}
    return row, [event(kind, ticket, row, event_id(kind, ticket, row["excuses"]), **data)]


def _excused_no_longer(ticket: str, row: Ticket, at_ns: int, policy: TicketPolicy) -> tuple[Ticket, list[Event]]:
    row = {**row, "at_ns": at_ns, "excused": None}
    held = row["hold"] is not None and row["hold"]["stops"]
    for clock in TicketClock:
        if _lives(row[clock.value]) and not (held and clock is TicketClock.REPAIR):
            calendar = policy.contracts.calendar(row["contract"], clock)
            row = {**row, clock.value: clocks.run(row[clock.value], calendar, at_ns, policy.warn_percent)}
    kind = EventKind.TICKET_CLOCKS_RESUMED
    return row, [event(kind, ticket, row, event_id(kind, ticket, row["excuses"]), **dues_of(row), **left_of(row))]


def _lives(clock: clocks.ClockRow | None) -> bool:
    """Whether a clock may run yet: it has not ended, and has not run out."""
    return clock is not None and clock["ended_ns"] is None and clock["out_ns"] is None


def left_of(row: Mapping[str, Any]) -> dict[str, int | None]:
    """What is left of its clocks that stand; None of those that do not."""
    found: dict[str, int | None] = {}
    for clock in TicketClock:
        known = row[clock.value]
        stands = known is not None and clocks.state_of(known) is ClockState.HELD
        found[f"{clock.value}_left_ns"] = known["within_ns"] - known["used_ns"] if stands else None
    return found


def _of_clock(ticket: str, row: Ticket, at_ns: int, policy: TicketPolicy) -> tuple[Ticket, Event]:
    """The warning, breach or escalation that is due at an instant: the response clock's first."""
    name = next(
        clock.value for clock in TicketClock if clocks.next_instant(row[clock.value], policy.escalate_ns) == at_ns
    )
    clock = row[name]
    due_ns = clock["out_ns"] if clock["due_ns"] is None else clock["due_ns"]
    data: dict[str, Any] = {"clock": name, "due_ns": due_ns}
    if clock["out_ns"] is None and clock["warn_ns"] == at_ns:
        row = {**row, name: {**clock, "warned": True, "warn_ns": None}}
        kind, identity = EventKind.TICKET_WARNED, event_id("ticket_warned", ticket, name, row["reopened"])
    else:
        level = clock["level"]
        out_ns = at_ns if clock["out_ns"] is None else clock["out_ns"]
        row = {**row, name: {**clock, "out_ns": out_ns, "level": level + 1, "warned": True, "warn_ns": None}}
        kind, identity = EventKind.TICKET_BREACHED, event_id("ticket_breached", ticket, name, row["reopened"], level)
        data["level"] = level
    told = Event(identity, kind, row["device"], at_ns, row["cause"], {"ticket": ticket, **data})
    return row, told


def resume(
    ticket: str,
    row: Ticket,
    at_ns: int,
    policy: TicketPolicy,
    *,
    reason: str,
    identity: tuple[str | int, ...],
    note: str = "",
    actor: str = "",
    command: str = "",
) -> tuple[Ticket, Event]:
    """A ticket that was on hold goes on, and its repair clock with it."""
    row = moved(row, TicketMove.RESUME, at_ns)
    repair = row[TicketClock.REPAIR]
    if repair is not None and row["hold"]["stops"] and row["excused"] is None:
        calendar = policy.contracts.calendar(row["contract"], TicketClock.REPAIR)
        repair = clocks.run(repair, calendar, row["at_ns"], policy.warn_percent)
    row = {**row, "hold": None, "repair": repair}
    kind = EventKind.TICKET_RESUMED
    told = event(
        kind,
        ticket,
        row,
        event_id(kind, ticket, *identity),
        reason=reason,
        note=note,
        repair_due_ns=None if repair is None else repair["due_ns"],
        repair_left_ns=left_of(row)["repair_left_ns"],
        actor=actor,
        command=command,
    )
    return row, told


def send_back(ticket: str, row: Ticket, at_ns: int, alert: str) -> tuple[Ticket, list[Event]]:
    """A ticket that was handled is open again: its fault is still there, or nobody could say."""
    handled_ns = row["handled_ns"]
    row = moved(row, TicketMove.REOPEN, at_ns)
    row = {**row, "handled_ns": None, "outcome": "", "at_ns": max(at_ns, row["at_ns"])}
    identity = event_id("ticket_reopened", ticket, row["reopened"], handled_ns)
    return again(ticket, row, identity, ReopenReason.NOT_VERIFIED, alert=alert)


def again(
    ticket: str,
    row: Ticket,
    identity: str,
    reason: ReopenReason,
    *,
    alert: str = "",
    first_bad_ns: int = -1,
    note: str = "",
    actor: str = "",
    command: str = "",
) -> tuple[Ticket, list[Event]]:
    """The event of a ticket that is filed anew, and its dispatch where its team is known."""
    told = event(
        EventKind.TICKET_REOPENED,
        ticket,
        row,
        identity,
        reason=reason.value,
        alert=alert,
        first_bad_ns=first_bad_ns,
        **dues_of(row),
        verifiable=row["verifiable"],
        note=note,
        actor=actor,
        command=command,
    )
    row, dispatched = to_team(ticket, row, identity)
    return row, [told, *dispatched]


def to_team(ticket: str, row: Ticket, filing: str) -> tuple[Ticket, list[Event]]:
    """A ticket that is filed goes to its team at once, if it has one. `filing` is the event that has filed it."""
    if not row["team"]:
        return row, []
    row = moved(row, TicketMove.DISPATCH, row["at_ns"])
    kind = EventKind.TICKET_DISPATCHED
    return row, [event(kind, ticket, row, event_id(kind, filing), team=row["team"], actor="", command="")]


def restarted(row: Ticket, policy: TicketPolicy) -> Ticket:
    """A row whose ticket was closed and is open again: its clocks go on. One that was answered waits for no second
    answer.
    """
    for clock in TicketClock:
        known = row[clock.value]
        if known is None or (clock is TicketClock.RESPONSE and known["ended_ns"] is not None):
            continue
        go_on = clocks.run if known["ended_ns"] is None else clocks.again
        calendar = policy.contracts.calendar(row["contract"], clock)
        row = {**row, clock.value: go_on(known, calendar, row["at_ns"], policy.warn_percent)}
    return row


def _stopped(row: Ticket, policy: TicketPolicy) -> Ticket:
    """A row whose ticket is closed: its clocks stand, those that have not ended."""
    for clock in TicketClock:
        known = row[clock.value]
        if known is not None and known["ended_ns"] is None:
            calendar = policy.contracts.calendar(row["contract"], clock)
            row = {**row, clock.value: clocks.stand(known, calendar, row["at_ns"])}
    return row


def dues_of(row: Mapping[str, Any]) -> dict[str, int | None]:
    """When its clocks will have run out; None for a clock that it has not, that stands or has ended."""
    found: dict[str, int | None] = {}
    for clock in TicketClock:
        known = row[clock.value]
        runs = known is not None and known["ended_ns"] is None
        found[f"{clock.value}_due_ns"] = known["due_ns"] if runs else None
    return found


def verify(
    state: State,
    ticket: str,
    row: Ticket,
    policy: TicketPolicy,
    *,
    at_ns: int,
    first_good_ns: int,
    looks: int,
    note: str = "",
    actor: str = "",
    command: str = "",
) -> Iterator[Event]:
    """What was wrong is over: the repair clock stops with the first good look, whenever that became known."""
    row = moved(row, TicketMove.VERIFY, at_ns)
    for clock in TicketClock:
        if row[clock.value] is not None and row[clock.value]["ended_ns"] is None:
            calendar = policy.contracts.calendar(row["contract"], clock)
            row = {**row, clock.value: clocks.end(row[clock.value], calendar, min(first_good_ns, row["at_ns"]))}
    times = (row["reopened"],) if row["reopened"] else ()
    yield event(
        EventKind.TICKET_VERIFIED,
        ticket,
        row,
        event_id("ticket_verified", ticket, *times),
        first_good_ns=first_good_ns,
        looks=looks,
        response=clocks.state_of(row[TicketClock.RESPONSE]).value,
        repair=clocks.state_of(row[TicketClock.REPAIR]).value,
        note=note,
        actor=actor,
        command=command,
    )
    row = moved(row, TicketMove.CLOSE, row["at_ns"])
    yield from closed(state, ticket, row, TicketEnd.VERIFIED, policy)


def closed(
    state: State,
    ticket: str,
    row: Ticket,
    end: TicketEnd,
    policy: TicketPolicy,
    *,
    into: str = "",
    note: str = "",
    actor: str = "",
    command: str = "",
) -> Iterator[Event]:
    """The event of a ticket whose row is closed already; the row is laid by as long as it may be needed."""
    row = {**_stopped(row, policy), "hold": None, "excused": None, "ask_ns": None, "handled_ns": None, "end": end.value}
    times = (row["reopened"],) if row["reopened"] else ()
    yield event(
        EventKind.TICKET_CLOSED,
        ticket,
        row,
        event_id("ticket_closed", ticket, *times),
        reason=end.value,
        into=into,
        note=note,
        actor=actor,
        command=command,
    )
    if end in _LASTING:
        rows.lay_by(state, ticket, row, 0)
    elif end is TicketEnd.VERIFIED and policy.reopen_ns:
        rows.lay_by(state, ticket, row, row["at_ns"] + policy.reopen_ns)
    else:
        rows.forget(state, ticket, row)
