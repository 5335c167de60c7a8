"""Words for alerts."""

from __future__ import annotations

from enum import StrEnum


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class AlertMove(StrEnum):
    """What can happen to an alert."""

    ACKNOWLEDGE = "acknowledge"
    FLAP = "flap"
    """A flapping alert takes in one more cause; who has acknowledged it has acknowledged that one, too."""
    ESCALATE = "escalate"
    """Nobody has acknowledged it in time: the next in line is called."""
    RESOLVE = "resolve"
