"""What a suspected fault is held against: the looks that raised it, and what they showed.

A suspicion remembers a look or two by their likeness and by where the view lay, its marks. Two looks that show the same
confirm sooner than looks that differ (`is_as_before`); a view that lies elsewhere each time is none that was moved; and
what could not be checked for too long is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Fault, Light
from citywatch.rules.camera_case import OF_THE_NETWORK, Case
from citywatch.rules.comparison import DEFAULT, Own, OwnThresholds
from citywatch.rules.comparison.covers import is_blurred
from citywatch.rules.comparison.elsewhere import NOTHING_OF_VIEW
from citywatch.rules.comparison.veils import LIT_UP
from citywatch.rules.faults import CONFIRMED, SUSPECT, Confirmation, FaultRow
from citywatch.rules.judgement import Judgement
from citywatch.rules.likeness import is_like, likeness
from citywatch.rules.pictures import DEFAULT as PICTURES
from citywatch.rules.pictures import Finding, Look
from citywatch.rules.references import View

STALE_SUSPICION_NS = 2 * 3600 * NS_PER_S
"""A suspicion is dropped when it is older, and the looks since could not tell: what comes again after hours is another
matter, and nothing is learned from a camera that is suspected. One from the night is dropped by day: it may come again
the next night."""
MOST_APART = 2.5
"""Two looks that are alike confirm a fault up to so many times `confirm_seconds` apart: with one hidden in between."""
STEADY_SHARE = 0.6
"""A look shows what the one just before did, too, when this share of that is found again in it, whatever its light; at
a dark hour `steady_by_night`."""
OWN_VIEW_SHARE = 0.6
"""A picture is of the camera's own view, and of nothing else, when this share of it is found again."""
BESIDE_A_BUS = 0.4
"""No more of a view than this share is found again where a bus stands before the camera."""
TWO_BUSES = 2.0
"""What may be two buses must stand for so many times the seconds."""
_BY_THE_DECODER = frozenset({"decode_errors", "void_share"})
"""Measures that say of a stream that it is broken, whatever it shows. Healthy cameras have none of them, ever."""
AWAY_PIXELS = 4.0
"""A view lies elsewhere from so many grid pixels on, as far as shaking is concerned."""
_SURE_OF_ANOTHER = 0.1
"""What is taken for another view lies at a place of its own by this certainty, as through a lens that zoomed in."""
_SAME_PLACE_PIXELS, _SAME_PLACE_SHARE = 2.5, 0.05
"""A displaced view lies where it did within so many grid pixels and this share of the displacement..."""
_STILL_SHARE = 0.75
"""Two pictures that have so much in common say where the one lies against the other."""
_STILL_PIXELS = 1.0
"""... and within this one surely: of a camera that shakes two looks lie within the other one by chance, one pair in
eight; three hardly ever. A mast in the wind takes a third look..."""
_BEYOND_SHAKING, _STILL_OF_FAR = 32.0, 0.1
"""... unless it lies as far away as no camera shakes: then within this share of the way, for a lens that zoomed in
makes the wind larger, too."""


class _Mark(NamedTuple):
    """A look of a suspicion that a later one is held against: when, its likeness, and where a displaced view lay."""

    at_ns: int
    like: Sequence[float]
    place: Sequence[float]


def _marks(fault_row: FaultRow) -> list[_Mark]:
    """The first bad look of a suspicion, and the last that showed something else and is the fault if it stays."""
    first = _Mark(fault_row["first_bad_ns"], fault_row.get("like", ()), fault_row.get("place", ()))
    other = fault_row.get("other")
    return [first] if other is None else [first, _Mark(*other)]


def is_as_before(case: Case, finding: Finding, fault_row: FaultRow, rule: Confirmation) -> bool:
    """Whether a bad look shows what one of the marks did, as long ago as the rule asks, and not much longer: what comes
    again when nothing could be checked for a while may be the light.
    """
    look, apart_ns, now = case.look, rule.confirm_seconds * NS_PER_S, place(case, finding)
    if finding.reason == NOTHING_OF_VIEW:
        return True
    return tells_alike(case, finding.fault) and any(
        apart_ns <= look.at_ns - mark.at_ns <= MOST_APART * apart_ns
        and not _lies_apart(look, mark, now, _STILL_PIXELS)
        and ("place" not in fault_row or _is_of_its_kind(case, finding, mark, now))
        and (rule.any_picture or _shows(look, mark, dark=case.dark) or _is_tinted_view(look, finding))
        for mark in _marks(fault_row)
    )


