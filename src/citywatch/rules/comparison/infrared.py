"""infrared_stuck: no colour although it is day, or colour and its noise where this camera's nights are infrared."""

from __future__ import annotations

from citywatch.domain.pictures import Fault, Light
from citywatch.rules import hours
from citywatch.rules.comparison.answers import FINE, Own, above, below
from citywatch.rules.comparison.light import lit_as
from citywatch.rules.comparison.limits import OwnThresholds
from citywatch.rules.hours import Hours
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import Finding, Look
from citywatch.rules.pictures.answers import Conclusion, unchecked


def colour_noise(look: Look, rows: Rows, dark_hours: Hours, limits: OwnThresholds) -> Finding | None:
    """Colour noise in the dark, where this camera's nights are infrared."""
    infrared, day = usual(rows, Light.INFRARED, "noise_sd"), usual(rows, Light.DAY, "noise_sd")
    if look.light in (Light.INFRARED, Light.UNKNOWN) or not infrared.known or not day.known:
        # Without its day nobody knows how much noise and colour a camera has that was first seen at night.
        return None
    unlit = _unlit(look, rows, dark_hours, limits)
    if unlit is not None:
        return unlit
    usually = usual(rows, Light.DAY, "chroma_sd").mean
    colour = max(limits.colour_noise_chroma_sd, usually * limits.colour_noise_chroma_of_day)
    if not look.chroma_sd >= colour or hours.is_surely_day(dark_hours, look.at_ns):
        return None
    if look.light is Light.NIGHT and hours.is_dark(dark_hours, look.at_ns) and look.mean <= _dim(rows, limits):
        # A slow encoder may have worn the noise out of the brightness; what colours are left in the dark are noise.
        return above(Fault.INFRARED_STUCK, "colour_noise", "chroma_sd", look.chroma_sd, colour)
    threshold = max(limits.colour_noise * infrared.mean, day.high(0.0, limits.spreads))
    if not look.noise_sd >= threshold:
        return None
    return above(Fault.INFRARED_STUCK, "colour_noise", "noise_sd", look.noise_sd, threshold)


def _unlit(look: Look, rows: Rows, dark_hours: Hours, limits: OwnThresholds) -> Finding | None:
    """In colour and in the dark, at an hour at which it was never day: twilight, before it switches, is brighter."""
    if look.light is not Light.NIGHT:
        return None
    threshold = _dim(rows, limits)
    if not hours.is_surely_dark(dark_hours, look.at_ns):
        # Beside an hour with a twilight only what is far darker than any.
        if not hours.was_never_day(dark_hours, look.at_ns):
            return None
        threshold = min(threshold, limits.far_darker * usual(rows, Light.INFRARED, "mean").mean)
    if look.mean > threshold:
        return None
    return below(Fault.INFRARED_STUCK, "dark_in_colour", "mean", look.mean, threshold)


def _dim(rows: Rows, limits: OwnThresholds) -> float:
    """The brightness that a picture without infrared light does not reach: twilight, before it switches, does."""
    lit, twilight = usual(rows, Light.INFRARED, "mean"), usual(rows, Light.NIGHT, "mean")
    return limits.unlit_of_infrared * (min(lit.mean, twilight.mean) if twilight.known else lit.mean)


def colourless(look: Look, rows: Rows, dark_hours: Hours, limits: OwnThresholds) -> Conclusion:
    """A picture without colour: usual by night, at a camera that has none, and for a moment at dusk."""
    if look.light is Light.UNKNOWN:
        return (), unchecked(Own.NO_REFERENCE, Fault.INFRARED_STUCK)
    if look.light is not Light.INFRARED:
        return FINE
    day, texture = usual(rows, Light.DAY, "mean"), usual(rows, Light.DAY, "texture_share")
    if not day.known:
        # It has never shown colour: that is how it is, or nothing is known yet.
        known = usual(rows, Light.INFRARED, "mean").known
        return FINE if known else ((), unchecked(Own.NO_REFERENCE, Fault.INFRARED_STUCK))
    infrared = usual(rows, Light.INFRARED, "mean")
    if not infrared.known and not hours.is_surely_day(dark_hours, look.at_ns):
        # The first infrared night of a camera, or its filter stuck at an hour at which it may be dark.
        return (), unchecked(Own.NO_REFERENCE, Fault.INFRARED_STUCK)
    if look.texture_share < limits.colourless_texture * texture.mean:
        # What hides the scene has no colour, either.
        return (), unchecked(Own.HIDDEN, Fault.INFRARED_STUCK)
    finding = None
    if lit_as(look, rows, dark_hours, limits) is Light.DAY:
        threshold = limits.colourless_brightness * day.mean
        finding = above(Fault.INFRARED_STUCK, "colourless_by_day", "mean", look.mean, threshold)
    elif hours.is_surely_day(dark_hours, look.at_ns):
        colour = usual(rows, Light.DAY, "chroma_sd")
        finding = below(Fault.INFRARED_STUCK, "colourless_by_day", "chroma_sd", look.chroma_sd, colour.mean)
    return FINE if finding is None else ((finding,), ())
