"""The ticket desk of one partition: confirmed faults in, ticket events out.

A row `ticket/<id>` of the state exists until the ticket is closed; its history is in the event log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from citywatch.alerts.desk import alert_id
from citywatch.domain.cameras import DEVICE_REMOVED
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.pictures import Fault
from citywatch.domain.state import Row, State
from citywatch.domain.tickets import TicketMove, TicketState
from citywatch.tickets.table import MOVES

ROOM = "ticket"
_COMMANDS_REMEMBERED = 16
_FILED = frozenset({EventKind.FAULT_CONFIRMED, EventKind.FAULT_RELEASED, EventKind.INCIDENT_OPENED})


def on_event(state: State, event: Event) -> Iterator[Event]:
    """File a ticket for a confirmed fault or an incident; verify and close it when the device is in order again.

    A fault of reachability that may be an incident comes as FAULT_RELEASED, when it is none. The ticket of an incident
    that a greater one has absorbed is merged: that one's ticket stands for it.
    With a device that is removed its tickets are withdrawn: there is nothing left to repair.
    """
    ticket = ticket_id(event.cause)
    row = state.get(ROOM, ticket)
    if event.kind in _FILED and row is None:
        filed = {"cause": event.cause, "device": event.device, "state": TicketState.FILED.value, "commands": []}
        state.put(ROOM, ticket, filed)
        data = {
            "ticket": ticket,
            "fault": event.data.get("fault", Fault.UNREACHABLE.value),
            "alert": alert_id(event.cause),
            "first_bad_ns": event.data["first_bad_ns"],
            "reason": event.data["reason"],
        }
        yield _event(EventKind.TICKET_FILED, event_id("ticket_filed", ticket), filed, event.at_ns, data)
    elif event.kind is EventKind.INCIDENT_CLOSED and row is not None and event.data["into"]:
        merged = _move(row, TicketMove.MERGE)
        data = {"ticket": ticket, "reason": "merged"}
        yield _event(EventKind.TICKET_CLOSED, event_id("ticket_closed", ticket), merged, event.at_ns, data)
        state.drop(ROOM, ticket)
    elif event.kind in (EventKind.FAULT_CLEARED, EventKind.INCIDENT_CLOSED) and row is not None:
        verified = _move(row, TicketMove.VERIFY)
        data = {"ticket": ticket, "first_good_ns": event.data["first_good_ns"], "looks": event.data["looks"]}
        yield _event(EventKind.TICKET_VERIFIED, event_id("ticket_verified", ticket), verified, event.at_ns, data)
        closed = _move(verified, TicketMove.CLOSE)
        data = {"ticket": ticket, "reason": "verified"}
        yield _event(EventKind.TICKET_CLOSED, event_id("ticket_closed", ticket), closed, event.at_ns, data)
        state.drop(ROOM, ticket)
    elif event.kind is EventKind.CAMERA_REMOVED:
        for name, kept in state.room(ROOM):
            if kept["device"] == event.device:
                withdrawn = _move(kept, TicketMove.WITHDRAW)
                data = {"ticket": name, "reason": DEVICE_REMOVED}
                yield _event(EventKind.TICKET_CLOSED, event_id("ticket_closed", name), withdrawn, event.at_ns, data)
                state.drop(ROOM, name)


def accept(state: State, ticket: str, *, at_ns: int, actor: str, command: str) -> Event | str:
    """The event, or the reason why not: `not_open`, `already_accepted`, or `repeated` for the same command."""
    row = state.get(ROOM, ticket)
    if row is None:
        return "not_open"
    if command in row["commands"]:
        return "repeated"
    if (TicketState(row["state"]), TicketMove.ACCEPT) not in MOVES:
        return "already_accepted"
    accepted = _remember(_move(row, TicketMove.ACCEPT), command)
    state.put(ROOM, ticket, accepted)
    data = {"ticket": ticket, "actor": actor, "command": command}
    return _event(EventKind.TICKET_ACCEPTED, event_id("ticket_accepted", ticket), accepted, at_ns, data)


def note(state: State, ticket: str, text: str, *, at_ns: int, actor: str, command: str) -> Event | str:
    """The event, or the reason why not: `not_open`, or `repeated` for the same command."""
    row = state.get(ROOM, ticket)
    if row is None:
        return "not_open"
    if command in row["commands"]:
        return "repeated"
    noted = _remember(_move(row, TicketMove.NOTE), command)
    state.put(ROOM, ticket, noted)
    data = {"ticket": ticket, "actor": actor, "note": text, "command": command}
    return _event(EventKind.TICKET_NOTED, event_id("ticket_noted", ticket, command), noted, at_ns, data)


def ticket_id(cause: str) -> str:
    """The one ticket of a cause."""
    return event_id("ticket", cause)


def _move(row: Row, move: TicketMove) -> dict[str, Any]:
    after = MOVES.get((TicketState(row["state"]), move))
    if after is None:
        raise ValueError(f"a ticket that is {row['state']} cannot {move}")
    return {**row, "state": after.value}


def _remember(row: Row, command: str) -> dict[str, Any]:
    return {**row, "commands": [*row["commands"], command][-_COMMANDS_REMEMBERED:]}


def _event(kind: EventKind, identity: str, row: Row, at_ns: int, data: Mapping[str, Any]) -> Event:
    return Event(identity, kind, row["device"], at_ns, row["cause"], data)
