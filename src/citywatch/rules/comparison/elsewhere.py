"""moved and shaking: the view is displaced, or it is another one. The next looks must show the same, or it shakes."""

from __future__ import annotations

import math
from dataclasses import replace

from citywatch.domain.pictures import Fault, Light
from citywatch.rules.comparison.answers import PLACED, SCENE, Own, above, below
from citywatch.rules.comparison.limits import OwnThresholds
from citywatch.rules.comparison.parts import is_dull
from citywatch.rules.comparison.trace import (
    Trace,
    is_found_or_followed,
    is_steady,
    is_unseen,
    lay_elsewhere,
    least_steady,
    lies_still,
    of_this,
)
from citywatch.rules.comparison.veils import is_drawn, is_lit_up, veil_in_the_dark
from citywatch.rules.likeness import is_like, likeness, nearness
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import DEFAULT as PICTURES
from citywatch.rules.pictures import Finding, Look, Unchecked
from citywatch.rules.pictures.answers import Conclusion, unchecked
from citywatch.rules.pictures.motion import is_once_more
from citywatch.rules.references import View

ANOTHER_VIEW = "another_view"
"""The reason of a look that shows what the look before did, and little of the view."""
NOTHING_OF_VIEW = "nothing_of_view"
"""The reason of the third one in a row that shows something else again, and nothing of the view: two may be buses."""


_NOWHERE = 3
"""So many different pictures in a row that show nothing of a view are of another one."""


