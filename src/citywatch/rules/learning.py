"""What a look teaches: what is usual of the camera and its hours, and its references.

Only looks that are in order teach, and none while a fault of the picture is open, suspected or explained by work.
"""

from __future__ import annotations

from collections.abc import Iterator

from citywatch.domain.events import Event
from citywatch.domain.pictures import Fault, Light, Outcome
from citywatch.domain.state import Row, State
from citywatch.rules import hours, normals, references
from citywatch.rules.camera_case import OF_THE_NETWORK, Case
from citywatch.rules.comparison import Own
from citywatch.rules.pictures import Look, Why
from citywatch.rules.references import Adopted, LearningPolicy

ROOM = "usual"
"""Rows {"usual": rules/normals.py, "hours": rules/hours.py}, one for each camera."""
_SHOWS_TOO_LITTLE = frozenset({Why.TOO_DARK, Why.TOO_SMALL, Why.TOO_LITTLE_STRUCTURE})
"""A picture in which a cover could not be seen is no reference."""
_TYPICAL_CONTRAST = 0.2
"""A look is typical for its light when its contrast for its brightness is not below the usual by more than this."""
_EMPTY_MATCH = 0.97
"""Nothing passes before a view of which this share of what usually is found is found (beside headlights that light up
a part of a night 0.94)."""
_TYPICAL_BRIGHTNESS = 0.2
"""A look is typical for its light when its mean differs from the usual by no more than this share of it."""


def learn(state: State, case: Case, usual: Row, policy: LearningPolicy) -> Iterator[Event]:
    """What is in order is learned from."""
    look = case.look
    if look.outcome is not Outcome.PICTURE:
        return
    if case.aimed_again and Fault.MOVED.value not in case.open:
        yield from references.adopt_again(state, look, Adopted.REPAIRED)
        return
    pictured = [fault for fault in case.open if Fault(fault) not in OF_THE_NETWORK]
    if case.judgement.found.keys() - OF_THE_NETWORK or pictured or case.held or look.light is Light.UNKNOWN:
        references.interrupt(state, look.device)
        return
    unchecked = case.judgement.unchecked
    if Own.VIEW_CHANGES in unchecked.values() or Fault.BLACK in unchecked:
        references.interrupt(state, look.device)
        return
    if _may_be_stuck(case, usual["hours"]):
        # An hour that was day till now becomes no night by looks that may be a fault.
        references.interrupt(state, look.device)
        return
    typical = _is_typical(look, usual["usual"])
    after = {
        "usual": normals.learned(usual["usual"], look),
        "hours": hours.with_look(usual["hours"], look.at_ns, look.light),
    }
    state.put(ROOM, look.device, after)
    if unchecked.get(Fault.COVERED) in _SHOWS_TOO_LITTLE:
        references.interrupt(state, look.device)
        return
    yield from references.learn(state, look, policy, typical=typical, empty=_is_empty(look, usual["usual"]))


def _may_be_stuck(case: Case, known: hours.Hours) -> bool:
    """Whether a picture without colour, of a camera whose nights are not known, was taken at an hour known as day."""
    unsure = Fault.INFRARED_STUCK in case.judgement.unchecked and case.look.light is Light.INFRARED
    return unsure and hours.is_mostly_day(known, case.look.at_ns)


def _is_typical(look: Look, rows: Row) -> bool:
    """Whether a look is as bright and as full of contrast as those by its light usually are: twilight stands for no
    day, nor does a day in snow.
    """
    mean, contrast = (normals.usual(rows, look.light, name) for name in ("mean", "relative_contrast"))
    bright = mean.known and abs(look.mean - mean.mean) <= _TYPICAL_BRIGHTNESS * mean.mean
    return bright and normals.figure(look, "relative_contrast") >= (1.0 - _TYPICAL_CONTRAST) * contrast.mean


def _is_empty(look: Look, rows: Row) -> bool:
    """Whether as much of the view is found as usually is; also where that is not known."""
    match = normals.usual(rows, look.light, "match_share")
    return not match.known or look.match_share >= _EMPTY_MATCH * match.mean
