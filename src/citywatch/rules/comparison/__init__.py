"""What a look says against the camera's own: its reference, what is usual for it, and the looks just before.

`against` answers for the faults that one picture alone cannot tell, and for some that it tells less well. The order
matters, as in rules/pictures: the first answer that holds ends the matter for those below it.

1. another fault hides the scene        nothing is compared.
2. infrared_stuck no colour although it is as bright as this camera's days, or colour noise where its nights are
                  infrared.
3. covered        almost all structure of the reference is gone and nothing has come in its place.
4. low_contrast   the contrast for the brightness of the picture is far below the usual, and the picture no darker:
                  fog and dirt lighten what is dark, dusk does not. What is found again is pale, too.
   out_of_focus   the edges of the blocks that are found again are flatter than those of the reference, and nothing in
                  the picture is as sharp as usual. Fog and darkness leave edges as steep as they were.
5. moved          the whole view is displaced, by the same way from look to look; or little of it is found again while
                  other structure stands everywhere, and the new view stays the same from look to look. A bus before
                  the lens is no new view: it is gone, or another, at the next look.
6. partly_covered structure is gone in a part of the view while the rest is found where it was, in the same place from
                  look to look; or a part is veiled by something that stays.
7. shaking        the displacement differs from look to look, to and fro.

low_frame_rate needs no picture at all, only what is usual.

Each of these has a module of its own. light.py says what a look may be compared with; trace.py remembers the look
before, with which a displacement and a place are compared; limits.py has the limits.
"""

from __future__ import annotations

import math
from dataclasses import replace

from citywatch.domain.pictures import UNKNOWN_PRESET, Fault, Light, Outcome
from citywatch.rules import hours
from citywatch.rules.comparison.answers import FINE, JUDGED, PLACED, SCENE, Against, Own
from citywatch.rules.comparison.contrast import low_contrast
from citywatch.rules.comparison.covers import cover
from citywatch.rules.comparison.elsewhere import in_the_dark
from citywatch.rules.comparison.focus import blur, is_blur_by_any_light, keeps_contrast
from citywatch.rules.comparison.infrared import colour_noise, colourless
from citywatch.rules.comparison.light import is_dim, is_first_dusk, is_lit_like_a_veil, is_lit_otherwise
from citywatch.rules.comparison.limits import DEFAULT, OwnThresholds
from citywatch.rules.comparison.parts import came_at_once, hides_a_part
from citywatch.rules.comparison.place import whereabouts
from citywatch.rules.comparison.rate import frame_rate
from citywatch.rules.comparison.trace import Trace, is_jolted, of_this
from citywatch.rules.hours import Hours
from citywatch.rules.normals import Rows
from citywatch.rules.pictures import Look
from citywatch.rules.pictures.answers import Conclusion, unchecked
from citywatch.rules.references import View

__all__ = ["DEFAULT", "HIDES", "JUDGED", "Against", "Own", "OwnThresholds", "Trace", "against"]

HIDES = frozenset(
    {
        Fault.BLACK, Fault.OVER_EXPOSED, Fault.COVERED, Fault.OUT_OF_FOCUS, Fault.SNOW, Fault.STRIPES, Fault.MOSAIC,
        Fault.LOW_CONTRAST,
    }
)  # fmt: skip
"""Found by the picture alone, they leave nothing to compare."""


def against(
    look: Look,
    view: View | None,
    rows: Rows,
    dark_hours: Hours,
    trace: Trace,
    hidden: bool,
    limits: OwnThresholds = DEFAULT,
) -> Against:
    """A look against the camera's own.

    view        the reference that it was compared with, or None
    rows        what is usual: rules/normals.py
    dark_hours  rules/hours.py
    trace       of the look before
    hidden      whether the picture alone has a fault of HIDES, or is too dark to be judged
    """
    if look.outcome is not Outcome.PICTURE:
        # `no_picture` is the picture rules' word; the trace waits for the next picture.
        return Against((), (), trace)
    rate = frame_rate(look, rows, limits)
    noise = colour_noise(look, rows, dark_hours, limits)
    if noise is not None or hidden:
        stuck = FINE if noise is None else ((noise,), ())
        unsure = unchecked(
            Own.HIDDEN, *(fault for fault in SCENE if noise is None or fault is not Fault.INFRARED_STUCK)
        )
        return _together(
            rate, (stuck[0], unsure), replace(trace, cells=0, light=int(look.light), passed=True, other=[])
        )
    stuck = colourless(look, rows, dark_hours, limits)
    if stuck[0]:
        unsure = unchecked(Own.HIDDEN, *(fault for fault in SCENE if fault is not Fault.INFRARED_STUCK))
        return _together(rate, (stuck[0], unsure), replace(trace, cells=0, light=int(look.light)))
    by_day = view is None or view.light is Light.DAY
    if by_day and look.light is Light.DAY and hours.is_dark(dark_hours, look.at_ns) and is_dim(look, rows, limits):
        answers, after = in_the_dark(look, view, rows, trace, limits)
        return _together(rate, answers, replace(after, light=int(look.light)))
    scene, after = _scene(look, view, rows, dark_hours, trace, limits)
    if scene[0]:
        stuck = (), unchecked(Own.HIDDEN, Fault.INFRARED_STUCK)
    after = replace(after, light=int(look.light), nowhere=after.nowhere if after.strange else 0)
    return _together(rate, (scene[0] + stuck[0], scene[1] + stuck[1]), after)


