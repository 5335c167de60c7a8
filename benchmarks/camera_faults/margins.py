"""The margins that the rules give of a look, as they are stored in the clean proof: one figure a fault.

Stored is how far a look is from being in order, in units of the fault's threshold: below 0 in order, 0 or more bad
(the rules count the other way round). A fault that could not be checked is left out. Those of the faults that only a
reference tells (moved, partly_covered, shaking) and of the focus are lower bounds: rules/own_margins.py.
"""

from __future__ import annotations

import math

from benchmarks.camera_faults.pipeline import Patrolled
from citywatch.domain.pictures import Fault
from citywatch.rules import hours, own_margins
from citywatch.rules.pictures import LookHistory, looks, margins

PREFIX = "margin."


def of(camera: Patrolled) -> dict[str, float]:
    """PREFIX + fault -> figure of the camera's last look, judged with what was known before it."""
    if camera.row is None:
        return {}
    look = next(iter(looks(camera.row)))
    history, usual, trace, view = camera.before
    daylight = usual is not None and hours.is_surely_day(usual["hours"], look.at_ns)
    told = margins(None if history is None else LookHistory(**history), look, daylight=daylight)
    own = own_margins.margins(look, view, {} if usual is None else usual["usual"], trace)
    rows = {} if usual is None else usual["usual"]
    blurred = own_margins.focus(
        look,
        view,
        rows,
        told.pop(Fault.OUT_OF_FOCUS, math.inf),
        twilight=usual is not None and hours.is_twilight(usual["hours"], look.at_ns),
    )
    if math.isfinite(blurred):
        own[Fault.OUT_OF_FOCUS] = blurred
    return {PREFIX + fault.value: -value for fault, value in {**told, **own}.items()}
