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

A displacement and a place are compared with those of the look before: `Trace` remembers them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum

from citywatch.domain.pictures import UNKNOWN_PRESET, Fault, Light, Outcome
from citywatch.rules import hours, normals
from citywatch.rules.hours import Hours
from citywatch.rules.likeness import Likeness, is_like, likeness
from citywatch.rules.normals import NOTHING, Rows, usual
from citywatch.rules.pictures import Finding, Look, Unchecked
from citywatch.rules.references import View


class Own(StrEnum):
    """Why a fault could not be checked against the camera's own; bounded, as rules.pictures.Why is."""

    NO_REFERENCE = "no_reference"
    """No reference, or nothing usual, is known for this light and preset yet."""
    HIDDEN = "hidden_by_another_fault"
    PRESET_UNKNOWN = "preset_unknown"
    """The camera moves by plan, where it stands is not known, and it stands at no view that is."""
    TOO_LITTLE_STRUCTURE = "too_little_structure"
    VIEW_CHANGES = "view_changes"
    """Something else stands before the camera at every look: traffic."""
    NO_FRAME_RATE = "no_frame_rate"
    LIGHT_CHANGES = "light_changes"
    """The camera has just switched between colour and infrared, and settles."""


@dataclass(frozen=True, slots=True)
class OwnThresholds:
    """The limits, tuned on generated streets of the tuning seeds only (docs/decisions/0023)."""

    moved_pixels: float = 8.0
    """Displaced from this many grid pixels on (of 640 for most cameras): 1.25 % of the width."""
    same_pixels: float = 2.5
    """Two displacements are the same when they differ by no more than this."""
    shaking_pixels: float = 4.0
    """Displacements of two looks differ from here on; wind on a mast stays below 3."""
    resting_pixels: float = 3.0
    """A camera that is displaced and differs by less from the look before lies still, but for the wind."""
    certain: float = 0.03
    """A displacement counts when it stands this far above the second best."""
    displaced_match_share: float = 0.5
    """And this share of the view is found again there..."""
    far_pixels: float = 24.0
    """... or it is as far away as this at the first look, and stays so: a bus is gone, or elsewhere, at the next."""
    another_match_share: float = 0.38
    """Another view: no more than this share of the reference is found again..."""
    another_of_usual: float = 0.6
    """... nor than this share of what is usually found."""
    another_lost_of_rest: float = 0.7
    """... and of the rest less than this share has lost its structure: that would be a cover."""
    another_texture_of_usual: float = 0.4
    """... and the picture holds this share of its usual structure..."""
    another_texture_by_night: float = 0.25
    """... or this one by night: a camera that hangs into the sky sees few lamps."""
    seen_texture: float = 0.15
    """A picture with this structure is no fog of which only blocks that happen to be alike are found."""
    unlike_both: float = 0.25
    """In the dark, in a picture too bright for the night: no more than this share of the best of both references is
    found again, from look to look. Clean ones: buses only, never three looks in a row."""
    steady_share: float = 0.6
    """A view is the same at two looks when this share of one is found again in the other..."""
    steady_by_night: float = 0.5
    """... or this one by night, whose noise and headlights hide some of it: another street of 9 levels of noise 0.61
    and more, buses one after the other 0.1 to 0.3..."""
    steady_and_like: float = 0.35
    """... or this one, when its figures are those of the look before, too: something passes in it."""
    still_share: float = 0.75
    """A picture of which so much is the look before lies where the two together say, whatever the reference says..."""
    still_pixels: float = 2.5
    """... and has not moved when that is no farther than this: a blur leaves the reference no place to be sure of."""
    covered_lost_share: float = 0.75
    """Covered when this share of the reference's structured blocks is lost..."""
    covered_match_share: float = 0.2
    """... and no more than this is found..."""
    covered_standing: float = 0.45
    """... with this share of its contrast: fog, too, hides all but the near."""
    covered_contrast: float = 25.0
    """Where too little is found to tell: fog leaves fewer grey levels than this in all..."""
    fog_brightness_of_usual: float = 1.35
    """... and is brighter than the usual by this factor."""
    film_contrast_ratio: float = 0.25
    """Covered by a film when what is found again has no more than this share of its contrast (severe and medium up to
    0.19; dirt has as little)..."""
    film_slope_ratio: float = 0.88
    """... and edges flatter than this against the reference: films up to 0.85, fog and dirt 0.91 and more..."""
    bare_texture: float = 0.12
    """... or where a view with more structure than this..."""
    empty_of_usual: float = 0.12
    """... keeps no more than this share of it: films up to 0.015, plates 0.075, dirt 0.22 and more..."""
    empty_of_usual_bright: float = 0.03
    """... or than this in a picture as bright as fog, which leaves little (0.01 to 0.05 where it is densest)..."""
    film_match_share: float = 0.3
    """... of which fog also hides more than this share: what is found behind a film lies everywhere."""
    smooth_contrast: float = 18.0
    """As much contrast with as little structure is light that falls on a cover: fog with so little has up to 13."""
    partly_lost_share: float = 0.16
    """Partly covered when this share is lost above the usual..."""
    partly_lost_of_rest: float = 0.4
    """... and this share of all that is not found..."""
    partly_found_of_rest: float = 0.38
    """... while this share of what is not lost (where much is: and was found lately) is found where it was..."""
    partly_rise: float = 0.12
    """... and so much more than at the last look in order: a cover comes at once, snow that lies and haze creep..."""
    partly_contrast_of_usual: float = 0.7
    """... with this share of its usual contrast: fog takes the far away first, and some of the near."""
    hazy_brightness_of_usual: float = 1.25
    """Brighter than the usual by this factor..."""
    hazy_contrast_of_usual: float = 0.8
    """... and with less contrast than this share of it: haze may hide what is lost."""
    shadows_lost_share: float = 0.3
    """What is lost may be the shadows of leaves that lay in the reference, up to this share..."""
    shadows_contrast_of_usual: float = 0.85
    """... where the sun has taken contrast from all the rest, too: less than this share of it is left."""
    weathered_of_usual: float = 0.8
    """And it may be what snow has left on the ground where, by day, the last look in order found less than this share
    of what is usually found: flakes have more edges than the street."""
    mostly_lost_share: float = 0.45
    """Where so much is lost, no other view can be meant: then it is enough that what is found lies where it was..."""
    mostly_certain: float = 0.05
    """... by this certainty..."""
    mostly_contrast_of_usual: float = 0.6
    """... with this share of the contrast: fog that hides so much leaves 0.51."""
    nearly_lost_share: float = 0.6
    """Where even more is lost, it is enough that the picture stays the same, and is as sharp as ever."""
    nearly_steady_share: float = 0.75
    found_by_chance: float = 0.15
    """What is found by no more than this share, away from its place, says nothing of the contrast that is left."""
    strange_pixels: float = 8.0
    """Looks at another view agree with the reference best at places no farther apart than this, if at all."""
    here_certain: float = 0.06
    """What lies where it always was, by at least this certainty, is the old view, however little is found of it: when
    there is a veil before it..."""
    surely_here: float = 0.15
    """... or by this one, whatever hides the rest: snow that falls leaves 0.17 and more."""
    veiled_of_usual: float = 0.7
    """Veiled: no more than this share of what is usually found, found where it was, and the picture stays the same."""
    veiled_known_looks: int = 36
    """Only where so many looks by this light tell what is usual: not in a camera's first evening, as it grows dark."""
    veiled_steady_share: float = 0.8
    """(Webs leave 0.87 and more of the look before; snow that falls by night up to 0.7.)"""
    veiled_drop: float = 0.1
    """And what is found has dropped by this since the last look in order: snow thickens, a veil is there."""
    veiled_sharpness_of_usual: float = 0.85
    """A veil is near and blurred, and full of contrast: the sharpest of the picture falls behind. Shadows are sharp."""
    veiled_sharpness_by_day: float = 0.8
    """By day as far as this (webs 0.53 to 0.76; haze with the sun in it 0.83 and more)..."""
    veiled_contrast_by_day: float = 1.1
    """... and the whole picture has this much more contrast than usual (webs 1.23 and more): haze takes it."""
    veiled_most_of_usual: float = 0.5
    """Or it lies over so much that no more than this is found, surely in its place: before a scene that is full of
    contrast by itself. Clean looks of that kind: one in 5,000, never two in a row."""
    veiled_brightness_of_usual: float = 1.2
    """In the dark a lamp of the camera's own lights it up, too."""
    veil_pixels: float = 5.0
    """And what is found lies where it was: a lens that zooms in a little blurs, too, and shifts by 6 and more."""
    lit_up_brightness_of_usual: float = 1.65
    """Webs and twigs that a lamp lights up by night make it brighter by 1.57 to 2.0; a lit front that the lens was
    drawn to, by 1.58 at most."""
    lit_up_sharpness_of_usual: float = 0.75
    """And leave so much of the sharpness (0.35 to 0.77)."""
    same_cells: float = 0.5
    """Two covers are the same when this share of the lost cells is lost both times."""
    slope_ratio: float = 0.78
    """Out of focus when the edges are flatter than this against the reference..."""
    sharpness_of_usual: float = 0.5
    """... and the sharpness is below this share of the usual."""
    blurred_slope_ratio: float = 0.86
    """Not so flat at all..."""
    blurred_sharpness_of_usual: float = 0.4
    """... where the sharpness is below this share, and half of the view is not found again: noise holds up the edges of
    the night (severe ones find up to 0.42)."""
    blurred_found_slope_ratio: float = 0.8
    """Where more is found, edges are flatter: medium ones up to 0.76; snow under lamps leaves 0.85 and more."""
    bright_night_of_usual: float = 1.12
    """A night brighter than this shows another scene: snow lies on the ground, and has no edges. A blur keeps the
    brightness (0.97 to 1.04)..."""
    bright_night_contrast_of_usual: float = 1.15
    """... and adds no contrast (0.82 to 1.06), as snow in the light of a lamp does even as it melts (1.23 and more)."""
    first_dusk_of_usual: float = 0.9
    """At an hour that the camera has never seen by day or night, a day darker than this may be a dusk."""
    lamps_contrast_of_usual: float = 1.25
    """A day with this much more contrast is a dusk under lamps: the street lies in their light, the rest is pale."""
    contrast_of_usual: float = 0.45
    """Low when contrast over brightness is below this share of the usual..."""
    brightness_of_usual: float = 0.75
    """... and the picture not darker than this share of the usual. (The night knows no such bound.)"""
    dirt_contrast_of_usual: float = 0.42
    """What is found again must have lost its contrast, too: to this share of the usual, as behind dirt..."""
    fog_contrast_of_usual: float = 0.6
    """... or to this one, when much is not found at all, as in fog. Snow on the ground leaves more."""
    fog_lost_share: float = 0.3
    fog_match_share: float = 0.05
    """The densest fog leaves so much to be found (visibility of 8 m 0.06 and more)..."""
    fog_most_match_share: float = 0.25
    """... and no more (0.2 where no structure is left; a film that leaves something leaves it everywhere, 0.33)..."""
    fog_certain: float = 0.09
    """... by this certainty in its place: 0.1 and more at 10 m; plates 0.02, films that leave as little hardly 0.08."""
    thick_certain: float = 0.03
    """Fog that leaves next to nothing lies there by this certainty (0.04 to 0.07)..."""
    thick_sharpness: float = 2.5
    """... in a picture this sharp at most: what is near has edges, up to 2.1; behind a film that leaves as little there
    is only noise left, 3.8 and more..."""
    thick_contrast_ratio: float = 0.35
    """... and what is found is paler than this: beside a plate it has all its contrast, 0.38 and more."""
    lit_contrast_of_usual: float = 0.66
    """In a picture as bright as fog it is enough that what is found again keeps no more than this..."""
    lit_lost_share: float = 0.42
    """... and so much is gone."""
    spreads: float = 6.0
    """No threshold lies nearer to the usual than so many times its spread."""
    colourless_brightness: float = 0.8
    """By day: a picture without colour as bright as this share of the usual day..."""
    colourless_texture: float = 0.4
    """... with this share of its structure..."""
    colourless_over_infrared: float = 1.35
    """... and brighter than the usual infrared by this factor."""
    colour_noise: float = 1.3
    """Colour noise: noise above that of the usual infrared by this factor..."""
    colour_noise_chroma_sd: float = 10.0
    """... and a spread of the chroma of so many levels..."""
    colour_noise_chroma_of_day: float = 1.6
    """... and above the usual of the day by this factor: noise has more colours than a street."""
    unlit_of_infrared: float = 0.85
    """In the dark, and in colour, and darker than this share of the usual infrared: the lamp's filter is stuck."""
    frame_rate_of_usual: float = 0.5
    """Low when below this share of the usual."""


