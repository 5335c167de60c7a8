"""partly_covered by a veil: a web or a branch, near, blurred or lit up, lies over a part of the view and stays."""

from __future__ import annotations

import math
from dataclasses import replace

from citywatch.domain.pictures import Fault, Light
from citywatch.rules import normals
from citywatch.rules.comparison.answers import below
from citywatch.rules.comparison.contrast import contrast_left
from citywatch.rules.comparison.limits import OwnThresholds
from citywatch.rules.comparison.trace import Trace
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import Finding, Look
from citywatch.rules.references import View

LIT_UP = "part_lit_up"
"""The reason of a veil that the camera's own lamp lights up: no bus is so bright."""


def veil(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> Finding | None:
    """Something that has structure of its own lies over a part of the view, and stays: a web, a branch."""
    match = usual(rows, view.light, "match_share")
    again, sure = stays_veiled(look, view, rows, trace, limits), is_surely_veiled(look, view, rows, limits)
    threshold = (limits.veiled_again_of_usual if trace.veiled or sure else limits.veiled_of_usual) * match.mean
    if match.looks < limits.veiled_known_looks or look.match_share > threshold:
        return None
    if look.coarse_correlation > limits.veiled_correlation or not is_veiled(look, view, rows, limits, again=again):
        return None
    if trace.veiled and not (again or sure):
        return None
    lit_up = sure and view.light is not Light.DAY  # nothing that creeps is, and noise leaves little that could drop
    if trace.lost >= 0 and look.match_share > max(trace.seen, trace.lately) - limits.veiled_drop and not lit_up:
        return None
    lit_up = lit_up or is_lit_up(look, view.light, rows, limits) or is_plain(look, view, rows, limits)
    return below(Fault.PARTLY_COVERED, LIT_UP if lit_up else "part_veiled", "match_share", look.match_share, threshold)


def is_another_veil(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether it would be a veil, were there not another one at the look before: one of the two was a bus before it."""
    return veil(look, view, rows, replace(trace, veiled=False), limits) is not None


def steady_veil(view: View, rows: Rows, limits: OwnThresholds) -> float:
    """The share of the look before that two looks at one veil have in common at least."""
    match = usual(rows, view.light, "match_share")
    return min(limits.veiled_steady_share, limits.veiled_steady_of_usual * match.mean if match.known else math.inf)


def stays_veiled(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether there was a veil at the look before, and it is the same picture now."""
    return trace.veiled and look.steady_share >= steady_veil(view, rows, limits)


def is_veiled(look: Look, view: View, rows: Rows, limits: OwnThresholds, *, again: bool, weighed: bool = True) -> bool:
    """Whether something near and blurred lies over the picture in the light of the day, or something that the camera's
    own lamp lights up: it is brighter, and has its contrast. A bus, the dark sky and a lens that zooms in only blur.

    again    what was there at the look before and stays need not be placed as surely again, nor do as much
    weighed  whether the signs must do together what a veil does; not asked where it only must be no other view
    """
    if is_surely_veiled(look, view, rows, limits, weighed=weighed):
        return True
    if view.light is not Light.DAY:
        detail = limits.veiled_detail_again if again else limits.veiled_detail_by_night
        own = not weighed or not look.detail_ratio < detail
        return own and _is_in_the_lamp(look, view, rows, limits)
    left, threads = contrast_left(look, view, rows), _is_threads(look, view, rows, limits)
    clear = left >= (limits.threads_contrast_left if threads else limits.partly_contrast_of_usual)
    if not clear or (weighed and not _shines(look, view, rows, limits, again=again)):
        return False
    bright, full, sharp = of_usual(look, view, rows)
    # A dusk takes the light that a web adds, and a night has less: there it is `is_lit_like_a_veil` that has the word.
    lit = bright >= limits.veiled_brightness_by_day or bright < limits.veiled_in_the_dark
    if threads or (lit and full >= limits.veiled_contrast_by_day and sharp <= limits.veiled_sharpness_by_day):
        return True
    match = usual(rows, view.light, "match_share")
    little = look.match_share <= limits.veiled_most_of_usual * match.mean
    sure = look.shift_certainty >= (limits.here_certain if again else limits.surely_here)
    return little and sure and sharp <= limits.veiled_sharpness_of_usual


def _is_in_the_lamp(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether the camera's own lamp lights up something near."""
    bright, full, _ = of_usual(look, view, rows)
    lit = bright >= limits.veiled_brightness_of_usual and full >= limits.veiled_contrast_by_night
    return lit and contrast_left(look, view, rows) >= limits.partly_contrast_of_usual


def is_plain(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether there is no doubt of a veil by night, whatever is sure of the place of what it leaves."""
    bright, full, sharp = of_usual(look, view, rows)
    lit = bright >= limits.plain_brightness_of_usual and full >= limits.plain_contrast_of_usual
    return view.light is not Light.DAY and lit and sharp <= limits.plain_sharpness_of_usual


def _is_threads(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether the sun shines on threads: they are brighter than the street, and blurred. Haze has no contrast."""
    bright, full, sharp = of_usual(look, view, rows)
    lit = bright >= limits.threads_brightness and full >= limits.threads_contrast
    little = look.match_share <= limits.threads_of_usual * usual(rows, view.light, "match_share").mean
    return lit and little and sharp <= limits.threads_sharpness


def is_surely_veiled(look: Look, view: View, rows: Rows, limits: OwnThresholds, *, weighed: bool = True) -> bool:
    """Whether little of the coarser detail is that of the reference, and the light of what lies before it leaves no
    doubt. By night the camera's own lamp lights it up, and gives the picture detail that the view never has. By day the
    sun does; then the view is in its place behind it, or even what is found again has lost of its contrast: what
    hides a part, as a bus does, takes none from the rest, and haze takes it from all. `weighed` as in `is_veiled`.
    """
    bright, full, sharp = of_usual(look, view, rows)
    if not look.coarse_correlation <= limits.sure_correlation:
        return False
    if view.light is not Light.DAY:
        lit = bright >= limits.sure_brightness_by_night and sharp <= limits.sure_sharpness_by_night
        return lit and look.detail_ratio >= limits.sure_detail
    match = usual(rows, view.light, "match_share")
    little = look.match_share <= limits.sure_of_usual * match.mean
    here = look.steady_share >= limits.sure_steady_share or look.shift_certainty >= limits.here_certain
    beside = bright - 1.0 >= limits.sure_light_of_correlation * look.coarse_correlation
    # What sways is sure now and then only: the smaller limit holds for each look.
    shines = not weighed or _shines(look, view, rows, limits, again=True)
    least = limits.sure_contrast_in_light if look.shift_certainty >= limits.here_certain else limits.sure_contrast
    lit = bright >= limits.sure_brightness and full >= least and (beside or not weighed)
    if lit and little and here and shines:
        return True
    taken = limits.over_all_least_left <= contrast_left(look, view, rows) <= limits.over_all_most_left
    lit = bright >= limits.over_all_brightness and full >= limits.sure_contrast and shines
    return taken and lit and sharp <= limits.over_all_sharpness


def of_usual(look: Look, view: View, rows: Rows) -> tuple[float, float, float]:
    """Brightness, contrast and sharpness, as shares of what is usual by this light; NaN where that is not known."""
    shares = []
    for measure in ("mean", "contrast", "sharpness"):
        normal = usual(rows, view.light, measure)
        known = normal.known and normal.mean > 0
        shares.append(normals.figure(look, measure) / normal.mean if known else math.nan)
    return shares[0], shares[1], shares[2]


def glare(look: Look, view: View, rows: Rows) -> float:
    """What a veil adds of light and contrast, and takes of sharpness and of what is found, all together; each as a
    share of the usual. NaN where that is not known.
    """
    bright, full, sharp = of_usual(look, view, rows)
    match = usual(rows, view.light, "match_share")
    return bright * full / max(sharp * look.match_share / match.mean, 1e-9) if match.mean > 0 else math.nan


def _shines(look: Look, view: View, rows: Rows, limits: OwnThresholds, *, again: bool) -> bool:
    """Whether by day there is so much of all that a veil does, of which the sun alone may do one or two. Not asked
    where the light of the day is gone.
    """
    bright, _, _ = of_usual(look, view, rows)
    least = limits.veiled_in_all_again if again else limits.veiled_in_all
    return bright < limits.weighed_in_the_dark or glare(look, view, rows) >= least


def is_drawn(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a night is brighter, and what is found of it lies a little beside its place, but surely: a lens was drawn
    to a lit road, which is like itself. A mast that moves in the wind adds no light, and a web leaves the view where
    it is.
    """
    bright, _, _ = of_usual(look, view, rows)
    lit = limits.plain_brightness_of_usual <= bright < limits.lit_up_brightness_of_usual
    # Against the reference itself, too: what its line was displaced by, look after look, nobody drew.
    far = min(math.hypot(look.shift_x, look.shift_y), math.hypot(*view.shift(look)))
    sure = look.shift_certainty
    a_little = far >= limits.drawn_pixels and sure >= limits.drawn_certain
    aside = a_little or (far >= limits.drawn_far_pixels and sure >= limits.certain)
    return view.light is not Light.DAY and lit and aside


def is_lit_up(look: Look, light: Light, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a night is so bright and so blurred as only the camera's own lamp on something near makes it. Threads
    that lie all over the view leave too few edges for a certainty.
    """
    sharpness, brightness = usual(rows, light, "sharpness"), usual(rows, light, "mean")
    if light is Light.DAY or not sharpness.known or not brightness.known:
        return False
    least, most = limits.lit_up_least_sharpness * sharpness.mean, limits.lit_up_sharpness_of_usual * sharpness.mean
    blurred = least <= look.sharpness <= most
    return blurred and look.mean >= limits.lit_up_brightness_of_usual * brightness.mean


def veil_in_the_dark(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> Finding | None:
    """Threads that the camera's own lamp makes as bright as a day, and so coloured: they stay, the night behind them is
    hardly found, but in its place, and is seen. A lens that was drawn to a lit front has drawn the place away.
    """
    match = usual(rows, Light.NIGHT, "match_share")
    threshold = limits.veiled_again_of_usual * match.mean
    if match.looks < limits.veiled_known_looks:
        return None
    hardly = limits.by_chance_match_share < look.match_share <= threshold
    hardly = hardly and limits.unseen_correlation <= look.coarse_correlation <= limits.dark_correlation
    lit_up = is_lit_up(look, Light.NIGHT, rows, limits) and look.lost_share < limits.lit_up_lost_share
    contrast = usual(rows, Light.NIGHT, "contrast")
    full = contrast.known and look.contrast >= limits.plain_contrast_of_usual * contrast.mean
    here = look.shift_certainty >= limits.dark_certain and math.hypot(*view.shift(look)) <= limits.same_pixels
    stays = look.steady_share >= limits.steady_by_night
    if not (hardly and lit_up and full and here and stays):
        return None
    return below(Fault.PARTLY_COVERED, LIT_UP, "match_share", look.match_share, threshold)
