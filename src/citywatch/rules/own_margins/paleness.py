"""How far a look is from low_contrast and covered against the camera's own."""

from __future__ import annotations

import math

from citywatch.domain.pictures import Fault, Light, Outcome
from citywatch.rules import normals
from citywatch.rules.comparison import DEFAULT, OwnThresholds, Trace
from citywatch.rules.comparison.contrast import contrast_left, dirt_left
from citywatch.rules.comparison.light import brightness, contrast_light
from citywatch.rules.hours import Hours
from citywatch.rules.normals import Rows, usual
from citywatch.rules.own_margins.distances import down_to, up_to
from citywatch.rules.pictures import Look
from citywatch.rules.references import View


def pale(
    look: Look,
    view: View | None,
    rows: Rows,
    dark_hours: Hours,
    trace: Trace | None = None,
    limits: OwnThresholds = DEFAULT,
) -> dict[Fault, float]:
    """How far a look is from low_contrast and covered against the camera's own."""
    if look.outcome is not Outcome.PICTURE:
        return {}
    told = {}
    light = contrast_light(look, view, rows, dark_hours, limits)
    normal = usual(rows, light, "relative_contrast")
    if normal.known:
        left = math.nan if view is None else contrast_left(look, view, rows)
        worn = -math.inf
        if not math.isnan(left):
            worn = min(
                down_to(left, dirt_left(look, view, trace or Trace(), limits)),
                max(down_to(left, limits.fog_contrast_of_usual), up_to(look.lost_share, limits.fog_lost_share)),
                _bare(look, view, rows, limits),
            )
        flat = max(down_to(normals.figure(look, "relative_contrast"), limits.contrast_of_usual * normal.mean), worn)
        told[Fault.LOW_CONTRAST] = min(flat, _fog(look, view, rows, left, limits))
    if view is not None:
        texture = usual(rows, view.light, "texture_share")
        empty = down_to(look.texture_share, limits.empty_of_usual * texture.mean) if texture.known else math.inf
        film = max(
            down_to(look.contrast_ratio, limits.film_contrast_ratio),
            min(down_to(look.sharpness_ratio, limits.film_slope_ratio), empty),
        )
        if math.isnan(look.contrast_ratio):
            film = math.inf
        if not math.isnan(look.transfer_ratio):
            film = max(
                down_to(look.coarse_transfer, limits.film_coarse_transfer),
                min(
                    down_to(look.transfer_ratio, limits.film_transfer_ratio),
                    max(
                        down_to(look.transfer_ratio, limits.bare_transfer_ratio),
                        up_to(look.sharpness, limits.thick_sharpness),
                        down_to(look.contrast, limits.smooth_contrast),
                    ),
                ),
                down_to(look.contrast, limits.covered_contrast),
            )
        gone = max(
            up_to(look.lost_share, limits.covered_lost_share), down_to(look.match_share, limits.covered_match_share)
        )
        told[Fault.COVERED] = min(film, gone)
    return {fault: margin for fault, margin in told.items() if math.isfinite(margin)}


def _bare(look: Look, view: View | None, rows: Rows, limits: OwnThresholds) -> float:
    """How far a day is from being lighter, with so little contrast as beside no cover."""
    if view is None or view.light is not Light.DAY:
        return math.inf
    lit = brightness(look, view, rows)
    if math.isnan(lit):
        return math.inf
    return max(up_to(lit, limits.hazy_brightness_of_usual), down_to(look.contrast, limits.hardly_seen_contrast))


def _fog(look: Look, view: View | None, rows: Rows, left: float, limits: OwnThresholds) -> float:
    """How far a picture is from one over which light lies."""
    if view is None or view.light is not Light.DAY:
        return math.inf
    bright, contrast = usual(rows, view.light, "mean"), usual(rows, view.light, "contrast")
    if not bright.known:
        return math.inf
    threshold = min(limits.lit_contrast_of_usual * contrast.mean, limits.covered_contrast)
    return max(
        up_to(look.mean, limits.fog_brightness_of_usual * bright.mean),
        up_to(look.lost_share, limits.lit_lost_share),
        -math.inf if math.isnan(look.detail_ratio) else down_to(look.detail_ratio, limits.fog_detail_ratio),
        min(
            down_to(look.contrast, threshold) if math.isnan(left) else down_to(left, limits.lit_contrast_of_usual),
            max(
                down_to(look.coarse_transfer, limits.fog_coarse_transfer),
                down_to(left, limits.fog_lit_contrast_of_usual),
            )
            if look.coarse_transfer >= 0.0
            else math.inf,
        ),
    )
