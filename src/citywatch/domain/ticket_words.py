"""Where a ticket stands, in the words of other desks: one table, from which every other view is derived.

A row is a state, or one kind of it: a closed ticket by how it ended, a handled one that cannot be repaired. A word that
no ticket of ours ever has says why. Words marked `check` have not been compared with the standard's own text: data with
a citation, to be corrected here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from citywatch.domain.tickets import RepairOutcome, TicketEnd, TicketState


class Desk(StrEnum):
    """Whose words they are."""

    GB30428 = "gb30428"
    """The phases of China's digital city management."""
    ITIL = "itil"
    """The states of an incident at a service desk."""
    OPEN311 = "open311"
    """`status` of a service request of GeoReport v2; `expected_datetime` is when the repair clock runs out."""
    DIGITRAFFIC = "digitraffic"
    """`conditioncode` of Finland's road stations: health and repair in one number."""


DESK_CITATIONS: Mapping[Desk, str] = MappingProxyType(
    {
        Desk.GB30428: "GB/T 30428.8 and CJJ/T 106, the phases of a case as practitioners name them",
        Desk.ITIL: "the states of incidents that service desks after ITIL share; ITIL itself prescribes none",
        Desk.OPEN311: "Open311 GeoReport v2, GET service request",
        Desk.DIGITRAFFIC: "Fintraffic Digitraffic, Status of road stations (wiki of tmfg/digitraffic)",
    }
)


@dataclass(frozen=True, slots=True)
class DeskWord:
    """One word of another desk. `none_because` is empty exactly when some ticket of ours has it."""

    desk: Desk
    word: str
    meaning: str
    none_because: str = ""
    check: bool = False


DESK_WORDS: tuple[DeskWord, ...] = (
    DeskWord(Desk.GB30428, "collect", "something was found", "that is the alert, before there is a ticket", check=True),
    DeskWord(Desk.GB30428, "file", "a case was made of it", check=True),
    DeskWord(Desk.GB30428, "dispatch", "it was given to whoever answers for it", check=True),
    DeskWord(Desk.GB30428, "handle", "it is worked on", check=True),
    DeskWord(Desk.GB30428, "feed_back", "the work was reported", check=True),
    DeskWord(Desk.GB30428, "verify", "somebody has looked whether it is good", check=True),
    DeskWord(Desk.GB30428, "evaluate", "it is closed and counts in the evaluation", check=True),
    DeskWord(Desk.ITIL, "new", "nobody works on it yet"),
    DeskWord(Desk.ITIL, "in_progress", "somebody works on it"),
    DeskWord(Desk.ITIL, "on_hold", "it waits for somebody or something"),
    DeskWord(Desk.ITIL, "resolved", "it is said to be good"),
    DeskWord(Desk.ITIL, "closed", "it is over"),
    DeskWord(Desk.ITIL, "cancelled", "it is over without any work"),
    DeskWord(Desk.OPEN311, "open", "it is not over"),
    DeskWord(Desk.OPEN311, "closed", "it is over"),
    DeskWord(Desk.DIGITRAFFIC, "0", "OK"),
    DeskWord(Desk.DIGITRAFFIC, "1", "suspected malfunction", "a suspicion makes no ticket"),
    DeskWord(Desk.DIGITRAFFIC, "2", "confirmed malfunction"),
    DeskWord(Desk.DIGITRAFFIC, "3", "confirmed malfunction, repair not planned soon"),
    DeskWord(Desk.DIGITRAFFIC, "4", "repair requested"),
    DeskWord(Desk.DIGITRAFFIC, "5", "repair done"),
    DeskWord(Desk.DIGITRAFFIC, "6", "repair interrupted"),
)
"""Every word of other desks that is known, each once."""


@dataclass(frozen=True, slots=True)
class Stands:
    """Where a ticket stands: its state, and for some states how. `words` by desk; '' where that desk has none."""

    state: TicketState
    how: str
    words: Mapping[Desk, str]


def _stands(state: TicketState, gb30428: str, itil: str, open311: str, digitraffic: str, how: str = "") -> Stands:
    return Stands(state, how, dict(zip(Desk, (gb30428, itil, open311, digitraffic), strict=True)))


TICKET_WORDS: tuple[Stands, ...] = (
    _stands(TicketState.FILED, "file", "new", "open", "2"),
    _stands(TicketState.DISPATCHED, "dispatch", "new", "open", "4"),
    _stands(TicketState.ACCEPTED, "handle", "in_progress", "open", "4"),
    _stands(TicketState.ON_HOLD, "handle", "on_hold", "open", "6"),
    _stands(TicketState.HANDLED, "feed_back", "resolved", "open", "5"),
    _stands(TicketState.HANDLED, "feed_back", "on_hold", "open", "3", RepairOutcome.NOT_REPAIRABLE),
    _stands(TicketState.VERIFIED, "verify", "resolved", "open", "5"),
    _stands(TicketState.CLOSED, "evaluate", "closed", "closed", "0", TicketEnd.VERIFIED),
    _stands(TicketState.CLOSED, "evaluate", "cancelled", "closed", "0", TicketEnd.CANCELLED),
    _stands(TicketState.CLOSED, "evaluate", "closed", "closed", "", TicketEnd.MERGED),
    _stands(TicketState.CLOSED, "evaluate", "cancelled", "closed", "", TicketEnd.DEVICE_REMOVED),
)
"""Each state, its kinds behind it. A merged ticket is as healthy as the one that stands for it; a removed device has no
health."""


def words_of(state: str, *, end: str = "", outcome: str = "") -> Mapping[Desk, str]:
    """What a ticket's state is called at other desks."""
    mine = [stands for stands in TICKET_WORDS if stands.state == state]
    how = end if state == TicketState.CLOSED else outcome
    return next((stands for stands in mine if stands.how == how), mine[0]).words


def states_of(word: DeskWord) -> tuple[Stands, ...]:
    """Where tickets stand that a word can mean, the first the likeliest."""
    return tuple(stands for stands in TICKET_WORDS if stands.words[word.desk] == word.word)