def _scene(
    look: Look, view: View | None, rows: Rows, dark_hours: Hours, trace: Trace, limits: OwnThresholds
) -> tuple[Conclusion, Trace]:
    """Everything that a reference, or what is usual of the scene, can tell."""
    contrast = low_contrast(look, view, rows, dark_hours, trace, limits)
    covered = None if view is None else cover(look, view, rows, limits)
    if view is not None and (covered or contrast[0]) and keeps_contrast(look, of_this(trace, view), limits):
        hazy = blur(look, view, rows, trace, limits)
        if hazy is not None and is_blur_by_any_light(hazy, limits):
            # The haze was there before: what has come takes the finer detail, and leaves the coarser.
            rest = unchecked(Own.HIDDEN, Fault.LOW_CONTRAST, Fault.COVERED, *PLACED)
            return ((hazy,), rest), replace(trace, cells=0, strange=False, veiled=False)
    if covered is not None:
        rest = unchecked(Own.HIDDEN, Fault.LOW_CONTRAST, Fault.OUT_OF_FOCUS, *PLACED)
        return ((covered,), rest), replace(trace, cells=0, strange=False, veiled=False)
    if contrast[0]:
        part = None if view is None else _part_of(look, view, rows, dark_hours, of_this(trace, view), limits)
        rest = unchecked(Own.HIDDEN, Fault.OUT_OF_FOCUS, Fault.COVERED, *PLACED)
        return part or ((contrast[0], rest), replace(trace, cells=0, strange=False, veiled=False))
    if view is None or math.isnan(look.match_share):
        why = Own.NO_REFERENCE if view is None else Own.TOO_LITTLE_STRUCTURE
        if look.preset == UNKNOWN_PRESET:
            why = Own.PRESET_UNKNOWN
        rest = unchecked(why, Fault.OUT_OF_FOCUS, Fault.COVERED, *PLACED)
        return ((), contrast[1] + rest), Trace()
    focus = blur(look, view, rows, trace, limits)
    if focus and is_jolted(look, view, rows, trace, limits) and not look.detail_ratio <= limits.blur_bare_detail_ratio:
        # Blurred by its own motion, which leaves detail across it (0.68 and more).
        contrast = contrast[0], contrast[1] + unchecked(Own.HIDDEN, Fault.OUT_OF_FOCUS)
    elif (
        focus
        and not is_blur_by_any_light(focus, limits)
        and (
            is_lit_otherwise(look, view, rows, dark_hours, limits)
            or is_first_dusk(look, view, rows, dark_hours, limits)
        )
    ):
        contrast = contrast[0], contrast[1] + unchecked(Own.LIGHT_CHANGES, Fault.OUT_OF_FOCUS)
    elif focus:
        rest = unchecked(Own.HIDDEN, Fault.COVERED, *PLACED)
        return ((focus,), contrast[1] + rest), replace(trace, cells=0, strange=False, veiled=False)
    placed, after = _whereabouts(look, view, rows, dark_hours, of_this(trace, view), limits)
    return (placed[0], contrast[1] + placed[1]), after


def _part_of(
    look: Look, view: View, rows: Rows, dark_hours: Hours, trace: Trace, limits: OwnThresholds
) -> tuple[Conclusion, Trace] | None:
    """What covers a part of a view whose rest looks as pale as behind fog; None where it is fog or dirt after all."""
    if not (came_at_once(look, trace, limits) or hides_a_part(look, view, rows, trace, limits)):
        return None
    placed, after = _whereabouts(look, view, rows, dark_hours, trace, limits)
    if not any(finding.fault is Fault.PARTLY_COVERED for finding in placed[0]):
        return None
    return (placed[0], unchecked(Own.HIDDEN, Fault.LOW_CONTRAST) + placed[1]), after


def _whereabouts(
    look: Look, view: View, rows: Rows, dark_hours: Hours, trace: Trace, limits: OwnThresholds
) -> tuple[Conclusion, Trace]:
    by_light = is_lit_like_a_veil(look, view, rows, dark_hours, limits)
    surely_day = hours.is_surely_day(dark_hours, look.at_ns)
    return whereabouts(look, view, rows, trace, limits, by_light=by_light, surely_day=surely_day)


def _together(first: Conclusion, second: Conclusion, trace: Trace) -> Against:
    return Against(first[0] + second[0], first[1] + second[1], trace)
