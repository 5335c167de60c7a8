"""Where the view lies, and how much of it is there: the order of moved, partly_covered and shaking.

A part of it is lost (parts.py), or veiled (veils.py), or it lies elsewhere (elsewhere.py).
"""

from __future__ import annotations

import math
from dataclasses import replace

from citywatch.domain.pictures import Fault
from citywatch.rules.comparison.answers import PLACED, Own
from citywatch.rules.comparison.elsewhere import another_view, displaced
from citywatch.rules.comparison.limits import OwnThresholds
from citywatch.rules.comparison.parts import (
    came_at_once,
    found_of_rest,
    hides_a_part,
    is_dull,
    is_mostly_lost,
    is_pale,
    lately_found,
    may_be_weather,
    partly_covered,
)
from citywatch.rules.comparison.trace import Trace, in_order, is_found_or_followed, lies_as_far
from citywatch.rules.comparison.veils import (
    is_another_veil,
    is_drawn,
    is_lit_up,
    is_plain,
    is_surely_veiled,
    is_veiled,
    stays_veiled,
    veil,
)
from citywatch.rules.normals import Rows, usual
from citywatch.rules.pictures import Look, Unchecked
from citywatch.rules.pictures.answers import Conclusion, unchecked
from citywatch.rules.references import View


def whereabouts(
    look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds, *, by_light: bool, surely_day: bool
) -> tuple[Conclusion, Trace]:
    """Moved, partly covered and shaking.

    by_light    light explains what looks like a veil (is_lit_like_a_veil)
    surely_day  no dusk is ever at this hour (rules/hours.py)
    """
    x, y = view.shift(look)
    match = usual(rows, view.light, "match_share")
    least = min(limits.another_match_share, limits.another_of_usual * match.mean if match.known else math.inf)
    rest = max(1.0 - look.match_share, 1e-9)
    placed = look.shift_certainty >= limits.certain or lies_as_far(look, view, trace, limits)
    lost, hides = usual(rows, view.light, "lost_share"), hides_a_part(look, view, rows, trace, limits)
    partly_from = limits.partly_lost_share + (lost.high(0.0, 2.0) if lost.known else 0.0)
    if (
        (
            look.lost_share >= partly_from
            and look.lost_share >= limits.partly_lost_of_rest * rest
            and look.match_share
            >= found_of_rest(look, view, limits) * (1.0 - look.lost_share) * lately_found(look, trace, limits)
            and (came_at_once(look, trace, limits) or not is_pale(look, view, rows, limits))
            and not is_dull(look, view, rows, limits)
        )
        or hides
        or is_mostly_lost(look, view, rows, trace, limits)
    ):
        why = may_be_weather(look, view, rows, trace, limits, surely_day=surely_day)
        if why is not None:
            calm = replace(trace, cells=0, strange=False, veiled=False, placed=False)
            return ((), unchecked(why, *PLACED)), calm
        return partly_covered(look, trace, partly_from, limits)
    lit_up = is_lit_up(look, view.light, rows, limits) and look.lost_share < limits.lit_up_lost_share and not by_light
    drawn = is_drawn(look, view, rows, limits)
    near = math.hypot(x, y) < (limits.lit_up_pixels if lit_up else limits.veil_pixels) and not drawn
    again = stays_veiled(look, view, rows, trace, limits)
    surely = is_surely_veiled(look, view, rows, limits)
    signs = is_surely_veiled(look, view, rows, limits, weighed=False)
    plain = placed and (signs or is_plain(look, view, rows, limits))
    seen = look.steady_share >= limits.sure_steady_share and look.coarse_correlation >= limits.seen_correlation
    plain = plain or (signs and seen)
    plain = plain and math.hypot(x, y) <= limits.same_pixels
    here = near and (lit_up or again or plain or look.shift_certainty >= limits.here_certain)
    # The wind may have it: a mast sways by less.
    stays = look.shift_certainty >= limits.surely_here and math.hypot(x, y) <= limits.shaking_pixels and not drawn
    like_a_veil = here and is_veiled(look, view, rows, limits, again=again, weighed=False)
    if look.match_share <= least and not stays and not like_a_veil:
        return another_view(look, view, rows, trace, least, limits)
    veiled = veil(look, view, rows, trace, limits) if near else None
    anew = near and veiled is None and trace.veiled and not trace.anew
    anew = anew and is_another_veil(look, view, rows, trace, limits)
    calm = replace(trace, cells=0, strange=False, veiled=veiled is not None or anew, anew=anew)
    if not (calm.veiled or signs):
        calm = in_order(look, calm, limits)
    lit: tuple[Unchecked, ...] = ()
    if calm.veiled and by_light:
        # Lamps add contrast and take edges as webs do, and in the rain or on snow they leave as little of the view.
        veiled, calm = None, replace(calm, veiled=False)
        lit = unchecked(Own.LIGHT_CHANGES, Fault.PARTLY_COVERED)
    elif anew:
        lit = unchecked(Own.VIEW_CHANGES, Fault.PARTLY_COVERED)
    if not placed:
        rest_of = unchecked(Own.TOO_LITTLE_STRUCTURE, Fault.MOVED, Fault.SHAKING)
        if veiled is not None and not (lit_up or surely or again):
            unsure = unchecked(Own.TOO_LITTLE_STRUCTURE, Fault.PARTLY_COVERED)
            # Low sun takes its place from a view, and stays; so it must be hardly seen for the next look to go by it.
            return ((), (*rest_of, *unsure)), replace(
                calm, veiled=look.coarse_correlation <= limits.unplaced_correlation
            )
        return ((veiled,) if veiled is not None else (), rest_of + lit), calm
    found, unsure = displaced(look, view, rows, trace, limits)
    unsure += lit
    shaken = any(finding.fault is Fault.SHAKING for finding in found)
    enough = is_found_or_followed(look, view, rows, trace, limits)
    after = replace(calm, x=round(x, 3), y=round(y, 3), placed=True, shaken=shaken, sure=enough)
    if veiled is not None and not any(finding.fault is Fault.MOVED for finding in found):
        found += (veiled,)
    return (found, unsure), after