def _is_tinted_view(look: Look, finding: Finding) -> bool:
    """Whether the camera's own view has a cast: nothing that passes does that."""
    return finding.fault is Fault.COLOUR_CAST and look.match_share >= OWN_VIEW_SHARE


def _shows(look: Look, mark: _Mark, *, dark: bool = False) -> bool:
    """Whether a look shows the picture of a mark."""
    least = DEFAULT.steady_by_night if dark else STEADY_SHARE
    return is_like(look, mark.like) or (mark.at_ns == look.previous_at_ns and look.steady_share >= least)


def _shows_a_mark(look: Look, fault_row: FaultRow) -> bool:
    return any(_shows(look, mark) for mark in _marks(fault_row))


def still_fog(look: Look, judged: Judgement, fog: FaultRow | None, limits: OwnThresholds = DEFAULT) -> Judgement:
    """Nothing is seen through a plate. So a picture that looks covered, and is the one in which a look before saw the
    view lie pale behind fog or dirt, is fog or dirt; unless what is seen now is blurred, as behind a film.
    """
    cover = judged.found.get(Fault.COVERED)
    if cover is None or fog is None or not _shows_a_mark(look, fog) or is_blurred(look, limits):
        return judged
    found, unchecked = dict(judged.found), dict(judged.unchecked)
    del found[Fault.COVERED]
    found.setdefault(Fault.LOW_CONTRAST, replace(cover, fault=Fault.LOW_CONTRAST))
    unchecked.pop(Fault.LOW_CONTRAST, None)
    unchecked[Fault.COVERED] = Own.HIDDEN.value
    return replace(judged, found=found, unchecked=unchecked)


def tells_alike(case: Case, fault: Fault) -> bool:
    """Whether the same picture twice says that a fault is still there. Not of one that shakes: a jolt, and the way
    back, are two steps, and the second shows the old view. Nor of what may be two buses.
    """
    if may_be_two_buses(case, fault):
        return False
    if fault is not Fault.SHAKING or case.view is None:
        return True
    return math.hypot(*case.view.shift(case.look)) >= AWAY_PIXELS


def may_be_two_buses(case: Case, fault: Fault) -> bool:
    """Whether something hides most of the view by night: there all buses are alike, and a second one may stand where
    the first did. No bus is so bright as what the camera's own lamp lights up, nor as a day in the day's colours.
    """
    finding = case.judgement.found.get(Fault.PARTLY_COVERED)
    as_a_day = case.look.light is Light.DAY and case.view is not None and case.view.light is Light.DAY
    lit = finding is not None and (finding.reason == LIT_UP or as_a_day)
    return fault is Fault.PARTLY_COVERED and case.dark and case.look.match_share < BESIDE_A_BUS and not lit


def changed(case: Case, fault_row: FaultRow, where: list[float]) -> FaultRow:
    """A suspicion after a look at something else than before: that is a fault if it stays."""
    return {**fault_row, "other": [case.look.at_ns, likeness(case.look), where]}


def lies_elsewhere(case: Case, finding: Finding, fault_row: FaultRow) -> bool:
    """Whether a camera that is suspected of having been moved shows something else than it did at its marks: it may
    shake, or what was taken for another view has passed.
    """
    if finding.fault is not Fault.MOVED or fault_row["phase"] != SUSPECT or "place" not in fault_row:
        return False
    now = place(case, finding)
    return all(
        _lies_apart(case.look, mark, now)
        or not (_is_of_its_kind(case, finding, mark, now) or is_like(case.look, mark.like))
        for mark in _marks(fault_row)
    )


def _is_of_its_kind(case: Case, finding: Finding, mark: _Mark, now: Sequence[float]) -> bool:
    """Whether a view lies away at both looks, or is another one at both: or it lies, though less surely, where the mark
    did, or is the very view that it was.
    """
    if not mark.place:
        return finding.reason != "view_displaced" or _stands(case.look, mark, now)
    if now or _stands(case.look, mark, mark.place):
        return True
    if case.view is None or not case.look.shift_certainty >= DEFAULT.certain:
        return False
    where = _shift(case, case.view)
    return all(map(math.isfinite, where)) and not _lies_apart(case.look, mark, where)