def displaced(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> Conclusion:
    """Where the view lies against its first reference, and against the look before."""
    x, y = view.shift(look)
    far = math.hypot(x, y)
    found: list[Finding] = []
    unsure: tuple[Unchecked, ...] = ()
    hardly = not is_found_or_followed(look, view, rows, trace, limits)
    # A bus at the look before says nothing of where the view lay then; what is surely found away is a first look away.
    was_away = (trace.strange and hardly) or lay_elsewhere(trace, limits)
    step = math.hypot(x - trace.x, y - trace.y)
    same = step <= limits.same_pixels + 0.05 * far
    # Where a bus hid the look before, it is the place of the one before that.
    again = trace.strange and same
    if not trace.placed and not again:
        step = far
    if lies_still(look, limits):
        step = math.hypot(look.step_x, look.step_y)
    drawn = is_drawn(look, view, rows, limits)
    least = limits.drawn_pixels if drawn else limits.moved_pixels
    away, first = far >= least, drawn or far >= limits.far_pixels
    steady = is_steady(look, view, limits)
    if away and hardly and not (steady or again if was_away else first):
        unsure = unchecked(Own.VIEW_CHANGES, Fault.MOVED)
    elif away and (steady or not was_away or again or (trace.placed and same)):
        # The first look away says so; the next ones must lie at the same place, or the camera shakes.
        found.append(above(Fault.MOVED, "view_displaced", "displacement", far, least))
    shaken = trace.placed and trace.shaken and far >= limits.shaking_pixels and step >= limits.resting_pixels
    stepped = look.steady_share >= limits.still_share and math.hypot(look.step_x, look.step_y) >= limits.shaking_pixels
    if stepped and (hardly or not trace.sure):
        # It is the view of the look before, elsewhere, however little of the reference is found.
        step = math.hypot(look.step_x, look.step_y)
        found.append(above(Fault.SHAKING, "displaced_to_and_fro", "step", step, limits.shaking_pixels))
    elif hardly or (trace.placed and not trace.sure):
        # A bus has edges of its own, and little else is found: neither its look nor the way back tells a step.
        unsure += unchecked(Own.TOO_LITTLE_STRUCTURE, Fault.SHAKING)
    elif step >= limits.shaking_pixels or shaken:
        found.append(above(Fault.SHAKING, "displaced_to_and_fro", "step", step, limits.shaking_pixels))
    elif trace.placed and trace.shaken and far >= limits.shaking_pixels and step >= limits.unmoved_pixels:
        # By chance a step may be a short one.
        unsure += unchecked(Own.VIEW_CHANGES, Fault.SHAKING)
    return tuple(found), unsure


def another_view(
    look: Look, view: View, rows: Rows, trace: Trace, least: float, limits: OwnThresholds
) -> tuple[Conclusion, Trace]:
    """Little of the reference is found again."""
    x, y = view.shift(look)
    here = math.hypot(x, y) <= limits.same_pixels
    again = math.hypot(x - trace.x, y - trace.y) <= limits.strange_pixels and look.shift_certainty >= limits.certain
    near = nearness(likeness(look), trace.like)
    like = near >= 0.0 and near > trace.apart
    as_before = is_like(look, trace.other if trace.passed else trace.like)
    partly = as_before and look.steady_share >= least_steady(view, rows, limits)
    bare = is_unseen(look, limits) and (
        _is_only_noise(look, view, rows, limits) or _is_lit_the_same(look, view, limits)
    )
    blank = as_before and bare
    steady = is_steady(look, view, limits) or (trace.strange and (again or partly or blank or (like and trace.passed)))
    unseen = is_unseen(look, limits) and look.match_share <= limits.by_chance_match_share
    same = trace.nowhere > 0 and (look.steady_share >= limits.still_share or is_once_more(look, PICTURES))
    nowhere = min(trace.nowhere + (not same), _NOWHERE) if unseen else 0
    gone = nowhere == _NOWHERE
    after = replace(trace, cells=0, strange=True, veiled=False, placed=False, other=likeness(look), nowhere=nowhere)
    stands = look.match_share <= limits.by_chance_match_share and look.steady_share >= limits.still_share
    if here and look.shift_certainty >= limits.certain and not (stands or is_dull(look, view, rows, limits)):
        # It lies where it always was, and something hides most of it: traffic, snow, the noise of a dark night.
        return ((), unchecked(Own.VIEW_CHANGES, *PLACED)), replace(after, strange=trace.strange, passed=True)
    if not math.isnan(x) and not trace.strange and not lay_elsewhere(trace, limits):
        after = replace(after, x=round(x, 3), y=round(y, 3))
    texture = usual(rows, view.light, "texture_share")
    share = limits.another_texture_of_usual if view.light is Light.DAY else limits.another_texture_by_night
    if look.lost_share < limits.another_lost_elsewhere * (1.0 - look.match_share):
        share = min(share, limits.another_texture_elsewhere)
    if is_unseen(look, limits) and look.match_share <= limits.nowhere_match_share:
        share = min(share, limits.another_texture_of_nothing)
    sky = is_dull(look, view, rows, limits) and _is_sky(look, view, rows, limits)
    empty = texture.known and look.texture_share < share * texture.mean and not sky
    # A part of a night that is covered leaves its lamps; of another view nothing is seen, or next to nothing found.
    chance = look.match_share < limits.nearly_found_of_rest * (1.0 - look.lost_share)
    nowhere = view.light is not Light.DAY and (chance or is_unseen(look, limits))
    lost = look.lost_share >= limits.another_lost_of_rest * (1.0 - look.match_share) and not nowhere
    if empty or lost or (trace.strange and not steady and not gone):
        # Alike by its figures, and another picture than the one just before: only what is nearer is told by them.
        after = replace(after, passed=True, apart=max(near, trace.apart))
        if empty or lost:
            # No view to which the next look could be held.
            after = replace(after, strange=trace.strange)
        return ((), unchecked(Own.VIEW_CHANGES, *PLACED)), after
    reason = ANOTHER_VIEW if steady or not trace.strange else NOTHING_OF_VIEW
    found = below(Fault.MOVED, reason, "match_share", look.match_share, least)
    if trace.strange and not like and not is_steady(look, view, limits):
        # By its place, or by a look that did not count: it may be traffic in the new view, which is the one before.
        after = replace(after, passed=True)
    else:
        after = replace(after, passed=False, like=likeness(look), apart=-1.0)
    return ((found,), unchecked(Own.HIDDEN, Fault.PARTLY_COVERED, Fault.SHAKING)), after


def _is_sky(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a night without contrast has structure, and nothing of the view is seen in it; or hardly anything, in one
    that is as dark as ever, which no fog and no dirt is that hides so much.
    """
    brightness = usual(rows, view.light, "mean")
    dark = brightness.known and (
        limits.dark_of_usual * brightness.mean <= look.mean <= limits.sky_brightness_of_usual * brightness.mean
    )
    unseen = look.coarse_correlation < limits.sky_correlation if dark else is_unseen(look, limits)
    return unseen and look.texture_share >= limits.sky_texture


def _is_only_noise(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether nothing in the picture is an edge: all that is sharp is noise, which is another in each picture."""
    sharpness = usual(rows, view.light, "sharpness")
    return sharpness.known and look.sharpness >= limits.only_noise_sharpness * sharpness.mean


def _is_lit_the_same(look: Look, view: View, limits: OwnThresholds) -> bool:
    """Whether a night of which next to nothing is found lies in the light of the look before: headlights pass in it,
    and snow falls, so that little of the one is found in the other. A bus has lamps of its own.
    """
    by_night = view.light is not Light.DAY and look.match_share <= limits.by_chance_match_share
    return by_night and look.drift <= limits.same_light_drift


def in_the_dark(
    look: Look, view: View | None, rows: Rows, trace: Trace, limits: OwnThresholds
) -> tuple[Conclusion, Trace]:
    """Something bright or coloured in the dark: no day to compare with, but for where it lies. Directions of edges are
    the same by any light, and a view that surely lies far off is no bus that is lit. And what is like neither the day
    nor the night, and stays, is another view; unless the camera's own lamp shines on something near.
    """
    if view is not None and not math.isnan(look.shift_x):
        x, y = view.shift(look)
        before, far = of_this(trace, view), math.hypot(x, y)
        away = far >= limits.far_pixels and look.shift_certainty >= limits.here_certain
        again = math.hypot(x - before.x, y - before.y) <= limits.strange_pixels
        if away and (not before.strange or (again and is_steady(look, view, limits))):
            found = above(Fault.MOVED, "view_displaced", "displacement", far, limits.moved_pixels)
            rest = unchecked(Own.LIGHT_CHANGES, *(fault for fault in SCENE if fault is not Fault.MOVED))
            return ((found,), rest), Trace(view.name, round(x, 3), round(y, 3), strange=True)
        lost = look.lost_share >= limits.another_lost_of_rest * (1.0 - look.match_share)
        # Through threads in the lamp's light something of the night is seen.
        lit_up = is_lit_up(look, Light.NIGHT, rows, limits) and not is_unseen(look, limits)
        if look.match_share <= limits.unlike_both and not lost and not lit_up:
            after = Trace(view.name, strange=True)
            if trace.strange and not look.steady_share >= limits.steady_by_night:
                return ((), unchecked(Own.LIGHT_CHANGES, *SCENE)), after
            found = below(Fault.MOVED, ANOTHER_VIEW, "match_share", look.match_share, limits.unlike_both)
            rest = unchecked(Own.LIGHT_CHANGES, *(fault for fault in SCENE if fault is not Fault.MOVED))
            return ((found,), rest), after
        threads = veil_in_the_dark(look, view, rows, limits)
        if threads is not None:
            rest = unchecked(Own.LIGHT_CHANGES, *(fault for fault in SCENE if fault is not Fault.PARTLY_COVERED))
            return ((threads,), rest), replace(trace, strange=False)
    return ((), unchecked(Own.LIGHT_CHANGES, *SCENE)), trace
