"""What a stream says of time without being decoded: its pictures a second, and the hour of its own clock."""

from __future__ import annotations

import math
import re
import struct
from datetime import datetime

from citywatch.domain.pictures import NO_OFFSET

_JUMP_S = 30.0
"""A larger step of the stream's time is a jump of its clock, not a pause between two pictures."""
_TOLD_INTERVALS = 3
_TOLD_SPAN_S = 1.0
_NTP_TO_UNIX_S = 2_208_988_800
_SENDER_REPORT = 200
_DATE = re.compile(
    r"(?:(?P<day>\d{1,2})[ -](?P<month>[A-Za-z]{3})|(?P<month_first>[A-Za-z]{3}) (?P<day_last>\d{1,2}))[ -]"
    r"(?P<year>\d{4}) (?P<time>\d\d:\d\d:\d\d)"
)
_HALF_NS = 500_000_000
_ZONE_STEP_NS = 900_000_000_000
_MOST_ZONES = 56
_ZONE_SLACK_NS = 30_000_000_000


class FrameRate:
    """Pictures a second, from the RTP timestamps of packets: one picture, one timestamp.

    The rate is the number of intervals over the stream's time that they span; the order of the timestamps does not
    matter (B-frames come out of order). Where a packet is missing, or the clock jumps, the interval is left out. It is
    told from 3 intervals on, or from one that spans a second; NaN before that.
    """

    __slots__ = ("_at", "_clock_hz", "_earliest", "_intervals", "_last", "_latest", "_pictures", "_span", "pictures")

    def __init__(self, clock_hz: int) -> None:
        self._clock_hz = clock_hz
        self.pictures = 0
        """All that were seen, torn ones too."""
        self._last = -1
        self._at = self._earliest = self._latest = 0
        self._pictures = 0
        self._intervals = self._span = 0

    def see(self, timestamp: int, in_order: bool) -> None:
        """The timestamp of a packet whose timestamp is another than the last one's, or that stands behind a gap."""
        if timestamp == self._last:
            return
        step = (timestamp - self._last + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
        self.pictures += 1
        if self._last < 0 or not in_order or abs(step) > _JUMP_S * self._clock_hz:
            self._close()
            self._at = self._earliest = self._latest = 0
        else:
            self._at += step
            self._earliest = min(self._earliest, self._at)
            self._latest = max(self._latest, self._at)
        self._pictures += 1
        self._last = timestamp

    def _close(self) -> None:
        if self._pictures > 1:
            self._intervals += self._pictures - 1
            self._span += self._latest - self._earliest
        self._pictures = 0

    @property
    def intervals(self) -> int:
        """How many intervals between pictures were seen whole."""
        return self._intervals + max(self._pictures - 1, 0)

    @property
    def fps(self) -> float:
        """Pictures a second of stream time; NaN where too few were seen."""
        span = self._span + (self._latest - self._earliest if self._pictures > 1 else 0)
        if span <= 0 or (self.intervals < _TOLD_INTERVALS and span < _TOLD_SPAN_S * self._clock_hz):
            return math.nan
        return self.intervals * self._clock_hz / span

    @property
    def typical_s(self) -> float:
        """Seconds from picture to picture; 0 while it cannot be told."""
        fps = self.fps
        return 0.0 if math.isnan(fps) else 1.0 / fps

    def restart(self) -> None:
        """Count anew from the last picture on."""
        self._intervals = self._span = 0
        self._at = self._earliest = self._latest = 0
        self._pictures = 1 if self._pictures else 0


def sender_report_offset_ns(data: bytes, received_ns: int) -> int:
    """The sender's wall clock minus ours, from a compound RTCP packet (RFC 3550, section 6.4.1).

    received_ns  our clock when the packet was received
    returns      nanoseconds; NO_OFFSET without a sender report, or from a sender that has no wall clock (it may then
                 send the time since its start, which stands before 1968 on the scale of NTP)
    """
    at = 0
    while at + 8 <= len(data):
        first, kind, words = struct.unpack_from(">BBH", data, at)
        if first >> 6 != 2:
            break
        if kind == _SENDER_REPORT and at + 20 <= len(data):
            seconds, fraction = struct.unpack_from(">II", data, at + 8)
            if seconds < 0x8000_0000:
                return NO_OFFSET
            sent_ns = (seconds - _NTP_TO_UNIX_S) * 1_000_000_000 + (fraction * 1_000_000_000 >> 32)
            return int(sent_ns) - received_ns
        at += 4 * (words + 1)
    return NO_OFFSET


def date_offset_ns(text: str, received_ns: int) -> int:
    """The clock of an RTSP server minus ours, from the Date of its answer (RFC 2326, section 12.18).

    Many cameras say their local time and call it GMT: an offset of whole quarters of an hour, 14 hours at most, is
    taken for a time zone and left out. (What is wrong by just that must be told by a sender report or ONVIF.) Some
    libraries name the month before the day. Whole seconds are told: half of one is added.

    returns  nanoseconds; NO_OFFSET for what is no date
    """
    found = _DATE.search(text)
    if found is None:
        return NO_OFFSET
    day, month = found["day"] or found["day_last"], found["month"] or found["month_first"]
    try:
        told = datetime.strptime(f"{day} {month} {found['year']} {found['time']} +0000", "%d %b %Y %H:%M:%S %z")
    except ValueError:
        return NO_OFFSET
    offset_ns = int(told.timestamp()) * 1_000_000_000 + _HALF_NS - received_ns
    zones = round(offset_ns / _ZONE_STEP_NS)
    rest_ns = offset_ns - zones * _ZONE_STEP_NS
    return rest_ns if abs(zones) <= _MOST_ZONES and abs(rest_ns) <= _ZONE_SLACK_NS else offset_ns
