"""What one look at a camera says without a reference: its faults, each with evidence; what is fine; and what could not
be checked.

For every fault there are three answers. A fault that is in neither tuple that `conclude` returns is fine, but for
moved, partly_covered and shaking, which only a reference tells (rules/comparison/).

Order. What hides what:

1. no picture            unreachable, no_media or stalled, straight from the outcome; what a picture shows could not be
                         checked. The clocks, where they were told, can.
2. mosaic                where the decoder itself reports errors: what it made up for lost blocks may be anything, so
                         nothing else that a picture shows could be checked.
   black, over_exposed   a picture that is all dark or all white shows nothing else. As dark, but with something left
                         of the scene, may be a lampless night: black could not be checked either, unless the caller
                         knows that it is surely day.
3. too small             only these two are judged.
4. stripes, mosaic, snow each for itself; torn blocks count only without stripes, which have edges as well, and of a
                         picture that is surely torn, snow and stripes could not be checked. They hide colour, view and
                         motion: a picture spoiled behind the lens says nothing about the lens.
5. too dark              the view could not be checked.
6. covered               no structure anywhere in the scene; then neither focus, contrast, colour nor motion can be
                         judged. With next to none it could not be checked: the noise of a cloth comes and goes. Nor
                         can it of a camera that is known to look at bare asphalt.
7. out_of_focus          by day: structure, but nothing sharp in it. Motion is not judged, unless something moved. By
                         night rain on the glass looks the same: could not be checked.
8. low_contrast          fog and dirt: everything within a few grey levels. Nor is motion, then.
                         Where next to nothing is left, 7 and 8 could not be told from a cover.
9. frozen                key frame against key frame: motion.py.
10. colour_cast          by day only; lamps have colours. infrared_stuck: a picture in colour is not stuck.

low_frame_rate and clock_wrong are told by the stream and the device, whatever the picture shows: stream.py.

A camera never seen before is accused only when nothing speaks against it: night, fog, low contrast and smooth asphalt
all keep some structure, and what is left of it is sharp. One picture alone cannot tell fog in which nothing at all is
left to be seen, or an asphalt without a mark that is out of focus, from a cloth.

Pure: no clock, no files; the history goes in and comes out. How the limits were found, and on what: limits.py.
"""

from __future__ import annotations

import math
from dataclasses import replace

from citywatch.domain.pictures import Fault, Light, Outcome
from citywatch.rules.pictures import colour, motion, stream
from citywatch.rules.pictures.answers import Conclusion, Finding, Unchecked, Why, unchecked
from citywatch.rules.pictures.checks import Table, is_dark, is_small, look_at, table
from citywatch.rules.pictures.limits import DEFAULT, PictureThresholds
from citywatch.rules.pictures.look import MOST_PAIRS, Look, LookHistory, learned, looks

__all__ = [
    "DEFAULT",
    "MOST_PAIRS",
    "SHOWN",
    "Finding",
    "Look",
    "LookHistory",
    "PictureThresholds",
    "Unchecked",
    "Why",
    "conclude",
    "looks",
    "margins",
    "why_no_picture",
]

_VIEW = (Fault.COVERED, Fault.OUT_OF_FOCUS, Fault.LOW_CONTRAST)
_SIGNAL = (Fault.STRIPES, Fault.MOSAIC, Fault.SNOW)
_COLOUR = (Fault.COLOUR_CAST, Fault.INFRARED_STUCK)
SHOWN = (Fault.BLACK, Fault.OVER_EXPOSED, *_SIGNAL, *_VIEW, Fault.FROZEN, *_COLOUR)
"""The faults that a picture shows without a reference."""

_Margins = dict[Fault, float]


def conclude(
    history: LookHistory | None,
    row: Look,
    thresholds: PictureThresholds = DEFAULT,
    *,
    daylight: bool = False,
) -> tuple[LookHistory, tuple[Finding, ...], tuple[Unchecked, ...]]:
    """(history of the camera, a look at it) -> (new history, faults found, faults that could not be checked).

    daylight  whether it is surely day where the camera stands, by what is known apart from this look
    """
    after, found, unsure, _ = _judged(history or LookHistory(), row, thresholds, daylight)
    return after, found, unsure


def margins(
    history: LookHistory | None,
    row: Look,
    thresholds: PictureThresholds = DEFAULT,
    *,
    daylight: bool = False,
) -> dict[Fault, float]:
    """How far a look is from each fault that it can be judged on: positive is fine, 0 or less is found.

    In units of the fault's threshold (checks.py says how where there are several; frozen: motion.py). A fault that
    could not be checked for lack of a figure, or that another one hides, is left out.
    """
    *_, told = _judged(history or LookHistory(), row, thresholds, daylight)
    return {fault: margin for fault, margin in told.items() if math.isfinite(margin)}


