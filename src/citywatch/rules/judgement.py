"""One answer for each fault of a look: what the picture says by itself, joined with what it says against the
camera's own.

A fault is found when either has found it; but the reference has the last word on the focus, because it knows how
steep this view's edges are. One that both could judge is fine when the picture alone says fine, or when
the reference does and the picture could not tell; it could not be checked when neither could. Faults that only a
reference tells take its answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

from citywatch.domain.pictures import Fault, Light, Outcome
from citywatch.domain.state import Row
from citywatch.domain.vocabularies import CAMERA_FAULTS
from citywatch.rules import hours
from citywatch.rules.comparison import HIDES, JUDGED, Against, Own, OwnThresholds, Trace, against
from citywatch.rules.comparison.covers import is_fog, is_seen_through
from citywatch.rules.comparison.elsewhere import ANOTHER_VIEW, NOTHING_OF_VIEW
from citywatch.rules.comparison.focus import edges_stand
from citywatch.rules.comparison.light import is_lit_otherwise, is_too_dark_for_its_nights
from citywatch.rules.hours import Hours
from citywatch.rules.pictures import DEFAULT as PICTURES
from citywatch.rules.pictures import Finding, Look, LookHistory, Unchecked, Why, conclude, why_no_picture
from citywatch.rules.pictures.motion import is_once_more
from citywatch.rules.references import View

ONLY_AGAINST_OWN = frozenset(
    {Fault.MOVED, Fault.PARTLY_COVERED, Fault.SHAKING, Fault.LOW_CONTRAST, Fault.INFRARED_STUCK, Fault.LOW_FRAME_RATE}
)
"""Of these the picture alone never says that they are fine."""

_PLACED = (Fault.MOVED, Fault.PARTLY_COVERED, Fault.SHAKING)

SETTLING = frozenset({Fault.OUT_OF_FOCUS, Fault.COLOUR_CAST, Fault.LOW_CONTRAST, Fault.SNOW})
"""What a camera may show for a moment while it switches between colour and infrared. Not what is blown out: white has
no colour by any light, and is told by a minute that passes from what stays.
"""

MOST_BEHIND_A_BUS = 0.3
"""A bus has edges of its own: less than this share of the view loses its structure (0.05 to 0.19; in the sky 0.44)."""

_TWO_PICTURES = 2
"""And it is one picture that stands behind it: of two others with nothing of the view the source was alive."""

MOST_BESIDE_A_COVER = 0.3
"""Where less than this of a view is found beside what covers it, most of the colours are those of the cover."""

_EXPLAINS = frozenset({Fault.COVERED, Fault.PARTLY_COVERED, Fault.MOVED})
_EXPLAINED = frozenset({Fault.LOW_CONTRAST, Fault.COLOUR_CAST})
_HIDDEN = (Fault.COVERED, Fault.OUT_OF_FOCUS, Fault.LOW_CONTRAST, Fault.COLOUR_CAST, *_PLACED)
_OF_THE_VIEW = (Fault.COLOUR_CAST, Fault.OUT_OF_FOCUS)
_TOO_DARK = frozenset({Why.TOO_DARK.value})


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answers of one look: a fault is in `found`, in `unchecked` (with the reason), or fine."""

    found: Mapping[Fault, Finding]
    unchecked: Mapping[Fault, str]
    history: LookHistory
    trace: Trace


def _explained(own: Set[Fault]) -> Set[Fault]:
    """What one look alone may show because of what the comparison with the camera's own references has found."""
    explained: set[Fault] = set()
    if Fault.INFRARED_STUCK in own:
        # The gain that stands in for infrared is no snow, and no colour is no cast.
        explained |= {Fault.SNOW, Fault.COLOUR_CAST, Fault.LOW_CONTRAST}
    if own & _EXPLAINS:
        # What is flat or tinted for being covered, or for being another view, is not what fog or a cast does.
        explained |= _EXPLAINED
    return explained


