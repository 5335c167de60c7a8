"""The ticket desk of one partition, or of the incident stage: what is open in, ticket events out.

One ticket a cause. A fault, a finding or an incident that comes back within a stated time has its old ticket again.
What people ask for is in orders.py; the rows are told of in rows.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from citywatch.alerts.desk import alert_of
from citywatch.domain import dues
from citywatch.domain.cameras import DEVICE_REMOVED
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.faults import SCALE_FAULTS
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Labels, Matcher
from citywatch.domain.pictures import Fault
from citywatch.domain.state import Row, State
from citywatch.domain.tickets import (
    CLOCKS,
    ReopenReason,
    RepairOutcome,
    TicketEnd,
    TicketMove,
    TicketState,
)
from citywatch.tickets import clocks, disabled, excuses, moves, rows
from citywatch.tickets.orders import VERBS, obey
from citywatch.tickets.policy import TicketPolicy
from citywatch.tickets.rows import DUE, ROOM, ticket_id

__all__ = [
    "ROOM",
    "VERBS",
    "TicketPolicy",
    "has_clocks",
    "next_due",
    "obey",
    "on_disabled",
    "on_enabled",
    "on_event",
    "on_tick",
    "on_window",
    "ticket_id",
]

OPENINGS = frozenset(
    {
        EventKind.FAULT_CONFIRMED,
        EventKind.FAULT_RELEASED,
        EventKind.INCIDENT_OPENED,
        EventKind.FINDING_RAISED,
        EventKind.EXERCISE_STARTED,
    }
)
ENDINGS = frozenset(
    {EventKind.FAULT_CLEARED, EventKind.INCIDENT_CLOSED, EventKind.FINDING_CLEARED, EventKind.EXERCISE_ENDED}
)
_REMOVALS = frozenset({EventKind.CAMERA_REMOVED, EventKind.DEVICE_RETIRED})
_PERSON = "person"
_MOST_AHEAD_NS = 86_400 * NS_PER_S
"""So far ahead of the last tick a device's instant may be real; a clock that is years ahead starts no clock there."""


def stands(state: State, cause: str) -> bool:
    """Whether a ticket stands for a cause, so that its opening would change nothing."""
    return state.get(ROOM, rows.of_cause(state, cause)) is not None


def on_event(
    state: State,
    event: Event,
    now_ns: int = 0,
    policy: TicketPolicy = TicketPolicy(),  # noqa: B008  (frozen)
    labels: Labels | None = None,
    team: str = "",
) -> Iterator[Event]:
    """File a ticket for an opening, or reopen the one of the same fault; verify and close it when that is over.

    `labels` and `team` are those of an opening: who answers for its device. A fault of reachability that may be an
    incident comes as FAULT_RELEASED, when it is none. The ticket of an incident that a greater one has absorbed is
    merged: that one's ticket stands for it. With a device that is removed its tickets are withdrawn.
    """
    if event.kind in OPENINGS:
        yield from _opened(state, event, now_ns, policy, labels or {}, team)
    elif event.kind in ENDINGS:
        yield from _ended(state, event, policy)
    elif event.kind is EventKind.FAULT_SEEN:
        yield from _still_seen(state, event, policy)
    elif event.kind in _REMOVALS:
        disabled.forget(state, event.device)
        for room, ticket, row in list(rows.of_device(state, event.device)):
            if room == ROOM:
                yield from _withdrawn(state, ticket, row, event, policy)
            else:
                rows.forget(state, ticket, row)


def on_tick(state: State, now_ns: int, policy: TicketPolicy = TicketPolicy()) -> Iterator[Event]:  # noqa: B008
    """What has come due: warnings, breaches, holds that are over, repairs that nobody could verify."""
    rows.keep_up(state)
    for ticket, row in rows.taken(state, now_ns):
        after, told = moves.overtake(state, ticket, row, now_ns, policy)
        yield from told
        rows.keep(state, ticket, after, policy)


def on_window(
    state: State,
    matcher: Matcher,
    at_ns: int,
    policy: TicketPolicy = TicketPolicy(),  # noqa: B008  (frozen)
) -> Iterator[Event]:
    """A maintenance window about these devices was set or ended: clocks stand from here on, or go on."""
    for ticket, known in list(state.room(ROOM)):
        row = rows.whole(known)
        if row["contract"] and matcher.matches({**row["labels"], "device": row["device"]}):
            yield from _of_ticket(state, ticket, row, at_ns, policy)


