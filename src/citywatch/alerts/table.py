"""The alert machine as a table; what is not in it cannot happen."""

from __future__ import annotations

from citywatch.domain.alerts import AlertMove, AlertState

MOVES: dict[tuple[AlertState, AlertMove], AlertState] = {
    (AlertState.OPEN, AlertMove.ACKNOWLEDGE): AlertState.ACKNOWLEDGED,
    (AlertState.OPEN, AlertMove.FLAP): AlertState.OPEN,
    (AlertState.OPEN, AlertMove.ESCALATE): AlertState.OPEN,
    (AlertState.OPEN, AlertMove.RESOLVE): AlertState.RESOLVED,
    (AlertState.ACKNOWLEDGED, AlertMove.FLAP): AlertState.ACKNOWLEDGED,
    (AlertState.ACKNOWLEDGED, AlertMove.RESOLVE): AlertState.RESOLVED,
}
