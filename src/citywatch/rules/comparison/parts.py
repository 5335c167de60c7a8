"""partly_covered by something that hides: structure is gone in a part of the view, in the same cells at each look.

Haze, snow that lies and the shadows of a day take structure, too; they creep, and take contrast from the rest.
"""

from __future__ import annotations

import math
from dataclasses import replace

from citywatch.domain.pictures import Fault, Light
from citywatch.rules.comparison.answers import PLACED, Own, above
from citywatch.rules.comparison.contrast import contrast_left
from citywatch.rules.comparison.light import brightness
from citywatch.rules.comparison.limits import OwnThresholds
from citywatch.rules.comparison.trace import Trace, is_unseen
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import Look
from citywatch.rules.pictures.answers import Conclusion, unchecked
from citywatch.rules.references import View


def partly_covered(look: Look, trace: Trace, threshold: float, limits: OwnThresholds) -> tuple[Conclusion, Trace]:
    """Structure is gone in a part of the view; the cells in which it is gone must stay the same."""
    common = look.lost_cells & trace.cells if trace.cells else look.lost_cells
    after = replace(trace, cells=common, strange=False, veiled=False, placed=False)
    rest = unchecked(Own.HIDDEN, Fault.MOVED, Fault.SHAKING)
    if look.lost_cells == 0:
        return ((), unchecked(Own.TOO_LITTLE_STRUCTURE, *PLACED)), after
    if common.bit_count() < limits.same_cells * min(look.lost_cells.bit_count(), max(trace.cells.bit_count(), 1)):
        return ((), (*unchecked(Own.VIEW_CHANGES, Fault.PARTLY_COVERED), *rest)), replace(after, cells=look.lost_cells)
    found = above(Fault.PARTLY_COVERED, "structure_lost", "lost_share", look.lost_share, threshold)
    return ((found,), rest), after


