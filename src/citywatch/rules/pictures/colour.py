"""Colour: a cast against grey, and against the camera's usual colour by day, the mean chroma of looks without one."""

from __future__ import annotations

import math

from citywatch.domain.pictures import Fault, Light
from citywatch.rules.pictures.answers import Conclusion, Finding, Why, unchecked
from citywatch.rules.pictures.checks import Table, found, is_thinned, look_at, shows_colours
from citywatch.rules.pictures.limits import PictureThresholds
from citywatch.rules.pictures.look import Look, LookHistory, learned

Colour = list[float]
"""[looks, mean u, mean v]"""


def cast(look: Look, before: LookHistory, checks: Table, limits: PictureThresholds) -> tuple[Conclusion, float]:
    """The answer about colour_cast, and how far the look is from it."""
    if not shows_colours(look):
        return ((), unchecked(Why.NO_COLOUR, Fault.COLOUR_CAST)), math.nan
    if look.texture_share < limits.cast_texture_share or is_thinned(look, before.texture, limits):
        return ((), unchecked(Why.TOO_LITTLE_STRUCTURE, Fault.COLOUR_CAST)), math.nan
    finding, margin = look_at(Fault.COLOUR_CAST, look, checks)
    own, own_margin = _against_usual(look, before.colour, limits)
    finding = finding or own
    return ((finding,) if finding else (), ()), min(margin, own_margin)


def _against_usual(look: Look, usual: Colour, limits: PictureThresholds) -> tuple[Finding | None, float]:
    looks, u, v = usual
    if looks < limits.usual_looks:
        return None, math.inf
    far = math.hypot(look.u_mean - u, look.v_mean - v)
    value = min(far, look.cast)
    margin = (limits.cast_own - value) / limits.cast_own
    if margin > 0:
        return None, margin
    return found(Fault.COLOUR_CAST, "cast", value, limits.cast_own, most=False), margin


def with_look(usual: Colour, look: Look) -> Colour:
    """The usual colour with one more look in order; one whose colours cannot be judged changes nothing."""
    return learned(usual, look.u_mean, look.v_mean) if shows_colours(look) else usual


def infrared(look: Look) -> Conclusion:
    """What one picture says about infrared: one in colour is not stuck in it; one without may be of the night."""
    if look.light in (Light.DAY, Light.NIGHT) and math.isfinite(look.chroma_sd):
        return (), ()
    return (), unchecked(Why.NO_COLOUR, Fault.INFRARED_STUCK)
