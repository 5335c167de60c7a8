"""What the ticket desk goes by: whose contracts, when to warn, how long a repaired fault may not come back."""

from __future__ import annotations

from dataclasses import dataclass, field

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.labels import Matcher
from citywatch.tickets.clocks import Contracts

_HOUR_NS = 3_600 * NS_PER_S


@dataclass(frozen=True, slots=True)
class TicketPolicy:
    """`warn_percent` of a clock's time is the warning; `escalate_ns` after it has run out others hear of it, each time.
    A fault that comes back within `reopen_ns` of the closing reopens its ticket (0: never). A ticket that was handled
    and that no look has verified within `unverified_ns` goes back (0: never). What is like one of `alert_only` has no
    ticket: its alert says it all.
    """

    contracts: Contracts = field(default_factory=Contracts)
    warn_percent: int = 75
    escalate_ns: tuple[int, ...] = (24 * _HOUR_NS, 72 * _HOUR_NS)
    reopen_ns: int = 24 * _HOUR_NS
    unverified_ns: int = 2 * _HOUR_NS
    alert_only: tuple[Matcher, ...] = ()
