"""Words about cameras that settings need too: free of numpy, for the supervisor reads settings."""

from __future__ import annotations

from enum import StrEnum

UNKNOWN_PRESET = "?"
"""In a visit's `preset`: the camera moves by plan, and where it stood at this visit is not known."""


class Fault(StrEnum):
    """What can be wrong with a device. snake_case, for other people's scripts."""

    UNREACHABLE = "unreachable"
    NO_MEDIA = "no_media"
    STALLED = "stalled"
    """Media began to flow and stopped."""
    FROZEN = "frozen"
    BLACK = "black"
    OVER_EXPOSED = "over_exposed"
    COVERED = "covered"
    PARTLY_COVERED = "partly_covered"
    OUT_OF_FOCUS = "out_of_focus"
    MOVED = "moved"
    SHAKING = "shaking"
    COLOUR_CAST = "colour_cast"
    SNOW = "snow"
    STRIPES = "stripes"
    MOSAIC = "mosaic"
    LOW_CONTRAST = "low_contrast"
    INFRARED_STUCK = "infrared_stuck"
    LOW_FRAME_RATE = "low_frame_rate"
    CLOCK_WRONG = "clock_wrong"
    SILENT = "silent"
    """A device that promised heartbeats sent none while its observer was listening (scales; not a camera fault)."""
    # scales
    WEIGHT_DRIFT = "weight_drift"
    """The reference population weighs more or less than it did."""
    SPEED_DRIFT = "speed_drift"
    """Its drive tandems are longer or shorter than they were: the scale measures another speed."""
    SIDES_UNEQUAL = "sides_unequal"
    """Its left and right wheels weigh otherwise than they did."""
    BAD_RECORDS = "bad_records"
    """Many records contradict themselves."""
    NO_PASSES = "no_passes"
    """A lane has none while those beside it have."""


NO_PICTURE = frozenset({Fault.UNREACHABLE, Fault.NO_MEDIA, Fault.STALLED})
SCALE_FAULTS = frozenset(
    {Fault.WEIGHT_DRIFT, Fault.SPEED_DRIFT, Fault.SIDES_UNEQUAL, Fault.BAD_RECORDS, Fault.NO_PASSES}
)
NOT_OF_CAMERAS = SCALE_FAULTS | {Fault.SILENT}
"""Silence is the fault that every device can have which promises heartbeats."""
