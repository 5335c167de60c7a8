"""How far a look is from moved and shaking: a view that lies elsewhere, another one, one that goes to and fro."""

from __future__ import annotations

import math

from citywatch.domain.pictures import Light
from citywatch.rules.comparison import OwnThresholds, Trace
from citywatch.rules.comparison.trace import found_share, least_steady, lies_still, off_the_step
from citywatch.rules.likeness import likeness, nearness
from citywatch.rules.normals import Rows, usual
from citywatch.rules.own_margins.distances import down_to, up_to
from citywatch.rules.pictures import Look
from citywatch.rules.references import View


def displaced_view(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    """How far a look is from a view that lies elsewhere, the same as at the look before."""
    x, y = view.shift(look)
    far = math.hypot(x, y)
    if math.isnan(far):
        return math.inf
    steady = limits.steady_share if view.light is Light.DAY else limits.steady_by_night
    stays = math.inf if math.isnan(look.steady_share) else up_to(look.steady_share, steady)
    known = min(_found(look, view, rows, limits), stays, up_to(far, limits.far_pixels))
    known = min(known, _followed(look, view, trace, limits))
    if trace.strange:
        same = limits.same_pixels + 0.05 * far
        known = min(known, down_to(math.hypot(x - trace.x, y - trace.y), same))
    placed = _placed(look, far, math.hypot(x - trace.x, y - trace.y), trace, limits)
    displaced, brightness = max(up_to(far, limits.moved_pixels), placed, known), usual(rows, view.light, "mean")
    if view.light is Light.DAY or not brightness.known:
        return displaced
    return min(displaced, _drawn(look, view, brightness.mean, limits))


def other_view(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    """How far a look is from another view altogether."""
    match, texture = usual(rows, view.light, "match_share"), usual(rows, view.light, "texture_share")
    least = min(limits.another_match_share, limits.another_of_usual * match.mean if match.known else math.inf)
    share = limits.another_texture_of_usual if view.light is Light.DAY else limits.another_texture_by_night
    rest = 1.0 - look.match_share
    structure, bare = (texture.mean * least_of_it if texture.known else 0.0
                       for least_of_it in (share, min(share, limits.another_texture_elsewhere)))  # fmt: skip
    stands = max(up_to(look.texture_share, bare), down_to(look.lost_share, limits.another_lost_elsewhere * rest))
    nothing = max(
        up_to(look.texture_share, texture.mean * min(share, limits.another_texture_of_nothing)),
        down_to(look.coarse_correlation, limits.unseen_correlation),
        down_to(look.match_share, limits.nowhere_match_share),
    )
    empty = min(up_to(look.texture_share, structure), stands, nothing)
    if view.light is not Light.DAY:
        empty = min(empty, max(_sky(look, view, rows, limits), up_to(look.texture_share, limits.sky_texture)))
    uncovered = down_to(look.lost_share, limits.another_lost_of_rest * rest)
    if view.light is not Light.DAY:
        found = limits.nearly_found_of_rest * (1.0 - look.lost_share)
        unseen = down_to(look.coarse_correlation, limits.unseen_correlation)
        uncovered = min(uncovered, unseen, down_to(look.match_share, found))
    alone = max(down_to(look.match_share, least), empty, uncovered)
    far, contrast = math.hypot(*view.shift(look)), usual(rows, view.light, "contrast")
    lit = math.inf
    if view.light is not Light.DAY and contrast.known:
        lit = down_to(look.contrast, limits.dull_contrast_of_usual * contrast.mean)
    by_chance = max(
        down_to(look.match_share, limits.by_chance_match_share), up_to(look.steady_share, limits.still_share)
    )
    drawn, brightness = math.inf, usual(rows, view.light, "mean")
    if view.light is not Light.DAY and brightness.known:
        drawn = _drawn(look, view, brightness.mean, limits)
    elsewhere = max(
        min(down_to(look.shift_certainty, limits.certain), up_to(far, limits.same_pixels), lit, by_chance),
        min(down_to(look.shift_certainty, limits.surely_here), up_to(far, limits.shaking_pixels), drawn),
    )
    return max(alone, elsewhere, _stays(look, view, rows, trace, limits))


def shaken_view(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    """How far a look is from one whose place differs from that of the look before."""
    x, y = view.shift(look)
    if math.isnan(x) or math.isnan(y):
        return math.inf
    far = math.hypot(x, y)
    step = math.hypot(x - trace.x, y - trace.y) if trace.placed else far
    told = math.hypot(look.step_x, look.step_y) if lies_still(look, limits) else step
    margin = up_to(told, limits.shaking_pixels)
    if trace.placed and trace.shaken:
        margin = min(margin, max(up_to(far, limits.shaking_pixels), up_to(told, limits.resting_pixels)))
    moved = math.hypot(look.step_x, look.step_y)
    stepped = max(up_to(look.steady_share, limits.still_share), up_to(moved, limits.shaking_pixels))
    stepped = math.inf if math.isnan(look.steady_share) or math.isnan(moved) else stepped
    if trace.placed and not trace.sure:
        return stepped
    known = min(_found(look, view, rows, limits), _followed(look, view, trace, limits))
    return min(max(margin, known, _placed(look, far, step, trace, limits)), stepped)


def steady_view(look: Look, view: View, limits: OwnThresholds) -> float:
    """How far a look is from showing the picture of the look before."""
    return up_to(look.steady_share, limits.steady_share if view.light is Light.DAY else limits.steady_by_night)


def _found(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> float:
    """How far a look is from finding enough of a view where it is said to lie."""
    share = found_share(view, rows, limits)
    surely = max(
        up_to(look.match_share, limits.surely_found_share * share),
        up_to(look.shift_certainty, limits.surely_here),
        up_to(math.hypot(*view.shift(look)), limits.moved_pixels),
    )
    return min(up_to(look.match_share, share), surely)


def _followed(look: Look, view: View, trace: Trace, limits: OwnThresholds) -> float:
    """How far a look is from lying where the look before leads to."""
    if not trace.placed or math.isnan(off_the_step(look, view, trace)):
        return math.inf
    steady = up_to(look.steady_share, limits.steady_by_night)
    return max(down_to(off_the_step(look, view, trace), limits.same_pixels), steady)


def _placed(look: Look, far: float, step: float, trace: Trace, limits: OwnThresholds) -> float:
    """How far it is from being sure of its place, or from lying as far away as the look before."""
    sure = up_to(look.shift_certainty, limits.certain)
    if not trace.placed:
        return sure
    same = down_to(step, limits.same_pixels + 0.05 * far)
    return min(sure, max(up_to(far, limits.far_pixels), same, up_to(look.steady_share, limits.still_share)))


def _sky(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> float:
    """How far a night is from one in which nothing of the view is seen; or hardly anything, as dark as ever."""
    unseen = down_to(look.coarse_correlation, limits.unseen_correlation)
    usually = usual(rows, view.light, "mean")
    if not usually.known:
        return unseen
    dark = max(
        up_to(look.mean, limits.dark_of_usual * usually.mean),
        down_to(look.mean, limits.sky_brightness_of_usual * usually.mean),
    )
    return min(unseen, max(dark, down_to(look.coarse_correlation, limits.sky_correlation)))


def _drawn(look: Look, view: View, brightness: float, limits: OwnThresholds) -> float:
    """How far a night is from one of a lens that was drawn to a lit road."""
    far = min(math.hypot(look.shift_x, look.shift_y), math.hypot(*view.shift(look)))
    return max(
        up_to(look.mean, limits.plain_brightness_of_usual * brightness),
        min(
            max(up_to(far, limits.drawn_pixels), up_to(look.shift_certainty, limits.drawn_certain)),
            max(up_to(far, limits.drawn_far_pixels), up_to(look.shift_certainty, limits.certain)),
        ),
    )


def _stays(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> float:
    """How far another view is from being that of the look before; the first one need not be, nor one behind a bus."""
    if not trace.strange or trace.passed:
        return -math.inf
    x, y = view.shift(look)
    place = down_to(math.hypot(x - trace.x, y - trace.y), limits.strange_pixels)
    partly = up_to(look.steady_share, least_steady(view, rows, limits))
    if view.light is not Light.DAY:
        unseen = down_to(look.coarse_correlation, limits.unseen_correlation)
        found = down_to(look.match_share, limits.by_chance_match_share)
        partly = min(partly, max(unseen, found, down_to(look.drift, limits.same_light_drift)))
    like = max(partly, -nearness(likeness(look), trace.like))
    if trace.nowhere > 1:
        unseen = down_to(look.coarse_correlation, limits.unseen_correlation)
        like = min(like, max(unseen, down_to(look.match_share, limits.by_chance_match_share)))
    return min(steady_view(look, view, limits), max(place, up_to(look.shift_certainty, limits.certain)), like)
