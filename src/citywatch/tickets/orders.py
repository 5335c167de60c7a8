"""What people ask of the ticket desk: whether it is lawful is decided here, so that of two people one wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from citywatch.domain.commands import Verb
from citywatch.domain.events import Event, EventKind, event_id
from citywatch.domain.state import State
from citywatch.domain.tickets import (
    MAX_NOTE_CHARACTERS,
    MAX_PART_CHARACTERS,
    MAX_TEAM_CHARACTERS,
    MOST_HOLD_NS,
    MOST_OF_A_PART,
    MOST_PARTS,
    MOST_PHOTOS,
    ClockState,
    HoldReason,
    ReopenReason,
    RepairOutcome,
    TicketClock,
    TicketEnd,
    TicketMove,
    TicketState,
)
from citywatch.tickets import clocks, moves, rows
from citywatch.tickets.moves import Ticket
from citywatch.tickets.policy import TicketPolicy
from citywatch.tickets.table import MOVES

NOT_OPEN = "not_open"
REPEATED = "repeated"
NOT_ACCEPTED = "not_accepted"

_MOVE_OF: Mapping[Verb, TicketMove] = {
    Verb.ACCEPT_TICKET: TicketMove.ACCEPT,
    Verb.NOTE_TICKET: TicketMove.NOTE,
    Verb.DISPATCH_TICKET: TicketMove.DISPATCH,
    Verb.HOLD_TICKET: TicketMove.HOLD,
    Verb.RESUME_TICKET: TicketMove.RESUME,
    Verb.HANDLE_TICKET: TicketMove.HANDLE,
    Verb.VERIFY_TICKET: TicketMove.VERIFY,
    Verb.REOPEN_TICKET: TicketMove.REOPEN,
    Verb.CANCEL_TICKET: TicketMove.CANCEL,
    Verb.MERGE_TICKET: TicketMove.MERGE,
}
VERBS = frozenset(_MOVE_OF)
"""The commands that this desk obeys."""

_WHY_NOT: Mapping[TicketMove, Mapping[TicketState, str]] = {
    TicketMove.ACCEPT: dict.fromkeys(TicketState, "already_accepted"),
    TicketMove.DISPATCH: {TicketState.ON_HOLD: "on_hold", TicketState.HANDLED: "already_handled"},
    TicketMove.HOLD: {TicketState.ON_HOLD: "on_hold", TicketState.HANDLED: "already_handled"},
    TicketMove.RESUME: dict.fromkeys(TicketState, "not_on_hold"),
    TicketMove.HANDLE: {TicketState.ON_HOLD: "on_hold", TicketState.HANDLED: "already_handled"},
    TicketMove.REOPEN: dict.fromkeys(TicketState, "still_open"),
}


@dataclass(frozen=True, slots=True)
class _Order:
    """A command about a ticket that is there and may make this move. `row` is as it stands at `at_ns`."""

    state: State
    ticket: str
    row: Ticket
    args: Mapping[str, Any]
    policy: TicketPolicy
    at_ns: int
    actor: str
    command: str

    def moved(self, move: TicketMove) -> Ticket:
        """The row after the move; it remembers the command."""
        return {**moves.moved(self.row, move, self.at_ns), "commands": rows.remembered(self.row, self.command)}

    def event(self, kind: EventKind, row: Ticket, **data: Any) -> Event:
        """An event made of the command."""
        identity = event_id(kind, self.ticket, self.command)
        return moves.event(kind, self.ticket, row, identity, **data, actor=self.actor, command=self.command)

    def note(self) -> str:
        """What the person has written."""
        return str(self.args.get("note") or "")[:MAX_NOTE_CHARACTERS]

    def keep(self, row: Ticket) -> None:
        rows.keep(self.state, self.ticket, row, self.policy)


def obey(
    state: State,
    verb: str,
    ticket: str,
    args: Mapping[str, Any],
    policy: TicketPolicy,
    *,
    at_ns: int,
    actor: str,
    command: str,
) -> list[Event] | str:
    """The events of a lawful command, or in one word why it is refused; `not_open` also for a ticket that is not here.

    What came due before the command is told before it. A refused command changes nothing.
    KeyError, TypeError or ValueError for args that no door of ours has written.
    """
    move = _MOVE_OF[Verb(verb)]
    known = state.get(rows.ROOM, ticket)
    laid_by = rows.laid_by(state, ticket, at_ns) if known is None else None
    row = rows.whole(known or laid_by or {"state": TicketState.CLOSED, "commands": []})
    if command in row["commands"]:
        return REPEATED
    if known is None and (laid_by is None or move is not TicketMove.REOPEN):
        return NOT_OPEN
    at_ns = max(at_ns, row["at_ns"])
    told: list[Event] = []
    if known is not None:
        row, told = moves.overtake(state, ticket, row, at_ns, policy)
    if (TicketState(row["state"]), move) not in MOVES:
        return _WHY_NOT.get(move, {}).get(TicketState(row["state"]), NOT_ACCEPTED)
    made = _ORDERS[move](_Order(state, ticket, row, args, policy, at_ns, actor, command))
    return made if isinstance(made, str) else [*told, *made]


def _dispatch(order: _Order) -> list[Event] | str:
    team = str(order.args["team"])[:MAX_TEAM_CHARACTERS]
    if team == order.row["team"] and order.row["state"] == TicketState.DISPATCHED:
        return "already_dispatched"
    row = {**order.moved(TicketMove.DISPATCH), "team": team}
    order.keep(row)
    return [order.event(EventKind.TICKET_DISPATCHED, row, team=team)]


def _accept(order: _Order) -> list[Event]:
    row = order.moved(TicketMove.ACCEPT)
    response, times = row["response"], row["accepts"]
    if response is not None and response["ended_ns"] is None:
        calendar = order.policy.contracts.calendar(row["contract"], TicketClock.RESPONSE)
        response = clocks.end(response, calendar, row["at_ns"])
    row = {**row, "response": response, "accepts": times + 1}
    order.keep(row)
    kind = EventKind.TICKET_ACCEPTED
    identity = event_id(kind, order.ticket, times) if times else event_id(kind, order.ticket)
    data = {"actor": order.actor, "command": order.command, "response": clocks.state_of(response).value}
    return [moves.event(kind, order.ticket, row, identity, **data)]


def _hold(order: _Order) -> list[Event] | str:
    reason = HoldReason(order.args["reason"])
    until_ns = order.args.get("until_ns")
    row = order.moved(TicketMove.HOLD)
    if until_ns is not None and not row["at_ns"] < int(until_ns) <= row["at_ns"] + MOST_HOLD_NS:
        return "bad_until"
    stops = order.policy.contracts.stops(row["contract"], reason)
    repair = row["repair"]
    if repair is not None and stops:
        calendar = order.policy.contracts.calendar(row["contract"], TicketClock.REPAIR)
        repair = clocks.stand(repair, calendar, row["at_ns"])
    hold = {"reason": reason.value, "from_ns": row["at_ns"], "until_ns": until_ns, "stops": stops}
    row = {**row, "hold": hold, "repair": repair}
    order.keep(row)
    stands = clocks.state_of(repair) is ClockState.HELD
    return [
        order.event(
            EventKind.TICKET_HELD,
            row,
            reason=reason.value,
            note=order.note(),
            until_ns=until_ns,
            clock="stops" if stops else "runs",
            repair_due_ns=moves.dues_of(row)["repair_due_ns"],
            repair_left_ns=repair["within_ns"] - repair["used_ns"] if stands else None,
        )
    ]


def _resume(order: _Order) -> list[Event]:
    row = {**order.row, "commands": rows.remembered(order.row, order.command)}
    row, told = moves.resume(
        order.ticket,
        row,
        order.at_ns,
        order.policy,
        reason=moves.ASKED,
        identity=(order.command,),
        note=order.note(),
        actor=order.actor,
        command=order.command,
    )
    order.keep(row)
    return [told]


def _handle(order: _Order) -> list[Event]:
    outcome = RepairOutcome(order.args["outcome"])
    row = order.moved(TicketMove.HANDLE)
    row = {**row, "handled_ns": row["at_ns"], "outcome": outcome.value}
    order.keep(row)
    return [
        order.event(EventKind.TICKET_HANDLED, row, outcome=outcome.value, note=order.note(), **_brought(order.args))
    ]


def _note(order: _Order) -> list[Event]:
    row = order.moved(TicketMove.NOTE)
    order.keep(row)
    kind = EventKind.TICKET_NOTED
    data = {"actor": order.actor, "note": order.note(), **_brought(order.args), "command": order.command}
    return [moves.event(kind, order.ticket, row, event_id(kind, order.ticket, order.command), **data)]


def _verify(order: _Order) -> list[Event] | str:
    row = order.row
    if row["verifiable"]:
        return "seen_by_system"
    good_ns = order.at_ns if row["handled_ns"] is None else row["handled_ns"]
    row = {**row, "commands": rows.remembered(row, order.command)}
    who = {"note": order.note(), "actor": order.actor, "command": order.command}
    return list(
        moves.verify(
            order.state,
            order.ticket,
            row,
            order.policy,
            at_ns=order.at_ns,
            first_good_ns=good_ns,
            looks=0,
            **who,
        )
    )


def _reopen(order: _Order) -> list[Event]:
    """By a person. What was verified is over for the system: then a person must say, too, that it is good."""
    was, identity = order.row, event_id("ticket_reopened", order.ticket, order.command)
    closed = was["state"] == TicketState.CLOSED
    row = order.moved(TicketMove.REOPEN)
    if closed:
        row = rows.take_up(order.state, order.ticket, row, row["cause"])
        verifiable = row["verifiable"] and was["end"] != TicketEnd.VERIFIED
        row = {**row, "reopened": row["reopened"] + 1, "end": "", "verifiable": verifiable}
        row = moves.restarted(row, order.policy)
    row = {**row, "handled_ns": None, "outcome": ""}
    row, told = moves.again(
        order.ticket,
        row,
        identity,
        ReopenReason.ASKED,
        note=order.note(),
        actor=order.actor,
        command=order.command,
    )
    row, excused = moves.asked_anew(order.state, order.ticket, row, row["at_ns"], order.policy)
    order.keep(row)
    return [*told, *excused]


def _cancel(order: _Order) -> list[Event]:
    return _closed(order, TicketMove.CANCEL, TicketEnd.CANCELLED, "")


def _merge(order: _Order) -> list[Event] | str:
    into = str(order.args["into"])
    if into == order.ticket:
        return "same_ticket"
    return _closed(order, TicketMove.MERGE, TicketEnd.MERGED, into)


def _closed(order: _Order, move: TicketMove, end: TicketEnd, into: str) -> list[Event]:
    who = {"note": order.note(), "actor": order.actor, "command": order.command}
    row = order.moved(move)
    return list(moves.closed(order.state, order.ticket, row, end, order.policy, into=into, **who))


def _brought(args: Mapping[str, Any]) -> dict[str, Any]:
    """Photos and spare parts of a step, as many as are taken."""
    photos = [str(photo) for photo in args.get("photos") or ()][:MOST_PHOTOS]
    parts = [
        {"part": str(one["part"])[:MAX_PART_CHARACTERS], "count": max(1, min(int(one["count"]), MOST_OF_A_PART))}
        for one in (args.get("parts") or ())[:MOST_PARTS]
    ]
    return {"photos": photos, "parts": parts}


_ORDERS: Mapping[TicketMove, Callable[[_Order], list[Event] | str]] = {
    TicketMove.DISPATCH: _dispatch,
    TicketMove.ACCEPT: _accept,
    TicketMove.HOLD: _hold,
    TicketMove.RESUME: _resume,
    TicketMove.HANDLE: _handle,
    TicketMove.NOTE: _note,
    TicketMove.VERIFY: _verify,
    TicketMove.REOPEN: _reopen,
    TicketMove.CANCEL: _cancel,
    TicketMove.MERGE: _merge,
}
