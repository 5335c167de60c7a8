"""The ticket machine as a table; what is not in it cannot happen."""

from __future__ import annotations

from citywatch.domain.tickets import TicketMove, TicketState

_OPEN = (
    TicketState.FILED,
    TicketState.DISPATCHED,
    TicketState.ACCEPTED,
    TicketState.ON_HOLD,
    TicketState.HANDLED,
)

MOVES: dict[tuple[TicketState, TicketMove], TicketState] = {
    **{(state, TicketMove.NOTE): state for state in _OPEN},
    **{(state, TicketMove.VERIFY): TicketState.VERIFIED for state in _OPEN},
    **{(state, TicketMove.CANCEL): TicketState.CLOSED for state in _OPEN},
    **{(state, TicketMove.MERGE): TicketState.CLOSED for state in _OPEN},
    **{(state, TicketMove.WITHDRAW): TicketState.CLOSED for state in _OPEN},
    (TicketState.FILED, TicketMove.DISPATCH): TicketState.DISPATCHED,
    (TicketState.FILED, TicketMove.ACCEPT): TicketState.ACCEPTED,
    (TicketState.DISPATCHED, TicketMove.DISPATCH): TicketState.DISPATCHED,
    (TicketState.DISPATCHED, TicketMove.ACCEPT): TicketState.ACCEPTED,
    (TicketState.ACCEPTED, TicketMove.DISPATCH): TicketState.DISPATCHED,
    (TicketState.ACCEPTED, TicketMove.HOLD): TicketState.ON_HOLD,
    (TicketState.ON_HOLD, TicketMove.RESUME): TicketState.ACCEPTED,
    (TicketState.ACCEPTED, TicketMove.HANDLE): TicketState.HANDLED,
    (TicketState.HANDLED, TicketMove.REOPEN): TicketState.FILED,
    (TicketState.VERIFIED, TicketMove.CLOSE): TicketState.CLOSED,
    (TicketState.CLOSED, TicketMove.REOPEN): TicketState.FILED,
}
"""A ticket that is filed, anew too, is dispatched at once where the register knows a team."""
