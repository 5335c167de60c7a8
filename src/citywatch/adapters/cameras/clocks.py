"""What the patrol knows of a camera's clocks, and when it stays to hear more.

Three clocks may be told: the stream's (RTCP sender reports, every five seconds or so: most visits are over before one
comes), the device's over ONVIF (asked now and then), and the RTSP server's by the Date of its answers, which costs
nothing and comes with every visit. A Date is believed when it runs: when two visits find it equally far from ours.
Where the stream has told a clock of its own the Date must agree with it, or it says nothing.
"""

from __future__ import annotations

from citywatch.adapters.cameras.answers import Stream
from citywatch.domain.pictures import NO_OFFSET, Fault

SUSPECT_ASKS = 3
"""Visits that hear the clocks in any case when a clock is suspected, or a repair is awaited."""
_CONFIRMED_EVERY = 12
"""One visit in so many hears the clocks while one is known to be wrong: to see the repair that nobody told."""
_FIRST_VISITS = 2
"""A camera that has just come is looked at first."""
_AGREE_NS = 5_000_000_000


class ClockWatch:
    """Of one camera; three numbers."""

    __slots__ = ("_date_ns", "_stream_ns", "asks")

    def __init__(self) -> None:
        self._date_ns = self._stream_ns = NO_OFFSET
        self.asks = 0

    def is_due(self, visits: int, phase: int, every: int, suspicions: frozenset[str]) -> bool:
        """Whether this visit is to stay until the stream has told its clock."""
        if self.asks > 0:
            return True
        if Fault.CLOCK_WRONG.value in suspicions:
            return visits % _CONFIRMED_EVERY == 0
        return visits > _FIRST_VISITS and (visits + phase) % every == 0

    def asks_device(self, visits: int, every: int, suspicions: frozenset[str]) -> bool:
        """Whether this visit is to ask the device for its clock. While one is suspected, both are heard at the same
        visits: the one that is right must not acquit the other.
        """
        if self.asks > 0:
            return True
        if Fault.CLOCK_WRONG.value in suspicions:
            return visits % _CONFIRMED_EVERY == 0
        return (visits - 1) % every == 0

    def heard(self, stream: Stream) -> int:
        """Remember what a visit heard; the offset of the server's Date, where it can be believed, else NO_OFFSET."""
        self.asks = max(self.asks - 1, 0)
        if stream.stream_offset_ns != NO_OFFSET:
            self._stream_ns = stream.stream_offset_ns
        before, self._date_ns = self._date_ns, stream.date_offset_ns
        if NO_OFFSET in (before, self._date_ns) or abs(before - self._date_ns) > _AGREE_NS:
            return NO_OFFSET
        if self._stream_ns != NO_OFFSET and abs(self._stream_ns - self._date_ns) > _AGREE_NS:
            return NO_OFFSET
        return self._date_ns