def on_disabled(
    state: State,
    device: str,
    item: disabled.Item,
    at_ns: int,
    policy: TicketPolicy = TicketPolicy(),  # noqa: B008  (frozen)
) -> Iterator[Event]:
    """Work at a device was declared, or its parent is away: clocks may stand from here on, or later."""
    disabled.tell(state, device, item, at_ns)
    yield from _asked_anew(state, device, at_ns, policy)


def on_enabled(
    state: State,
    device: str,
    identity: str,
    at_ns: int,
    policy: TicketPolicy = TicketPolicy(),  # noqa: B008  (frozen)
) -> Iterator[Event]:
    """What was told under that id is over: clocks may go on."""
    if disabled.take_back(state, device, identity):
        yield from _asked_anew(state, device, at_ns, policy)


def has_clocks(state: State, device: str) -> bool:
    """Whether a ticket of a device is open that has clocks of a contract."""
    return any(room == ROOM and rows.whole(row)["contract"] for room, _, row in rows.of_device(state, device))


def next_due(state: State) -> int | None:
    """The first instant at which on_tick would do something."""
    due = dues.first(state, DUE)
    return None if due is None else due[0]


def cause_of(state: State, ticket: str) -> str:
    """The cause of a ticket that is here, '' for none."""
    row = state.get(ROOM, ticket) or state.get(rows.OVER, ticket)
    return "" if row is None else str(row["cause"])


def _asked_anew(state: State, device: str, at_ns: int, policy: TicketPolicy) -> Iterator[Event]:
    for room, ticket, known in list(rows.of_device(state, device)):
        row = rows.whole(known)
        if room == ROOM and row["contract"]:
            yield from _of_ticket(state, ticket, row, at_ns, policy)


def _of_ticket(state: State, ticket: str, row: dict[str, Any], at_ns: int, policy: TicketPolicy) -> Iterator[Event]:
    row, told = moves.overtake(state, ticket, row, at_ns, policy)
    row, excused = moves.asked_anew(state, ticket, row, at_ns, policy)
    yield from told
    yield from excused
    rows.keep(state, ticket, row, policy)


def _opened(
    state: State, event: Event, now_ns: int, policy: TicketPolicy, labels: Labels, team: str
) -> Iterator[Event]:
    if policy.alert_only and _is_alert_only(event, policy, labels):
        return
    ticket = rows.of_cause(state, event.cause)
    if state.get(ROOM, ticket) is not None:
        return
    at_ns = min(event.at_ns, now_ns + _MOST_AHEAD_NS) if now_ns else event.at_ns
    laid_by = rows.laid_by(state, ticket, at_ns)
    key = rows.returning(event)
    known = rows.back(state, key, at_ns) if laid_by is None else (ticket, laid_by)
    if known is None:
        yield from _filed(state, ticket, event, at_ns, key, policy, labels, team)
        return
    ticket, row = known
    if row["end"] != TicketEnd.VERIFIED:
        return  # somebody has said that it is none, or is another's, and it is the same cause
    yield from _returned(state, ticket, row, event, at_ns, policy)


def _is_alert_only(event: Event, policy: TicketPolicy, labels: Labels) -> bool:
    """What only a person can call over is called over at its ticket, so it has one."""
    if event.data.get("verified_by", "") == _PERSON:
        return False
    return any(matcher.matches(labels) for matcher in policy.alert_only)


