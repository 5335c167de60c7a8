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
    RESOLVE = "resolve"
