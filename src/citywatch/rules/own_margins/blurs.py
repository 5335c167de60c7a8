"""How far a look is from out_of_focus, of which the reference has the last word."""

from __future__ import annotations

import math

from citywatch.domain.pictures import Light
from citywatch.rules.comparison import DEFAULT, OwnThresholds, Trace
from citywatch.rules.comparison.focus import least_slope, most_sharpness
from citywatch.rules.comparison.trace import of_this
from citywatch.rules.normals import Rows, usual
from citywatch.rules.own_margins.distances import down_to, up_to
from citywatch.rules.pictures import Look
from citywatch.rules.references import View


def focus(
    look: Look,
    view: View | None,
    rows: Rows,
    alone: float,
    limits: OwnThresholds = DEFAULT,
    *,
    trace: Trace | None = None,
    twilight: bool = False,
    new_hour: bool = False,
) -> float:
    """How far a look is from out_of_focus; infinite where that could not be told.

    alone     how far by the picture alone
    trace     before the look; None where nothing is known
    twilight  whether it is dawn or dusk: rules/hours.py
    new_hour  whether the camera has never seen this hour before
    """
    if view is None or math.isnan(look.match_share):
        return alone
    gone = _transferred(look, view, rows, Trace() if trace is None else of_this(trace, view), limits)
    by_any_light = (
        max(gone, down_to(look.transfer_ratio, limits.blur_by_any_light)) if math.isfinite(gone) else math.inf
    )
    if twilight and view.light is not Light.INFRARED:
        return by_any_light
    sharp = down_to(look.transfer_ratio, limits.sharp_transfer_ratio)
    found = max(limits.displaced_match_share * (1.0 - look.lost_share), limits.found_by_chance)
    slope, normal = least_slope(view, rows, limits), usual(rows, view.light, "sharpness")
    stands = min(down_to(look.match_share, found), down_to(look.sharpness_ratio, slope))
    bright, contrast = usual(rows, view.light, "mean"), usual(rows, view.light, "contrast")
    if view.light is Light.DAY:
        lit = max(
            up_to(look.mean, limits.brightness_of_usual * bright.mean) if bright.known else -math.inf,
            down_to(look.contrast, limits.lamps_contrast_of_usual * contrast.mean),
        )
    else:
        lit = max(
            down_to(look.mean, limits.bright_night_of_usual * bright.mean) if bright.known else -math.inf,
            down_to(look.contrast, limits.bright_night_contrast_of_usual * contrast.mean),
            down_to(look.mean * look.contrast, limits.bright_night_in_all * bright.mean * contrast.mean),
        )
    if not contrast.known:
        lit = -math.inf
    if not normal.known or math.isnan(look.sharpness_ratio):
        return min(max(min(max(alone, stands, sharp), gone), lit), by_any_light)
    flatter, flat = (
        slope * share / limits.slope_ratio for share in (limits.blurred_slope_ratio, limits.blurred_found_slope_ratio)
    )
    hardly = down_to(look.match_share, limits.displaced_match_share * (1.0 - look.lost_share))
    own = min(
        max(down_to(look.sharpness, limits.sharpness_of_usual * normal.mean), down_to(look.sharpness_ratio, slope)),
        max(
            down_to(look.sharpness, limits.blurred_sharpness_of_usual * normal.mean),
            min(down_to(look.sharpness_ratio, flat), max(down_to(look.sharpness_ratio, flatter), hardly)),
        ),
    )
    other = min(
        up_to(look.coarse_correlation, limits.another_correlation),
        up_to(look.match_share, limits.another_match_share),
        down_to(look.sharpness, limits.another_sharpness_of_usual * normal.mean),
    )
    own = min(max(own, sharp, other), gone)
    if new_hour and view.light is Light.DAY and bright.known:
        own = max(own, up_to(look.mean, limits.first_dusk_of_usual * bright.mean))
    return min(max(min(max(alone, stands, sharp), own), lit), by_any_light)


def _transferred(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    """How far a look is from one that has lost its finer detail; infinite where that could not be told."""
    contrast, sharpness = usual(rows, view.light, "contrast"), usual(rows, view.light, "sharpness")
    if math.isnan(look.transfer_ratio) or not contrast.known:
        return math.inf
    soft = down_to(look.sharpness, limits.sharpness_of_usual * sharpness.mean) if sharpness.known else math.inf
    kept = contrast.mean if trace.contrast < 0 else min(contrast.mean, trace.contrast)
    return max(
        down_to(look.sharpness, most_sharpness(look, limits) * sharpness.mean) if sharpness.known else -math.inf,
        min(
            down_to(look.transfer_ratio, limits.blur_transfer_ratio),
            max(down_to(look.transfer_ratio, limits.blurred_transfer_ratio), soft),
        ),
        min(
            max(
                up_to(look.coarse_correlation, limits.blur_correlation),
                up_to(look.coarse_transfer, limits.blur_coarse_transfer),
            ),
            max(
                up_to(look.coarse_correlation, limits.blur_hardly_correlates),
                up_to(look.coarse_transfer, limits.blur_hardly_transfers),
                down_to(look.detail_ratio, limits.blur_bare_detail_ratio),
            ),
        ),
        down_to(look.detail_ratio, limits.blur_detail_ratio),
        up_to(look.contrast, limits.blur_contrast_of_usual * kept),
    )
