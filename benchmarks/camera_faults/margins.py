"""The margins that the rules give of a look, as they are stored in the clean proof: one figure a fault.

A margin is how far a look is from being bad: below 0 in order, 0 or more bad, NaN where it could not be checked.
"""

from __future__ import annotations

from benchmarks.camera_faults.pipeline import Patrolled

PREFIX = "margin."


def of(camera: Patrolled) -> dict[str, float]:
    """PREFIX + fault -> margin of the camera's last look."""
    return {}