def is_mostly_lost(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether a cover leaves so little that it is hardly found again: but it is where it was, or as it was."""
    if look.lost_share < limits.mostly_lost_share:
        return False
    if is_dull(look, view, rows, limits):
        return False
    here = look.shift_certainty >= limits.mostly_certain and math.hypot(*view.shift(look)) <= limits.same_pixels
    if here and contrast_left(look, view, rows) >= limits.mostly_contrast_of_usual:
        return True
    sharpness, contrast = usual(rows, view.light, "sharpness"), usual(rows, view.light, "contrast")
    sharp = sharpness.known and (
        look.sharpness >= limits.veiled_sharpness_of_usual * sharpness.mean
        or look.contrast >= limits.nearly_contrast_of_usual * contrast.mean
        or _keeps_contrast(look, view, rows, limits)
    )
    stays = trace.cells == 0 or look.steady_share >= limits.nearly_steady_share
    much = look.lost_share >= limits.nearly_lost_share and not is_unseen(look, limits)
    if view.light is Light.DAY:
        gone = look.lost_share >= max(limits.gone_lost_share, limits.gone_of_rest * (1.0 - look.match_share))
        much = much or (gone and not _is_sky(look, view, rows, limits))
    else:
        # The lamps of another night stand elsewhere: most of this one is lost, too, and next to nothing of it found.
        much = much and look.match_share >= limits.nearly_found_of_rest * (1.0 - look.lost_share)
    return stays and sharp and much and look.contrast >= limits.covered_contrast


def _keeps_contrast(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a day of which so much is lost is no brighter than haze makes it, and what is left has its contrast; then
    the whole picture may have less: a dark cover takes that of what it hides.
    """
    contrast = usual(rows, view.light, "contrast")
    much = view.light is Light.DAY and look.lost_share >= limits.nearly_lost_share
    some = much and look.contrast >= limits.nearly_contrast_by_day * contrast.mean
    dim = brightness(look, view, rows) < limits.hazy_brightness_of_usual
    return some and dim and look.contrast_ratio >= limits.nearly_ratio


def _is_sky(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether nothing of a day is seen in what stands, and that has structure: a camera that hangs into the sky. Of a
    cover beside which nothing is seen a bus hides the rest, and is gone at the next look. Where more is lost
    than another view loses, it is a cover all the same.
    """
    elsewhere = look.lost_share < limits.another_lost_of_rest * (1.0 - look.match_share)
    texture = usual(rows, view.light, "texture_share")
    full = texture.known and look.texture_share >= limits.sky_texture_by_day * texture.mean
    return elsewhere and is_unseen(look, limits) and look.steady_share >= limits.sky_steady_share and full


def is_dull(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a night has lost so much contrast as nothing takes that passes, falls, or covers a part of it: what is
    left of the view would still have its lamps.
    """
    contrast = usual(rows, view.light, "contrast")
    return (
        view.light is not Light.DAY and contrast.known and look.contrast < limits.dull_contrast_of_usual * contrast.mean
    )


def is_pale(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether what is found again has lost so much of its contrast as fog takes."""
    return contrast_left(look, view, rows) < least_left(look, view, rows, limits)


def came_at_once(look: Look, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether much is lost that was there at the last look in order, and the rest is no paler than it was then, in
    haze: a cover comes at once, and takes nothing from what it leaves.
    """
    much = trace.lost >= 0.0 and look.lost_share - trace.lost >= limits.at_once_lost_share
    return much and 0.0 < limits.at_once_ratio * trace.ratio <= look.contrast_ratio


def hides_a_part(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether much of a day is lost, the rest lies in its place, and neither fog nor dirt can be what hides it,
    however pale the rest is: fog that hides so much is brighter, and dirt leaves less detail.
    """
    much = view.light is Light.DAY and look.lost_share >= limits.mostly_lost_share
    here = look.shift_certainty >= limits.here_certain and math.hypot(*view.shift(look)) <= limits.same_pixels
    seen = here and look.coarse_correlation >= limits.seen_correlation
    light = brightness(look, view, rows)
    # Nearly as bright as fog: that leaves what is near, which is found.
    near = light >= limits.fog_brightness_of_usual
    near = near and look.match_share >= limits.near_found_of_rest * (1.0 - look.lost_share)
    darker = light < limits.hardly_seen_brightness and not near
    # Of a cover that was there at the look before, an encoder that is short of bits may leave less.
    least = limits.fog_detail_ratio if trace.cells == 0 else limits.hidden_detail_ratio
    # Noise is detail, too; and of a first look nobody knows what was lost before.
    sure = look.noise_sd <= limits.hidden_noise_sd and trace.lost >= 0.0
    return much and seen and darker and sure and look.detail_ratio > least


def least_left(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> float:
    """The share of its contrast that a cover leaves of the rest. Where the sun makes much of the contrast, clouds take
    some of it; fog lightens.
    """
    least = limits.partly_contrast_of_usual
    ratio, brightness = usual(rows, view.light, "contrast_ratio"), usual(rows, view.light, "mean")
    bright = not brightness.known or look.mean >= limits.fogless_brightness_of_usual * brightness.mean
    if bright or not ratio.known or ratio.mean <= 0:
        return least
    cloudy = 1.0 - limits.partly_contrast_spreads * ratio.spread / ratio.mean
    return min(least, max(cloudy, limits.mostly_contrast_of_usual))


def found_of_rest(look: Look, view: View, limits: OwnThresholds) -> float:
    """The share of what is not lost that must be found: less where much is lost, and the rest surely lies in its place.
    Nothing that passes takes the structure of so much.
    """
    much = look.lost_share >= limits.shadows_lost_share
    there = look.shift_certainty >= limits.here_certain and math.hypot(*view.shift(look)) <= limits.same_pixels
    return limits.partly_found_there if much and there else limits.partly_found_of_rest


def lately_found(look: Look, trace: Trace, limits: OwnThresholds) -> float:
    """The share of what was not lost that was found lately: in the shadows of the sun less than all, and no bus counts.
    1 where that is not known, or where so little is lost that it may be more of the shadows.
    """
    if trace.lost < 0 or look.lost_share < limits.mostly_lost_share:
        return 1.0
    return min(max(trace.seen, trace.lately) / max(1.0 - trace.lost, 1e-9), 1.0)


def may_be_weather(
    look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds, *, surely_day: bool
) -> Own | None:
    """Why what is lost may be no cover; None when it can be nothing else."""
    hidden = came_at_once(look, trace, limits) or hides_a_part(look, view, rows, trace, limits)
    if _is_hazy(look, view, rows, limits) and not hidden:
        return Own.TOO_LITTLE_STRUCTURE
    # A storm at noon lights the lamps, but most of the view is seen.
    cloth = look.lost_share >= limits.shadows_lost_share and look.coarse_correlation <= limits.noon_correlation
    dusk = look.light is Light.DAY and view.light is not Light.DAY and not (surely_day and cloth)
    if dusk and look.lost_share < limits.dusk_lost_share:
        # A dusk compared with the night: what lamps do not light yet, and what snow hides, was there or will be.
        return Own.LIGHT_CHANGES
    if _is_first_morning(look, view, rows, limits):
        return Own.LIGHT_CHANGES
    if _may_be_shadows(look, view, rows, limits) or not _has_come(look, view, rows, trace, limits):
        return Own.LIGHT_CHANGES
    return None


def _is_first_morning(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether so few days are known that the shadows of the morning may be what is lost."""
    match = usual(rows, view.light, "match_share")
    little = look.lost_share < limits.shadows_lost_share
    return view.light is Light.DAY and little and match.looks < limits.veiled_known_looks


def _is_hazy(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether what is lost may be lost in haze that is too thin for a fault: it lightens, and takes contrast. What
    hides half of the view and is haze leaves less than 0.6 of the contrast of the rest.
    """
    brightness, left = usual(rows, view.light, "mean"), contrast_left(look, view, rows)
    bright = brightness.known and look.mean >= limits.hazy_brightness_of_usual * brightness.mean
    if look.lost_share >= limits.mostly_lost_share and left >= limits.mostly_contrast_of_usual:
        return False
    return bright and left < limits.hazy_contrast_of_usual


def _may_be_shadows(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a cloud before the sun explains what is lost. A cover takes no contrast from what it leaves; and where
    shadows lay there is something else to be seen, a cover leaves whole cells without structure.
    """
    little = view.light is Light.DAY and look.lost_share < limits.shadows_lost_share
    texture = usual(rows, view.light, "texture_share")
    bare = texture.known and look.texture_share < limits.shadows_texture_of_usual * texture.mean
    if bare and look.lost_cells.bit_count() >= limits.shadows_cells:
        return False
    return little and contrast_left(look, view, rows) < limits.shadows_contrast_of_usual


def _has_come(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether what is lost was not lost at the last look in order, as far as that could be seen. Snow that lies, haze
    that thickens and shadows that wander take a little more from look to look.
    """
    if trace.lost < 0:
        return True
    if look.lost_share - trace.lost < limits.partly_rise:
        return False
    little = view.light is Light.DAY and look.lost_share < limits.shadows_lost_share
    match = usual(rows, view.light, "match_share")
    return not (little and match.known and trace.seen < limits.weathered_of_usual * match.mean)
