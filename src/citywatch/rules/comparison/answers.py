"""The words of an answer against the camera's own, beside those of rules/pictures/answers.py: which faults it is about,
why one could not be checked, and a finding above or below its threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from citywatch.domain.pictures import Fault
from citywatch.rules.comparison.trace import Trace
from citywatch.rules.pictures import Finding, Unchecked
from citywatch.rules.pictures.answers import Conclusion


class Own(StrEnum):
    """Why a fault could not be checked against the camera's own; bounded, as rules.pictures.Why is."""

    NO_REFERENCE = "no_reference"
    """No reference, or nothing usual, is known for this light and preset yet."""
    HIDDEN = "hidden_by_another_fault"
    PRESET_UNKNOWN = "preset_unknown"
    """The camera moves by plan, where it stands is not known, and it stands at no view that is."""
    TOO_LITTLE_STRUCTURE = "too_little_structure"
    VIEW_CHANGES = "view_changes"
    """Something else stands before the camera at every look: traffic."""
    NO_FRAME_RATE = "no_frame_rate"
    LIGHT_CHANGES = "light_changes"
    """The camera has just switched between colour and infrared, and settles."""


@dataclass(frozen=True, slots=True)
class Against:
    """The answers: what was found, what could not be checked; what is in neither is fine, of the faults in JUDGED."""

    found: tuple[Finding, ...]
    unchecked: tuple[Unchecked, ...]
    trace: Trace


JUDGED = (
    Fault.OUT_OF_FOCUS,
    Fault.LOW_CONTRAST,
    Fault.COVERED,
    Fault.MOVED,
    Fault.PARTLY_COVERED,
    Fault.SHAKING,
    Fault.INFRARED_STUCK,
    Fault.LOW_FRAME_RATE,
)
"""The faults that `against` answers for."""

SCENE = tuple(fault for fault in JUDGED if fault is not Fault.LOW_FRAME_RATE)
"""Those that the picture shows."""

PLACED = (Fault.MOVED, Fault.PARTLY_COVERED, Fault.SHAKING)
"""Those that are told by where the view lies and how much of it is there."""

FINE: Conclusion = ((), ())


def above(fault: Fault, reason: str, measure: str, value: float, threshold: float) -> Finding:
    """A value that is too high."""
    return Finding(fault, reason, measure, value, threshold, value - threshold)


def below(fault: Fault, reason: str, measure: str, value: float, threshold: float) -> Finding:
    """A value that is too low."""
    return Finding(fault, reason, measure, value, threshold, threshold - value)
