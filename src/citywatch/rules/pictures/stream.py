"""What needs no picture: how the visit ended, the rate of the stream, the clocks."""

from __future__ import annotations

import math

from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import NO_OFFSET, Fault, Outcome, VisitReason
from citywatch.rules.pictures.answers import Conclusion, Finding, Why, unchecked
from citywatch.rules.pictures.checks import found
from citywatch.rules.pictures.limits import PictureThresholds
from citywatch.rules.pictures.look import Look


def reached(look: Look) -> Conclusion:
    """unreachable, no_media and stalled, straight from the outcome."""
    if look.outcome in (Outcome.PICTURE, Outcome.GLANCE):
        return (), ()
    if look.outcome is Outcome.REACHED:
        return (), unchecked(Why.NO_PICTURE, Fault.NO_MEDIA, Fault.STALLED)
    if look.outcome is Outcome.UNCHECKED:
        return (), unchecked(look.reason, Fault.UNREACHABLE, Fault.NO_MEDIA, Fault.STALLED)
    if look.outcome is Outcome.UNREACHABLE:
        return (_ended(Fault.UNREACHABLE, look),), unchecked(Why.NOT_REACHED, Fault.NO_MEDIA, Fault.STALLED)
    if look.reason == VisitReason.STALLED:
        return (_ended(Fault.STALLED, look),), ()
    return (_ended(Fault.NO_MEDIA, look),), unchecked(Why.NO_PICTURE, Fault.STALLED)


def _ended(fault: Fault, look: Look) -> Finding:
    return Finding(fault, look.reason, "outcome", float(look.outcome), float(look.outcome), 0.0)


def rate(look: Look, limits: PictureThresholds) -> tuple[Conclusion, float]:
    """low_frame_rate against what the stream declares of itself, and how far the look is from it."""
    if math.isnan(look.fps) or math.isnan(look.fps_declared) or look.fps_declared <= 0:
        return ((), unchecked(Why.NO_RATE, Fault.LOW_FRAME_RATE)), math.nan
    threshold = limits.frame_rate_of_declared * look.fps_declared
    margin = (look.fps - threshold) / threshold
    if margin <= 0:
        return ((found(Fault.LOW_FRAME_RATE, "fps", look.fps, threshold, most=True),), ()), margin
    if look.fps < limits.frame_rate_as_declared * look.fps_declared:
        return ((), unchecked(Why.NO_RATE, Fault.LOW_FRAME_RATE)), margin
    return ((), ()), margin


def clock(look: Look, limits: PictureThresholds) -> tuple[Conclusion, float]:
    """clock_wrong: the stream's and the device's clock against ours; the worse of those that are known.

    A stream may count from when it began instead of telling the time (RFC 3550, 6.4.1): a time before 1970 is none.
    """
    offsets = {
        "stream_offset_seconds": look.stream_offset_ns,
        "device_offset_seconds": look.device_offset_ns,
    }
    known = {name: abs(offset) for name, offset in offsets.items() if offset != NO_OFFSET and look.at_ns + offset >= 0}
    if not known:
        return ((), unchecked(Why.NO_CLOCK, Fault.CLOCK_WRONG)), math.nan
    measure = max(known, key=lambda name: known[name])
    threshold, value = limits.clock_off_ns / NS_PER_S, known[measure] / NS_PER_S
    margin = (threshold - value) / threshold
    if margin <= 0:
        return ((found(Fault.CLOCK_WRONG, measure, value, threshold, most=False),), ()), margin
    return ((), ()), margin
