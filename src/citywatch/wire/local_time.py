"""Local wall time of a device -> UTC nanoseconds, by a stated rule where a local time occurs twice or never.

A time that occurs twice (clocks go back) is taken as the earlier or the later instant, or refused; a time that never
occurs (clocks go forward) is always refused. Zones are IANA names or fixed offsets such as +08:00.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from citywatch.domain.instants import NS_PER_MS
from citywatch.errors import ConfigurationError

OK = 0
AMBIGUOUS = 1
MISSING = 2

_QUARTER_MS = 900_000
_CACHED_QUARTERS = 100_000
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (local time on purpose)

_Int64s = np.ndarray[Any, np.dtype[np.int64]]
_Found = tuple[int, int, int]
"""Offset in ms of the earlier and of the later reading, and OK, AMBIGUOUS or MISSING."""


class Fold(StrEnum):
    """What a local time means that occurs twice."""

    EARLIER = "earlier"
    LATER = "later"
    REFUSE = "refuse"


def parse_zone(name: str) -> tzinfo:
    """The zone of an IANA name or a fixed offset; ConfigurationError when there is none such."""
    offset = _OFFSET.fullmatch(name)
    if offset:
        sign, hours, minutes = offset.groups()
        delta = timedelta(hours=int(hours), minutes=int(minutes))
        if delta >= timedelta(days=1) or int(minutes) > 59:
            raise ConfigurationError(f"time zone {name!r}: an offset lies between -23:59 and +23:59")
        return timezone(-delta if sign == "-" else delta)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"time zone {name[:60]!r} is not known: use a name such as Asia/Shanghai, or an offset such as +08:00"
        ) from error


class LocalTime:
    """Turns columns of local milliseconds into instants. Looks the zone up once per distinct quarter of an hour."""

    def __init__(self, zone: str, fold: Fold = Fold.EARLIER) -> None:
        self.zone = zone
        self.fold = fold
        self.tz = parse_zone(zone)
        fixed = self.tz.utcoffset(None)
        self._fixed_ms = None if fixed is None else fixed // timedelta(milliseconds=1)
        self._quarters: dict[int, _Found | None] = {}
        self._offsets: dict[int, int | None] = {}

    def to_utc(self, local_ms: _Int64s) -> tuple[_Int64s, np.ndarray[Any, np.dtype[np.uint8]]]:
        """Instants (n,) int64 ns and their status (n,) uint8: OK, AMBIGUOUS (only under Fold.REFUSE) or MISSING.

        local_ms (n,) int64: milliseconds since 1970-01-01T00:00 on the local clock, years 1 to 9998.
        Where the status is not OK the instant means nothing.
        """
        rows = len(local_ms)
        if self._fixed_ms is not None or rows == 0:
            return (local_ms - (self._fixed_ms or 0)) * NS_PER_MS, np.zeros(rows, np.uint8)
        quarter = local_ms // _QUARTER_MS
        # Files are mostly in order of time: look at runs of one quarter, then at the distinct ones among these.
        starts = np.concatenate(([0], np.flatnonzero(np.diff(quarter)) + 1))
        distinct, inverse = np.unique(quarter[starts], return_inverse=True)
        found = [self._look_up(int(q)) for q in distinct]
        which = np.repeat(inverse, np.diff(np.append(starts, rows)))
        plain = np.array([entry or (0, 0, OK) for entry in found], np.int64)[which]
        mixed = np.array([entry is None for entry in found])[which]
        for row in np.flatnonzero(mixed):
            plain[row] = self._resolve(int(local_ms[row]))
        status = plain[:, 2].astype(np.uint8)
        offset = plain[:, 1] if self.fold is Fold.LATER else plain[:, 0]
        if self.fold is not Fold.REFUSE:
            status[status == AMBIGUOUS] = OK
        return (local_ms - offset) * NS_PER_MS, status

    def to_local(self, utc_ms: _Int64s) -> _Int64s:
        """Milliseconds on the local clock (n,) int64 of instants in milliseconds since 1970-01-01T00:00Z (n,) int64."""
        if self._fixed_ms is not None or len(utc_ms) == 0:
            return utc_ms + (self._fixed_ms or 0)
        quarters, inverse = np.unique(utc_ms // _QUARTER_MS, return_inverse=True)
        found = [self._offset_of(int(quarter)) for quarter in quarters]
        offsets = np.array([offset or 0 for offset in found], np.int64)[inverse]
        for row in np.flatnonzero(np.array([offset is None for offset in found])[inverse]).tolist():
            offsets[row] = self._offset_ms(int(utc_ms[row]))
        local: _Int64s = utc_ms + offsets
        return local

    def _offset_of(self, quarter: int) -> int | None:
        """The offset in ms that holds for a whole quarter of an hour of UTC; None when it changes within it."""
        if quarter not in self._offsets:
            if len(self._offsets) >= _CACHED_QUARTERS:
                self._offsets.clear()
            first = self._offset_ms(quarter * _QUARTER_MS)
            same = first == self._offset_ms(quarter * _QUARTER_MS + _QUARTER_MS - 1)
            self._offsets[quarter] = first if same else None
        return self._offsets[quarter]

    def _offset_ms(self, utc_ms: int) -> int:
        moment = (_EPOCH + timedelta(milliseconds=utc_ms)).replace(tzinfo=UTC).astimezone(self.tz)
        return (moment.utcoffset() or timedelta()) // timedelta(milliseconds=1)

    def _look_up(self, quarter: int) -> _Found | None:
        """What holds for a whole quarter of an hour; None when something changes within it."""
        if quarter not in self._quarters:
            if len(self._quarters) >= _CACHED_QUARTERS:
                self._quarters.clear()
            first = self._resolve(quarter * _QUARTER_MS)
            last = self._resolve(quarter * _QUARTER_MS + _QUARTER_MS - 1)
            self._quarters[quarter] = first if first == last else None
        return self._quarters[quarter]

    def _resolve(self, local_ms: int) -> _Found:
        moment = (_EPOCH + timedelta(milliseconds=local_ms)).replace(tzinfo=self.tz)
        earlier, later = (moment.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
        ms = timedelta(milliseconds=1)
        return earlier // ms, later // ms, OK if earlier == later else AMBIGUOUS if earlier > later else MISSING