def _filed(
    state: State,
    ticket: str,
    event: Event,
    at_ns: int,
    key: str,
    policy: TicketPolicy,
    labels: Labels,
    team: str,
) -> Iterator[Event]:
    exercise = event.kind is EventKind.EXERCISE_STARTED
    finding = event.kind is EventKind.FINDING_RAISED
    fault = str(event.data["kind"]) if finding else str(event.data.get("fault", Fault.UNREACHABLE.value))
    contract = "" if exercise else policy.contracts.about({"device": event.device, **labels})
    row: dict[str, Any] = rows.whole(
        {
            "cause": event.cause,
            "device": event.device,
            "state": TicketState.FILED.value,
            "commands": [],
            "fault": fault,
            "key": key,
            "team": team,
            "exercise": exercise,
            "verifiable": not exercise and event.data.get("verified_by", "") != _PERSON,
            "seen": not finding and not exercise and fault not in SCALE_FAULTS,
            "contract": contract,
            "labels": excuses.labels_of(labels) if contract else {},
            "at_ns": at_ns,
        }
    )
    for clock in CLOCKS:
        terms = policy.contracts.terms(contract, clock)
        if terms is not None:
            calendar = policy.contracts.calendar(contract, clock)
            row[clock.value] = clocks.begin(terms, calendar, at_ns, policy.warn_percent)
    data = {
        "ticket": ticket,
        "fault": fault,
        "alert": alert_of(state, event.cause),
        "first_bad_ns": event.data["first_bad_ns"],
        "reason": event.data["reason"],
        "labels": dict(labels),
        "team": team,
        "exercise": exercise,
        "verifiable": row["verifiable"],
        "contract": contract,
        **moves.dues_of(row),
        **{f"{clock.value}_within_ns": row[clock.value] and row[clock.value]["within_ns"] for clock in CLOCKS},
    }
    identity = event_id("ticket_filed", ticket)
    yield Event(identity, EventKind.TICKET_FILED, event.device, event.at_ns, event.cause, data)
    row, dispatched = moves.to_team(ticket, row, identity)
    yield from dispatched
    row, excused = moves.asked_anew(state, ticket, row, at_ns, policy)
    yield from excused
    rows.keep(state, ticket, row, policy)


def _returned(
    state: State, ticket: str, laid_by: Row, event: Event, at_ns: int, policy: TicketPolicy
) -> Iterator[Event]:
    """The same fault of the same device is back: the repair clock goes on with what it had used."""
    row = rows.take_up(state, ticket, laid_by, event.cause)
    row = {**moves.moved(row, TicketMove.REOPEN, at_ns), "reopened": row["reopened"] + 1, "end": "", "outcome": ""}
    row = moves.restarted(row, policy)
    row, told = moves.again(
        ticket,
        row,
        event_id("ticket_reopened", ticket, event.cause),
        ReopenReason.FAULT_RETURNED,
        alert=alert_of(state, event.cause),
        first_bad_ns=event.data["first_bad_ns"],
    )
    yield from told
    row, excused = moves.asked_anew(state, ticket, row, at_ns, policy)
    yield from excused
    rows.keep(state, ticket, row, policy)


def _ended(state: State, event: Event, policy: TicketPolicy) -> Iterator[Event]:
    ticket = rows.of_cause(state, event.cause)
    known = state.get(ROOM, ticket)
    if known is None:
        laid_by = state.get(rows.OVER, ticket)
        if laid_by is not None and laid_by["end"] != TicketEnd.VERIFIED:
            rows.forget(state, ticket, laid_by)
        return
    row, told = moves.overtake(state, ticket, rows.whole(known), max(event.at_ns, known.get("at_ns", 0)), policy)
    yield from told
    if event.kind is EventKind.INCIDENT_CLOSED and event.data["into"]:
        row = moves.moved(row, TicketMove.MERGE, event.at_ns)
        into = ticket_id(event.data["into"])
        yield from moves.closed(state, ticket, row, TicketEnd.MERGED, policy, into=into)
        rows.forget(state, ticket, row)
        return
    yield from moves.verify(
        state,
        ticket,
        row,
        policy,
        at_ns=event.at_ns,
        first_good_ns=event.data["first_good_ns"],
        looks=event.data["looks"],
        **{name: str(event.data.get(name, "")) for name in ("note", "actor", "command")},
    )


def _still_seen(state: State, event: Event, policy: TicketPolicy) -> Iterator[Event]:
    """Looks after a repair that was reported still show the fault."""
    ticket = rows.of_cause(state, event.cause)
    known = state.get(ROOM, ticket)
    if known is None or known["state"] != TicketState.HANDLED:
        return
    row = rows.whole(known)
    if row["outcome"] == RepairOutcome.NOT_REPAIRABLE:
        return
    row, told = moves.overtake(state, ticket, row, max(event.at_ns, row["at_ns"]), policy)
    yield from told
    if row["state"] == TicketState.HANDLED:
        row, told = moves.send_back(ticket, row, event.at_ns, "")
        yield from told
    rows.keep(state, ticket, row, policy)


def _withdrawn(state: State, ticket: str, known: Row, event: Event, policy: TicketPolicy) -> Iterator[Event]:
    row, told = moves.overtake(state, ticket, rows.whole(known), max(event.at_ns, known.get("at_ns", 0)), policy)
    yield from told
    row = moves.moved(row, TicketMove.WITHDRAW, event.at_ns)
    yield from moves.closed(state, ticket, row, TicketEnd(DEVICE_REMOVED), policy)