DEFAULT = OwnThresholds()


@dataclass(frozen=True, slots=True)
class Trace:
    """What the last look leaves for the next.

    name     the view it was compared with, as its reference's key; "" for none
    x, y     where it lay against the first reference of that view; NaN-free: `placed` says whether it is known
    placed   whether x and y are known
    sure     whether enough of the view was found there
    lost     the share that was lost at the last look that showed no cover; -1 when none is known
    seen     the share that was found at it
    cells    the cells that a cover hid, all looks of its run in common; 0 for none
    strange  whether it showed another view
    veiled   whether something with structure of its own lay over a part of it
    shaken   whether it was displaced against the look before it
    light    Light of the last look with a picture
    like     the likeness of the last look at another view that counted; rules/likeness.py
    passed   whether the look since then showed something else
    """

    name: str = ""
    x: float = 0.0
    y: float = 0.0
    placed: bool = False
    cells: int = 0
    strange: bool = False
    veiled: bool = False
    shaken: bool = False
    light: int = 0
    sure: bool = True
    lost: float = -1.0
    seen: float = 0.0
    like: Likeness = field(default_factory=list)
    passed: bool = False


@dataclass(frozen=True, slots=True)
class Against:
    """The answers: what was found, what could not be checked; what is in neither is fine, of the faults in `judged`."""

    found: tuple[Finding, ...]
    unchecked: tuple[Unchecked, ...]
    trace: Trace