def _judged(
    before: LookHistory, row: Look, limits: PictureThresholds, daylight: bool
) -> tuple[LookHistory, tuple[Finding, ...], tuple[Unchecked, ...], _Margins]:
    told: _Margins = {}
    parts = [stream.reached(row)]
    after = before
    if row.outcome is Outcome.PICTURE:
        answer, told[Fault.LOW_FRAME_RATE] = stream.rate(row, limits)
        parts.append(answer)
        after, answer = _picture(before, row, limits, table(limits, daylight), told)
        parts.append(answer)
    else:
        parts.append(((), unchecked(why_no_picture(row), *SHOWN, Fault.LOW_FRAME_RATE)))
    answer, told[Fault.CLOCK_WRONG] = stream.clock(row, limits)
    parts.append(answer)
    return after, *_joined(parts), told


def why_no_picture(row: Look) -> str:
    """Why nothing that a picture shows could be checked in a look without one."""
    if row.outcome is Outcome.GLANCE:
        return Why.GLANCE
    return row.reason if row.outcome is Outcome.UNCHECKED else Why.NO_PICTURE


def _joined(parts: list[Conclusion]) -> Conclusion:
    found = tuple(item for findings, _ in parts for item in findings)
    unsure = tuple(item for _, items in parts for item in items)
    return found, unsure


def _picture(
    before: LookHistory, row: Look, limits: PictureThresholds, checks: Table, told: _Margins
) -> tuple[LookHistory, Conclusion]:
    """All that one picture, and the chain that it ends, shows."""
    if row.decode_errors >= limits.decode_errors:
        mosaic = _of(Fault.MOSAIC, row, checks, told)[0]
        return _no_motion(before, row), (mosaic, unchecked(Why.SPOILED, *(f for f in SHOWN if f is not Fault.MOSAIC)))
    light = _light(row, limits, checks, told)
    if light is not None:
        return _no_motion(before, row), light
    own = _without_its_own(row, before, limits)
    parts = _signal(own, checks, told)
    torn = any(finding.measure == "tear" for findings, _ in parts for finding in findings)
    if torn and motion.is_once_more(row, limits) and motion.changed(row) <= limits.frozen_changed_share:
        # No live picture is torn twice by the same bit: it is the edge of a bus before which the source stopped.
        parts = _signal(replace(own, tear=math.nan), checks, {})
        if not any(finding.fault is Fault.MOSAIC for findings, _ in parts for finding in findings):
            parts.append(((), unchecked(Why.SPOILED, Fault.MOSAIC)))
    if any(findings for findings, _ in parts):
        parts.append(((), unchecked(Why.SPOILED, *_VIEW, Fault.FROZEN, *_COLOUR)))
        return _no_motion(before, row), _joined(parts)
    view = _view(row, before, limits, checks, told)
    after = motion.follow(before, row, limits)
    hidden = next((_HIDES_MOTION[finding.fault] for finding in view[0]), None)
    if hidden is not None and not motion.is_live(row, limits):
        after = _no_motion(before, row)
        moves: Conclusion = ((), unchecked(hidden, Fault.FROZEN))
    else:
        moves, told[Fault.FROZEN] = motion.frozen(after, row, limits)
    parts += [view, moves, colour.infrared(row)]
    if any(finding.fault is Fault.COVERED for finding in view[0]):
        parts.append(((), unchecked(Why.TOO_LITTLE_STRUCTURE, Fault.COLOUR_CAST)))
        return after, _joined(parts)
    answer, told[Fault.COLOUR_CAST] = colour.cast(row, before, checks, limits)
    parts.append(answer)
    if not answer[0] and not view[0] and not is_dark(row, limits):
        # Nothing moves behind a cover, which would make little structure usual.
        learns = before.texture[0] < limits.usual_looks or motion.is_live(row, limits)
        texture = learned(before.texture, row.texture_share) if learns else before.texture
        after = replace(
            after, colour=colour.with_look(before.colour, row), texture=texture, tear=_tears(before.tear, row, limits)
        )
    return after, _joined(parts)


def _signal(row: Look, checks: Table, told: _Margins) -> list[Conclusion]:
    """Mosaic, snow and stripes; what a decoder made up for lost blocks has stripes of its own."""
    mosaic = _of(Fault.MOSAIC, row, checks, told)
    if any(finding.measure in _SURELY_TORN for finding in mosaic[0]):
        return [mosaic, ((), unchecked(Why.SPOILED, Fault.STRIPES, Fault.SNOW))]
    return [mosaic, *(_of(fault, row, checks, told) for fault in (Fault.STRIPES, Fault.SNOW))]


def _without_its_own(row: Look, before: LookHistory, limits: PictureThresholds) -> Look:
    """The look without the steps that its camera's pictures always have: a front with a straight ledge makes some."""
    looks_known, tear = before.tear.get(row.light.name.lower(), _NO_TEARS)
    if looks_known < limits.usual_looks or tear <= limits.usual_tear:
        return row
    return replace(row, tear=row.tear - (tear - limits.usual_tear))


