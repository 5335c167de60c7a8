"""The words of an answer: found with evidence, or could not be checked and why. What is neither is fine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from citywatch.domain.pictures import Fault


class Why(StrEnum):
    """Why a fault could not be checked; bounded. An unchecked visit gives its VisitReason (`end_of_file`) instead."""

    NO_PICTURE = "no_picture"
    GLANCE = "only_a_glance"
    """The picture was decoded at a part of its size, to see that nothing about it is new; nothing was measured."""
    NOT_REACHED = "not_reached"
    TOO_FEW_KEY_FRAMES = "too_few_key_frames"
    KEY_FRAMES_TOO_CLOSE = "key_frames_too_close"
    CHANGE_TOO_SMALL = "change_too_small"
    TOO_COMPRESSED = "too_compressed"
    TOO_DARK = "too_dark_to_judge"
    TOO_BRIGHT = "too_bright_to_judge"
    TOO_LITTLE_STRUCTURE = "too_little_structure"
    NOTHING_SHARP = "nothing_sharp"
    TOO_SMALL = "picture_too_small"
    SPOILED = "picture_spoiled"
    """Snow, stripes or torn blocks hide it."""
    NO_COLOUR = "no_colour"
    """The picture has no colour, or is not of the day."""
    NO_RATE = "no_frame_rate"
    """The rate was not measured, the stream declares none, or what it declares need not be true."""
    NO_CLOCK = "no_clock"
    """Neither the stream nor the device told a time of day."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault. `value` of `measure` is beyond `threshold` by `margin` (0 or more)."""

    fault: Fault
    reason: str
    measure: str
    value: float
    threshold: float
    margin: float


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A fault that this look could neither find nor rule out. `why` is a Why or a VisitReason."""

    fault: Fault
    why: str


Conclusion = tuple[tuple[Finding, ...], tuple[Unchecked, ...]]


def unchecked(why: str, *faults: Fault) -> tuple[Unchecked, ...]:
    """The same reason for several faults."""
    return tuple(Unchecked(fault, why) for fault in faults)