def judge(
    look: Look,
    history: LookHistory | None,
    view: View | None,
    usual: Row,
    dark_hours: Hours,
    trace: Trace,
    limits: OwnThresholds,
) -> Judgement:
    """All answers of a look; see rules.pictures.conclude and rules.comparison.against for what goes in."""
    after, findings, unsure = conclude(history, look, daylight=hours.is_surely_day(dark_hours, look.at_ns))
    found = {finding.fault: finding for finding in findings}
    unchecked = {item.fault: str(item.why) for item in unsure}
    if look.outcome is not Outcome.PICTURE:
        why = str(why_no_picture(look))
        unchecked.update({fault: why for fault in CAMERA_FAULTS if _needs_a_picture(fault, found, unchecked)})
        if look.outcome is Outcome.REACHED:
            unchecked.update({fault: Why.NO_PICTURE.value for fault in CAMERA_FAULTS if fault is not Fault.UNREACHABLE})
            unchecked.pop(Fault.UNREACHABLE, None)
        return Judgement(found, unchecked, after, trace)
    sharp = look.transfer_ratio > limits.sharp_transfer_ratio
    if Fault.OUT_OF_FOCUS in found and (sharp or edges_stand(look, view, usual, limits)):
        # Nothing sharp is left to be seen, as behind rain; what is seen has edges as steep as ever.
        del found[Fault.OUT_OF_FOCUS]
    if Fault.OUT_OF_FOCUS in found and view is not None and is_lit_otherwise(look, view, usual, dark_hours, limits):
        del found[Fault.OUT_OF_FOCUS]
        unchecked[Fault.OUT_OF_FOCUS] = Own.LIGHT_CHANGES.value
    if Fault.COVERED in found and _is_pale(look, view, usual, limits):
        del found[Fault.COVERED]
    dark = unchecked.get(Fault.COVERED) in _TOO_DARK and is_too_dark_for_its_nights(look, view, usual, limits)
    hidden = bool((HIDES - {Fault.LOW_CONTRAST}) & found.keys()) or dark
    own = _doubted(look, found, after, against(look, view, usual, dark_hours, trace, hidden, limits))
    for fault in _explained({finding.fault for finding in own.found}) & found.keys():
        del found[fault]
        unchecked[fault] = Own.HIDDEN.value
    _join(found, unchecked, own, {item.fault for item in unsure})
    if _is_of_another_view(look, found, own):
        # Nor does what stands before the camera say that its colours and its focus are fine.
        unchecked.update(
            {fault: Own.VIEW_CHANGES.value for fault in _OF_THE_VIEW if fault not in found and fault not in unchecked}
        )
    if Fault.STRIPES in found and Fault.MOSAIC not in found:
        # Torn bands may look like stripes at one look, and torn at the next.
        unchecked.setdefault(Fault.MOSAIC, Why.SPOILED.value)
    if HIDES & found.keys():
        # What one fault hides is not fine.
        unchecked.update(
            {fault: Own.HIDDEN.value for fault in _HIDDEN if fault not in found and fault not in unchecked}
        )
    if _settling(look, trace, dark_hours):
        for fault in SETTLING & found.keys():
            del found[fault]
            unchecked[fault] = Own.LIGHT_CHANGES.value
    return Judgement(found, unchecked, after, own.trace)


def _is_pale(look: Look, view: View | None, rows: Row, limits: OwnThresholds) -> bool:
    """Whether what looks covered is fog or dirt."""
    return is_fog(look, view, rows, limits) or is_seen_through(look, view, rows, limits)


def _doubted(look: Look, found: Mapping[Fault, Finding], chain: LookHistory, own: Against) -> Against:
    """The answers without what a torn picture, or the same one once more, cannot tell."""
    if Fault.MOSAIC in found:
        # Its colours and its noise may be anybody's.
        own = _without(own, Fault.INFRARED_STUCK, Own.HIDDEN)
    may_be_frozen = chain.still or chain.unchanged or chain.calm or chain.faint or look.light is Light.DAY
    one_bus = look.lost_share < MOST_BEHIND_A_BUS and own.trace.nowhere < _TWO_PICTURES
    if is_once_more(look, PICTURES) and may_be_frozen and one_bus:
        # A frozen source shows it, with the bus that passed; in a view into the sky nothing moves, either. An empty
        # street by night has noise that lives.
        own = _without(own, Fault.MOVED, Own.VIEW_CHANGES, reason=ANOTHER_VIEW)
    return own


def _without(own: Against, fault: Fault, why: Own, reason: str = "") -> Against:
    """The answers without a finding, for this reason or any: it could not be checked."""
    left = tuple(one for one in own.found if one.fault is not fault or (reason and one.reason != reason))
    if len(left) == len(own.found):
        return own
    return replace(own, found=left, unchecked=(*own.unchecked, Unchecked(fault, why)))


def _needs_a_picture(fault: Fault, found: Mapping[Fault, Finding], unchecked: Mapping[Fault, str]) -> bool:
    return fault not in found and fault not in unchecked and fault not in (
        Fault.UNREACHABLE, Fault.NO_MEDIA, Fault.STALLED, Fault.CLOCK_WRONG,
    )  # fmt: skip


def _join(found: dict[Fault, Finding], unchecked: dict[Fault, str], own: Against, unsure: set[Fault]) -> None:
    own_found = {finding.fault: finding for finding in own.found}
    own_unchecked = {item.fault: item.why for item in own.unchecked}
    for fault in JUDGED:
        if fault in found:
            continue
        if fault in own_found:
            found[fault] = own_found[fault]
            unchecked.pop(fault, None)
        elif fault in own_unchecked:
            lit_otherwise = fault is Fault.OUT_OF_FOCUS and own_unchecked[fault] == Own.LIGHT_CHANGES
            if fault in ONLY_AGAINST_OWN or lit_otherwise:
                unchecked.setdefault(fault, own_unchecked[fault])
        elif fault in unsure:
            del unchecked[fault]


def _is_of_another_view(look: Look, found: Mapping[Fault, Finding], own: Against) -> bool:
    """Whether the picture shows something else than this camera's view, if only before most of it."""
    moved = found.get(Fault.MOVED)
    if Fault.PARTLY_COVERED in found and look.match_share < MOST_BESIDE_A_COVER:
        return True
    changes = any(item.why == Own.VIEW_CHANGES for item in own.unchecked)
    return changes or (moved is not None and moved.reason in (ANOTHER_VIEW, NOTHING_OF_VIEW))


def _settling(look: Look, trace: Trace, dark_hours: Hours) -> bool:
    """The first picture after a switch between colour and infrared, at an hour when cameras switch."""
    before = Light(trace.light)
    known = Light.UNKNOWN not in (before, look.light)
    switched = known and (before is Light.INFRARED) != (look.light is Light.INFRARED)
    return switched and not hours.is_surely_day(dark_hours, look.at_ns)
