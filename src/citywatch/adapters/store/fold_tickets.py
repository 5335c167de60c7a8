"""Tickets in the tables: every event is a step of its ticket and changes its row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from citywatch.adapters.store.fold_rows import Rows, accepted, int64, storable, text, texts, whole
from citywatch.adapters.store.run import Run
from citywatch.adapters.store.schema import TICKET_NAMES
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.tickets import (
    ClockState,
    HoldReason,
    ReopenReason,
    RepairOutcome,
    TicketClock,
    TicketEnd,
    TicketState,
)

if TYPE_CHECKING:
    from citywatch.adapters.store.fold import Tables

_MOST_BROUGHT = 100
"""Photos, and kinds of parts, of one ticket; its steps have all of them."""
_SAID_APART = frozenset({"ticket", "actor", "note", "reason", "command", "labels"})
_RUNS = frozenset({ClockState.RUNNING.value, ClockState.HELD.value})


class NameRows:
    """Other ids of tickets, as far as a run of events touches them."""

    def __init__(self) -> None:
        self.names = Rows(TICKET_NAMES)

    def read(self, connection: Connection, run: Run) -> None:
        self.names.read(connection, {_by_cause(event) for event in run.of(EventKind.TICKET_REOPENED)})

    def write(self, connection: Connection) -> None:
        self.names.write(connection)


def _filed(tables: Tables, event: Event) -> None:
    ticket = text(event, "ticket")
    if tables.tickets.get(ticket) is not None:
        tables.unmatched[event.kind.value] += 1
        return
    data = event.data
    labels = texts(data.get("labels") or {})
    row = {
        "id": ticket,
        "cause": event.cause,
        "alert": text(event, "alert"),
        "device": event.device,
        "fault": text(event, "fault"),
        "state": TicketState.FILED.value,
        "reason": text(event, "reason"),
        "first_bad_ns": whole(event, "first_bad_ns"),
        "filed_at_ns": event.at_ns,
        "accepted_at_ns": None,
        "accepted_by": "",
        "first_good_ns": None,
        "verified_at_ns": None,
        "closed_at_ns": None,
        "resolution": "",
        # Tickets of the release before this one know no team and no clock.
        "team": storable(data.get("team", "")),
        "contractor": labels.get("contractor", ""),
        "labels": labels,
        "exercise": bool(data.get("exercise", False)),
        "verifiable": bool(data.get("verifiable", True)),
        "outcome": "",
        "handled_at_ns": None,
        "hold_reason": "",
        "held_at_ns": None,
        "hold_until_ns": None,
        "contract": storable(data.get("contract", "")),
        **_NO_EXCUSE,
        "merged_into": "",
        "reopened": 0,
        "photos": [],
        "parts": [],
    }
    for clock in TicketClock:
        within_ns = _instant(event, f"{clock}_within_ns")
        row[f"{clock}_within_ns"] = within_ns
        row[f"{clock}_due_ns"] = _instant(event, f"{clock}_due_ns")
        row[f"{clock}_state"] = (ClockState.NONE if within_ns is None else ClockState.RUNNING).value
    tables.tickets.make(row)
    _step(tables, event, {})


def _dispatched(tables: Tables, event: Event) -> None:
    _step(tables, event, {"state": TicketState.DISPATCHED.value, "team": text(event, "team")})


def _accepted(tables: Tables, event: Event) -> None:
    row = tables.tickets.get(text(event, "ticket"))
    values: dict[str, Any] = {
        "state": TicketState.ACCEPTED.value,
        "accepted_by": text(event, "actor"),
        "response_left_ns": None,
    }
    if row is not None and row["accepted_at_ns"] is None:
        values["accepted_at_ns"] = event.at_ns
    _step(tables, event, {**values, **_clock(event, TicketClock.RESPONSE)})


def _held(tables: Tables, event: Event) -> None:
    left_ns = _instant(event, "repair_left_ns")
    values: dict[str, Any] = {
        "state": TicketState.ON_HOLD.value,
        "hold_reason": HoldReason(text(event, "reason")).value,
        "held_at_ns": event.at_ns,
        "hold_until_ns": _instant(event, "until_ns"),
    }
    if left_ns is not None:
        values |= {"repair_state": ClockState.HELD.value, "repair_due_ns": None, "repair_left_ns": left_ns}
    _step(tables, event, values)


def _resumed(tables: Tables, event: Event) -> None:
    row = tables.tickets.get(text(event, "ticket"))
    values: dict[str, Any] = {"state": TicketState.ACCEPTED.value, **_NO_HOLD}
    if row is not None and row["repair_state"] == ClockState.HELD.value:
        values |= _runs(event, TicketClock.REPAIR)
    _step(tables, event, values)


def _clocks_stopped(tables: Tables, event: Event) -> None:
    values: dict[str, Any] = {
        "excused_until_ns": _instant(event, "until_ns"),
        # Of the releases before declared work and outages of parents stopped clocks the window alone.
        "excused_by": text(event, "by") if "by" in event.data else text(event, "window"),
    }
    for clock in TicketClock:
        values |= _stands(event, clock)
    _step(tables, event, values)


def _clocks_resumed(tables: Tables, event: Event) -> None:
    row = tables.tickets.get(text(event, "ticket"))
    values: dict[str, Any] = dict(_NO_EXCUSE)
    for clock in TicketClock:
        if row is not None and row[f"{clock}_state"] == ClockState.HELD.value:
            values |= _runs(event, clock)
    _step(tables, event, values)


def _runs(event: Event, clock: TicketClock) -> dict[str, Any]:
    """A clock that stood goes on, unless an event says that it still stands."""
    due_ns = _instant(event, f"{clock}_due_ns")
    going = {f"{clock}_state": ClockState.RUNNING.value, f"{clock}_due_ns": due_ns, f"{clock}_left_ns": None}
    return _stands(event, clock) or going


def _stands(event: Event, clock: TicketClock) -> dict[str, Any]:
    """A clock that stands from here on, where an event says so."""
    left_ns = _instant(event, f"{clock}_left_ns")
    if left_ns is None:
        return {}
    return {f"{clock}_state": ClockState.HELD.value, f"{clock}_due_ns": None, f"{clock}_left_ns": left_ns}


def _handled(tables: Tables, event: Event) -> None:
    outcome = RepairOutcome(text(event, "outcome")).value
    values = {"state": TicketState.HANDLED.value, "outcome": outcome, "handled_at_ns": event.at_ns}
    _step(tables, event, {**values, **_brought(tables, event)})


def _noted(tables: Tables, event: Event) -> None:
    _step(tables, event, _brought(tables, event))


def _warned(tables: Tables, event: Event) -> None:
    _step(tables, event, {})


def _breached(tables: Tables, event: Event) -> None:
    _step(tables, event, {f"{TicketClock(text(event, 'clock'))}_state": ClockState.BROKEN.value})


def _verified(tables: Tables, event: Event) -> None:
    values = {
        "state": TicketState.VERIFIED.value,
        "verified_at_ns": event.at_ns,
        "first_good_ns": whole(event, "first_good_ns"),
        **_NO_HOLD,
        **_NO_EXCUSE,
    }
    _step(tables, event, {**values, **_clock(event, TicketClock.RESPONSE), **_clock(event, TicketClock.REPAIR)})


def _reopened(tables: Tables, event: Event) -> None:
    ticket = text(event, "ticket")
    row = tables.tickets.get(ticket)
    if row is None:
        tables.unmatched[event.kind.value] += 1
        return
    ReopenReason(text(event, "reason"))
    values: dict[str, Any] = {
        "state": TicketState.FILED.value,
        "cause": event.cause,
        "alert": text(event, "alert") or row["alert"],
        "verifiable": bool(event.data["verifiable"]),
        "outcome": "",
        "handled_at_ns": None,
        "first_good_ns": None,
        "verified_at_ns": None,
        "closed_at_ns": None,
        "resolution": "",
        "merged_into": "",
        "reopened": row["reopened"] + 1,
        "repair_due_ns": _instant(event, "repair_due_ns"),
    }
    if row["repair_within_ns"] is not None and row["repair_state"] in (ClockState.KEPT, ClockState.NONE):
        values["repair_state"] = ClockState.RUNNING.value
    tables.tickets.change(ticket, state=TicketState.FILED.value)
    name = _by_cause(event)
    if name != ticket and tables.ticket_names.names.get(name) is None:
        tables.ticket_names.names.make({"name": name, "ticket": ticket})
    _step(tables, event, values)


def _closed(tables: Tables, event: Event) -> None:
    row = tables.tickets.get(text(event, "ticket"))
    end = TicketEnd(text(event, "reason"))
    values: dict[str, Any] = {
        "state": TicketState.CLOSED.value,
        "closed_at_ns": event.at_ns,
        "resolution": end.value,
        "merged_into": storable(event.data.get("into", "")),
        **_NO_HOLD,
        **_NO_EXCUSE,
    }
    if end is not TicketEnd.VERIFIED and row is not None:
        # Nothing was kept and nothing broken of a clock that was stopped for good.
        running = [f"{clock}_state" for clock in TicketClock if row[f"{clock}_state"] in _RUNS]
        values |= dict.fromkeys(running, ClockState.NONE.value)
    _step(tables, event, values)


_NO_HOLD: Mapping[str, Any] = {"hold_reason": "", "held_at_ns": None, "hold_until_ns": None}
_NO_EXCUSE: Mapping[str, Any] = {
    "response_left_ns": None,
    "repair_left_ns": None,
    "excused_until_ns": None,
    "excused_by": "",
}


def _clock(event: Event, clock: TicketClock) -> dict[str, str]:
    """How a clock stands, where an event says it."""
    word = event.data.get(clock.value, ClockState.NONE.value)
    return {} if word == ClockState.NONE else {f"{clock}_state": ClockState(word).value}


def _brought(tables: Tables, event: Event) -> dict[str, Any]:
    """Photos and parts of a step, added to those of the ticket."""
    row = tables.tickets.get(text(event, "ticket"))
    if row is None:
        return {}
    photos = [*row["photos"], *(storable(photo) for photo in event.data.get("photos", ()))]
    parts = [
        *row["parts"],
        *({"part": storable(one["part"]), "count": int64(one["count"])} for one in event.data.get("parts", ())),
    ]
    return {"photos": photos[-_MOST_BROUGHT:], "parts": parts[-_MOST_BROUGHT:]}


def _by_cause(event: Event) -> str:
    """The id of a ticket that is filed for this cause, see tickets/rows.py: links from alerts and faults go there."""
    return event_id("ticket", event.cause)


def _step(tables: Tables, event: Event, values: Mapping[str, Any]) -> None:
    """The ticket's row changes, and the step is written down."""
    ticket = text(event, "ticket")
    row = tables.tickets.get(ticket)
    if row is None or row["state"] == TicketState.CLOSED.value:
        tables.unmatched[event.kind.value] += 1
        return
    tables.tickets.change(ticket, **values)
    said = {name: storable(event.data.get(name, "")) for name in ("actor", "note", "reason")}
    tables.ticket_steps.append(
        {
            "ticket": ticket,
            "step": event.kind.value.removeprefix("ticket_"),
            "at_ns": event.at_ns,
            **said,
            "event": event.id,
            "detail": {name: value for name, value in event.data.items() if name not in _SAID_APART},
        }
    )
    accepted(tables.commands, event)


def _instant(event: Event, field: str) -> int | None:
    """A whole number or none."""
    value = event.data.get(field)
    return None if value is None else int64(value)


HANDLERS: Mapping[EventKind, Callable[[Tables, Event], None]] = {
    EventKind.TICKET_FILED: _filed,
    EventKind.TICKET_DISPATCHED: _dispatched,
    EventKind.TICKET_ACCEPTED: _accepted,
    EventKind.TICKET_HELD: _held,
    EventKind.TICKET_RESUMED: _resumed,
    EventKind.TICKET_CLOCKS_STOPPED: _clocks_stopped,
    EventKind.TICKET_CLOCKS_RESUMED: _clocks_resumed,
    EventKind.TICKET_HANDLED: _handled,
    EventKind.TICKET_NOTED: _noted,
    EventKind.TICKET_WARNED: _warned,
    EventKind.TICKET_BREACHED: _breached,
    EventKind.TICKET_VERIFIED: _verified,
    EventKind.TICKET_REOPENED: _reopened,
    EventKind.TICKET_CLOSED: _closed,
}
