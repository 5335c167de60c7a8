"""The ticket machine as a table; what is not in it cannot happen."""

from __future__ import annotations

from citywatch.domain.tickets import TicketMove, TicketState

MOVES: dict[tuple[TicketState, TicketMove], TicketState] = {
    (TicketState.FILED, TicketMove.ACCEPT): TicketState.ACCEPTED,
    (TicketState.FILED, TicketMove.NOTE): TicketState.FILED,
    (TicketState.FILED, TicketMove.VERIFY): TicketState.VERIFIED,
    (TicketState.FILED, TicketMove.MERGE): TicketState.CLOSED,
    (TicketState.FILED, TicketMove.WITHDRAW): TicketState.CLOSED,
    (TicketState.ACCEPTED, TicketMove.NOTE): TicketState.ACCEPTED,
    (TicketState.ACCEPTED, TicketMove.VERIFY): TicketState.VERIFIED,
    (TicketState.ACCEPTED, TicketMove.MERGE): TicketState.CLOSED,
    (TicketState.ACCEPTED, TicketMove.WITHDRAW): TicketState.CLOSED,
    (TicketState.VERIFIED, TicketMove.CLOSE): TicketState.CLOSED,
}
