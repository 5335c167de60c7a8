"""Whether two looks, minutes apart, show the same picture: by the few figures that a state row can hold.

Where something passed between them there is no picture to compare with: `steady_share` tells of the look just before.
A bus and another bus, or a bus and the street, differ in brightness, structure or colour; the same picture does not,
unless the sun comes out, and then nothing is lost but one look.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from citywatch.rules.pictures import Look

_BRIGHTNESS = 0.13
"""Means differ by no more than this share. (The same view 7 to 11 minutes later, on tuning streets under passing
clouds: 0.02 in the middle, 0.08 in 95 of 100, 0.128 at most.)"""
_STRUCTURE = 0.17
"""Shares of the picture with structure differ by no more than this (0.01, 0.12, 0.3; when the sun goes 0.167)."""
_COLOUR = 4.0
"""Mean chroma differs by no more than so many levels (0.15, 1.9, 4.7); that of two buses by some twenty."""
_CONTRAST = 1.4
"""Contrasts differ by no more than this factor (1.04, 1.19, 1.36)."""

Likeness = list[float]
"""[mean, texture_share, u_mean, v_mean, contrast] of a look; empty for one that cannot be told by them."""


def likeness(look: Look) -> Likeness:
    """What is remembered of a look."""
    figures = (look.mean, look.texture_share, look.u_mean, look.v_mean, look.contrast)
    return [round(figure, 4) for figure in figures] if all(map(math.isfinite, figures)) else []


def is_like(look: Look, before: Sequence[float]) -> bool:
    """Whether a look shows what an earlier one did. `before`: its likeness."""
    return nearness(likeness(look), before) >= 0


def nearness(now: Sequence[float], before: Sequence[float]) -> float:
    """How far two likenesses are on this side of being those of different pictures, in units of the limit that is
    nearest: 0 or more alike, minus infinity where either cannot be told.
    """
    if not now or len(before) != len(now) or not all(map(math.isfinite, (*now, *before))):
        return -math.inf
    differences = (
        (abs(now[0] - before[0]), _BRIGHTNESS * max(now[0], before[0])),
        (abs(now[1] - before[1]), _STRUCTURE),
        (math.hypot(now[2] - before[2], now[3] - before[3]), _COLOUR),
        (max(now[4], before[4]), _CONTRAST * max(min(now[4], before[4]), 1.0)),
    )
    return min((limit - difference) / limit if limit > 0 else 0.0 for difference, limit in differences)
