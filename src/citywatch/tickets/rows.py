"""The rows of the ticket desk in a partition's state.

`ticket/<id>` a ticket that is open. `ticket-over/<id>` one that is closed and may be needed yet: until its fault is
over when it was cancelled or merged, for some hours when it was verified. `ticket-cause/<cause>` names the ticket of a
cause that is not its first one. `ticket-back/<digest>` names the ticket of a device's fault that was closed lately.
`ticket-due` holds what is due when (domain/dues.py), each ticket at most once, so no tick walks over tickets.
Rows of the release before this one have `cause`, `device`, `state` and `commands` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from citywatch.domain import by_device, dues
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.state import Row, State
from citywatch.domain.tickets import CLOCKS, RepairOutcome, TicketClock
from citywatch.tickets.clocks import next_instant
from citywatch.tickets.policy import TicketPolicy

ROOM = "ticket"
OVER = "ticket-over"
DUE = "ticket-due"
_CAUSE = "ticket-cause"
_BACK = "ticket-back"
_COMMANDS_REMEMBERED = 16

_DEFAULTS: Mapping[str, Any] = {
    "fault": "",
    "key": "",  # what makes a returning fault the same one; '' for what never returns
    "team": "",
    "exercise": False,
    "verifiable": True,
    "seen": True,  # looks may say that it is not repaired; else it goes back by no time-out
    "contract": "",
    TicketClock.RESPONSE.value: None,
    TicketClock.REPAIR.value: None,
    "hold": None,
    "labels": {},  # who answers for its device: what maintenance windows match
    "excused": None,  # {until_ns, window} while its clocks stand for declared maintenance
    "excuses": 0,
    "ask_ns": None,  # when to ask next whether they do
    "handled_ns": None,
    "outcome": "",
    "end": "",
    "accepts": 0,
    "reopened": 0,
    "at_ns": 0,  # its last step: none is before the one before it
    "due_ns": 0,
}


def ticket_id(cause: str) -> str:
    """The ticket that a cause files. A cause that came back may have the ticket of an earlier one."""
    return event_id("ticket", cause)


def of_cause(state: State, cause: str) -> str:
    """The ticket that stands for a cause, or would."""
    row = state.get(_CAUSE, cause)
    return ticket_id(cause) if row is None else str(row["ticket"])


def whole(row: Row) -> dict[str, Any]:
    """A row with every key."""
    return {**_DEFAULTS, **row}


def returning(event: Event) -> str:
    """What makes an opening the same fault of the same device as an earlier one; '' for what is always a new one."""
    match event.kind:
        case EventKind.FAULT_CONFIRMED | EventKind.FAULT_RELEASED:
            return event_id("fault", event.device, event.data["fault"])
        case EventKind.INCIDENT_OPENED:
            return event_id("incident", event.device)
        case EventKind.FINDING_RAISED if event.data.get("key"):
            return event_id("finding", event.device, event.data["source"], event.data["key"])
        case _:
            return ""


def laid_by(state: State, ticket: str, at_ns: int) -> Row | None:
    """A closed ticket that may be needed yet at an instant, whether or not a tick has forgotten it."""
    row = state.get(OVER, ticket)
    return None if row is None or 0 < row["due_ns"] <= at_ns else row


def back(state: State, key: str, at_ns: int) -> tuple[str, Row] | None:
    """The ticket of the same fault that was closed lately."""
    known = state.get(_BACK, key) if key else None
    row = None if known is None else laid_by(state, known["ticket"], at_ns)
    return None if known is None or row is None else (known["ticket"], row)


def keep(state: State, ticket: str, row: dict[str, Any], policy: TicketPolicy) -> None:
    """An open ticket, with the next instant at which something is to be told of it."""
    instants = [next_instant(row[clock.value], policy.escalate_ns) for clock in CLOCKS]
    if row["hold"] is not None:
        instants.append(row["hold"]["until_ns"])
    instants += [unverified_at(row, policy), row["ask_ns"]]
    _put(state, ROOM, ticket, row, min((at for at in instants if at is not None), default=0))


def unverified_at(row: Row, policy: TicketPolicy) -> int | None:
    """When a handled ticket goes back if nobody has verified it."""
    waits = row["seen"] and row["verifiable"] and row["outcome"] != RepairOutcome.NOT_REPAIRABLE
    if row["handled_ns"] is None or not policy.unverified_ns or not waits:
        return None
    return int(row["handled_ns"]) + policy.unverified_ns


def lay_by(state: State, ticket: str, row: dict[str, Any], until_ns: int) -> None:
    """A closed ticket that may be needed yet, until an instant; 0: until its fault is over."""
    _drop(state, ROOM, ticket)
    _put(state, OVER, ticket, {**row, "due_ns": 0}, until_ns)
    if until_ns and row["key"]:
        state.put(_BACK, row["key"], {"ticket": ticket})


def take_up(state: State, ticket: str, row: Row, cause: str) -> dict[str, Any]:
    """A ticket that was laid by is open again, for this cause."""
    known = whole(row)
    _drop(state, OVER, ticket)
    _forget_key(state, ticket, known["key"])
    if cause != known["cause"]:
        _forget_cause(state, ticket, known["cause"])
        if ticket_id(cause) != ticket:
            state.put(_CAUSE, cause, {"ticket": ticket})
    return {**known, "cause": cause, "due_ns": 0}


def forget(state: State, ticket: str, row: Row) -> None:
    """Nothing more will come of it."""
    known = whole(row)
    _drop(state, ROOM, ticket)
    _drop(state, OVER, ticket)
    _forget_cause(state, ticket, known["cause"])
    _forget_key(state, ticket, known["key"])


def taken(state: State, now_ns: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Open tickets of which something is due by now, earliest first; what was laid by long enough is forgotten."""
    for _, what in dues.taken(state, DUE, now_ns):
        room, _, ticket = what.partition(".")
        row = state.get(room, ticket)
        if row is None:
            continue
        if room == OVER:
            forget(state, ticket, {**row, "due_ns": 0})
        else:
            yield ticket, {**whole(row), "due_ns": 0}