JUDGED = (
    Fault.OUT_OF_FOCUS,
    Fault.LOW_CONTRAST,
    Fault.COVERED,
    Fault.MOVED,
    Fault.PARTLY_COVERED,
    Fault.SHAKING,
    Fault.INFRARED_STUCK,
    Fault.LOW_FRAME_RATE,
)
"""The faults that `against` answers for."""

HIDES = frozenset(
    {
        Fault.BLACK, Fault.OVER_EXPOSED, Fault.COVERED, Fault.OUT_OF_FOCUS, Fault.SNOW, Fault.STRIPES, Fault.MOSAIC,
        Fault.LOW_CONTRAST,
    }
)  # fmt: skip
"""Found by the picture alone, they leave nothing to compare."""

_SCENE = tuple(fault for fault in JUDGED if fault is not Fault.LOW_FRAME_RATE)
_PLACED = (Fault.MOVED, Fault.PARTLY_COVERED, Fault.SHAKING)


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
    rate = _frame_rate(look, rows, limits)
    noise = _colour_noise(look, rows, dark_hours, limits)
    if noise is not None or hidden:
        stuck = _FINE if noise is None else ((noise,), ())
        unchecked = _all(Own.HIDDEN, *(fault for fault in _SCENE if noise is None or fault is not Fault.INFRARED_STUCK))
        return _together(rate, (stuck[0], unchecked), replace(trace, cells=0, light=int(look.light), passed=True))
    stuck = _colourless(look, rows, dark_hours, limits)
    if stuck[0]:
        unchecked = _all(Own.HIDDEN, *(fault for fault in _SCENE if fault is not Fault.INFRARED_STUCK))
        return _together(rate, (stuck[0], unchecked), replace(trace, cells=0, light=int(look.light)))
    by_day = view is None or view.light is Light.DAY
    if by_day and look.light is Light.DAY and hours.is_dark(dark_hours, look.at_ns) and _is_dim(look, rows, limits):
        answers, after = _bright_in_the_dark(look, view, rows, trace, limits)
        return _together(rate, answers, replace(after, light=int(look.light)))
    scene, after = _scene(look, view, rows, dark_hours, trace, limits)
    if scene[0]:
        stuck = (), _all(Own.HIDDEN, Fault.INFRARED_STUCK)
    after = replace(after, light=int(look.light))
    return _together(rate, (scene[0] + stuck[0], scene[1] + stuck[1]), after)


def lit_as(look: Look, rows: Rows, dark_hours: Hours, limits: OwnThresholds = DEFAULT) -> Light:
    """By what light a picture was taken when what is usual is asked, too: one without colour may be of the day.

    While no infrared night of this camera is known, only the hour can say so: a camera that was first seen at dusk has
    days no brighter than its own lamp.
    """
    day, infrared = usual(rows, Light.DAY, "mean"), usual(rows, Light.INFRARED, "mean")
    if (
        look.light is Light.INFRARED
        and day.known
        and look.mean >= limits.colourless_brightness * day.mean
        and not hours.is_dark(dark_hours, look.at_ns)
        and (
            look.mean >= limits.colourless_over_infrared * infrared.mean
            if infrared.known
            else hours.is_surely_day(dark_hours, look.at_ns)
        )
    ):
        return Light.DAY
    return look.light


def _bright_in_the_dark(
    look: Look, view: View | None, rows: Rows, trace: Trace, limits: OwnThresholds
) -> tuple[_Answers, Trace]:
    """Something bright or coloured in the dark: no day to compare with, but for where it lies. Directions of edges are
    the same by any light, and a view that surely lies far off is no bus that is lit. And what is like neither the day
    nor the night, and stays, is another view; unless the camera's own lamp shines on something near.
    """
    if view is not None and not math.isnan(look.shift_x):
        x, y = view.shift(look)
        before, far = _of_this(trace, view), math.hypot(x, y)
        away = far >= limits.far_pixels and look.shift_certainty >= limits.here_certain
        again = math.hypot(x - before.x, y - before.y) <= limits.strange_pixels
        if away and (not before.strange or (again and _is_steady(look, view, limits))):
            found = _finding(Fault.MOVED, "view_displaced", "displacement", far, limits.moved_pixels)
            rest = _all(Own.LIGHT_CHANGES, *(fault for fault in _SCENE if fault is not Fault.MOVED))
            return ((found,), rest), Trace(view.name, round(x, 3), round(y, 3), strange=True)
        lost = look.lost_share >= limits.another_lost_of_rest * (1.0 - look.match_share)
        if look.match_share <= limits.unlike_both and not lost and not _is_lit_up(look, Light.NIGHT, rows, limits):
            after = Trace(view.name, strange=True)
            if trace.strange and not look.steady_share >= limits.steady_by_night:
                return ((), _all(Own.LIGHT_CHANGES, *_SCENE)), after
            found = _below(Fault.MOVED, "another_view", "match_share", look.match_share, limits.unlike_both)
            return ((found,), _all(Own.LIGHT_CHANGES, *(fault for fault in _SCENE if fault is not Fault.MOVED))), after
    return ((), _all(Own.LIGHT_CHANGES, *_SCENE)), trace


