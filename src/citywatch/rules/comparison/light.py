"""By what light a look was taken, and how bright it is beside what is usual by that light.

Twilight, lamps and a stuck filter make a picture that is of the day by one measure and of the night by another; what
is compared with the wrong one of them is no fault.
"""

from __future__ import annotations

import math

from citywatch.domain.pictures import Light
from citywatch.rules import hours
from citywatch.rules.comparison.limits import DEFAULT, OwnThresholds
from citywatch.rules.hours import Hours
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import Look
from citywatch.rules.references import View


def lit_as(look: Look, rows: Rows, dark_hours: Hours, limits: OwnThresholds = DEFAULT) -> Light:
    """By what light a picture was taken when what is usual is asked, too: one without colour may be of the day.

    While no infrared night of this camera is known, only the hour can say so: a camera that was first seen at dusk has
    days no brighter than its own lamp.
    """
    day, infrared = usual(rows, Light.DAY, "mean"), usual(rows, Light.INFRARED, "mean")
    if (
        look.light is Light.INFRARED
        and day.known
        and look.mean >= limits.colourless_brightness * day.mean
        and not hours.is_dark(dark_hours, look.at_ns)
        and (
            look.mean >= limits.colourless_over_infrared * infrared.mean
            if infrared.known
            else hours.is_surely_day(dark_hours, look.at_ns)
        )
        and not _is_noisy_as_by_night(look, rows, limits)
    ):
        return Light.DAY
    return look.light


def _is_noisy_as_by_night(look: Look, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a picture has the noise of this camera's infrared nights, and its days never do: it is their gain. What
    is bright in it is near, and lies in the lamp's own light.
    """
    infrared, day = usual(rows, Light.INFRARED, "noise_sd"), usual(rows, Light.DAY, "noise_sd")
    if not infrared.known or not day.known:
        return False
    by_day = day.high(limits.noise_over_day, limits.spreads)
    return look.noise_sd >= max(limits.noise_of_infrared * infrared.mean, by_day)


def contrast_light(
    look: Look, view: View | None, rows: Rows, dark_hours: Hours, limits: OwnThresholds = DEFAULT
) -> Light:
    """By what light the contrast of a look is usual."""
    light = lit_as(look, rows, dark_hours, limits)
    if light is Light.DAY and look.light is Light.DAY and view is not None:
        light = view.light  # one of twilight may be compared with the night
    if light is Light.INFRARED and view is not None and view.light is Light.DAY:
        light = view.light  # as bright as a day, and without colour: fog and dirt take that, too
    return light


def is_dim(look: Look, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a picture is darker than this camera's days."""
    day = usual(rows, Light.DAY, "mean")
    return day.known and look.mean < limits.brightness_of_usual * day.mean


def is_bright(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a picture is so much brighter than usual as fog makes it."""
    return brightness(look, view, rows) >= limits.fog_brightness_of_usual


def brightness(look: Look, view: View, rows: Rows) -> float:
    """How bright a picture is, as a share of what is usual by this light, or by day where that is more: what has no
    colour left by day is compared with the night. NaN where neither is known.
    """
    known = [usual(rows, light, "mean") for light in (view.light, Light.DAY)]
    usually = max((normal.mean for normal in known if normal.known), default=math.nan)
    return look.mean / max(usually, 1.0)


def is_too_dark_for_its_nights(look: Look, view: View | None, rows: Rows, limits: OwnThresholds = DEFAULT) -> bool:
    """Whether darkness hides what is in a dark picture. Not of a camera whose nights are hardly brighter, and show its
    view: what has structure in as much light is something else that it looks at.
    """
    if view is None or view.light is Light.DAY or look.light is Light.DAY:
        return True
    mean, texture = usual(rows, view.light, "mean"), usual(rows, view.light, "texture_share")
    if not mean.known or not texture.known or texture.mean < limits.shown_texture:
        return True
    lit = look.mean >= limits.dark_of_usual * mean.mean
    return not (lit and look.texture_share >= limits.shown_texture_in_the_dark)


def is_lit_like_a_veil(look: Look, view: View, rows: Rows, dark_hours: Hours, limits: OwnThresholds = DEFAULT) -> bool:
    """Whether it is a dusk that is compared with the day, which lamps light up now, or compared with the night at an
    hour that may be day: then nothing bright is a veil. In the dark what stays, and is as bright as a day, is no dusk.
    """
    if view.light is Light.DAY:
        stays = hours.is_dark(dark_hours, look.at_ns) and look.steady_share >= limits.still_share
        return is_dim(look, rows, limits) or (hours.is_twilight(dark_hours, look.at_ns) and not stays)
    return look.light is Light.DAY and not hours.may_only_be_dark(dark_hours, look.at_ns)


def is_first_dusk(look: Look, view: View, rows: Rows, dark_hours: Hours, limits: OwnThresholds) -> bool:
    """Whether a camera sees less light than on its days so far, at an hour that is new to it: its first evening."""
    day = usual(rows, Light.DAY, "mean")
    darker = day.known and look.mean < limits.first_dusk_of_usual * day.mean
    return view.light is Light.DAY and darker and hours.is_new(dark_hours, look.at_ns)


def is_lit_otherwise(look: Look, view: View, rows: Rows, dark_hours: Hours, limits: OwnThresholds = DEFAULT) -> bool:
    """Whether edges are not what they were: in a night brighter than usual, at dawn and dusk, when lamps light what the
    day does not and the sky what lamps do not (an infrared lamp outshines it), or wherever a day is darker or fuller of
    contrast than usual. A blur keeps the brightness, and takes contrast.
    """
    if view.light is not Light.INFRARED and hours.is_twilight(dark_hours, look.at_ns):
        return True
    normal, contrast = usual(rows, view.light, "mean"), usual(rows, view.light, "contrast")
    if view.light is Light.DAY:
        lamps = contrast.known and look.contrast >= limits.lamps_contrast_of_usual * contrast.mean
        return lamps or is_dim(look, rows, limits)
    if not normal.known or not contrast.known:
        return False
    bright, full = look.mean / max(normal.mean, 1.0), look.contrast / max(contrast.mean, 1.0)
    return (
        bright >= limits.bright_night_of_usual
        or full >= limits.bright_night_contrast_of_usual
        or bright * full >= limits.bright_night_in_all
    )
