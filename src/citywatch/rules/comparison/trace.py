"""The look before: what it leaves for this one, and whether this one shows the same view in the same place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from citywatch.domain.pictures import Light
from citywatch.rules.comparison.limits import OwnThresholds
from citywatch.rules.likeness import Likeness
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import Look
from citywatch.rules.references import View

_STEP_PIXELS = 4.0
"""A step from here on is one: wind on a mast stays below."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What the last look leaves for the next.

    name     the view it was compared with, as its reference's key; "" for none
    x, y     where it lay against the first reference of that view; NaN-free: `placed` says whether it is known
    placed   whether x and y are known
    sure     whether enough of the view was found there
    lost     the share that was lost at the last look that showed no cover; -1 when none is known
    seen     the share that was found at it
    lately   the share that was found lately: after a look that found less it falls little by little
    cells    the cells that a cover hid, all looks of its run in common; 0 for none
    strange  whether it showed another view
    nowhere  at so many different pictures in a row nothing of this one was seen in that
    veiled   whether something with structure of its own lay over a part of it
    anew     whether that was another veil than the one at the look before it
    shaken   whether it was displaced against the look before it
    light    Light of the last look with a picture
    like     the likeness of the last look at another view that counted; rules/likeness.py
    contrast that of the last look that showed no cover; -1 when none is known
    ratio    the contrast ratio at it; -1 when none is known
    passed   whether the look since then showed something else...
    other    ... and its likeness
    apart    how near the figures of another picture came to `like`: what is no nearer is not told by them
    """

    name: str = ""
    x: float = 0.0
    y: float = 0.0
    placed: bool = False
    cells: int = 0
    strange: bool = False
    veiled: bool = False
    anew: bool = False
    shaken: bool = False
    light: int = 0
    sure: bool = True
    lost: float = -1.0
    seen: float = 0.0
    like: Likeness = field(default_factory=list)
    passed: bool = False
    other: Likeness = field(default_factory=list)
    apart: float = -1.0
    lately: float = 0.0
    contrast: float = -1.0
    ratio: float = -1.0
    nowhere: int = 0


def of_this(trace: Trace, view: View) -> Trace:
    """The trace of an earlier look at this view; nothing when the camera looked elsewhere, by another light, but that
    nothing of its views was seen.
    """
    return trace if trace.name == view.name else Trace(view.name, nowhere=trace.nowhere)


def lay_elsewhere(trace: Trace, limits: OwnThresholds) -> bool:
    """Whether the view lay elsewhere at the look before."""
    return trace.placed and math.hypot(trace.x, trace.y) >= limits.moved_pixels


def lies_as_far(look: Look, view: View, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether the view lies as far away as at the look before, and is the same: no second best lies there twice."""
    x, y = view.shift(look)
    far = math.hypot(x, y)
    away = lay_elsewhere(trace, limits) and far >= limits.far_pixels
    same = math.hypot(x - trace.x, y - trace.y) <= limits.same_pixels + 0.05 * far
    return away and same and look.steady_share >= limits.still_share


def in_order(look: Look, trace: Trace, limits: OwnThresholds) -> Trace:
    """The trace after a look that showed no cover. What was found lately follows snow that lies, and no bus."""
    lately = max(look.match_share, trace.lately - limits.veiled_drop)
    return replace(
        trace,
        lost=round(look.lost_share, 4),
        seen=round(look.match_share, 4),
        lately=round(lately, 4),
        contrast=-1.0 if math.isnan(look.contrast) else round(look.contrast, 1),
        ratio=-1.0 if math.isnan(look.contrast_ratio) else round(look.contrast_ratio, 3),
    )


def is_steady(look: Look, view: View, limits: OwnThresholds) -> bool:
    """Whether a view is the one of the look before."""
    return look.steady_share >= (limits.steady_share if view.light is Light.DAY else limits.steady_by_night)


def least_steady(view: View, rows: Rows, limits: OwnThresholds) -> float:
    """The share of the look before that one with its figures must have: less where noise leaves little of two looks."""
    match = usual(rows, view.light, "match_share")
    return min(limits.steady_and_like, limits.steady_of_usual * match.mean if match.known else math.inf)


def is_unseen(look: Look, limits: OwnThresholds) -> bool:
    """Whether nothing of the view is seen at its place; not where nothing could be compared."""
    return look.coarse_correlation < limits.unseen_correlation


def lies_still(look: Look, limits: OwnThresholds) -> bool:
    """Whether the view surely lies where it lay at the look before, as the two pictures themselves say."""
    still = math.hypot(look.step_x, look.step_y) <= limits.still_pixels
    return still and look.steady_share >= limits.still_share


def found_share(view: View, rows: Rows, limits: OwnThresholds) -> float:
    """The share of a view that must be found again where it is said to lie: less where noise leaves little of it."""
    match = usual(rows, view.light, "match_share")
    return min(limits.displaced_match_share, limits.displaced_of_usual * match.mean if match.known else math.inf)


def is_found(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether enough of the view is found where it is said to lie; less of it far away, where no bus draws it."""
    share = found_share(view, rows, limits)
    far = math.hypot(*view.shift(look)) >= limits.moved_pixels
    if far and look.shift_certainty >= limits.surely_here:
        share *= limits.surely_found_share
    return look.match_share >= share


def is_found_or_followed(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether enough of the view is found there, or it lies where the look before leads to: the two pictures themselves
    say the same of the way between them as the reference does, and half of the one is found in the other. (Beside a bus
    less is; and after a look in order the two say the same of it whatever it is, for that look is like the reference.)
    """
    if is_found(look, view, rows, limits):
        return True
    followed = trace.placed and trace.sure and off_the_step(look, view, trace) <= limits.same_pixels
    return followed and look.steady_share >= limits.steady_by_night


def off_the_step(look: Look, view: View, trace: Trace) -> float:
    """How far the view lies from where the step from the look before leads to, grid pixels; NaN where that is unknown.
    Only of a camera that has moved: what stands still is where it was, whatever it is.
    """
    if math.hypot(look.step_x, look.step_y) < _STEP_PIXELS:
        return math.nan
    x, y = view.shift(look)
    return math.hypot(x - trace.x - look.step_x, y - trace.y - look.step_y)


def is_jolted(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether the view surely lies elsewhere than at the look before."""
    x, y = view.shift(look)
    before = of_this(trace, view)
    found = is_found(look, view, rows, limits) and look.shift_certainty >= limits.certain
    away = math.hypot(x - before.x, y - before.y) >= limits.moved_pixels
    return found and away and not lies_still(look, limits)
