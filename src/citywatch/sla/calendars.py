"""Calendars: which hours of local time a contract requires, as instants.

Public holidays and make-up working days come from the library `holidays` (decision 0041). What a calendar says is true
second by second of the local clock: an hour that the clock leaves out is in no calendar, one that it shows twice counts
twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from citywatch.domain.instants import NS_PER_S

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_S = 86_400
_EPOCH = dt.date(1970, 1, 1)
_SEARCH_S = 6 * 3600

_I64 = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours on a calendar: instants at which it opens and closes, sorted, apart from each other. (m,) int64, ns."""

    opens: _I64
    closes: _I64

    def between(self, from_ns: int, to_ns: int) -> int:
        """How many nanoseconds of [from_ns, to_ns) are inside."""
        begin, end = np.maximum(self.opens, from_ns), np.minimum(self.closes, to_ns)
        return sum((end - begin)[end > begin].tolist())

    def after(self, from_ns: int, length_ns: int) -> int | None:
        """The instant at which `length_ns` of these hours have passed since `from_ns`; None: not within them."""
        for begin, end in zip(self.opens.tolist(), self.closes.tolist(), strict=True):
            start = max(begin, from_ns)
            if end <= start:
                continue
            if end - start >= length_ns:
                return int(start + length_ns)
            length_ns -= end - start
        return None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working hours on days of the week in a time zone. `hours` are seconds of the local day, (from, to], to <= 48 h.

    holidays   country and subdivision such as `CN` or `DE-BY`, '' for none: no hours on its public holidays
    make_up    whether days of the weekend that are worked instead of another day count as working days
    closed, open  single days that decide before everything else
    """

    zone: str
    days: frozenset[str]
    hours: tuple[tuple[int, int], ...]
    holidays: str = ""
    make_up: bool = True
    closed: frozenset[dt.date] = frozenset()
    open: frozenset[dt.date] = frozenset()

    @property
    def is_always(self) -> bool:
        return self.hours == ((0, _DAY_S),) and len(self.days) == 7 and not self.holidays and not self.closed

    def within(self, from_ns: int, to_ns: int) -> Hours:
        """Its hours between two instants."""
        if self.is_always:
            return Hours(np.array([from_ns], np.int64), np.array([to_ns], np.int64))
        zone = ZoneInfo(self.zone)
        from_s, to_s = from_ns // NS_PER_S, -(-to_ns // NS_PER_S)
        local = self._local(from_s - 3 * _DAY_S, to_s + 3 * _DAY_S)
        found: list[tuple[int, int]] = []
        for begin, end, offset in _stretches(zone, from_s, to_s):
            for opens, closes in local:
                if closes - offset > begin and opens - offset < end:
                    found.append((max(opens - offset, begin), min(closes - offset, end)))
        whole = _apart(sorted(found))
        opens_ns = np.array([max(a * NS_PER_S, from_ns) for a, _ in whole], np.int64)
        closes_ns = np.array([min(b * NS_PER_S, to_ns) for _, b in whole], np.int64)
        return Hours(opens_ns, closes_ns)

    def provisional_years(self, from_ns: int, to_ns: int) -> tuple[int, ...]:
        """Years in the window whose make-up days the library does not know (they are decreed year by year)."""
        if not self.holidays or not self.make_up:
            return ()
        years = range(_day(from_ns // NS_PER_S).year, _day(to_ns // NS_PER_S).year + 1)
        country, _, _ = self.holidays.partition("-")
        known = {day.year for day in _holidays(country, "", range(years[0] - 10, years[-1] + 1)).weekend_workdays}
        return tuple(year for year in years if known and year > max(known))

    def _local(self, from_s: int, to_s: int) -> list[tuple[int, int]]:
        """Its hours as seconds of the local clock since 1970, over some days; they may overlap."""
        first, last = _day(from_s), _day(to_s)
        holidays: Any = None
        if self.holidays:
            country, _, subdivision = self.holidays.partition("-")
            holidays = _holidays(country, subdivision, range(first.year, last.year + 1))
        found = []
        for number in range((last - first).days + 1):
            day = first + dt.timedelta(days=number)
            if self._works(day, holidays):
                start = (day - _EPOCH).days * _DAY_S
                found += [(start + begin, start + end) for begin, end in self.hours]
        return _apart(sorted(found))

    def _works(self, day: dt.date, holidays: Any) -> bool:
        if day in self.open or day in self.closed:
            return day in self.open
        if holidays is not None:
            if day in holidays:
                return False
            if self.make_up and day in holidays.weekend_workdays:
                return True
        return WEEKDAYS[day.weekday()] in self.days


def check_holidays(name: str) -> str:
    """`name` itself when holidays of that country (and subdivision) are known, else ValueError."""
    country, _, subdivision = name.partition("-")
    try:
        _holidays(country, subdivision, range(2026, 2027))
    except NotImplementedError as error:
        raise ValueError(
            f"{name!r}: no holidays are known of it; write a country such as CN, or one with a part such as DE-BY"
        ) from error
    return name


def _holidays(country: str, subdivision: str, years: range) -> Any:
    from holidays import country_holidays  # noqa: PLC0415  (slow to import, and most calendars need none)

    return country_holidays(country, subdivision or None, years=years, expand=False)


def _day(at_s: int) -> dt.date:
    return _EPOCH + dt.timedelta(days=at_s // _DAY_S)


def _apart(ordered: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted stretches, those that touch or overlap made one."""
    whole: list[tuple[int, int]] = []
    for begin, end in ordered:
        if whole and begin <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end))
        elif begin < end:
            whole.append((begin, end))
    return whole


def _stretches(zone: ZoneInfo, from_s: int, to_s: int) -> Iterator[tuple[int, int, int]]:
    """Times in which the zone's offset stays the same: (from, to, offset), all in seconds."""
    begin, at = from_s, from_s
    offset = _offset(zone, at)
    while at < to_s:
        ahead = min(at + _SEARCH_S, to_s)
        if _offset(zone, ahead) != offset:
            low, high = at, ahead
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
            yield begin, high, offset
            begin, offset, ahead = high, _offset(zone, high), high
        at = ahead
    if begin < to_s:
        yield begin, to_s, offset


def _offset(zone: ZoneInfo, at_s: int) -> int:
    offset = dt.datetime.fromtimestamp(at_s, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
