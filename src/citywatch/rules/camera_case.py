"""One look at a camera with all that is known of it: the case that cameras.py decides."""

from __future__ import annotations

from dataclasses import dataclass, field

from citywatch.domain.events import Event
from citywatch.domain.pictures import Fault
from citywatch.rules.faults import FaultRow
from citywatch.rules.judgement import Judgement
from citywatch.rules.pictures import Look
from citywatch.rules.references import View

OF_THE_NETWORK = frozenset({Fault.UNREACHABLE, Fault.NO_MEDIA, Fault.STALLED, Fault.CLOCK_WRONG})
"""Faults that no light shows or hides, and that say nothing about the picture."""


@dataclass(slots=True)
class Case:
    """What one look has to do with: the camera's rows, its judgement, and what comes of it."""

    look: Look
    open: dict[str, FaultRow]
    good: dict[str, int]
    judgement: Judgement
    view: View | None
    held: frozenset[Fault]
    dark: bool
    """Made at an hour that is dark where the camera stands."""
    by_day: bool
    """Made by the light of a day, or at an hour that is known as day."""
    events: list[Event] = field(default_factory=list)
    aimed_again: bool = False