def of_device(state: State, device: str) -> Iterator[tuple[str, str, Row]]:
    """(room, ticket, row) of every ticket about a device."""
    for room in (ROOM, OVER):
        for ticket in by_device.of(state, room, device):
            row = state.get(room, ticket)
            if row is not None:
                yield room, ticket, row


def keep_up(state: State) -> None:
    """On ticks: what is found by device is kept up with little at a time."""
    by_device.keep_up(state, ROOM)
    by_device.keep_up(state, OVER)


def remembered(row: Mapping[str, Any], command: str) -> list[str]:
    """The last commands with one more."""
    return [*row["commands"], command][-_COMMANDS_REMEMBERED:]


def _put(state: State, room: str, ticket: str, row: Mapping[str, Any], due_ns: int) -> None:
    """`row["due_ns"]` says where it stands among the dues until now, 0 for nowhere."""
    if row["due_ns"] != due_ns:
        if row["due_ns"]:
            dues.drop(state, DUE, row["due_ns"], f"{room}.{ticket}")
        if due_ns:
            dues.put(state, DUE, due_ns, f"{room}.{ticket}")
    state.put(room, ticket, {**row, "due_ns": due_ns})


def _drop(state: State, room: str, ticket: str) -> None:
    row = state.get(room, ticket)
    if row is not None:
        if row.get("due_ns", 0):
            dues.drop(state, DUE, row["due_ns"], f"{room}.{ticket}")
        state.drop(room, ticket)


def _forget_cause(state: State, ticket: str, cause: str) -> None:
    if ticket_id(cause) != ticket:
        state.drop(_CAUSE, cause)


def _forget_key(state: State, ticket: str, key: str) -> None:
    known = state.get(_BACK, key) if key else None
    if known is not None and known["ticket"] == ticket:
        state.drop(_BACK, key)
