"""low_contrast: what is found of the reference has become pale, as behind fog and dirt, and the rest is gone."""

from __future__ import annotations

import math

from citywatch.domain.pictures import Fault, Light
from citywatch.rules import normals
from citywatch.rules.comparison.answers import FINE, Own, below
from citywatch.rules.comparison.light import brightness, contrast_light, is_bright, is_dim
from citywatch.rules.comparison.limits import OwnThresholds
from citywatch.rules.comparison.trace import Trace, is_unseen, of_this
from citywatch.rules.hours import Hours
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import Finding, Look
from citywatch.rules.pictures.answers import Conclusion, unchecked
from citywatch.rules.references import View


def low_contrast(
    look: Look, view: View | None, rows: Rows, dark_hours: Hours, trace: Trace, limits: OwnThresholds
) -> Conclusion:
    """Less contrast for the brightness than is usual by this light, and what is found again has lost its own."""
    light = contrast_light(look, view, rows, dark_hours, limits)
    normal = usual(rows, light, "relative_contrast")
    if not normal.known:
        return (), unchecked(Own.NO_REFERENCE, Fault.LOW_CONTRAST)
    value = normals.figure(look, "relative_contrast")
    left = math.nan if view is None else contrast_left(look, view, rows)
    texture = limits.sky_texture if _may_be_sky(look, view, rows, limits) else limits.seen_texture
    seen = look.contrast >= limits.covered_contrast or look.texture_share >= texture
    if view is not None and _is_by_chance(look, view, limits) and seen:
        return (), unchecked(Own.TOO_LITTLE_STRUCTURE, Fault.LOW_CONTRAST)
    pale = left <= dirt_left(look, view, trace, limits) or (
        left <= limits.fog_contrast_of_usual and look.lost_share >= limits.fog_lost_share
    )
    pale = pale or (view is not None and _is_bare(look, view, rows, limits))
    fog = None if view is None else _fog(look, view, rows, limits, left)
    if fog is not None:
        return (fog,), ()
    # Shadows make the spread large; where the reference says that contrast is lost, it does not count.
    threshold = normal.low(limits.contrast_of_usual, 0.0 if pale else limits.spreads)
    # As much finer detail as ever, of this view or of another: neither fog nor dirt leave any.
    stands = look.detail_ratio >= limits.pale_detail_ratio
    if value >= threshold or stands or not (pale or math.isnan(left)):
        return FINE
    if light is Light.DAY and is_dim(look, rows, limits):
        return (), unchecked(Own.LIGHT_CHANGES, Fault.LOW_CONTRAST)
    return (below(Fault.LOW_CONTRAST, "contrast_below_own", "relative_contrast", value, threshold),), ()


def dirt_left(look: Look, view: View | None, trace: Trace, limits: OwnThresholds) -> float:
    """The share of the contrast of what is found again that dirt leaves at most. Where the last look in order was
    nearly as pale, in haze over snow, less of it.
    """
    if view is None or not 0.0 < limits.haze_ratio * of_this(trace, view).ratio <= look.contrast_ratio:
        return limits.dirt_contrast_of_usual
    return limits.dirt_contrast_in_haze


def _fog(look: Look, view: View, rows: Rows, limits: OwnThresholds, left: float) -> Finding | None:
    """Light lies over everything: what is found is pale, the rest is gone, and the picture bright. How much contrast
    the whole picture has does not count, as the light falls on what is near, too; unless too little is found to tell.
    """
    lit = view.light is Light.DAY and is_bright(look, view, rows, limits)
    if not lit or look.lost_share < limits.lit_lost_share or look.detail_ratio > limits.fog_detail_ratio:
        return None
    if left <= limits.lit_contrast_of_usual:
        threshold = limits.lit_contrast_of_usual
        return below(Fault.LOW_CONTRAST, "contrast_lost_in_light", "contrast_ratio", left, threshold)
    thin = look.coarse_transfer <= limits.fog_coarse_transfer and look.transfer_ratio > limits.film_transfer_ratio
    if thin and left <= limits.fog_lit_contrast_of_usual:
        threshold = limits.fog_coarse_transfer
        return below(Fault.LOW_CONTRAST, "contrast_lost_in_light", "coarse_transfer", look.coarse_transfer, threshold)
    threshold = min(limits.lit_contrast_of_usual * usual(rows, view.light, "contrast").mean, limits.covered_contrast)
    if not math.isnan(left) or look.contrast > threshold:
        return None
    return below(Fault.LOW_CONTRAST, "contrast_lost_in_light", "contrast", look.contrast, threshold)


def contrast_left(look: Look, view: View, rows: Rows) -> float:
    """The contrast of what is found again, of the usual; sun and clouds change that, so it is no bare 1."""
    normal = usual(rows, view.light, "contrast_ratio")
    return look.contrast_ratio / (min(normal.mean, 1.0) if normal.known and normal.mean > 0 else 1.0)


def _may_be_sky(look: Look, view: View | None, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a night is no brighter than usual: fog in the light of lamps is, a view into the sky is not."""
    if view is None or view.light is Light.DAY:
        return False
    brightness = usual(rows, view.light, "mean")
    return brightness.known and look.mean <= limits.sky_brightness_of_usual * brightness.mean


def _is_bare(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a day is lighter, and so little contrast is left in all of it as beside no cover: in thick fog the few
    blocks that are found are alike by chance, and as full of contrast as they are.
    """
    lighter = brightness(look, view, rows) >= limits.hazy_brightness_of_usual
    return view.light is Light.DAY and lighter and look.contrast <= limits.hardly_seen_contrast


def _is_by_chance(look: Look, view: View, limits: OwnThresholds) -> bool:
    """Whether the little that is found again is found elsewhere, or nothing of the view is seen in a night, or in a
    picture that has contrast: other blocks that happen to be alike.
    """
    far = math.hypot(*view.shift(look)) >= limits.moved_pixels
    contrasted = look.contrast >= limits.covered_contrast or view.light is not Light.DAY
    unseen = is_unseen(look, limits) and contrasted
    # Fog and dirt leave what they do not hide: something else stands there.
    others = contrasted and look.match_share < limits.nearly_found_of_rest * (1.0 - look.lost_share)
    return look.match_share < limits.found_by_chance and (far or unseen or others)
