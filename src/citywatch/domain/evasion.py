"""Words for what a driver may do so that a scale or a camera does not tell the truth about the vehicle."""

from __future__ import annotations

from enum import StrEnum


class Evasion(StrEnum):
    """What an `evasion_suspected` event suspects. It is a suspicion with its measurements, never a finding of guilt."""

    STRADDLING = "straddling"
    """One vehicle over two lanes: each scale has weighed a half of it."""
    PARTIAL_WHEEL = "partial_wheel"
    """The wheels of one side ran partly beside the strip."""
    SPEED_CHANGE = "speed_change"
    """Brakes or rushes over the strip."""
    STOP_AND_GO = "stop_and_go"
    """Creeps over the strip, or stands on it, on a free road."""
    WRONG_WAY = "wrong_way"
    """Crosses the scale against its lane."""
    NOSE_TO_TAIL = "nose_to_tail"
    """So close behind another that the two are one record, or that no camera sees the plate between them."""
    REVERSED = "reversed"
    """Has gone back over the strip: the scale has counted axles again, or too few."""
    PLATE_MISMATCH = "plate_mismatch"
    """Front and rear plate differ, or two vehicles show one plate."""
    PLATE_COVERED = "plate_covered"
    DETOUR = "detour"
    """Seen before and behind the scale again and again, and not on it."""
