"""Words of the people side: how crews get to a device, what they photograph, what one shift tells the next."""

from __future__ import annotations

from enum import StrEnum

MAX_ACCESS_CHARACTERS = 1000
"""Of each of the three notes on getting to a device: the way, who opens, where the key is."""
MAX_SHIFT_NOTE_CHARACTERS = 4000
MAX_NAME_CHARACTERS = 64
"""Of a person or team."""
MOST_PHOTOS_OF_A_TICKET = 40
MAX_EXERCISE_NOTE_CHARACTERS = 500
MOST_EXERCISE_NS = 2 * 86_400 * 1_000_000_000
"""The longest that an exercise lasts: one that is forgotten must not stay on the desk."""
MOST_OF_A_DRILL = 50
"""Exercises that are started and ended together."""
MOST_CHILDREN_NAMED = 20
"""Of those that a played outage takes along."""


class ShiftEntry(StrEnum):
    """What is written into the log of shifts."""

    ENTRY = "entry"
    """Something that the next one should know."""
    HANDOVER = "handover"
    """The desk is handed over, to whom is named."""


class ExerciseEnd(StrEnum):
    """Why an exercise is over."""

    ENDED = "ended"
    """A person has ended it."""
    EXPIRED = "expired"
    """Its time was over."""
    DEVICE_REMOVED = "device_removed"
    """The device is watched no longer."""
