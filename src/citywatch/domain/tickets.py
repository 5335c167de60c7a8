"""Words for repair tickets (domain sheet, section 7; the steps that this version walks)."""

from __future__ import annotations

from enum import StrEnum

MAX_NOTE_CHARACTERS = 2000


class TicketState(StrEnum):
    FILED = "filed"
    """Opened from a confirmed fault; nobody has taken it yet."""
    ACCEPTED = "accepted"
    """A person or crew has taken it: the response clock stops."""
    VERIFIED = "verified"
    """The system itself has seen the device in order again: the repair clock stops."""
    CLOSED = "closed"


class TicketMove(StrEnum):
    """What can happen to a ticket."""

    ACCEPT = "accept"
    NOTE = "note"
    VERIFY = "verify"
    CLOSE = "close"
    MERGE = "merge"
    """Another ticket stands for it: a greater incident covers it."""
    WITHDRAW = "withdraw"
    """Its device is watched no longer."""