def _stands(look: Look, mark: _Mark, now: Sequence[float]) -> bool:
    """Whether a mark is the look just before, and the two pictures themselves say that the view stands, but for a wind
    that a lens which zoomed in makes larger.
    """
    wind = _SAME_PLACE_PIXELS + _SAME_PLACE_SHARE * math.hypot(*now)
    still = look.steady_share >= _STILL_SHARE and math.hypot(look.step_x, look.step_y) <= wind
    return still and mark.at_ns == look.previous_at_ns


def _lies_apart(look: Look, mark: _Mark, now: Sequence[float], pixels: float = _SAME_PLACE_PIXELS) -> bool:
    """Whether a view is displaced at both looks, and lies elsewhere. Where the mark is the look just before, the two
    pictures themselves know better: a view that is not this camera's agrees with its reference now here, now there.
    """
    if not mark.place or not now:
        return False
    still = look.steady_share >= _STILL_SHARE and math.hypot(look.step_x, look.step_y) <= _STILL_PIXELS
    if still and mark.at_ns == look.previous_at_ns:
        return False
    far = math.hypot(*now)
    near = pixels + _SAME_PLACE_SHARE * far
    return math.dist(mark.place, now) > (max(near, _STILL_OF_FAR * far) if far >= _BEYOND_SHAKING else near)


def place(case: Case, finding: Finding) -> list[float]:
    """Where a displaced view lies, [x, y] in grid pixels; empty for other findings, and where it is not sure."""
    if finding.fault is not Fault.MOVED or case.view is None:
        return []
    return _shift(case, case.view) if finding.reason == "view_displaced" else surely_at(case)


def surely_at(case: Case) -> list[float]:
    """Where the view surely lies elsewhere, whatever the look was found to show; empty where that is not sure."""
    if case.view is None or not case.look.shift_certainty >= _SURE_OF_ANOTHER:
        return []
    where = _shift(case, case.view)
    return where if math.hypot(*where) >= AWAY_PIXELS else []


def _shift(case: Case, view: View) -> list[float]:
    return [round(pixels, 3) for pixels in view.shift(case.look)]


def is_broken(finding: Finding) -> bool:
    """Whether a picture is torn because the stream itself is broken, as its decoder says; or so much as if it were."""
    return finding.fault is Fault.MOSAIC and (finding.measure in _BY_THE_DECODER or is_torn(finding))


def is_torn(finding: Finding) -> bool:
    """Whether a picture is torn by what it shows alone."""
    return finding.measure == "tear" and finding.value >= PICTURES.tear


def comes_and_goes(case: Case, fault_row: FaultRow) -> bool:
    """Whether one good look says nothing yet of a suspicion: a stream in which some bytes are altered is broken at one
    key frame, and at the next they may be bytes that nobody sees. Of what only looked torn, as the edge of a bus does,
    a picture without a step says enough.
    """
    broken: bool = fault_row.get("broken", False)
    hardly = not fault_row.get("torn", False) or case.look.tear > PICTURES.usual_tear
    return broken and hardly and fault_row["phase"] == SUSPECT and fault_row["good"] == 0


def whole_once(case: Case, fault_row: FaultRow) -> FaultRow:
    """Such a suspicion after its one good look."""
    return {**fault_row, "good": 1, "first_good_ns": case.look.at_ns}


def says_nothing(case: Case, fault: Fault, fault_row: FaultRow) -> bool:
    """Whether a good look by day says nothing about a fault that was seen only in the dark."""
    if not fault_row.get("dark", False) or case.dark or not case.by_day or fault in OF_THE_NETWORK:
        return False
    confirmed: bool = fault_row["phase"] == CONFIRMED
    return confirmed or not is_stale(case, fault_row)


def is_stale(case: Case, fault_row: FaultRow) -> bool:
    """Whether a suspicion is too old to be held against a camera that could not be checked since."""
    since_ns: int = case.look.at_ns - fault_row["last_bad_ns"]
    return fault_row["phase"] == SUSPECT and since_ns >= STALE_SUSPICION_NS
