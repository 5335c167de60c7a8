"""covered: a plate, a cloth or a film has taken almost all structure of the reference; dense fog takes it otherwise."""

from __future__ import annotations

import math

from citywatch.domain.pictures import Fault
from citywatch.rules.comparison.answers import above, below
from citywatch.rules.comparison.light import brightness, is_bright
from citywatch.rules.comparison.limits import DEFAULT, OwnThresholds
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import Finding, Look
from citywatch.rules.references import View


def cover(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> Finding | None:
    """Almost everything is gone, or next to nothing is left of its contrast, and that is blurred."""
    faint = look.coarse_transfer <= limits.film_coarse_transfer and look.contrast < limits.covered_contrast
    away = look.shift_certainty >= limits.here_certain and math.hypot(*view.shift(look)) >= limits.moved_pixels
    if faint and is_blurred(look, limits) and not away:
        # A bag or paint lets a little light through, and blurs: neither fog nor dirt on the glass do.
        threshold = limits.film_coarse_transfer
        return below(Fault.COVERED, "contrast_lost", "coarse_transfer", look.coarse_transfer, threshold)
    if is_fog(look, view, rows, limits) or is_seen_through(look, view, rows, limits):
        return None
    if math.isnan(look.transfer_ratio) and _is_film(look, view, rows, limits):
        threshold = limits.film_contrast_ratio
        return below(Fault.COVERED, "contrast_lost", "contrast_ratio", look.contrast_ratio, threshold)
    bright = is_bright(look, view, rows, limits)
    if math.isnan(look.contrast_ratio):
        foggy = bright and limits.bare_contrast < look.contrast < limits.covered_contrast
        foggy = foggy and not _is_smooth(look, view, rows, limits)
    else:
        foggy = look.contrast_ratio < limits.covered_standing and not _is_smooth(look, view, rows, limits)
        # Fog lightens.
        foggy = foggy and not brightness(look, view, rows) < limits.hazy_brightness_of_usual
    if look.lost_share < limits.covered_lost_share or look.match_share > limits.covered_match_share or foggy:
        return None
    return above(Fault.COVERED, "structure_lost", "lost_share", look.lost_share, limits.covered_lost_share)


def is_fog(look: Look, view: View | None, rows: Rows, limits: OwnThresholds = DEFAULT) -> bool:
    """Whether what looks covered is dense fog: it lightens, and the little that is seen is pale, and lies where it
    always was with edges as steep as ever. Nothing is seen through a plate; a film blurs, and is seen through in
    every place.
    """
    if view is None or not brightness(look, view, rows) >= limits.hazy_brightness_of_usual:
        return False
    thick = look.contrast <= limits.hardly_seen_contrast
    least = limits.hardly_seen_in_thick if thick else limits.hardly_seen_correlation
    hardly = least <= look.coarse_correlation < limits.seen_correlation
    left = limits.hardly_seen_least_contrast < look.contrast < limits.smooth_contrast
    even = left and look.sharpness >= limits.hardly_seen_sharpness
    if hardly and even and brightness(look, view, rows) >= limits.hardly_seen_brightness:
        return True
    if is_blurred(look, limits) or math.hypot(*view.shift(look)) >= limits.moved_pixels:
        return False
    if not limits.fog_match_share <= look.match_share <= limits.fog_most_match_share:
        return False
    if look.shift_certainty >= limits.fog_certain and look.sharpness_ratio > limits.film_slope_ratio:
        return look.contrast_ratio < limits.covered_standing
    thick = look.shift_certainty >= limits.thick_certain and look.sharpness <= limits.thick_sharpness
    return thick and look.contrast_ratio < limits.thick_contrast_ratio


def is_seen_through(look: Look, view: View | None, rows: Rows, limits: OwnThresholds = DEFAULT) -> bool:
    """Whether what is left of the view is as sharp as ever, however little it is, as behind dirt; where it is hardly
    seen, only in a picture without contrast that is lighter than usual, as in fog.
    """
    if view is None or math.isnan(look.transfer_ratio) or is_blurred(look, limits):
        return False
    if look.coarse_correlation >= limits.seen_through_correlation:
        return True
    lighter = brightness(look, view, rows) >= limits.hazy_brightness_of_usual
    foggy = lighter and look.contrast < limits.smooth_contrast
    return foggy and look.coarse_correlation >= limits.seen_correlation


def is_blurred(look: Look, limits: OwnThresholds) -> bool:
    """Whether something is seen, and is blurred."""
    bare = look.sharpness > limits.thick_sharpness and look.contrast < limits.smooth_contrast
    return look.transfer_ratio <= (limits.bare_transfer_ratio if bare else limits.film_transfer_ratio)


def _is_film(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether there is a film that blurs, and hides so much that only the blocks that are found can tell it."""
    if not look.contrast_ratio <= limits.film_contrast_ratio:
        return False
    if is_bright(look, view, rows, limits) and look.match_share < limits.film_match_share:
        return False
    return look.sharpness_ratio <= limits.film_slope_ratio or _is_empty(look, view, rows, limits)


def _is_smooth(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether there is contrast without structure: light falls on something near. Fog takes both."""
    return look.contrast >= limits.smooth_contrast and _is_empty(look, view, rows, limits)


def _is_empty(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether next to nothing is left of the structure of a view that has some; fog, which is bright, leaves little."""
    texture = usual(rows, view.light, "texture_share")
    share = limits.empty_of_usual_bright if is_bright(look, view, rows, limits) else limits.empty_of_usual
    bare = not texture.known or texture.mean < limits.bare_texture
    return not bare and look.texture_share <= share * texture.mean
