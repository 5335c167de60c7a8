"""What people do to a camera on purpose, and which faults it explains while it lasts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from citywatch.domain.pictures import Fault

MOST_WORK_NS = 31 * 86_400 * 1_000_000_000
"""The longest that work may be declared for: a fault must not be excused for ever."""
MAX_WORK_NOTE_CHARACTERS = 500


class WorkKind(StrEnum):
    """The known causes."""

    RE_AIMING = "re_aiming"
    """The camera is turned to another view; after the end its references are learned anew."""
    WIPING = "wiping"
    """The lens or the housing is cleaned."""
    INFRARED_SWITCHING = "infrared_switching"
    """Infrared or the colour of the night is switched or tried out."""
    MAINTENANCE = "maintenance"
    """Anything else that takes the camera out of service, its power and network with it."""


_AT_THE_LENS = frozenset(
    {
        Fault.BLACK, Fault.OVER_EXPOSED, Fault.COVERED, Fault.PARTLY_COVERED, Fault.OUT_OF_FOCUS, Fault.MOVED,
        Fault.SHAKING, Fault.LOW_CONTRAST,
    }
)  # fmt: skip

EXPLAINS: Mapping[WorkKind, frozenset[Fault]] = {
    WorkKind.RE_AIMING: _AT_THE_LENS | {Fault.COLOUR_CAST},
    WorkKind.WIPING: _AT_THE_LENS,
    WorkKind.INFRARED_SWITCHING: frozenset(
        {Fault.BLACK, Fault.OVER_EXPOSED, Fault.OUT_OF_FOCUS, Fault.COLOUR_CAST, Fault.SNOW, Fault.INFRARED_STUCK}
    ),
    WorkKind.MAINTENANCE: frozenset(Fault),
}
"""The faults that are held while such work lasts."""