def _tears(usual: dict[str, list[float]], row: Look, limits: PictureThresholds) -> dict[str, list[float]]:
    """The usual steps with one more live look in order; no more of them than make next to nothing torn."""
    if math.isnan(row.tear) or row.light is Light.UNKNOWN or not motion.is_live(row, limits):
        return usual
    light = row.light.name.lower()
    return {**usual, light: learned(usual.get(light, _NO_TEARS), min(row.tear, limits.most_usual_tear))}


_NO_TEARS: list[float] = [0, 0.0]

_SURELY_TORN = frozenset({"tear", "void_share"})
"""Measures of torn pictures that neither snow nor stripes raise."""

_HIDES_MOTION = {
    Fault.COVERED: Why.TOO_LITTLE_STRUCTURE,
    Fault.OUT_OF_FOCUS: Why.NOTHING_SHARP,
    Fault.LOW_CONTRAST: Why.TOO_LITTLE_STRUCTURE,
}
"""Blurred and pale pictures hardly change though they are live."""


def _no_motion(before: LookHistory, row: Look) -> LookHistory:
    """The history after a picture whose motion cannot be judged: every chain ends."""
    return motion.ended(before, row.shown_ns)


def _of(fault: Fault, row: Look, checks: Table, told: _Margins) -> Conclusion:
    finding, told[fault] = look_at(fault, row, checks)
    return ((finding,) if finding else (), ())


def _light(row: Look, limits: PictureThresholds, checks: Table, told: _Margins) -> Conclusion | None:
    """The whole answer of a picture that is all dark, all white or too small; None for any other."""
    for fault, why in ((Fault.BLACK, Why.TOO_DARK), (Fault.OVER_EXPOSED, Why.TOO_BRIGHT)):
        finding, told[fault] = look_at(fault, row, checks)
        if finding is not None:
            return (finding,), unchecked(why, *(other for other in SHOWN[2:]))
    if row.dark_share >= limits.black_dark_share:
        return (), unchecked(Why.TOO_DARK, Fault.BLACK, *SHOWN[2:])
    if is_small(row, limits):
        return (), unchecked(Why.TOO_SMALL, *SHOWN[2:])
    return None


def _view(row: Look, before: LookHistory, limits: PictureThresholds, checks: Table, told: _Margins) -> Conclusion:
    """Covered, out_of_focus and low_contrast, and what they hide of one another."""
    if is_dark(row, limits):
        return (), unchecked(Why.TOO_DARK, *_VIEW)
    covered = _of(Fault.COVERED, row, checks, told)
    if covered[0] and _is_usually_bare(before, limits):
        del told[Fault.COVERED]
        return (), unchecked(Why.TOO_LITTLE_STRUCTURE, *_VIEW)
    if covered[0]:
        return covered[0], unchecked(Why.TOO_LITTLE_STRUCTURE, Fault.OUT_OF_FOCUS, Fault.LOW_CONTRAST)
    unsure = _too_little(row, Fault.COVERED, limits.open_texture_share)
    blurred = _blurred(row, limits, checks, told)
    if any(blurred):
        return blurred[0], unsure + blurred[1] + unchecked(Why.NOTHING_SHARP, Fault.LOW_CONTRAST)
    pale, bare = _of(Fault.LOW_CONTRAST, row, checks, told), limits.low_contrast_texture_share
    if pale[0] and row.texture_share < bare:
        del told[Fault.LOW_CONTRAST]
        return (), unsure + _too_little(row, Fault.LOW_CONTRAST, bare)
    return pale[0], unsure


def _blurred(row: Look, limits: PictureThresholds, checks: Table, told: _Margins) -> Conclusion:
    """Out of focus; by night, and where little structure is left, nothing sharp may mean something else."""
    answer = _of(Fault.OUT_OF_FOCUS, row, checks, told)
    if not answer[0] or (row.light is Light.DAY and row.texture_share >= limits.out_of_focus_texture_share):
        return answer
    del told[Fault.OUT_OF_FOCUS]
    why = Why.TOO_LITTLE_STRUCTURE if row.light is Light.DAY else Why.NOTHING_SHARP
    return (), unchecked(why, Fault.OUT_OF_FOCUS)


def _too_little(row: Look, fault: Fault, share: float) -> tuple[Unchecked, ...]:
    return unchecked(Why.TOO_LITTLE_STRUCTURE, fault) if row.texture_share < share else ()


def _is_usually_bare(before: LookHistory, limits: PictureThresholds) -> bool:
    """Whether a camera is known to look at next to nothing when it is in order."""
    looks_known, texture = before.texture
    return looks_known >= limits.usual_looks and texture < limits.covered_usual_texture_share
