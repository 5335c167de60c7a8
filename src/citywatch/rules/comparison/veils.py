"""partly_covered by a veil: a web or a branch, near, blurred or lit up, lies over a part of the view and stays."""

from __future__ import annotations

from citywatch.domain.pictures import Fault, Light
from citywatch.rules.comparison.answers import below
from citywatch.rules.comparison.contrast import contrast_left
from citywatch.rules.comparison.limits import OwnThresholds
from citywatch.rules.comparison.trace import Trace
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import Finding, Look
from citywatch.rules.references import View


def veil(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> Finding | None:
    """Something that has structure of its own lies over a part of the view, and stays: a web, a branch."""
    match = usual(rows, view.light, "match_share")
    threshold = limits.veiled_of_usual * match.mean
    if (
        match.looks < limits.veiled_known_looks
        or look.match_share > threshold
        or not is_veiled(look, view, rows, limits)
    ):
        return None
    if trace.veiled and not look.steady_share >= limits.veiled_steady_share:
        return None
    if trace.lost >= 0 and look.match_share > trace.seen - limits.veiled_drop:
        return None
    return below(Fault.PARTLY_COVERED, "part_veiled", "match_share", look.match_share, threshold)


def is_veiled(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether something near and blurred lies over the picture, or something that the camera's own lamp lights up."""
    sharpness, brightness = usual(rows, view.light, "sharpness"), usual(rows, view.light, "mean")
    if not contrast_left(look, view, rows) >= limits.partly_contrast_of_usual:
        return False
    if view.light is Light.DAY:
        contrast = usual(rows, view.light, "contrast")
        full = look.contrast >= limits.veiled_contrast_by_day * contrast.mean
        if full and look.sharpness <= limits.veiled_sharpness_by_day * sharpness.mean:
            return True
        match = usual(rows, view.light, "match_share")
        little = look.match_share <= limits.veiled_most_of_usual * match.mean
        sure = look.shift_certainty >= limits.surely_here
        return little and sure and look.sharpness <= limits.veiled_sharpness_of_usual * sharpness.mean
    blurred = look.sharpness <= limits.veiled_sharpness_of_usual * sharpness.mean
    return blurred or look.mean >= limits.veiled_brightness_of_usual * brightness.mean


def is_lit_up(look: Look, light: Light, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a night is so bright and so blurred as only the camera's own lamp on something near makes it. Threads
    that lie all over the view leave too few edges for a certainty.
    """
    sharpness, brightness = usual(rows, light, "sharpness"), usual(rows, light, "mean")
    if light is Light.DAY or not sharpness.known or not brightness.known:
        return False
    blurred = look.sharpness <= limits.lit_up_sharpness_of_usual * sharpness.mean
    return blurred and look.mean >= limits.lit_up_brightness_of_usual * brightness.mean
