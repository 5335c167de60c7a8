"""Words for repair tickets (domain sheet, section 7)."""

from __future__ import annotations

from enum import StrEnum

MAX_NOTE_CHARACTERS = 2000
MAX_TEAM_CHARACTERS = 100
MOST_PHOTOS = 10
"""Photos of one step."""
MOST_PARTS = 30
"""Kinds of spare parts of one step."""
MAX_PART_CHARACTERS = 100
MOST_OF_A_PART = 10_000
MOST_HOLD_NS = 366 * 86_400 * 1_000_000_000
"""The longest that a hold may be said to last; one without an end lasts until somebody resumes."""


class TicketState(StrEnum):
    FILED = "filed"
    """Nobody has it yet."""
    DISPATCHED = "dispatched"
    """It is a team's; nobody of it has taken it on."""
    ACCEPTED = "accepted"
    """A person or crew has taken it: the response clock stops."""
    ON_HOLD = "on_hold"
    """Nobody can go on for now, for a reason. Whether the repair clock runs is the contract's word."""
    HANDLED = "handled"
    """A crew says that it is done. The clock runs on: what counts is what the system sees."""
    VERIFIED = "verified"
    """The device was seen in order again: the repair clock stops."""
    CLOSED = "closed"


class TicketMove(StrEnum):
    """What can happen to a ticket."""

    DISPATCH = "dispatch"
    ACCEPT = "accept"
    HOLD = "hold"
    RESUME = "resume"
    HANDLE = "handle"
    NOTE = "note"
    VERIFY = "verify"
    CLOSE = "close"
    REOPEN = "reopen"
    CANCEL = "cancel"
    """A person says that there is nothing to repair; it does not come again for the same cause."""
    MERGE = "merge"
    """Another ticket stands for it: that of a greater incident, or the one that a person has named."""
    WITHDRAW = "withdraw"
    """Its device is watched no longer."""


class HoldReason(StrEnum):
    """Why nobody can go on."""

    AWAITING_POWER = "awaiting_power"
    AWAITING_NETWORK = "awaiting_network"
    AWAITING_PERMISSION = "awaiting_permission"
    WEATHER = "weather"
    AWAITING_PARTS = "awaiting_parts"
    AWAITING_ACCESS = "awaiting_access"
    PLANNED = "planned"
    """It waits for work that has a date."""
    OTHER = "other"


NAMES_OTHERS = frozenset(
    {HoldReason.AWAITING_POWER, HoldReason.AWAITING_NETWORK, HoldReason.AWAITING_PERMISSION, HoldReason.WEATHER}
)
"""Reasons that lie with others than who repairs: the clock stands by default. A contract may say otherwise."""


class RepairOutcome(StrEnum):
    """What a crew says that came of its work."""

    REPAIRED = "repaired"
    REPLACED = "replaced"
    NOTHING_FOUND = "nothing_found"
    NOT_REPAIRABLE = "not_repairable"
    """It waits for the desk: no look sends it back."""


class TicketEnd(StrEnum):
    """Why a ticket is closed."""

    VERIFIED = "verified"
    CANCELLED = "cancelled"
    MERGED = "merged"
    DEVICE_REMOVED = "device_removed"


class ReopenReason(StrEnum):
    """Why a ticket is open again."""

    FAULT_RETURNED = "fault_returned"
    """The same fault of the same device, within the stated time."""
    NOT_VERIFIED = "not_verified"
    """Looks after the repair still show the fault, or none could say in time that it is gone."""
    ASKED = "asked"
    """By a person."""


class TicketClock(StrEnum):
    """The clocks of a contract."""

    RESPONSE = "response"
    """From filed to accepted."""
    REPAIR = "repair"
    """From filed to the first good look."""


CLOCKS = tuple(TicketClock)
"""All of them; going through an enumeration itself costs more than what is done with each."""


class ClockState(StrEnum):
    RUNNING = "running"
    HELD = "held"
    """It stands: the ticket is on hold for a reason that stops it."""
    KEPT = "kept"
    BROKEN = "broken"
    NONE = "none"
    """No contract says anything of it."""
