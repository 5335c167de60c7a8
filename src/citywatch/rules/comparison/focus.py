"""out_of_focus: the edges of what is found again are flatter than those of the reference, or its finer detail is gone.

Edges are told where they stand out of the noise. Where they do not, what the whole view has in common with the
reference tells: noise has nothing in common with it.
"""

from __future__ import annotations

from citywatch.domain.pictures import Fault
from citywatch.rules.comparison.answers import below
from citywatch.rules.comparison.limits import DEFAULT, OwnThresholds
from citywatch.rules.comparison.trace import Trace, of_this
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import Finding, Look
from citywatch.rules.references import View


def blur(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> Finding | None:
    """Flatter edges where the view was found, and nothing else as sharp as usual; or a view without finer detail."""
    normal = usual(rows, view.light, "sharpness")
    soft = normal.known and look.sharpness <= limits.sharpness_of_usual * normal.mean
    most = limits.blurred_transfer_ratio if soft else limits.blur_transfer_ratio
    if look.transfer_ratio <= most and _is_there(look, view, rows, trace, limits):
        return below(Fault.OUT_OF_FOCUS, "finer_detail_gone", "transfer_ratio", look.transfer_ratio, most)
    if not soft or look.transfer_ratio > limits.sharp_transfer_ratio:
        return None
    by_chance = look.coarse_correlation < limits.another_correlation and look.match_share < limits.another_match_share
    if by_chance and look.sharpness > limits.another_sharpness_of_usual * normal.mean:
        # What is found of the view is found by chance: it is another one, and how steep its edges are nobody knows.
        return None
    threshold = least_slope(view, rows, limits)
    if look.sharpness <= limits.blurred_sharpness_of_usual * normal.mean:
        threshold *= _blurred_slope(look, limits) / limits.slope_ratio
    if not look.sharpness_ratio <= threshold:
        return None
    return below(Fault.OUT_OF_FOCUS, "edges_flatter_than_own", "sharpness_ratio", look.sharpness_ratio, threshold)


def keeps_contrast(look: Look, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether a picture has the contrast of the last look in order, as a blur leaves it, and no film: what was in haze
    already still is.
    """
    return 0.0 <= limits.blur_contrast_of_usual * trace.contrast <= look.contrast


def most_sharpness(look: Look, limits: OwnThresholds) -> float:
    """The share of the usual sharpness that a blurred picture has at most: more where noise alone is sharp in it."""
    noise = look.transfer_ratio <= limits.blur_noise_transfer_ratio
    return limits.blur_noise_sharpness_of_usual if noise else limits.blur_sharpness_of_usual


def _is_there(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether the view is there, with its contrast, and no other one that has detail of its own."""
    contrast, sharpness = usual(rows, view.light, "contrast"), usual(rows, view.light, "sharpness")
    if sharpness.known and look.sharpness > most_sharpness(look, limits) * sharpness.mean:
        return False
    bare = look.detail_ratio <= limits.blur_bare_detail_ratio
    return (
        contrast.known
        and (
            look.contrast >= limits.blur_contrast_of_usual * contrast.mean
            or keeps_contrast(look, of_this(trace, view), limits)
        )
        and look.coarse_correlation >= (limits.blur_hardly_correlates if bare else limits.blur_correlation)
        and look.coarse_transfer >= (limits.blur_hardly_transfers if bare else limits.blur_coarse_transfer)
        and look.detail_ratio <= limits.blur_detail_ratio
    )


def is_blur_by_any_light(finding: Finding, limits: OwnThresholds) -> bool:
    """Whether so little of the finer detail is left as neither dawn nor lamps nor snow take."""
    return finding.measure == "transfer_ratio" and finding.value <= limits.blur_by_any_light


def edges_stand(look: Look, view: View | None, rows: Rows, limits: OwnThresholds = DEFAULT) -> bool:
    """Whether the view was found again, and its edges are as steep as those of the reference."""
    left = 1.0 - look.lost_share
    if (
        view is None
        or not look.match_share >= limits.displaced_match_share * left
        or look.match_share < limits.found_by_chance
    ):
        return False
    return look.sharpness_ratio > least_slope(view, rows, limits)


def least_slope(view: View, rows: Rows, limits: OwnThresholds) -> float:
    """The threshold of the sharpness ratio; a reference's own is 1."""
    ratio = usual(rows, view.light, "sharpness_ratio")
    return ratio.low(limits.slope_ratio, limits.spreads) if ratio.known else limits.slope_ratio


def _blurred_slope(look: Look, limits: OwnThresholds) -> float:
    """The least slope of edges in a picture that is blurred as a whole: noise that holds up edges hides the view."""
    hardly = look.match_share < limits.displaced_match_share * (1.0 - look.lost_share)
    return limits.blurred_slope_ratio if hardly else limits.blurred_found_slope_ratio