def _is_dim(look: Look, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a picture is darker than this camera's days."""
    day = usual(rows, Light.DAY, "mean")
    return day.known and look.mean < limits.brightness_of_usual * day.mean


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


def is_fog(look: Look, view: View | None, rows: Rows, limits: OwnThresholds = DEFAULT) -> bool:
    """Whether what looks covered is dense fog: it lightens, and the little that is seen is pale, and lies where it
    always was with edges as steep as ever. Nothing is seen through a plate; a film blurs, and is seen through in
    every place.
    """
    normal = NOTHING if view is None else usual(rows, view.light, "mean")
    if view is None or not normal.known or look.mean < limits.hazy_brightness_of_usual * normal.mean:
        return False
    if not limits.fog_match_share <= look.match_share <= limits.fog_most_match_share:
        return False
    if math.hypot(*view.shift(look)) >= limits.moved_pixels:
        return False
    if look.shift_certainty >= limits.fog_certain and look.sharpness_ratio > limits.film_slope_ratio:
        return look.contrast_ratio < limits.covered_standing
    thick = look.shift_certainty >= limits.thick_certain and look.sharpness <= limits.thick_sharpness
    return thick and look.contrast_ratio < limits.thick_contrast_ratio


def is_lit_otherwise(look: Look, view: View, rows: Rows, dark_hours: Hours, limits: OwnThresholds = DEFAULT) -> bool:
    """Whether edges are not what they were: in a night brighter than usual, at dawn and dusk, when lamps light what the
    day does not, or wherever a day is darker or fuller of contrast than usual. A blur keeps the brightness, and takes
    contrast.
    """
    normal, contrast = usual(rows, view.light, "mean"), usual(rows, view.light, "contrast")
    if view.light is not Light.DAY:
        bright = normal.known and look.mean >= limits.bright_night_of_usual * normal.mean
        return bright or (contrast.known and look.contrast >= limits.bright_night_contrast_of_usual * contrast.mean)
    lamps = contrast.known and look.contrast >= limits.lamps_contrast_of_usual * contrast.mean
    return lamps or _is_dim(look, rows, limits) or hours.is_twilight(dark_hours, look.at_ns)


_Answers = tuple[tuple[Finding, ...], tuple[Unchecked, ...]]
_FINE: _Answers = ((), ())


def _together(first: _Answers, second: _Answers, trace: Trace) -> Against:
    return Against(first[0] + second[0], first[1] + second[1], trace)


def _all(why: str, *faults: Fault) -> tuple[Unchecked, ...]:
    return tuple(Unchecked(fault, why) for fault in faults)


# ---- the scene


def _scene(
    look: Look, view: View | None, rows: Rows, dark_hours: Hours, trace: Trace, limits: OwnThresholds
) -> tuple[_Answers, Trace]:
    """Everything that a reference, or what is usual of the scene, can tell."""
    contrast = _contrast(look, view, rows, dark_hours, limits)
    covered = None if view is None else _covered(look, view, rows, limits)
    if covered is not None:
        rest = _all(Own.HIDDEN, Fault.LOW_CONTRAST, Fault.OUT_OF_FOCUS, *_PLACED)
        return ((covered,), rest), replace(trace, cells=0, strange=False, veiled=False)
    if contrast[0]:
        rest = _all(Own.HIDDEN, Fault.OUT_OF_FOCUS, Fault.COVERED, *_PLACED)
        return (contrast[0], rest), replace(trace, cells=0, strange=False, veiled=False)
    if view is None or math.isnan(look.match_share):
        why = Own.NO_REFERENCE if view is None else Own.TOO_LITTLE_STRUCTURE
        if look.preset == UNKNOWN_PRESET:
            why = Own.PRESET_UNKNOWN
        rest = _all(why, Fault.OUT_OF_FOCUS, Fault.COVERED, *_PLACED)
        return ((), contrast[1] + rest), Trace()
    focus = _focus(look, view, rows, limits)
    dusk = view.light is Light.DAY and (_is_dim(look, rows, limits) or hours.is_twilight(dark_hours, look.at_ns))
    if focus and _is_jolted(look, view, trace, limits):
        # Blurred by its own motion.
        contrast = contrast[0], contrast[1] + _all(Own.HIDDEN, Fault.OUT_OF_FOCUS)
    elif focus and (
        is_lit_otherwise(look, view, rows, dark_hours, limits) or _is_first_dusk(look, view, rows, dark_hours, limits)
    ):
        contrast = contrast[0], contrast[1] + _all(Own.LIGHT_CHANGES, Fault.OUT_OF_FOCUS)
    elif focus:
        rest = _all(Own.HIDDEN, Fault.COVERED, *_PLACED)
        return ((focus,), contrast[1] + rest), replace(trace, cells=0, strange=False, veiled=False)
    placed, after = _place(look, view, rows, _of_this(trace, view), limits, dusk=dusk)
    return (placed[0], contrast[1] + placed[1]), after


def _is_first_dusk(look: Look, view: View, rows: Rows, dark_hours: Hours, limits: OwnThresholds) -> bool:
    """Whether a camera sees less light than on its days so far, at an hour that is new to it: its first evening."""
    day = usual(rows, Light.DAY, "mean")
    darker = day.known and look.mean < limits.first_dusk_of_usual * day.mean
    return view.light is Light.DAY and darker and hours.is_new(dark_hours, look.at_ns)


def _is_jolted(look: Look, view: View, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether the view surely lies elsewhere than at the look before."""
    x, y = view.shift(look)
    before = _of_this(trace, view)
    found = look.match_share >= limits.displaced_match_share and look.shift_certainty >= limits.certain
    away = math.hypot(x - before.x, y - before.y) >= limits.moved_pixels
    return found and away and not _lies_still(look, limits)


def _lies_still(look: Look, limits: OwnThresholds) -> bool:
    """Whether the view surely lies where it lay at the look before, as the two pictures themselves say."""
    still = math.hypot(look.step_x, look.step_y) <= limits.still_pixels
    return still and look.steady_share >= limits.still_share


def _of_this(trace: Trace, view: View) -> Trace:
    """The trace of an earlier look at this view; nothing when the camera looked elsewhere, by another light."""
    return trace if trace.name == view.name else Trace(view.name)


def _covered(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> Finding | None:
    """Almost everything is gone, or next to nothing is left of its contrast, and that is blurred."""
    if is_fog(look, view, rows, limits):
        return None
    if _is_film(look, view, rows, limits):
        threshold = limits.film_contrast_ratio
        return _below(Fault.COVERED, "contrast_lost", "contrast_ratio", look.contrast_ratio, threshold)
    bright = _is_bright(look, view, rows, limits)
    if math.isnan(look.contrast_ratio):
        foggy = bright and look.contrast < limits.covered_contrast
    else:
        foggy = look.contrast_ratio < limits.covered_standing and not _is_smooth(look, view, rows, limits)
    if look.lost_share < limits.covered_lost_share or look.match_share > limits.covered_match_share or foggy:
        return None
    return _finding(Fault.COVERED, "structure_lost", "lost_share", look.lost_share, limits.covered_lost_share)


def _is_film(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a bag or paint lets a little light through: it blurs, which neither fog nor dirt on the glass do."""
    if not look.contrast_ratio <= limits.film_contrast_ratio:
        return False
    if _is_bright(look, view, rows, limits) and look.match_share < limits.film_match_share:
        return False
    return look.sharpness_ratio <= limits.film_slope_ratio or _is_empty(look, view, rows, limits)


def _is_empty(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether next to nothing is left of the structure of a view that has some; fog, which is bright, leaves little."""
    texture = usual(rows, view.light, "texture_share")
    share = limits.empty_of_usual_bright if _is_bright(look, view, rows, limits) else limits.empty_of_usual
    bare = not texture.known or texture.mean < limits.bare_texture
    return not bare and look.texture_share <= share * texture.mean


def _is_smooth(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether there is contrast without structure: light falls on something near. Fog takes both."""
    return look.contrast >= limits.smooth_contrast and _is_empty(look, view, rows, limits)


def _is_bright(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a picture is so much brighter than usual as fog makes it."""
    normal = usual(rows, view.light, "mean")
    return normal.known and look.mean >= limits.fog_brightness_of_usual * normal.mean


def contrast_left(look: Look, view: View, rows: Rows) -> float:
    """The contrast of what is found again, of the usual; sun and clouds change that, so it is no bare 1."""
    normal = usual(rows, view.light, "contrast_ratio")
    return look.contrast_ratio / (min(normal.mean, 1.0) if normal.known and normal.mean > 0 else 1.0)


def _is_by_chance(look: Look, view: View, limits: OwnThresholds) -> bool:
    """Whether the little that is found again is found elsewhere: other blocks that happen to be alike."""
    return look.match_share < limits.found_by_chance and math.hypot(*view.shift(look)) >= limits.moved_pixels


def contrast_light(
    look: Look, view: View | None, rows: Rows, dark_hours: Hours, limits: OwnThresholds = DEFAULT
) -> Light:
    """By what light the contrast of a look is usual."""
    light = lit_as(look, rows, dark_hours, limits)
    if light is Light.DAY and look.light is Light.DAY and view is not None:
        light = view.light  # one of twilight may be compared with the night
    if light is Light.INFRARED and view is not None and view.light is Light.DAY:
        light = view.light  # as bright as a day, and without colour: fog and dirt take that, too
    return light


def _contrast(look: Look, view: View | None, rows: Rows, dark_hours: Hours, limits: OwnThresholds) -> _Answers:
    light = contrast_light(look, view, rows, dark_hours, limits)
    normal = usual(rows, light, "relative_contrast")
    if not normal.known:
        return (), _all(Own.NO_REFERENCE, Fault.LOW_CONTRAST)
    value = normals.figure(look, "relative_contrast")
    left = math.nan if view is None else contrast_left(look, view, rows)
    seen = look.contrast >= limits.covered_contrast or look.texture_share >= limits.seen_texture
    if view is not None and _is_by_chance(look, view, limits) and seen:
        return (), _all(Own.TOO_LITTLE_STRUCTURE, Fault.LOW_CONTRAST)
    pale = left <= limits.dirt_contrast_of_usual or (
        left <= limits.fog_contrast_of_usual and look.lost_share >= limits.fog_lost_share
    )
    fog = None if view is None else _fog(look, view, rows, limits, left)
    if fog is not None:
        return (fog,), ()
    # Shadows make the spread large; where the reference says that contrast is lost, it does not count.
    threshold = normal.low(limits.contrast_of_usual, 0.0 if pale else limits.spreads)
    if value >= threshold or not (pale or math.isnan(left)):
        return _FINE
    if light is Light.DAY and _is_dim(look, rows, limits):
        return (), _all(Own.LIGHT_CHANGES, Fault.LOW_CONTRAST)
    return (_below(Fault.LOW_CONTRAST, "contrast_below_own", "relative_contrast", value, threshold),), ()


def _fog(look: Look, view: View, rows: Rows, limits: OwnThresholds, left: float) -> Finding | None:
    """Light lies over everything: what is found is pale, the rest is gone, and the picture bright. How much contrast
    the whole picture has does not count, as the light falls on what is near, too; unless too little is found to tell.
    """
    lit = view.light is Light.DAY and _is_bright(look, view, rows, limits)
    if not lit or look.lost_share < limits.lit_lost_share:
        return None
    if left <= limits.lit_contrast_of_usual:
        threshold = limits.lit_contrast_of_usual
        return _below(Fault.LOW_CONTRAST, "contrast_lost_in_light", "contrast_ratio", left, threshold)
    threshold = min(limits.lit_contrast_of_usual * usual(rows, view.light, "contrast").mean, limits.covered_contrast)
    if not math.isnan(left) or look.contrast > threshold:
        return None
    return _below(Fault.LOW_CONTRAST, "contrast_lost_in_light", "contrast", look.contrast, threshold)


def _focus(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> Finding | None:
    """Flatter edges where the view was found, and nothing else as sharp as usual."""
    normal = usual(rows, view.light, "sharpness")
    if not normal.known or not look.sharpness <= limits.sharpness_of_usual * normal.mean:
        return None
    threshold = least_slope(view, rows, limits)
    if look.sharpness <= limits.blurred_sharpness_of_usual * normal.mean:
        threshold *= blurred_slope(look, limits) / limits.slope_ratio
    if not look.sharpness_ratio <= threshold:
        return None
    return _below(Fault.OUT_OF_FOCUS, "edges_flatter_than_own", "sharpness_ratio", look.sharpness_ratio, threshold)


def blurred_slope(look: Look, limits: OwnThresholds) -> float:
    """The least slope of edges in a picture that is blurred as a whole: noise that holds up edges hides the view."""
    hardly = look.match_share < limits.displaced_match_share * (1.0 - look.lost_share)
    return limits.blurred_slope_ratio if hardly else limits.blurred_found_slope_ratio


def least_slope(view: View, rows: Rows, limits: OwnThresholds) -> float:
    """The threshold of the sharpness ratio; a reference's own is 1."""
    ratio = usual(rows, view.light, "sharpness_ratio")
    return ratio.low(limits.slope_ratio, limits.spreads) if ratio.known else limits.slope_ratio


def _place(
    look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds, *, dusk: bool
) -> tuple[_Answers, Trace]:
    """Moved, partly covered and shaking. `dusk`: it is compared with the day, which lamps light up now."""
    x, y = view.shift(look)
    match = usual(rows, view.light, "match_share")
    least = min(limits.another_match_share, limits.another_of_usual * match.mean if match.known else math.inf)
    rest = max(1.0 - look.match_share, 1e-9)
    placed = look.shift_certainty >= limits.certain
    lost = usual(rows, view.light, "lost_share")
    partly_from = limits.partly_lost_share + (lost.high(0.0, 2.0) if lost.known else 0.0)
    if (
        look.lost_share >= partly_from
        and look.lost_share >= limits.partly_lost_of_rest * rest
        and look.match_share
        >= limits.partly_found_of_rest * (1.0 - look.lost_share) * _lately_found(look, trace, limits)
        and not contrast_left(look, view, rows) < limits.partly_contrast_of_usual
    ) or _is_mostly_lost(look, view, rows, trace, limits):
        why = _may_be_weather(look, view, rows, trace, limits)
        if why is not None:
            calm = replace(trace, cells=0, strange=False, veiled=False, placed=False)
            return ((), _all(why, *_PLACED)), calm
        return _partly(look, trace, partly_from, limits)
    lit_up = _is_lit_up(look, view.light, rows, limits)
    near = math.hypot(x, y) < (limits.moved_pixels if lit_up else limits.veil_pixels)
    # A veil that was there at the look before, and is the same picture now, need not be placed as surely again.
    again = trace.veiled and look.steady_share >= limits.veiled_steady_share
    here = near and (lit_up or again or look.shift_certainty >= limits.here_certain)
    stays = look.shift_certainty >= limits.surely_here and math.hypot(x, y) <= limits.same_pixels
    if look.match_share <= least and not stays and not (here and _is_veiled(look, view, rows, limits)):
        return _another(look, view, rows, trace, least, limits)
    veiled = _veiled(look, view, rows, trace, limits) if near else None
    calm = replace(trace, cells=0, strange=False, veiled=veiled is not None)
    if veiled is None:
        calm = replace(calm, lost=round(look.lost_share, 4), seen=round(look.match_share, 4))
    if not placed:
        rest_of = _all(Own.TOO_LITTLE_STRUCTURE, Fault.MOVED, Fault.SHAKING)
        if veiled is not None and not lit_up:
            return ((), (*rest_of, *_all(Own.TOO_LITTLE_STRUCTURE, Fault.PARTLY_COVERED))), calm
        return ((veiled,) if veiled is not None else (), rest_of), calm
    found, unchecked = _displaced(look, view, trace, limits)
    if veiled is not None and dusk:
        # Lamps add contrast and take edges as webs do, and in the rain or on snow they leave as little of the view.
        unchecked += _all(Own.LIGHT_CHANGES, Fault.PARTLY_COVERED)
        veiled, calm = None, replace(calm, veiled=False)
    shaken = any(finding.fault is Fault.SHAKING for finding in found)
    enough = look.match_share >= limits.displaced_match_share
    after = replace(calm, x=round(x, 3), y=round(y, 3), placed=True, shaken=shaken, sure=enough)
    if veiled is not None and not any(finding.fault is Fault.MOVED for finding in found):
        found += (veiled,)
    return (found, unchecked), after


def _lately_found(look: Look, trace: Trace, limits: OwnThresholds) -> float:
    """The share of what was not lost that was found at the last look in order: in the shadows of the sun less than all.
    1 where that is not known, or where so little is lost that it may be more of the shadows.
    """
    if trace.lost < 0 or look.lost_share < limits.mostly_lost_share:
        return 1.0
    return min(trace.seen / max(1.0 - trace.lost, 1e-9), 1.0)


def _may_be_weather(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> Own | None:
    """Why what is lost may be no cover; None when it can be nothing else."""
    if _is_hazy(look, view, rows, limits):
        return Own.TOO_LITTLE_STRUCTURE
    if _may_be_shadows(look, view, rows, limits) or not _has_come(look, view, rows, trace, limits):
        return Own.LIGHT_CHANGES
    return None


def _is_hazy(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether what is lost may be lost in haze that is too thin for a fault: it lightens, and takes contrast. What
    hides half of the view and is haze leaves less than 0.6 of the contrast of the rest.
    """
    brightness, left = usual(rows, view.light, "mean"), contrast_left(look, view, rows)
    bright = brightness.known and look.mean >= limits.hazy_brightness_of_usual * brightness.mean
    if look.lost_share >= limits.mostly_lost_share and left >= limits.partly_contrast_of_usual:
        return False
    return bright and left < limits.hazy_contrast_of_usual


def _may_be_shadows(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a cloud before the sun explains what is lost. A cover takes no contrast from what it leaves."""
    little = view.light is Light.DAY and look.lost_share < limits.shadows_lost_share
    return little and contrast_left(look, view, rows) < limits.shadows_contrast_of_usual


def _has_come(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether what is lost was not lost at the last look in order, as far as that could be seen. Snow that lies, haze
    that thickens and shadows that wander take a little more from look to look.
    """
    if trace.lost < 0:
        return True
    if look.lost_share - trace.lost < limits.partly_rise:
        return False
    little = view.light is Light.DAY and look.lost_share < limits.shadows_lost_share
    match = usual(rows, view.light, "match_share")
    return not (little and match.known and trace.seen < limits.weathered_of_usual * match.mean)


def _is_mostly_lost(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> bool:
    """Whether a cover leaves so little that it is hardly found again: but it is where it was, or as it was."""
    if look.lost_share < limits.mostly_lost_share:
        return False
    here = look.shift_certainty >= limits.mostly_certain and math.hypot(*view.shift(look)) <= limits.same_pixels
    if here and contrast_left(look, view, rows) >= limits.mostly_contrast_of_usual:
        return True
    sharpness = usual(rows, view.light, "sharpness")
    sharp = sharpness.known and look.sharpness >= limits.veiled_sharpness_of_usual * sharpness.mean
    stays = trace.cells == 0 or look.steady_share >= limits.nearly_steady_share
    return stays and sharp and look.lost_share >= limits.nearly_lost_share and look.contrast >= limits.covered_contrast


def _is_steady(look: Look, view: View, limits: OwnThresholds) -> bool:
    """Whether a view is the one of the look before."""
    return look.steady_share >= (limits.steady_share if view.light is Light.DAY else limits.steady_by_night)


def _displaced(look: Look, view: View, trace: Trace, limits: OwnThresholds) -> _Answers:
    """Where the view lies against its first reference, and against the look before."""
    x, y = view.shift(look)
    far = math.hypot(x, y)
    found: list[Finding] = []
    unchecked: tuple[Unchecked, ...] = ()
    hardly = look.match_share < limits.displaced_match_share
    # A bus at the look before says nothing of where the view lay then; what is surely found away is a first look away.
    was_away = (trace.strange and hardly) or _was_away(trace, limits)
    step = math.hypot(x - trace.x, y - trace.y)
    same = step <= limits.same_pixels + 0.05 * far
    # Where a bus hid the look before, it is the place of the one before that.
    again = trace.strange and same
    if not trace.placed and not again:
        step = far
    if _lies_still(look, limits):
        step = math.hypot(look.step_x, look.step_y)
    away = far >= limits.moved_pixels
    steady = _is_steady(look, view, limits)
    if away and hardly and not (steady or again if was_away else far >= limits.far_pixels):
        unchecked = _all(Own.VIEW_CHANGES, Fault.MOVED)
    elif away and (steady or not was_away or again or (trace.placed and same)):
        # The first look away says so; the next ones must lie at the same place, or the camera shakes.
        found.append(_finding(Fault.MOVED, "view_displaced", "displacement", far, limits.moved_pixels))
    shaken = trace.placed and trace.shaken and far >= limits.shaking_pixels and step >= limits.resting_pixels
    if hardly or (trace.placed and not trace.sure):
        # A bus has edges of its own, and little else is found: neither its look nor the way back tells a step.
        unchecked += _all(Own.TOO_LITTLE_STRUCTURE, Fault.SHAKING)
    elif step >= limits.shaking_pixels or shaken:
        found.append(_finding(Fault.SHAKING, "displaced_to_and_fro", "step", step, limits.shaking_pixels))
    return tuple(found), unchecked


def _was_away(trace: Trace, limits: OwnThresholds) -> bool:
    """Whether the view lay elsewhere at the look before."""
    return trace.placed and math.hypot(trace.x, trace.y) >= limits.moved_pixels


def _another(
    look: Look, view: View, rows: Rows, trace: Trace, least: float, limits: OwnThresholds
) -> tuple[_Answers, Trace]:
    """Little of the reference is found again."""
    x, y = view.shift(look)
    here = math.hypot(x, y) <= limits.same_pixels
    again = math.hypot(x - trace.x, y - trace.y) <= limits.strange_pixels and look.shift_certainty >= limits.certain
    like = is_like(look, trace.like)
    partly = like and look.steady_share >= limits.steady_and_like
    steady = _is_steady(look, view, limits) or (trace.strange and (again or partly or (like and trace.passed)))
    after = replace(trace, cells=0, strange=True, veiled=False, placed=False)
    if here and look.shift_certainty >= limits.certain:
        # It lies where it always was, and something hides most of it: traffic, snow, the noise of a dark night.
        return ((), _all(Own.VIEW_CHANGES, *_PLACED)), replace(after, strange=trace.strange, passed=True)
    if not math.isnan(x) and not trace.strange and not _was_away(trace, limits):
        after = replace(after, x=round(x, 3), y=round(y, 3))
    texture = usual(rows, view.light, "texture_share")
    share = limits.another_texture_of_usual if view.light is Light.DAY else limits.another_texture_by_night
    empty = texture.known and look.texture_share < share * texture.mean
    lost = look.lost_share >= limits.another_lost_of_rest * (1.0 - look.match_share)
    if empty or lost or (trace.strange and not steady):
        # What is alike by its figures, and another picture than the one just before: they do not tell it apart.
        after = replace(after, passed=not like, like=[] if like else trace.like)
        if empty or lost:
            # No view to which the next look could be held.
            after = replace(after, strange=trace.strange)
        return ((), _all(Own.VIEW_CHANGES, *_PLACED)), after
    found = _below(Fault.MOVED, "another_view", "match_share", look.match_share, least)
    if trace.strange and not like and not _is_steady(look, view, limits):
        # By its place alone: it may be traffic in the new view, or a place by chance; the view is still the one before.
        after = replace(after, passed=True)
    else:
        after = replace(after, passed=False, like=likeness(look))
    return ((found,), _all(Own.HIDDEN, Fault.PARTLY_COVERED, Fault.SHAKING)), after


def _partly(look: Look, trace: Trace, threshold: float, limits: OwnThresholds) -> tuple[_Answers, Trace]:
    """Structure is gone in a part of the view; the cells in which it is gone must stay the same."""
    common = look.lost_cells & trace.cells if trace.cells else look.lost_cells
    after = replace(trace, cells=common, strange=False, veiled=False, placed=False)
    rest = _all(Own.HIDDEN, Fault.MOVED, Fault.SHAKING)
    if look.lost_cells == 0:
        return ((), _all(Own.TOO_LITTLE_STRUCTURE, *_PLACED)), after
    if common.bit_count() < limits.same_cells * min(look.lost_cells.bit_count(), max(trace.cells.bit_count(), 1)):
        return ((), (*_all(Own.VIEW_CHANGES, Fault.PARTLY_COVERED), *rest)), replace(after, cells=look.lost_cells)
    found = _finding(Fault.PARTLY_COVERED, "structure_lost", "lost_share", look.lost_share, threshold)
    return ((found,), rest), after


def _is_veiled(look: Look, view: View, rows: Rows, limits: OwnThresholds) -> bool:
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


def _is_lit_up(look: Look, light: Light, rows: Rows, limits: OwnThresholds) -> bool:
    """Whether a night is so bright and so blurred as only the camera's own lamp on something near makes it. Threads
    that lie all over the view leave too few edges for a certainty.
    """
    sharpness, brightness = usual(rows, light, "sharpness"), usual(rows, light, "mean")
    if light is Light.DAY or not sharpness.known or not brightness.known:
        return False
    blurred = look.sharpness <= limits.lit_up_sharpness_of_usual * sharpness.mean
    return blurred and look.mean >= limits.lit_up_brightness_of_usual * brightness.mean


def _veiled(look: Look, view: View, rows: Rows, trace: Trace, limits: OwnThresholds) -> Finding | None:
    """Something that has structure of its own lies over a part of the view, and stays: a web, a branch."""
    match = usual(rows, view.light, "match_share")
    threshold = limits.veiled_of_usual * match.mean
    if (
        match.looks < limits.veiled_known_looks
        or look.match_share > threshold
        or not _is_veiled(look, view, rows, limits)
    ):
        return None
    if trace.veiled and not look.steady_share >= limits.veiled_steady_share:
        return None
    if trace.lost >= 0 and look.match_share > trace.seen - limits.veiled_drop:
        return None
    return _below(Fault.PARTLY_COVERED, "part_veiled", "match_share", look.match_share, threshold)


# ---- infrared, frame rate


def _colour_noise(look: Look, rows: Rows, dark_hours: Hours, limits: OwnThresholds) -> Finding | None:
    """Colour noise in the dark, where this camera's nights are infrared."""
    infrared, day = usual(rows, Light.INFRARED, "noise_sd"), usual(rows, Light.DAY, "noise_sd")
    if look.light in (Light.INFRARED, Light.UNKNOWN) or not infrared.known or not day.known:
        # Without its day nobody knows how much noise and colour a camera has that was first seen at night.
        return None
    unlit = _unlit(look, rows, dark_hours, limits)
    if unlit is not None:
        return unlit
    colour = usual(rows, Light.DAY, "chroma_sd").mean * limits.colour_noise_chroma_of_day
    if not look.chroma_sd >= max(limits.colour_noise_chroma_sd, colour) or hours.is_surely_day(dark_hours, look.at_ns):
        return None
    threshold = max(limits.colour_noise * infrared.mean, day.high(0.0, limits.spreads))
    if not look.noise_sd >= threshold:
        return None
    return _finding(Fault.INFRARED_STUCK, "colour_noise", "noise_sd", look.noise_sd, threshold)


def _unlit(look: Look, rows: Rows, dark_hours: Hours, limits: OwnThresholds) -> Finding | None:
    """In colour and in the dark, at an hour at which it was never day: twilight, before it switches, is brighter."""
    lit, twilight = usual(rows, Light.INFRARED, "mean"), usual(rows, Light.NIGHT, "mean")
    if look.light is not Light.NIGHT or not hours.is_surely_dark(dark_hours, look.at_ns):
        return None
    threshold = limits.unlit_of_infrared * (min(lit.mean, twilight.mean) if twilight.known else lit.mean)
    if look.mean > threshold:
        return None
    return _below(Fault.INFRARED_STUCK, "dark_in_colour", "mean", look.mean, threshold)


def _colourless(look: Look, rows: Rows, dark_hours: Hours, limits: OwnThresholds) -> _Answers:
    """A picture without colour: usual by night, at a camera that has none, and for a moment at dusk."""
    if look.light is Light.UNKNOWN:
        return (), _all(Own.NO_REFERENCE, Fault.INFRARED_STUCK)
    if look.light is not Light.INFRARED:
        return _FINE
    day, texture = usual(rows, Light.DAY, "mean"), usual(rows, Light.DAY, "texture_share")
    if not day.known:
        # It has never shown colour: that is how it is, or nothing is known yet.
        known = usual(rows, Light.INFRARED, "mean").known
        return _FINE if known else ((), _all(Own.NO_REFERENCE, Fault.INFRARED_STUCK))
    infrared = usual(rows, Light.INFRARED, "mean")
    if not infrared.known and not hours.is_surely_day(dark_hours, look.at_ns):
        # The first infrared night of a camera, or its filter stuck at an hour at which it may be dark.
        return (), _all(Own.NO_REFERENCE, Fault.INFRARED_STUCK)
    if look.texture_share < limits.colourless_texture * texture.mean:
        # What hides the scene has no colour, either.
        return (), _all(Own.HIDDEN, Fault.INFRARED_STUCK)
    finding = None
    if lit_as(look, rows, dark_hours, limits) is Light.DAY:
        threshold = limits.colourless_brightness * day.mean
        finding = _finding(Fault.INFRARED_STUCK, "colourless_by_day", "mean", look.mean, threshold)
    elif hours.is_surely_day(dark_hours, look.at_ns):
        colour = usual(rows, Light.DAY, "chroma_sd")
        finding = _below(Fault.INFRARED_STUCK, "colourless_by_day", "chroma_sd", look.chroma_sd, colour.mean)
    return _FINE if finding is None else ((finding,), ())


def _frame_rate(look: Look, rows: Rows, limits: OwnThresholds) -> _Answers:
    normal = usual(rows, look.light, "fps")
    if math.isnan(look.fps):
        return (), _all(Own.NO_FRAME_RATE, Fault.LOW_FRAME_RATE)
    if not normal.known:
        return (), _all(Own.NO_REFERENCE, Fault.LOW_FRAME_RATE)
    threshold = normal.low(limits.frame_rate_of_usual, limits.spreads)
    if look.fps >= threshold:
        return _FINE
    return (_below(Fault.LOW_FRAME_RATE, "frame_rate_below_own", "fps", look.fps, threshold),), ()


def _finding(fault: Fault, reason: str, measure: str, value: float, threshold: float) -> Finding:
    return Finding(fault, reason, measure, value, threshold, value - threshold)


def _below(fault: Fault, reason: str, measure: str, value: float, threshold: float) -> Finding:
    return Finding(fault, reason, measure, value, threshold, threshold - value)
